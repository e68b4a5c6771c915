//! ME-SMS: the values of its fixtures' calls.

use super::{GSM_EXTENSION, NINE_UTC, Questions, Request, SIGNS};
use crate::support::{AUSTRALIA, THAILAND};

fn requests() -> Vec<Request> {
    let one = |name| Request::new(name, "VolleyTH", &THAILAND[..1]);
    vec![
        one("one"),
        Request { numbers: &THAILAND[..2], ..one("two") },
        Request { send_at: Some(NINE_UTC), ..one("schedule") },
        Request { text: SIGNS, ..one("signs") },
        Request { text: GSM_EXTENSION, ..one("gsm-extension") },
        Request { text: "Say \"now\" \\ a/b\tc", ..one("quotes") },
        Request { text: "ลดราคาวันนี้วันสุดท้าย", ..one("thai") },
        Request { numbers: &AUSTRALIA[..1], ..one("abroad") },
        Request { options: &[("send_path", "/gateway/send")], ..one("send-path") },
    ]
}

const QUESTIONS: Questions = Questions {
    kind: "mesms",
    sender: Some("VolleyTH"),
    numbers: &THAILAND,
    request_id: "0d8f7c52-6a1e-4b7b-9f43-71c2a5e9d310",
    message_id: "none",
};

#[test]
fn requests_are_the_fixtures_byte_by_byte() {
    super::requests_are_the_fixtures("mesms", requests());
}

#[test]
fn every_reply_is_read_as_its_table_says() {
    super::replies_mean_what_the_table_says("mesms", &THAILAND);
}

#[test]
fn every_question_is_asked_and_answered_as_its_table_says() {
    super::questions_are_the_fixtures(&QUESTIONS);
}
