//! TransmitSMS: the values of its fixtures' calls.

use super::{GSM_EXTENSION, NINE_UTC, Request, SIGNS};
use crate::support::AUSTRALIA;

fn requests() -> Vec<Request> {
    let one = |name| Request::new(name, "ShopAlert", &AUSTRALIA[..1]);
    let settings = &[
        ("validity", "240"),
        ("replies_to_email", "shop@example.com"),
        ("dlr_callback", "https://example.com/dlr?token=a+b"),
        ("reply_callback", "https://example.com/reply"),
        ("tracked_link_url", "https://example.com/sale?x=1&y=2"),
        ("countrycode", "AU"),
    ];
    vec![
        one("one"),
        Request { numbers: &AUSTRALIA[..2], ..one("two") },
        Request { sender: None, ..one("no-sender") },
        Request { sender: Some("+61491570159"), ..one("number-sender") },
        Request { send_at: Some(NINE_UTC), ..one("schedule") },
        Request { text: SIGNS, ..one("signs") },
        Request { text: GSM_EXTENSION, ..one("gsm-extension") },
        Request { options: &[("path_prefix", "/2/")], ..one("path-prefix") },
        Request { options: settings, text: "Sale ends today: [tracked-link]", ..one("settings") },
    ]
}

#[test]
fn requests_are_the_fixtures_byte_by_byte() {
    super::requests_are_the_fixtures("transmitsms", requests());
}

#[test]
fn every_reply_is_read_as_its_table_says() {
    super::replies_mean_what_the_table_says("transmitsms", &AUSTRALIA);
}
