//! Providers that a file describes: what a definition can say, and what it is told where it is wrong.

use crate::support::{self, AMERICA, account, call, chunk, describe, reply};
use proptest::prelude::*;
use serde_json::{Value, json};
use volley_core::{Batch, ReplyPrice, Schedule, UnixMillis};
use volley_provider::{
    adapter::{Adapter, SendCall},
    http::HttpRequest,
    inquiry::{Callback, Event},
    registry::{self, Declaration},
};

const TWILIO: &str = include_str!("../../../../data/providers/twilio.toml");

/// A definition with every key, for a provider that is Twilio's opposite in all of them.
const EVERYTHING: &str = r#"
name = "opposite"
base_url = "https://api.example.com/v1/"
endpoint = "/accounts/{account}/send/"

[auth]
bearer = "token"
header = { X-Api-Key = "key" }
fields = { secret = "secret" }

[request]
body = "json"
sender_numbers = "digits"
times = "unix"

[request.fields]
to = ["{to}"]
from = "{from}"
text = "{{{text}}}"
at = "{send_at}"
note = "at {send_at}"
message = { id = "{reference}", e164 = "{to_e164}", flash = false, class = 1, items = [1, "{from}", []] }

[reply]
id = "/messages/0/id"
code = "/messages/0/status"
message = "/messages/0/error"
parts = "/parts"
price = "/price"
price_unit = "credit"

[reply.accepted]
statuses = [200]
codes = [0, true]

[reply.refused]
statuses = [418]
codes = [6, "bad"]

[reply.throttled]
statuses = [503]
codes = [1]

[reply.no_funds]
codes = [9]

[reply.credentials]
codes = [4]

[reply.not_taken]
statuses = [409, 500]
codes = [5]

[limits]
rate = "30/m"
counts_strictly = true
max_in_flight = 7
timeout_seconds = 45
max_characters = 918
prefixes = ["1", "61"]

[sender]
required = false
max_name = 9
spaces = true
signs = true

[schedule]
horizon_days = 7

[callback]
id = "id"
reference = "ref"
to = "msisdn"
state = "state"

[callback.words]
delivered = ["DELIVRD", "ok"]
expired = ["EXPIRED"]

[sources]
sender = "api.example.com/senders"
text = "api.example.com/texts"
schedule = "api.example.com/times"
destinations = "api.example.com/countries"
"#;

/// As little as a definition can say.
const LEAST: &str = r#"
name = "least"
endpoint = "/send"
[request]
fields = { to = "{to}", text = "{text}" }
[reply]
id = "/id"
[limits]
rate = "1/s"
"#;

fn defined(definition: &str) -> std::sync::Arc<dyn Adapter> {
    account("http", &[("definition", definition)])
}

fn fault(definition: &str) -> String {
    let settings = support::settings("http", &[("definition", definition)]);
    registry::adapter("http", settings).expect_err("a faulty definition").to_string()
}

fn body_of(request: &HttpRequest) -> Value {
    serde_json::from_slice(&support::body_of(request)).expect("JSON")
}

#[test]
fn a_definition_says_what_its_account_can_do() {
    let account = defined(EVERYTHING);
    let told = account.capabilities();
    assert_eq!((told.batch, told.default_chunk), (Batch::One, 1));
    assert_eq!((told.rate.to_string().as_str(), told.counts_strictly, told.max_in_flight), ("30/m", true, 7));
    assert_eq!((told.timeout.as_secs(), told.profile.max_characters), (45, Some(918)));
    assert_eq!(told.destinations.prefixes, ["1", "61"]);
    assert_eq!((told.sender.required, told.sender.max_name), (false, 9));
    assert!(told.sender.spaces && told.sender.signs && !told.cancels);
    assert_eq!(told.reply_price, ReplyPrice::Units("credit"));
    let week = std::time::Duration::from_hours(7 * 24);
    assert_eq!(told.schedule, Schedule::Until { horizon: Some(week) });
    let sources =
        [&told.sources.sender, &told.sources.text, &told.sources.schedule, &told.sources.destinations];
    let pages = ["senders", "texts", "times", "countries"];
    assert!(sources.iter().zip(pages).all(|(told, page)| **told == format!("api.example.com/{page}")));

    let account = defined(LEAST);
    let told = account.capabilities();
    assert_eq!((told.max_in_flight, told.timeout.as_secs(), told.profile.max_characters), (1, 30, None));
    assert_eq!((told.schedule, told.reply_price), (Schedule::Never, ReplyPrice::Nothing));
    assert_eq!((told.sender.required, told.sender.max_name), (false, 0));
    assert_eq!(told.sources.text, "the definition of least");
}

#[test]
fn the_campaigns_own_limit_of_characters_comes_first() {
    let settings = registry::Settings { max_characters: Some(70), ..support::settings("http", &[]) };
    let account = registry::adapter("http", settings).expect("an account");
    assert_eq!(account.capabilities().profile.max_characters, Some(70));
}

#[test]
fn a_definition_says_where_its_provider_is_and_who_asks() {
    let declared = |name: &str, base_url: Option<&str>, needs: &[&'static str]| Declaration {
        name: name.to_owned(),
        base_url: base_url.map(str::to_owned),
        needs: needs.to_vec(),
    };
    for (definition, expected) in [
        (TWILIO, declared("twilio", Some("https://api.twilio.com"), &["account", "token"])),
        (
            EVERYTHING,
            declared("opposite", Some("https://api.example.com/v1"), &["account", "key", "secret", "token"]),
        ),
        (LEAST, declared("least", None, &[])),
    ] {
        assert_eq!(registry::declaration(definition), Ok(expected));
    }
    let mut settings = support::settings("http", &[("definition", EVERYTHING)]);
    settings.base_url = None;
    let account = registry::adapter("http", settings).expect("the definition has an address");
    let made = account.encode(&call(chunk("Sale", &AMERICA[..1]), None)).expect("within the limits");
    assert_eq!(made.address(), "https://api.example.com/v1/accounts/sim-account/send/");
    let mut settings = support::settings("http", &[("definition", LEAST)]);
    settings.base_url = None;
    let fault = registry::adapter("http", settings).expect_err("nobody has an address").to_string();
    assert_eq!(fault, "definition: it has no base_url, and the campaign has none either");
}

#[test]
fn a_missing_credential_is_named() {
    for part in ["account", "key", "secret", "token"] {
        let mut settings = support::settings("http", &[("definition", EVERYTHING)]);
        match part {
            "account" => settings.credentials.account = None,
            "key" => settings.credentials.key = None,
            "secret" => settings.credentials.secret = None,
            _ => settings.credentials.token = None,
        }
        let fault = registry::adapter("http", settings).expect_err("a part is missing").to_string();
        assert_eq!(
            fault,
            format!("{part} is missing; name it in [provider.auth] as {part}_env or {part}_file")
        );
    }
    let mut settings = support::settings("http", &[]);
    settings.credentials.account = Some("AC/../x".into());
    let fault = registry::adapter("http", settings).expect_err("no part of a path").to_string();
    assert!(fault.starts_with("account is empty or holds signs that cannot stand in an address"), "{fault}");
}

#[test]
fn a_json_body_has_its_values_and_leaves_out_what_has_none() {
    let account = defined(EVERYTHING);
    let now = call(chunk("50% off \"now\" {to}", &AMERICA[..1]), Some("+15555550101"));
    let made = account.encode(&now).expect("within the limits");
    let headers: Vec<_> =
        made.headers.iter().map(|one| format!("{}: {}", one.name, support::shown(&one.value))).collect();
    assert_eq!(
        headers,
        [
            "authorization: Bearer sim-token",
            "x-api-key: sim-key",
            "content-type: application/json",
            "accept: application/json"
        ]
    );
    assert_eq!(made.url, "http://127.0.0.1/accounts/");
    let mut expected = json!({
        "to": ["15555550100"],
        "from": "15555550101",
        "text": "{50% off \"now\" {to}}",
        "message": {
            "id": "00000000c7c7-0", "e164": "+15555550100", "flash": false, "class": 1,
            "items": [1, "15555550101", []]
        },
        "secret": "sim-secret"
    });
    assert_eq!(body_of(&made), expected);

    let later = SendCall { send_at: Some(UnixMillis(1_796_115_600_001)), ..now };
    expected["at"] = json!(1_796_115_601);
    expected["note"] = json!("at 1796115601");
    assert_eq!(body_of(&account.encode(&later).expect("within the limits")), expected);

    let nobody = SendCall { sender: None, send_at: None, ..later };
    let made = body_of(&account.encode(&nobody).expect("no sender is needed"));
    assert_eq!((made.get("from"), &made["message"]["items"]), (None, &json!([1, []])));
}

#[test]
fn a_form_has_its_values_and_leaves_out_what_has_none() {
    let definition = LEAST
        .replace("text = \"{text}\"", "text = \"{text}\", from = \"{from}\", at = \"{send_at}\", k = \"v\"")
        .replace("[request]", "[schedule]\n[sender]\nspaces = true\n[request]\nsender_numbers = \"e164\"");
    let account = defined(&definition);
    for (sender, send_at, form) in [
        (None, None, "to=15555550100&text=Sale&k=v"),
        (Some("Shop 24"), None, "to=15555550100&text=Sale&from=Shop+24&k=v"),
        (Some("15555550101"), None, "to=15555550100&text=Sale&from=%2B15555550101&k=v"),
        (None, Some(0), "to=15555550100&text=Sale&at=1970-01-01T00%3A00%3A00Z&k=v"),
    ] {
        let call = call(chunk("Sale", &AMERICA[..1]), sender);
        let made = account.encode(&SendCall { send_at: send_at.map(UnixMillis), ..call });
        let body = support::body_of(&made.expect("within the limits"));
        assert_eq!(String::from_utf8(body).expect("UTF-8"), form);
    }
}

#[test]
fn a_sender_that_nobody_is_told_is_not_sent_from() {
    let made = defined(LEAST).encode(&call(chunk("Sale", &AMERICA[..1]), Some("15555550101")));
    let fault = made.expect_err("a sender that no field carries").to_string();
    assert_eq!(fault, "least is told no sender; take it out of the campaign");
}

#[test]
fn listed_statuses_and_codes_mean_what_the_definition_says_and_others_what_they_always_mean() {
    let everything = defined(EVERYTHING);
    let least = defined(LEAST);
    let of = |status: Value, id: Value| json!({ "messages": [{ "status": status, "id": id }], "parts": 2, "price": 3 });
    let no = |status: Value| of(status, json!(null));
    let taken = "each: accepted=a-1; id a-1; units 3.0000; 2 segments";
    for (status, body, outcome) in [
        (200, of(json!(0), json!("a-1")), taken),
        (200, of(json!("0"), json!("a-1")), taken),
        (200, of(json!(true), json!("a-1")), taken),
        (200, of(json!("true"), json!("a-1")), taken),
        (200, of(json!(0), json!(null)), "C7 NoId"),
        (200, of(json!(null), json!("a-1")), "C5 UnlistedCode"),
        (200, of(json!(false), json!("a-1")), "C5 UnlistedCode"),
        (200, of(json!(7), json!("a-1")), "C5 UnlistedCode"),
        (200, no(json!(6)), "C10 BadRequest"),
        (200, no(json!("bad")), "C10 BadRequest"),
        (200, no(json!("1")), "C18 Throttled"),
        (200, no(json!(9)), "C12 NoFunds"),
        (200, no(json!(4)), "C11 Credentials"),
        (200, no(json!(5)), "C19 UnavailableUntaken"),
        (200, of(json!(6), json!("a-1")), "C10 BadRequest"),
        (201, of(json!(0), json!("a-1")), "C5 UnlistedCode"),
        (201, no(json!(6)), "C10 BadRequest"),
        (400, no(json!(6)), "C10 BadRequest"),
        (400, no(json!(9)), "C12 NoFunds"),
        (400, no(json!(7)), "C10 BadRequest"),
        (401, no(json!(1)), "C18 Throttled"),
        (400, of(json!(0), json!("a-1")), "C3 Unmatched"),
        (418, no(json!(null)), "C10 BadRequest"),
        (418, of(json!(0), json!("a-1")), "C3 Unmatched"),
        (422, no(json!(null)), "C10 BadRequest"),
        (500, no(json!(null)), "C19 UnavailableUntaken"),
        (500, no(json!(9)), "C12 NoFunds"),
        (500, of(json!(0), json!("a-1")), "C3 Unmatched"),
        (409, no(json!(7)), "C19 UnavailableUntaken"),
        (503, no(json!(7)), "C18 Throttled"),
        (502, no(json!(9)), "C20 ServerError"),
        (408, no(json!(9)), "C14 RequestTimeout"),
        (302, no(json!(9)), "C8 MovedMaybe"),
    ] {
        let answer = reply(status, Some("application/json"), body.to_string());
        let read = everything.decode(&chunk("Sale", &AMERICA[..1]), &answer);
        assert_eq!(describe(&read), outcome, "{status} {body}");
    }
    // A page of somebody else's proves nothing that its status does not prove by itself.
    for (status, outcome) in
        [(500, "C20 ServerError"), (503, "C19 Unavailable"), (409, "C15 Conflict"), (418, "C10 BadRequest")]
    {
        let answer = reply(status, Some("text/html"), "<html></html>");
        let read = everything.decode(&chunk("Sale", &AMERICA[..1]), &answer);
        assert_eq!(describe(&read), outcome, "{status} of a proxy");
    }
    for (status, body, outcome) in [
        (200, json!({ "id": 7 }), "each: accepted=7; id 7; unpriced; ? segments"),
        (202, json!({ "id": "a-1", "code": 9 }), "each: accepted=a-1; id a-1; unpriced; ? segments"),
        (204, json!([]), "C7 NoId"),
        (500, json!({ "id": 7 }), "C20 ServerError"),
        (404, json!({}), "C13 WrongAddress"),
    ] {
        let answer = reply(status, Some("application/json"), body.to_string());
        let read = least.decode(&chunk("Sale", &AMERICA[..1]), &answer);
        assert_eq!(describe(&read), outcome, "{status} {body}");
    }
}

#[test]
fn a_wait_that_is_asked_for_is_kept() {
    let mut answer = reply(503, Some("application/json"), r#"{"messages":[]}"#);
    answer.headers.push(("retry-after".to_owned(), "30".to_owned()));
    let read = defined(EVERYTHING).decode(&chunk("Sale", &AMERICA[..1]), &answer);
    assert_eq!(describe(&read), "C18 Throttled; wait 30 s");
    answer.status = 500;
    let read = defined(EVERYTHING).decode(&chunk("Sale", &AMERICA[..1]), &answer);
    assert_eq!(describe(&read), "C19 UnavailableUntaken; wait 30 s");
}

#[test]
fn a_callback_is_read_by_the_definitions_names() {
    let heard = |definition: &str, body: &str| {
        let body = body.as_bytes().to_vec().into();
        let method = "POST".to_owned();
        let callback = Callback { method, query: String::new(), headers: Vec::new(), body };
        defined(definition).callback(&callback)
    };
    assert!(heard(LEAST, "id=a-1").is_none(), "it has no callbacks");
    let Some(Ok(events)) = heard(EVERYTHING, "id=a-1&ref=00000000c7c7-0&msisdn=%2B15555550100&state=delivrd")
    else {
        panic!("a receipt")
    };
    let [Event::Receipt(receipt)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(receipt.message_id.as_deref(), Some("a-1"));
    assert_eq!(receipt.reference.as_deref(), Some("00000000c7c7-0"));
    assert_eq!(receipt.to.map(volley_core::Msisdn::digits), Some(15_555_550_100));
    assert_eq!(receipt.delivery.map(volley_core::Delivery::word), Some("delivered"));
    assert!(heard(EVERYTHING, "state=delivrd").expect("it has callbacks").is_err());
}

/// A piece of [`LEAST`], or its start, what is written in its place, and what is said about that.
const FAULTS: [(&str, &str, &str); 45] = [
    ("", "nome = 1", "line 1: nome: there is no such key; did you mean `name`?"),
    ("[reply]", "[replay]", "line 6: replay: there is no such key; did you mean `reply`?"),
    (
        "id = \"/id\"",
        "id = \"/id\"\ncodes = [1]",
        "line 8: reply.codes: there is no such key; did you mean `code`?",
    ),
    ("rate =", "rates =", "line 9: limits.rates: there is no such key; did you mean `rate`?"),
    (
        "name = \"least\"",
        "name = \"Least\"",
        "line 2: name: write 1 to 64 of the letters a to z, digits and -",
    ),
    ("name = \"least\"", "name = 7", "line 2: name: write a text in quotes"),
    ("name = \"least\"", "", "name: it is missing"),
    ("endpoint = \"/send\"", "", "endpoint: it is missing"),
    ("\"/send\"", "\"send\"", "line 3: endpoint: write a path that starts with a slash"),
    ("\"/send\"", "\"/\"", "line 3: endpoint: write a path that starts with a slash"),
    (
        "\"/send\"",
        "\"/a?key={key}\"",
        "line 3: endpoint: a path is made of ASCII letters, digits and / - . _ ~ : @ % and the like",
    ),
    (
        "\"/send\"",
        "\"/{name}\"",
        "line 3: endpoint: there is no {name}; there are {key}, {secret}, {account}, {token}, {username}, {password}",
    ),
    ("", "base_url = \"http://example.com\"", "line 1: base_url: base_url is http:// to another machine"),
    ("fields = {", "body = \"xml\"\nfields = {", "line 5: request.body: write `form` or `json`"),
    (
        "\"{to}\"",
        "\"{number}\"",
        "line 5: request.fields.to: there is no {number}; there are {to}, {to_e164}, {from}, {text}, {reference}, {send_at}",
    ),
    ("\"{to}\"", "\"{to\"", "line 5: request.fields.to: a lone `{`; write {{ for the sign"),
    ("\"{to}\"", "7", "line 5: request.fields.to: write a text in quotes"),
    ("\"{to}\"", "\"x\"", "line 5: request.fields: they carry no {text}, or neither {to} nor {to_e164}"),
    ("\"{text}\"", "\"x\"", "line 5: request.fields: they carry no {text}, or neither {to} nor {to_e164}"),
    (
        "\"{text}\"",
        "\"{text}{send_at}\"",
        "schedule: it belongs together with {send_at} in the fields: write both or neither",
    ),
    (
        "[limits]",
        "[schedule]\n[limits]",
        "line 8: schedule: it belongs together with {send_at} in the fields: write both or neither",
    ),
    (
        "[limits]",
        "[sender]\n[limits]",
        "line 8: sender: no field carries {from}, so there is none to make rules for",
    ),
    (
        "[limits]",
        "[auth]\nbasic = [\"key\"]\n[limits]",
        "line 9: auth.basic: write two parts: of the user name and of the password",
    ),
    (
        "[limits]",
        "[auth]\nbasic = [\"key\", \"tokn\"]\n[limits]",
        "line 9: auth.basic: `tokn` is no part of the credentials; did you mean `token`?",
    ),
    (
        "[limits]",
        "[auth]\nbasic = [\"key\", \"token\"]\nbearer = \"token\"\n[limits]",
        "line 10: auth.bearer: a request has one authorization; write basic or bearer",
    ),
    (
        "[limits]",
        "[auth]\nheader = { \"a b\" = \"key\" }\n[limits]",
        "line 9: auth.header.a b: this is no name of a header, or of one that is written anyway",
    ),
    (
        "[limits]",
        "[auth]\nheader = { Host = \"key\" }\n[limits]",
        "line 9: auth.header.Host: this is no name of a header, or of one that is written anyway",
    ),
    ("\"/id\"", "\"id\"", "line 7: reply.id: write a JSON pointer, such as /id or /messages/0/id"),
    ("\"/id\"", "\"/i~d\"", "line 7: reply.id: write a JSON pointer, such as /id or /messages/0/id"),
    ("id = \"/id\"", "code = \"/code\"", "reply.id: it is missing"),
    (
        "[limits]",
        "[reply.refused]\ncodes = [1]\n[limits]",
        "line 9: reply.refused.codes: a reply's codes are found with reply.code, which is missing",
    ),
    (
        "[limits]",
        "[reply.refused]\nstatuses = [200]\n[limits]",
        "line 9: reply.refused.statuses: write statuses from 400 to 599",
    ),
    (
        "[limits]",
        "[reply.accepted]\nstatuses = [400]\n[limits]",
        "line 9: reply.accepted.statuses: write statuses from 200 to 299",
    ),
    (
        "[limits]",
        "[reply.refused]\nstatuses = [400]\n[reply.throttled]\nstatuses = [400]\n[limits]",
        "line 11: reply.throttled.statuses: 400 stands in another table too",
    ),
    ("rate = \"1/s\"", "", "limits.rate: it is missing"),
    (
        "\"1/s\"",
        "\"fast\"",
        "line 9: limits.rate: `fast` is not a rate; write it like 2/s, 30/m, 1_000/h or 10000/d",
    ),
    (
        "\"1/s\"",
        "\"1/s\"\nmax_in_flight = 0",
        "line 10: limits.max_in_flight: write a whole number from 1 to 1000",
    ),
    ("\"1/s\"", "\"1/s\"\ncounts_strictly = \"no\"", "line 10: limits.counts_strictly: write true or false"),
    ("\"1/s\"", "\"1/s\"\nprefixes = [61]", "line 10: limits.prefixes: write a text in quotes"),
    (
        "\"1/s\"",
        "\"1/s\"\nprefixes = [\"+61\"]",
        "line 10: limits.prefixes: write beginnings of numbers, such as \"61\"",
    ),
    ("[limits]", "[callback]\nid = \"id\"\n[limits]", "callback.state: it is missing"),
    (
        "[limits]",
        "[callback]\nstate = \"state\"\n[limits]",
        "callback.id: a message is known by its id or its reference; write one of them",
    ),
    (
        "[limits]",
        "[callback]\nwords = { deliverd = [] }\n[limits]",
        "line 9: callback.words.deliverd: there is no such state; did you mean `delivered`?",
    ),
    ("[limits]", "[limits", "line 8: "),
    ("endpoint =", "auth = 7\nendpoint =", "line 3: auth: write a table, [auth]"),
];

#[test]
fn a_fault_says_where_it_is_and_what_to_write() {
    for (key, written, fault_of) in FAULTS {
        let definition =
            if key.is_empty() { format!("{written}{LEAST}") } else { LEAST.replacen(key, written, 1) };
        assert_ne!(definition, LEAST, "{key}");
        let told = fault(&definition);
        assert!(told.starts_with(&format!("definition: {fault_of}")), "{written}: {told}");
    }
    let settings = registry::Settings { options: registry::Options::new(), ..support::settings("http", &[]) };
    let told = registry::adapter("http", settings).expect_err("no definition").to_string();
    assert_eq!(told, "definition: it is missing; name the file that describes the provider");
}

proptest! {
    #[test]
    fn any_text_is_a_definition_or_a_fault(
        text in "\\PC{0,60}",
        at in 0..EVERYTHING.len(),
        cut in 0..60_usize,
    ) {
        let rest = &EVERYTHING[(at + cut).min(EVERYTHING.len())..];
        for definition in [text.clone(), format!("{}{text}{rest}", &EVERYTHING[..at])] {
            let settings = support::settings("http", &[("definition", &definition)]);
            if let Err(fault) = registry::adapter("http", settings) {
                prop_assert!(fault.to_string().starts_with("definition: "), "{fault}");
            }
        }
    }
}
