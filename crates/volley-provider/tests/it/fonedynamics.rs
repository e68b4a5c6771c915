//! Fone Dynamics: whose answer is whose, looks through many pages, and settings that change what
//! is sent.

use crate::support::{self, AUSTRALIA, account, body_of, call, chunk, reply};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use volley_core::{Chunk, Outcome, Polling, Position, UnixMillis, Verdict, Verdicts};
use volley_provider::{
    adapter::{Adapter, SendCall},
    http::HttpRequest,
    inquiry::{Cursor, Lost, Next, Poll},
    registry::{self, Settings},
};

const KIND: &str = "fonedynamics";
/// Messages on a page of the list.
const PAGE: usize = 50;

/// As many recipients as `texts`, each with the text of that number.
fn personal(first: u32, texts: &[u32]) -> Chunk {
    let numbers: Vec<u64> = (61_491_570_000..).take(texts.len()).collect();
    let mut chunk = chunk("Text 0", &numbers);
    chunk.first = Position(first);
    chunk.texts = (0..4).map(|text| Arc::from(format!("Text {text}"))).collect();
    for (one, text) in chunk.recipients.iter_mut().zip(texts) {
        one.text = *text;
    }
    chunk
}

/// What an answer says of one recipient, and by what it names them.
#[derive(Clone, Debug)]
struct Told {
    index: usize,
    taken: bool,
    by_word: bool,
}

impl Told {
    fn item(&self, chunk: &Chunk) -> Value {
        let one = &chunk.recipients[self.index];
        let mut item = if self.taken {
            json!({ "MessageSid": format!("MG{}", self.index), "Status": "Processing" })
        } else {
            json!({ "ErrorCode": format!("CODE{}", self.index), "Message": "no" })
        };
        if self.by_word {
            item["ExternalId"] =
                support::reference().message(Position(chunk.first.0 + index(self.index))).into();
        } else {
            item["To"] = one.to.to_string().into();
            item["Text"] = chunk.text_of(one).into();
        }
        item
    }
}

fn index(index: usize) -> u32 {
    u32::try_from(index).expect("small")
}

/// Texts of some recipients, and what an answer says of some of these, in any order.
fn answers() -> impl Strategy<Value = (Vec<u32>, Vec<Told>)> {
    let texts = prop::collection::vec(0_u32..4, 1..24);
    texts.prop_flat_map(|texts| {
        let indexes: Vec<usize> = (0..texts.len()).collect();
        let told = prop::sample::subsequence(indexes, 1..=texts.len()).prop_shuffle();
        let told = told.prop_flat_map(|indexes| {
            let ways = prop::collection::vec((any::<bool>(), any::<bool>()), indexes.len());
            (Just(indexes), ways).prop_map(|(indexes, ways)| {
                let told = |(index, (taken, by_word))| Told { index, taken, by_word };
                indexes.into_iter().zip(ways).map(told).collect::<Vec<_>>()
            })
        });
        (Just(texts), told)
    })
}

/// Messages that the provider lists: who of a chunk is among so many others, and where.
fn lists() -> impl Strategy<Value = (Vec<Option<usize>>, bool, bool)> {
    let of = prop::collection::btree_map(0_usize..160, 0_usize..30, 0..30);
    let list = (of, 0_usize..180).prop_map(|(of, length)| {
        let mut seen = Vec::new();
        let place = |at: usize| {
            of.get(&at).copied().filter(|index| {
                let is_new = !seen.contains(index);
                seen.push(*index);
                is_new
            })
        };
        (0..length).map(place).collect()
    });
    (list, any::<bool>(), any::<bool>())
}

/// The page that a request for the list asks for, as the provider would answer it.
fn page(request: &HttpRequest, list: &[Value], counts: bool) -> Value {
    let (_, skip) = request.url.rsplit_once("Results_Skip=").expect("a place in the list");
    let rest = list.iter().skip(skip.parse().expect("a number"));
    let mut body = json!({ "Messages": rest.take(PAGE).collect::<Vec<_>>() });
    if counts {
        body["TotalCount"] = list.len().into();
    }
    body
}

proptest! {
    #[test]
    fn everybody_gets_their_own_answer_in_any_order_and_whoever_has_none_is_in_doubt(
        first in 0_u32..4_000_000_000,
        (texts, told) in answers(),
        wrapped in any::<bool>(),
    ) {
        let chunk = personal(first, &texts);
        let items: Value = told.iter().map(|one| one.item(&chunk)).collect();
        let body = if wrapped { json!({ "Messages": items }) } else { items };
        let outcome = account(KIND, &[]).decode(&chunk, &reply(200, Some("application/json"), body.to_string()));
        let Outcome::Answered(answer) = outcome else { panic!("{outcome:?}") };
        let Verdicts::Each(verdicts) = answer.verdicts else { panic!("{:?}", answer.verdicts) };
        prop_assert_eq!(verdicts.len(), texts.len());
        for (index, verdict) in verdicts.into_iter().enumerate() {
            let says = match told.iter().find(|one| one.index == index) {
                Some(Told { taken: true, .. }) => {
                    Verdict::Accepted { id: Some(format!("MG{index}")), billed: None, segments: None }
                }
                Some(_) => Verdict::Refused { code: format!("CODE{index}").into() },
                None => Verdict::InDoubt { reason: "the answer has no message for this recipient".into() },
            };
            prop_assert_eq!(verdict, says);
        }
    }

    #[test]
    fn a_look_through_any_number_of_pages_finds_exactly_who_is_there(
        (list, shows_ids, counts) in lists(),
        first in 0_u32..1_000,
    ) {
        let chunk = Arc::new(personal(first, &[0; 30]));
        let account = account(KIND, &[]);
        let made = |at: usize, of: &Option<usize>| {
            let to = of.map_or(61_491_579_999, |index| chunk.recipients[index].to.digits());
            let mut item = json!({
                "MessageSid": format!("MG{at}"), "From": "ShopAlert", "To": format!("+{to}"), "Text": "Text 0",
                "Status": "Delivered", "Created": 1_796_083_150
            });
            if shows_ids {
                let word = of.map(|index| support::reference().message(Position(first + self::index(index))));
                item["ExternalId"] = word.unwrap_or_else(|| "00000000aaaa-1".to_owned()).into();
            }
            item
        };
        let listed: Vec<Value> = list.iter().enumerate().map(|(at, of)| made(at, of)).collect();
        let call = SendCall { chunk: Arc::clone(&chunk), ..call(personal(first, &[0]), Some("ShopAlert")) };
        let lost = Lost { call, from: UnixMillis(support::NOW.0 - 60_000), until: support::NOW, known: Arc::default() };
        let (mut found, mut cursor, mut asked) = (BTreeMap::new(), Cursor::default(), 0);
        loop {
            let (request, read) = account.lookup(&lost, &cursor).expect("it has a list").into_parts();
            let body = page(&request, &listed, counts);
            let sighting = read(&reply(200, Some("application/json"), body.to_string())).expect("an answer");
            found.extend(sighting.taken);
            asked += 1;
            match sighting.next {
                Next::Ask(next) => cursor = next,
                Next::Done => break,
                Next::Undecidable(reason) => panic!("{reason}"),
            }
        }
        let there = list.iter().enumerate().filter_map(|(at, of)| Some((self::index((*of)?), Some(format!("MG{at}")))));
        prop_assert_eq!(found, there.collect::<BTreeMap<_, _>>());
        prop_assert!(asked <= list.len() / PAGE + 2, "{} requests for {} messages", asked, list.len());
    }

    #[test]
    fn every_receipt_of_the_list_is_read_once((list, _, counts) in lists()) {
        let listed: Vec<Value> = (0..list.len())
            .map(|at| json!({ "MessageSid": format!("MG{at}"), "Status": "Delivered" }))
            .collect();
        let account = account(KIND, &[]);
        let window = Poll::Window { from: UnixMillis(0), until: support::NOW };
        let (mut read_so_far, mut cursor) = (Vec::new(), Some(Cursor::default()));
        while let Some(from) = cursor {
            let (request, read) = account.receipts(window, &from).expect("it has a list").into_parts();
            let body = page(&request, &listed, counts);
            let page = read(&reply(200, Some("application/json"), body.to_string())).expect("an answer");
            read_so_far.extend(page.items.into_iter().filter_map(|one| one.message_id));
            cursor = page.next;
        }
        let all: Vec<String> = (0..list.len()).map(|at| format!("MG{at}")).collect();
        prop_assert_eq!(read_so_far, all);
    }
}

#[test]
fn a_request_says_from_whom_in_the_providers_own_form() {
    for (sender, written) in [
        (None, Ok(None)),
        (Some("ShopAlert"), Ok(Some("ShopAlert"))),
        (Some("Shop 24"), Ok(Some("Shop 24"))),
        (Some("+61491570159"), Ok(Some("+61491570159"))),
        (Some("61491570159"), Ok(Some("+61491570159"))),
        (
            Some("0491570159"),
            Err("a sender without letters is a number in international form, 7 to 15 digits"),
        ),
        (Some("12345"), Err("a sender without letters is a number in international form, 7 to 15 digits")),
        (
            Some("24 7"),
            Err("`24 7` has no letter in it; write a number as digits alone, and a name with a letter"),
        ),
        (Some("Shop-24"), Err("`Shop-24` has a sign in it; this provider takes letters and digits only")),
    ] {
        let made = account(KIND, &[]).encode(&call(chunk("Sale", &AUSTRALIA[..1]), sender));
        let from = made.map(|made| {
            let body: Value = serde_json::from_slice(&body_of(&made)).expect("JSON");
            body.get("From").map(|from| from.as_str().expect("a text").to_owned())
        });
        let written = written.map(|from| from.map(str::to_owned)).map_err(str::to_owned);
        assert_eq!(from.map_err(|fault| fault.to_string()), written, "{sender:?}");
    }
}

#[test]
fn what_is_done_with_replies_is_refused_beside_a_named_sender() {
    for (option, value) in [
        ("forward_to_sms", "61491570158"),
        ("forward_from_sms", "Shop"),
        ("forward_to_email", "shop@example.com"),
        ("forward_from_email", "shop@example.com"),
        ("reply_url", "https://example.com/reply"),
    ] {
        let account = account(KIND, &[(option, value)]);
        let made = |sender| account.encode(&call(chunk("Sale", &AUSTRALIA[..1]), sender)).map(|_| ());
        let rule = format!(
            "{option} is for replies to a leased number; leave out the setting or the campaign's sender"
        );
        assert_eq!(made(Some("ShopAlert")).map_err(|fault| fault.to_string()), Err(rule));
        assert_eq!(made(None), Ok(()));
    }
}

#[test]
fn a_text_has_ten_segments_or_as_many_as_its_longest_length_makes() {
    for (max_characters, segments, characters) in
        [(None, 10, 1_530), (Some(612), 4, 612), (Some(1), 1, 1), (Some(1_000_000), 255, 1_000_000)]
    {
        let settings = Settings { max_characters, ..support::settings(KIND, &[]) };
        let profile = registry::adapter(KIND, settings).expect("complete").capabilities().profile.clone();
        assert_eq!((profile.max_segments, profile.max_characters), (segments, Some(characters)));
    }
    let segments_of = |segments| {
        let mut chunk = chunk("Sale", &AUSTRALIA[..2]);
        chunk.recipients[1].segments = segments;
        account(KIND, &[]).encode(&call(chunk, None)).map(|_| ()).map_err(|fault| fault.to_string())
    };
    assert_eq!(segments_of(10), Ok(()));
    assert_eq!(segments_of(11), Err("a text has up to 10 segments, not 11".to_owned()));
}

#[test]
fn an_account_takes_as_many_messages_a_request_as_its_settings_say() {
    for (max, chunk) in [("1", 1), ("40", 40), ("1_000", 100)] {
        let account = account(KIND, &[("max_recipients", max)]);
        assert_eq!(account.capabilities().batch.ceiling().to_string(), max.replace('_', ""));
        assert_eq!(account.capabilities().default_chunk, chunk);
    }
}

#[test]
fn receipts_are_asked_for_in_the_way_that_the_account_is_set_to() {
    let window = Poll::Window { from: UnixMillis(0), until: support::NOW };
    let asks = |account: &Arc<dyn Adapter>, of| account.receipts(of, &Cursor::default()).is_some();
    for (setting, polling, by_window, by_message) in
        [("list", Polling::ByWindow, true, false), ("get", Polling::ByMessage, false, true)]
    {
        let account = account(KIND, &[("receipts", setting)]);
        assert_eq!(account.capabilities().polling, polling);
        assert_eq!(asks(&account, window), by_window, "{setting}");
        assert_eq!(asks(&account, Poll::Message("MG0-C7_E")), by_message, "{setting}");
        assert!(!asks(&account, Poll::Request("MG0")), "{setting}");
        for no_id_of_theirs in ["", "..", "MG0/../x", "MG0?x=1", "MG 0", "MGé"] {
            assert!(!asks(&account, Poll::Message(no_id_of_theirs)), "{no_id_of_theirs}");
        }
    }
}
