//! The sections of a faults file about what comes after a message was taken: `[delivery]`,
//! `[records]` and `[callbacks]`. What a section leaves out stays as it was.

use crate::{CallbackRules, ConfigError, DeliveryMix, Records};
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenDelivery {
    failed: Option<f64>,
    invalid: Option<f64>,
    blocked: Option<f64>,
    expired: Option<f64>,
    timeout: Option<f64>,
    pending: Option<f64>,
    delay_ms: Option<[u32; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRecords {
    processing_ms: Option<u32>,
    lag_ms: Option<u32>,
    retention_ms: Option<u64>,
    lookalikes: Option<u8>,
    cancel_refusal: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCallbacks {
    signed: Option<bool>,
    repeated: Option<f64>,
    reordered: Option<f64>,
    late: Option<f64>,
    late_by_ms: Option<u32>,
    before_reply: Option<f64>,
    unknown: Option<f64>,
}

fn millis(count: u32) -> Duration {
    Duration::from_millis(count.into())
}

impl WrittenDelivery {
    /// The mix that was `before`, with what is written here.
    pub(super) fn over(&self, before: &DeliveryMix) -> Result<DeliveryMix, ConfigError> {
        let delay = self.delay_ms.map(|[shortest, longest]| millis(shortest)..=millis(longest));
        let mix = DeliveryMix {
            failed: self.failed.unwrap_or(before.failed),
            invalid: self.invalid.unwrap_or(before.invalid),
            blocked: self.blocked.unwrap_or(before.blocked),
            expired: self.expired.unwrap_or(before.expired),
            timeout: self.timeout.unwrap_or(before.timeout),
            pending: self.pending.unwrap_or(before.pending),
            delay: delay.unwrap_or_else(|| before.delay.clone()),
        };
        mix.check().map(|()| mix)
    }
}

impl WrittenRecords {
    /// What was `before`, with what is written here.
    pub(super) fn over(&self, before: &Records) -> Result<Records, ConfigError> {
        let records = Records {
            processing: self.processing_ms.map_or(before.processing, millis),
            lag: self.lag_ms.map_or(before.lag, millis),
            retention: self.retention_ms.map(Duration::from_millis).or(before.retention),
            lookalikes: self.lookalikes.unwrap_or(before.lookalikes),
            cancel_refusal: self.cancel_refusal.unwrap_or(before.cancel_refusal),
        };
        records.check().map(|()| records)
    }
}

impl WrittenCallbacks {
    /// The rules that were `before`, with what is written here.
    pub(super) fn over(&self, before: &CallbackRules) -> Result<CallbackRules, ConfigError> {
        let rules = CallbackRules {
            signed: self.signed.unwrap_or(before.signed),
            repeated: self.repeated.unwrap_or(before.repeated),
            reordered: self.reordered.unwrap_or(before.reordered),
            late: self.late.unwrap_or(before.late),
            late_by: self.late_by_ms.map_or(before.late_by, millis),
            before_reply: self.before_reply.unwrap_or(before.before_reply),
            unknown: self.unknown.unwrap_or(before.unknown),
        };
        rules.check().map(|()| rules)
    }
}
