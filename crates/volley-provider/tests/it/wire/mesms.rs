//! ME-SMS: the values of its fixtures' calls.

use super::{GSM_EXTENSION, NINE_UTC, Request, SIGNS};
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

#[test]
fn requests_are_the_fixtures_byte_by_byte() {
    super::requests_are_the_fixtures("mesms", requests());
}

#[test]
fn every_reply_is_read_as_its_table_says() {
    super::replies_mean_what_the_table_says("mesms", &THAILAND);
}
