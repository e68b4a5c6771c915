//! MaxoTel: the values of its fixtures' calls.

use super::{GSM_EXTENSION, Request, SIGNS};
use crate::support::AUSTRALIA;

fn requests() -> Vec<Request> {
    let one = |name| Request::new(name, "ShopAlert", &AUSTRALIA[..1]);
    vec![
        one("one"),
        Request { sender: Some("0491570159"), ..one("number-sender") },
        Request { sender: Some("+61491570159"), ..one("plus-sender") },
        Request { text: SIGNS, ..one("signs") },
        Request { text: GSM_EXTENSION, ..one("gsm-extension") },
        Request { options: &[("sms_inbox", "17")], ..one("inbox") },
        Request { options: &[("sms_inbox", "17"), ("inbox_field", "smsinbox")], ..one("inbox-lower-case") },
        Request { options: &[("send_path", "/sms/17/send/")], ..one("inbox-path") },
        Request { options: &[("method", "get")], ..one("get") },
        Request { options: &[("method", "get")], text: SIGNS, ..one("get-signs") },
        Request {
            options: &[("method", "get"), ("sms_inbox", "17"), ("send_path", "/sms/send/")],
            ..one("get-inbox")
        },
    ]
}

#[test]
fn requests_are_the_fixtures_byte_by_byte() {
    super::requests_are_the_fixtures("maxotel", requests());
}

#[test]
fn every_reply_is_read_as_its_table_says() {
    super::replies_mean_what_the_table_says("maxotel", &AUSTRALIA);
}
