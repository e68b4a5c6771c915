//! A provider that a file describes: the values of the fixtures' calls under `data/providers/twilio.toml`.

use super::{GSM_EXTENSION, Request, SIGNS};
use crate::support::{AMERICA, AUSTRALIA};

fn requests() -> Vec<Request> {
    let one = |name| Request::new(name, "+15555550100", &AMERICA[1..2]);
    vec![
        one("one"),
        Request { sender: Some("15555550100"), ..one("plain-sender") },
        Request { sender: Some("Shop Alert"), ..one("name-sender") },
        Request { text: SIGNS, ..one("signs") },
        Request { text: GSM_EXTENSION, ..one("gsm-extension") },
        Request { numbers: &AUSTRALIA[..1], ..one("abroad") },
    ]
}

#[test]
fn requests_are_the_fixtures_byte_by_byte() {
    super::requests_are_the_fixtures("http", requests());
}

#[test]
fn every_reply_is_read_as_its_table_says() {
    super::replies_mean_what_the_table_says("http", &AMERICA);
}

#[test]
fn every_call_to_us_is_read_as_its_table_says() {
    super::callbacks_mean_what_the_table_says("http", &[]);
}
