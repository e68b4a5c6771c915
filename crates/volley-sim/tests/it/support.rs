//! Requests, replies and gateways for the tests.

use serde_json::Value;
use std::time::Duration;
use volley_core::UnixMillis;
use volley_sim::{Account, Answer, Config, Face, Gateway, Reply, Request};

/// Numbers that are reserved for fiction.
pub(crate) const NUMBERS: [u64; 6] =
    [61_491_570_006, 61_491_570_156, 61_491_570_157, 61_491_570_158, 61_491_570_159, 61_491_570_110];

/// 2026-12-01T00:00:00Z.
pub(crate) const START: UnixMillis = UnixMillis(1_796_083_200_000);

/// `sim-key:sim-secret`.
pub(crate) const BASIC: &str = "Basic c2ltLWtleTpzaW0tc2VjcmV0";

/// The default gateway without limits, started at [`START`].
pub(crate) fn calm() -> Config {
    Config { started_at: Some(START), ..Config::default().with_limit(None) }
}

/// The default gateway with its account of `face` changed.
pub(crate) fn with_account(face: Face, change: impl Fn(&mut Account)) -> Config {
    let mut config = calm();
    config.accounts.iter_mut().filter(|account| account.face == face).for_each(change);
    config
}

pub(crate) fn gateway(config: Config) -> Gateway {
    Gateway::new(config).expect("the test's configuration is sound")
}

/// A signed TransmitSMS POST of `parameters`.
pub(crate) fn form(path: &str, parameters: &[(&str, &str)]) -> Request {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    request("POST", path, &[("authorization", BASIC), ("content-type", FORM)], body)
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A signed ME-SMS send of `body`.
pub(crate) fn json(body: &str) -> Request {
    let headers = [("x-api-key", "sim-key"), ("content-type", "application/json")];
    request("POST", "/api/v2/sms/send", &headers, body.to_owned())
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Request {
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: String::new(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.into(),
    }
}

/// One text to the first number.
pub(crate) fn send_one() -> Request {
    form("/send-sms.json", &[("message", "Sale ends today"), ("to", "61491570006"), ("from", "ShopAlert")])
}

/// One text to the first Thai number of fiction.
pub(crate) fn send_one_thai() -> Request {
    json(r#"{"sender":"VolleyTH","content":"Sale ends today","msisdns":["66800000001"]}"#)
}

/// A signed ME-SMS question, its query included.
pub(crate) fn read(target: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request { query: query.to_owned(), ..request("GET", path, &[("x-api-key", "sim-key")], String::new()) }
}

/// The status and the body of an answer in JSON.
pub(crate) fn ask(gateway: &mut Gateway, at: Duration, request: &Request) -> (u16, Value) {
    let reply = gateway.answer(at, request).reply;
    (reply.status, body(&reply))
}

/// The answer of a fresh gateway.
pub(crate) fn answer_of(config: Config, request: &Request) -> Answer {
    gateway(config).answer(Duration::ZERO, request)
}

pub(crate) fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).expect("the reply is JSON")
}

pub(crate) fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
}

/// Even 64-bit numbers from a seed (xorshift64*), for laws that are tried on many cases.
pub(crate) struct Cases(pub(crate) u64);

impl Cases {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }
}
