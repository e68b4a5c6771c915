//! The laws that hold for every question and for every call of a provider's to us.

use crate::support::{self, AMERICA, AUSTRALIA, THAILAND, account, chunk};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use volley_core::{Msisdn, Polling, UnixMillis};
use volley_provider::{
    adapter::{Adapter, SendCall},
    http::Reply,
    inquiry::{Callback, Cursor, Inquiry, Lost, Next, Poll, Sighting},
    registry,
};

const TEXT: &str = "Your appointment is on Monday";
const ADDRESS: &str = "https://example.com/dlr?token=sim-tail";

/// An account, and what nobody may read in the words of a failure of it.
struct Known {
    account: Arc<dyn Adapter>,
    hidden: Vec<String>,
}

impl Known {
    fn new(kind: &str, options: &[(&str, &str)], own: &[&str]) -> Self {
        let mut hidden = [TEXT, "61491570006", "66800000001", "15555550100"].map(str::to_owned).to_vec();
        hidden.extend(registry::needs(kind).iter().map(|part| match *part {
            "username" => "sim-user".to_owned(),
            part => format!("sim-{part}"),
        }));
        hidden.extend(own.iter().map(|one| (*one).to_owned()));
        Self { account: account(kind, options), hidden }
    }

    /// Whether the words of the answer to a question show what nobody may see. The text is only
    /// known where the question is about a call.
    fn shows(&self, question: &str, words: &str) -> bool {
        let knows_text = question == "quote" || question.starts_with("lookup");
        let hidden = self.hidden.iter().filter(|hidden| knows_text || *hidden != TEXT);
        hidden.into_iter().any(|hidden| words.contains(hidden.as_str()))
    }
}

/// Accounts of every kind, with the settings that make a difference to what is read.
fn accounts() -> Vec<Known> {
    let pair = "c2ltLWtleTpzaW0tc2VjcmV0";
    let options = [("format", "xml"), ("signature", "log"), ("dlr_callback", ADDRESS)];
    let mut accounts: Vec<_> = registry::kinds().map(|(kind, _)| Known::new(kind, &[], &[])).collect();
    accounts.push(Known::new("transmitsms", &options, &[pair, ADDRESS]));
    accounts.push(Known::new("transmitsms", &[("signature", "enforce")], &[pair]));
    accounts.push(Known::new("mesms", &[("quote_by", "dry_run")], &[]));
    accounts
}

/// A call of two recipients, or of as many as one request carries.
fn call(account: &dyn Adapter, send_at: Option<UnixMillis>) -> SendCall {
    let capabilities = account.capabilities();
    let reached =
        |digits: &u64| capabilities.destinations.reach(Msisdn::from_digits(*digits).expect("a number"));
    let most = capabilities.batch.ceiling().min(2) as usize;
    let numbers: Vec<u64> =
        [AUSTRALIA, THAILAND, AMERICA].concat().into_iter().filter(reached).take(most).collect();
    let sender = if capabilities.sender.max_name > 0 { "ShopAlert" } else { "15555550100" };
    SendCall { send_at, ..support::call(chunk(TEXT, &numbers), Some(sender)) }
}

fn lost(account: &dyn Adapter, send_at: Option<UnixMillis>) -> Lost {
    let (from, until) = (UnixMillis(support::NOW.0 - 60_000), support::NOW);
    Lost { call: call(account, send_at), from, until, known: Arc::default() }
}

/// The words of the failure that an answer is, if it is one.
type Read = Box<dyn FnOnce(&Reply) -> Option<String>>;

/// Every question of an account, from these cursors on, by its name.
fn questions(account: &dyn Adapter, cursors: &[Cursor]) -> Vec<(&'static str, Read)> {
    fn asked<T: 'static>(
        into: &mut Vec<(&'static str, Read)>,
        name: &'static str,
        inquiry: Option<Inquiry<T>>,
    ) {
        let Some(inquiry) = inquiry else { return };
        let (_, read) = inquiry.into_parts();
        into.push((name, Box::new(move |reply| read(reply).err().map(|failure| failure.reason.to_string()))));
    }
    let mut all = Vec::new();
    asked(&mut all, "balance", account.balance());
    let quote = account.quote(&call(account, None)).map(|quote| quote.expect("within the limits"));
    asked(&mut all, "quote", quote);
    asked(&mut all, "cancel", account.cancel("7741"));
    for cursor in cursors {
        asked(&mut all, "senders", account.senders(cursor));
        asked(&mut all, "lookup", account.lookup(&lost(account, None), cursor));
        asked(
            &mut all,
            "lookup of a scheduled call",
            account.lookup(&lost(account, Some(support::NOW)), cursor),
        );
        let window = Poll::Window { from: UnixMillis(0), until: support::NOW };
        for of in [Poll::Request("7741"), Poll::Message("7741"), window] {
            asked(&mut all, "receipts", account.receipts(of, cursor));
        }
    }
    all
}

fn any_cursor() -> impl Strategy<Value = Cursor> {
    let words = [
        "",
        "2",
        "messages 2",
        "messages 2 - - 7741",
        "recipients 7741 - 0 0 - - 7742",
        "recipients 7741 =1 1 ff =7740 row 7742",
        "recipients 7741 =1 1 ff - =7740",
    ];
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,20}",
    ]
    .prop_map(Cursor)
}

/// A value that a field of an answer might have, sensible or not.
fn any_leaf() -> impl Strategy<Value = Value> {
    let listed = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("1"),
        json!("OK"),
        json!("SUCCESS"),
        json!("approved"),
        json!("delivered"),
        json!("cancelled"),
        json!("ALREADY_CANCELLED"),
        json!(TEXT),
        json!("ShopAlert"),
        json!("2026-12-01T00:00:00Z"),
        json!("2026-12-01 00:00:00"),
        json!(61_491_570_006_u64),
        json!("66800000001"),
        json!("15555550100"),
        json!([]),
        json!({}),
    ];
    prop_oneof![4 => prop::sample::select(listed), 1 => "\\PC{0,20}".prop_map(Value::from)]
}

/// The fields that some provider's answer to some question has.
const FIELDS: [&str; 32] = [
    "error",
    "code",
    "description",
    "page",
    "count",
    "number",
    "messages",
    "recipients",
    "numbers",
    "senders",
    "message_id",
    "message",
    "uuid",
    "msisdn",
    "delivery_status",
    "optout",
    "status",
    "balance",
    "credits",
    "currency",
    "success",
    "dryRun",
    "parts",
    "nextCursor",
    "hasMore",
    "createdAt",
    "content",
    "sender",
    "name",
    "Messages",
    "MessageSid",
    "ExternalId",
];

fn object_of(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let fields = prop::collection::vec((prop::sample::select(FIELDS.to_vec()), value), 0..8);
    fields.prop_map(|fields| {
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
    })
}

/// An answer with such fields, some of them lists and objects of such fields again.
fn any_answer() -> impl Strategy<Value = Value> {
    let row = prop_oneof![3 => object_of(any_leaf()), 1 => any_leaf()];
    let value = prop_oneof![
        2 => any_leaf(),
        1 => object_of(any_leaf()),
        2 => prop::collection::vec(row, 0..3).prop_map(Value::from),
    ];
    (object_of(value), any::<bool>()).prop_map(|(mut answer, success)| {
        if success {
            answer["error"] = json!({ "code": "SUCCESS", "description": "OK" });
        }
        answer
    })
}

#[test]
fn what_an_account_is_asked_is_what_it_says_it_can_be_asked() {
    for Known { account, .. } in accounts() {
        let capabilities = account.capabilities();
        let start = Cursor::default();
        let window = Poll::Window { from: UnixMillis(0), until: support::NOW };
        for (polling, of) in [
            (Polling::ByRequest, Poll::Request("7741")),
            (Polling::ByMessage, Poll::Message("7741")),
            (Polling::ByWindow, window),
        ] {
            let is_asked = account.receipts(of, &start).is_some();
            assert_eq!(is_asked, capabilities.polling == polling, "{} {polling:?}", account.kind());
        }
        assert_eq!(account.cancel("7741").is_some(), capabilities.cancels, "{}", account.kind());
    }
}

#[test]
fn a_question_is_the_same_request_each_time_and_shows_no_secret() {
    for known in accounts() {
        let (account, kind) = (&known.account, known.account.kind());
        let both = [(); 2].map(|()| {
            let lookup =
                account.lookup(&lost(&**account, None), &Cursor::default()).map(|one| one.into_parts().0);
            let balance = account.balance().map(|one| one.into_parts().0);
            [lookup, balance].into_iter().flatten().collect::<Vec<_>>()
        });
        for (one, two) in both[0].iter().zip(&both[1]) {
            assert_eq!(one.address(), two.address(), "{kind}");
            assert_eq!(support::body_of(one), support::body_of(two), "{kind}");
            let open = format!("{} {one:?}", one.url);
            assert!(!known.shows("lookup", &open), "{kind}: {open}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_as_an_answer_make_a_question_panic_or_show_what_nobody_may_see(
        status in prop_oneof![2 => Just(200_u16), 1 => 100_u16..600],
        content_type in prop::option::of(prop::sample::select(vec!["application/json", "text/xml", "text/html", ";"])),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cursor in any_cursor(),
    ) {
        for known in accounts() {
            for (name, read) in questions(&*known.account, &[Cursor::default(), cursor.clone()]) {
                let words = read(&support::reply(status, content_type, &bytes)).unwrap_or_default();
                prop_assert!(!known.shows(name, &words), "{} {name}: {words}", known.account.kind());
            }
        }
    }

    #[test]
    fn no_fields_of_an_answer_make_a_question_panic_or_show_what_nobody_may_see(
        status in prop_oneof![3 => Just(200_u16), 1 => prop::sample::select(vec![202_u16, 302, 400, 404, 409, 500])],
        answer in any_answer(),
        echo in any::<prop::sample::Index>(),
        echoes in any::<bool>(),
        cursor in any_cursor(),
    ) {
        for known in accounts() {
            let mut answer = answer.clone();
            if echoes {
                let words = json!(format!("it was {}, was it not", echo.get(&known.hidden)));
                let is_block = answer["uuid"].is_null();
                answer["error"] = if is_block { json!({ "code": words, "description": words }) } else { words.clone() };
                answer["code"] = words;
            }
            for (in_xml, content_type) in [(false, "application/json"), (true, "application/xml")] {
                let body = if in_xml { support::element("response", &answer) } else { answer.to_string() };
                for (name, read) in questions(&*known.account, &[Cursor::default(), cursor.clone()]) {
                    let words = read(&support::reply(status, Some(content_type), &body)).unwrap_or_default();
                    prop_assert!(!known.shows(name, &words), "{} {name}: {words}", known.account.kind());
                }
            }
        }
    }

    #[test]
    fn a_look_comes_to_an_end_whatever_is_answered(answers in prop::collection::vec(any_answer(), 1..4)) {
        // Those whose lists go on by what the answers say, and not by what they hold: 50 pages of a
        // list, and of each of 200 requests a page for each of two recipients and one behind them.
        for account in ["transmitsms", "mesms"].map(|kind| account(kind, &[])) {
            let mut cursor = Some(Cursor::default());
            for answer in answers.iter().cycle().take(50 + 200 * 3) {
                let Some(from) = cursor.take() else { break };
                let look = account.lookup(&lost(&*account, None), &from).expect("it can be looked for");
                let answer = support::reply(200, Some("application/json"), answer.to_string());
                if let Ok(Sighting { next: Next::Ask(next), .. }) = look.into_parts().1(&answer) {
                    cursor = Some(next);
                }
            }
            prop_assert_eq!(cursor, None, "{} still looks", account.kind());
        }
    }

    #[test]
    fn no_bytes_as_a_call_to_us_make_it_panic(
        method in prop::sample::select(vec!["GET", "POST", ""]),
        query in prop_oneof!["\\PC{0,60}", "(message_id|mobile|status|response|volley|from|to)=[%+&=0-9a-f]{0,20}(&(mobile|status|response)=[0-9a-zA-Z%+]{0,15}){0,4}"],
        signature in prop::option::of("\\PC{0,70}"),
        body in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        for Known { account, .. } in accounts() {
            let headers = signature.iter().map(|value| ("x-transmitsms-signature".to_owned(), value.clone())).collect();
            let callback = Callback { method: method.to_owned(), query: query.clone(), headers, body: body.clone().into() };
            if let Some(Ok(events)) = account.callback(&callback) {
                prop_assert!(!events.is_empty());
            }
        }
    }
}
