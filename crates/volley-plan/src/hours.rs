//! The send window over a plan: who is left out for it, and how it falls for the others.

use crate::{Campaign, Conditions, Reason};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use std::{collections::BTreeMap, sync::OnceLock};
use volley_core::{Msisdn, Opening, Opens, UnixMillis, Window, Zones};

/// Whoever would have to wait for longer is left out instead. Where clocks are set, hours that never
/// meet now may do so in half a year: nobody who writes a window means that.
const LONGEST_WAIT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// Judges numbers by the campaign's send window.
pub(crate) struct Hours {
    window: Window,
    /// When the provider sends, where it is handed a time: the window has to be open then.
    handed_over: Option<UnixMillis>,
    /// The first day on which texts may go: whether the window ever opens is asked from then on.
    from: UnixMillis,
    /// What is known of each set of zones: they are few, and rows are many.
    known: Vec<OnceLock<Option<Reason>>>,
}

impl Hours {
    /// Those of `campaign`; `None` where texts may go at any hour.
    pub(crate) fn of(campaign: &Campaign, conditions: &Conditions<'_>) -> Option<Self> {
        let window = campaign.limits.window?;
        let midnight = conditions.today.to_zoned(TimeZone::UTC).map(|day| day.timestamp().as_millisecond());
        let today = UnixMillis(midnight.unwrap_or(0));
        Some(Self {
            window,
            handed_over: conditions.handed_over,
            from: campaign.send_at.map_or(today, |at| at.max(today)),
            known: (0..Zones::COUNT).map(|_| OnceLock::new()).collect(),
        })
    }

    /// What the recipients are counted by.
    pub(crate) fn planned(&self) -> PlannedHours {
        PlannedHours::new(self.window)
    }

    /// The zones of a number that may be sent to, or why it may not.
    pub(crate) fn judge(&self, to: Msisdn) -> Result<Zones, Reason> {
        let zones = Zones::of(to);
        let reason = self.known[zones.index()].get_or_init(|| self.reason(zones));
        reason.map_or(Ok(zones), Err)
    }

    fn reason(&self, zones: Zones) -> Option<Reason> {
        let opening = self.window.opening(zones, self.handed_over.unwrap_or(self.from));
        match (self.handed_over, opening) {
            (_, Opening::Open { .. }) => None,
            (Some(_), _) => Some(Reason::OutsideWindow),
            (None, Opening::Closed(opens)) if opens.at <= self.from.plus_millis(LONGEST_WAIT_MS) => None,
            (None, _) => Some(Reason::WindowNeverOpens),
        }
    }
}

/// The recipients of a plan with a send window, by the time zones that their numbers may be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedHours {
    /// The window.
    pub window: Window,
    /// How many recipients there are of each set of zones; only those that occur.
    pub recipients: BTreeMap<Zones, u64>,
    /// How often a recipient is of other zones than the one before.
    pub changes: u64,
    last: Option<Zones>,
}

/// How a send window falls at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WindowFall {
    /// As in the campaign file.
    pub hours: String,
    /// How many time zones, or sets of them that somebody may be in, there are.
    pub zones: usize,
    /// Recipients who may be sent to.
    pub open_now: u64,
    /// What opens first of those that are closed; `None` where all are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_next: Option<OpensNext>,
}

/// Which window opens first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpensNext {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// The same by the clocks there, `09:00`.
    pub local: String,
    /// The time zone whose clocks decide it.
    pub zone: &'static str,
    /// Recipients who may be sent to then and may not now.
    pub recipients: u64,
}

impl PlannedHours {
    /// Before the first recipient.
    pub fn new(window: Window) -> Self {
        Self { window, recipients: BTreeMap::new(), changes: 0, last: None }
    }

    /// Counts the next recipient.
    pub fn add(&mut self, zones: Zones) {
        *self.recipients.entry(zones).or_default() += 1;
        self.changes += u64::from(self.last.is_some_and(|last| last != zones));
        self.last = Some(zones);
    }

    /// How the window falls at `at`.
    pub fn falls(&self, at: UnixMillis) -> WindowFall {
        let (mut open_now, mut next): (u64, Option<(Opens, u64)>) = (0, None);
        for (zones, recipients) in &self.recipients {
            match self.window.opening(*zones, at) {
                Opening::Open { .. } => open_now += recipients,
                Opening::Closed(opens) => match &mut next {
                    Some((first, of)) if first.at == opens.at => *of += recipients,
                    Some((first, _)) if first.at < opens.at => {}
                    _ => next = Some((opens, *recipients)),
                },
                Opening::Never => {}
            }
        }
        WindowFall {
            hours: self.window.to_string(),
            zones: self.recipients.len(),
            open_now,
            opens_next: next.map(|(opens, recipients)| OpensNext {
                at: Timestamp::from_millisecond(opens.at.0).unwrap_or(Timestamp::MAX).to_string(),
                local: opens.local(),
                zone: opens.zone,
                recipients,
            }),
        }
    }
}
