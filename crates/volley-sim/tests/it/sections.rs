//! The sections of a faults file about what comes after a message was taken.

use crate::support::calm;
use std::time::Duration;
use volley_sim::{CallbackRules, Config, DeliveryMix, Records};

#[test]
fn every_setting_can_be_written() {
    let mut config = calm();
    config
        .read_faults(
            r"
[delivery]
failed = 0.1
invalid = 0.2
blocked = 0.05
expired = 0.15
timeout = 0.25
pending = 0.125
delay_ms = [10, 20]

[records]
processing_ms = 2000
lag_ms = 3000
retention_ms = 4000
lookalikes = 5
cancel_refusal = 400

[callbacks]
signed = false
repeated = 0.1
reordered = 0.2
late = 0.3
late_by_ms = 5000
before_reply = 0.4
unknown = 0.5
",
        )
        .expect("the file is sound");
    let millis = Duration::from_millis;
    let delivery = DeliveryMix {
        failed: 0.1,
        invalid: 0.2,
        blocked: 0.05,
        expired: 0.15,
        timeout: 0.25,
        pending: 0.125,
        delay: millis(10)..=millis(20),
    };
    let records = Records {
        processing: millis(2_000),
        lag: millis(3_000),
        retention: Some(millis(4_000)),
        lookalikes: 5,
        cancel_refusal: 400,
    };
    let callbacks = CallbackRules {
        signed: false,
        repeated: 0.1,
        reordered: 0.2,
        late: 0.3,
        late_by: millis(5_000),
        before_reply: 0.4,
        unknown: 0.5,
    };
    assert_eq!((config.delivery, config.records, config.callbacks), (delivery, records, callbacks));
}

#[test]
fn what_a_section_leaves_out_stays_as_it_was() {
    let mut config = calm();
    config.read_faults("[records]\nlag_ms = 3000").expect("sound");
    config.read_faults("[delivery]\nfailed = 0.5\n[records]\nlookalikes = 2").expect("sound");
    assert_eq!(config.delivery, DeliveryMix { failed: 0.5, ..DeliveryMix::default() });
    let records = Records { lag: Duration::from_secs(3), lookalikes: 2, ..Records::default() };
    assert_eq!((config.records, config.callbacks), (records, CallbackRules::default()));
}

#[test]
fn a_section_that_makes_no_sense_is_named_by_its_line_and_changes_nothing() {
    for (text, reason) in [
        ("seed = 7\n[delivery]\nfailed = 0.99", "line 2: the shares"),
        ("[delivery]\nfailed = -0.1", "line 1: the shares"),
        ("[delivery]\ndelay_ms = [2, 1]", "line 1: the shortest delivery delay"),
        ("[delivery]\ndelivered = 0.9", "line 2: unknown field"),
        ("[records]\ncancel_refusal = 404", "line 1: `cancel_refusal` is 400 or 409"),
        ("[records]\nlookalikes = 10", "line 1: `lookalikes` is 0 to 9"),
        ("\n[callbacks]\nlate = 1.5", "line 2: `chance` is a probability"),
        ("[callbacks]\nsigned = 1", "line 2: invalid type"),
    ] {
        let mut config = Config { seed: 1, ..calm() };
        let fault = config.read_faults(text).expect_err("it makes no sense");
        assert!(fault.to_string().starts_with(reason), "{fault}");
        assert_eq!(
            (config.seed, config.delivery, config.records),
            (1, DeliveryMix::default(), Records::default())
        );
    }
}
