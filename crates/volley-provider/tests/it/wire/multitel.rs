//! MultiTEL: the values of its fixtures' calls.

use super::{GSM_EXTENSION, Request, SIGNS};
use crate::support::{self, AMERICA, AUSTRALIA};
use volley_provider::registry;

/// The first bytes of a PNG, and four more.
const PICTURE: (&str, &str) = ("media", "iVBORw0KGgorLz8+");
const NOTIFY_URL: (&str, &str) = ("notify_url", "https://example.com/dlr?token=a+b&x=1");

fn requests() -> Vec<Request> {
    let one = |name| Request::new(name, "15555550100", &AMERICA[1..2]);
    vec![
        one("one"),
        Request { sender: Some("+15555550100"), ..one("plus-sender") },
        Request { text: SIGNS, ..one("signs") },
        Request { text: GSM_EXTENSION, ..one("gsm-extension") },
        Request { options: &[NOTIFY_URL], ..one("notify-url") },
        Request { options: &[PICTURE], ..one("media") },
        Request { options: &[("format", "json")], ..one("json") },
        Request { options: &[("format", "json"), NOTIFY_URL, PICTURE], text: SIGNS, ..one("json-signs") },
        Request { options: &[("destinations", "1,614")], numbers: &AUSTRALIA[..1], ..one("abroad") },
    ]
}

#[test]
fn requests_are_the_fixtures_byte_by_byte() {
    super::requests_are_the_fixtures("multitel", requests());
}

#[test]
fn every_reply_is_read_as_its_table_says() {
    super::replies_mean_what_the_table_says("multitel", &AMERICA);
}

#[test]
fn every_call_to_us_is_read_as_its_table_says() {
    let words = [("status_words", "DELIVRD=delivered, 5=expired")];
    super::callbacks_mean_what_the_table_says("multitel", &words);
}

#[test]
fn a_picture_is_told_by_its_first_bytes() {
    for (media, is_one) in [("/9j/4AAQSkZJRg==", true), ("iVBORw0KGgo=", true), ("R0lGODlhAQABAAA=", false)] {
        let settings = support::settings("multitel", &[("media", media)]);
        assert_eq!(registry::adapter("multitel", settings).is_ok(), is_one, "{media}");
    }
}

#[test]
fn without_leave_for_bulk_there_is_no_account() {
    for leave in [None, Some("false")] {
        let mut settings = support::settings("multitel", &[]);
        settings.options.remove("bulk_allowed");
        settings.options.extend(leave.map(|leave| ("bulk_allowed".to_owned(), leave.to_owned())));
        let fault = registry::adapter("multitel", settings).expect_err("nobody said that it may");
        assert_eq!(
            fault.to_string(),
            "bulk_allowed: an older page of the provider's forbids bulk traffic; ask it whether this account \
             may send such, then write true"
        );
    }
}
