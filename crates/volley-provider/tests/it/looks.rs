//! Whole looks for a lost request, from the first question to the end: among the requests of a
//! campaign, which differ in nothing but their recipients.

use crate::support;
use form_urlencoded::parse;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};
use volley_core::UnixMillis;
use volley_provider::{
    http::HttpRequest,
    inquiry::{Cursor, Lost, Next},
};

const TEXT: &str = "Sale ends today";
/// Those whose lists are looked through.
const KINDS: [&str; 2] = ["mesms", "transmitsms"];

/// A provider's lists: requests by id, newest first, and the numbers that each went to.
struct Lists<'a> {
    requests: &'a [(u64, Vec<u64>)],
    /// Rows on a page of either list.
    rows: usize,
}

/// What came of a look.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Taken(u64),
    Absent,
    Undecidable,
}

impl Lists<'_> {
    /// The answer to one question of a look, and whose recipients it asked for.
    fn answer(&self, kind: &str, request: &HttpRequest) -> (Value, Option<u64>) {
        let (address, body) = (request.address(), support::body_of(request));
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        let fields: Vec<_> = parse(query.as_bytes()).into_owned().chain(parse(&body).into_owned()).collect();
        let field = |name: &str| {
            let value = fields.iter().find(|(field, _)| field == name)?.1.parse().ok();
            Some(value.unwrap_or_else(|| panic!("{name} is no number in {fields:?}")))
        };
        if kind == "mesms" { self.mesms(path, field) } else { self.transmitsms(path, field) }
    }

    fn mesms(&self, path: &str, field: impl Fn(&str) -> Option<u64>) -> (Value, Option<u64>) {
        if let Some(path) = path.strip_suffix("/recipients") {
            let id = path.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an id");
            let after = field("after").expect("a cursor");
            let (page, more) = page(self.to(id), after, self.rows);
            let rows = page.iter().map(|to| json!({ "msisdn": to.to_string() })).collect::<Value>();
            let next = after + page.len() as u64;
            return (json!({ "recipients": rows, "nextCursor": next, "hasMore": more }), Some(id));
        }
        let number = field("page").expect("a page");
        let (page, _) = page(self.requests, (number - 1) * self.rows as u64, self.rows);
        let row = |(id, to): &(u64, Vec<u64>)| {
            json!({
                "uuid": id, "sender": "ShopAlert", "content": TEXT, "recipients": to.len(),
                "createdAt": "2026-12-01T00:00:00Z", "scheduledTime": null,
            })
        };
        (json!({ "messages": page.iter().map(row).collect::<Value>(), "page": number }), None)
    }

    fn transmitsms(&self, path: &str, field: impl Fn(&str) -> Option<u64>) -> (Value, Option<u64>) {
        let number = field("page").expect("a page");
        let behind = (number - 1) * self.rows as u64;
        let block = json!({ "code": "SUCCESS", "description": "OK" });
        let paging = |len: usize| json!({ "count": len.div_ceil(self.rows), "number": number });
        if path.contains("get-sms-sent") {
            let id = field("message_id").expect("an id");
            let to = self.to(id);
            let rows =
                page(to, behind, self.rows).0.iter().map(|to| json!({ "msisdn": to })).collect::<Value>();
            return (json!({ "recipients": rows, "page": paging(to.len()), "error": block }), Some(id));
        }
        let to = field("msisdn").expect("a number");
        let listed: Vec<_> = self.requests.iter().filter(|(_, numbers)| numbers.contains(&to)).collect();
        let row = |(id, _): &&(u64, Vec<u64>)| {
            json!({
                "message_id": id, "message": TEXT, "msisdn": to, "caller_id": "ShopAlert",
                "sent_at": "2026-12-01 00:00:00",
            })
        };
        let rows = page(&listed, behind, self.rows).0.iter().map(row).collect::<Value>();
        (json!({ "messages": rows, "page": paging(listed.len()), "error": block }), None)
    }

    fn to(&self, id: u64) -> &[u64] {
        &self.requests.iter().find(|(one, _)| *one == id).expect("an id of the list").1
    }

    /// Looks for a request to `lost` among these, and the ids whose recipients were asked for.
    fn look(&self, kind: &str, lost: &[u64], known: &[u64]) -> (Verdict, BTreeSet<u64>) {
        let account = support::account(kind, &[]);
        let lost = Lost {
            call: support::call(support::chunk(TEXT, lost), Some("ShopAlert")),
            from: UnixMillis(support::NOW.0 - 60_000),
            until: support::NOW,
            known: Arc::new(known.iter().map(u64::to_string).collect()),
        };
        let (mut cursor, mut asked) = (Cursor::default(), BTreeSet::new());
        loop {
            let look = account.lookup(&lost, &cursor).expect("it can be looked for");
            let (request, read) = look.into_parts();
            let (answer, id) = self.answer(kind, &request);
            asked.extend(id);
            let reply = support::reply(200, Some("application/json"), answer.to_string());
            let sighting = read(&reply).expect("an answer");
            let id = sighting.request_id.map(|id| id.parse().expect("an id of the list"));
            let verdict = match (sighting.next, id) {
                (Next::Ask(next), None) => {
                    assert_ne!(next, cursor, "{kind}: the look goes on");
                    cursor = next;
                    continue;
                }
                (Next::Done, Some(id)) => Verdict::Taken(id),
                (Next::Done, None) => Verdict::Absent,
                (Next::Undecidable(_), None) => Verdict::Undecidable,
                other => panic!("{kind}: {other:?}"),
            };
            let taken: Vec<_> = sighting.taken.iter().map(|(index, _)| *index).collect();
            let all = 0..lost.call.chunk.len();
            assert_eq!(
                taken,
                if id.is_some() { all.collect() } else { vec![] },
                "{kind}: all of them or nobody"
            );
            return (verdict, asked);
        }
    }
}

/// What a page holds that starts behind so many, and whether there is more.
fn page<T>(all: &[T], behind: u64, rows: usize) -> (&[T], bool) {
    let behind = usize::try_from(behind).expect("few").min(all.len());
    let end = (behind + rows).min(all.len());
    (&all[behind..end], end < all.len())
}

/// The numbers of request `index` of a plan that sends to four at a time.
fn four(index: u64) -> Vec<u64> {
    (0..4).map(|one| 66_800_000_000 + index * 4 + one).collect()
}

/// A campaign of so many requests, newest first, each with its index for an id, from 1 on.
fn campaign(requests: u64) -> Vec<(u64, Vec<u64>)> {
    (1..=requests).rev().map(|index| (index, four(index))).collect()
}

#[test]
fn a_lost_request_is_found_among_hundreds_of_the_same_text_without_reading_those_whose_answers_came() {
    let requests = campaign(450);
    let known: Vec<u64> = (1..=450).filter(|id| ![7, 8, 300].contains(id)).collect();
    for kind in KINDS {
        let lists = Lists { requests: &requests, rows: 100 };
        for lost in [7, 8, 300] {
            let (verdict, asked) = lists.look(kind, &four(lost), &known);
            assert_eq!(verdict, Verdict::Taken(lost), "{kind}");
            assert!(asked.iter().all(|id| !known.contains(id)), "{kind}: {asked:?}");
        }
        let (verdict, _) = lists.look(kind, &four(451), &known);
        assert_eq!(verdict, Verdict::Absent, "{kind}");
    }
}

#[test]
fn neighbours_are_told_apart_by_their_recipients_and_equal_ones_are_undecidable() {
    let [ours, next, nigh] = [1, 2, 3].map(four);
    let half = [&ours[..2], &next[..2]].concat();
    // The requests of the list, newest first with their ids from 1 on, those whose answers came, and
    // what the look for `ours` shows.
    let cases = [
        (vec![&ours], vec![], Verdict::Taken(1)),
        (vec![&next, &ours], vec![], Verdict::Taken(2)),
        (vec![&half, &ours, &nigh], vec![], Verdict::Taken(2)),
        (vec![&ours, &ours], vec![], Verdict::Undecidable),
        (vec![&ours, &next, &ours], vec![], Verdict::Undecidable),
        (vec![&ours, &ours], vec![1], Verdict::Taken(2)),
        (vec![&ours, &ours], vec![1, 2], Verdict::Absent),
        (vec![&next, &half, &nigh], vec![], Verdict::Absent),
        (vec![], vec![], Verdict::Absent),
    ];
    for (requests, known, expected) in cases {
        let requests: Vec<_> = (1..).zip(requests.into_iter().cloned()).collect();
        for kind in KINDS {
            for rows in [1, 3, 100] {
                let (verdict, _) = Lists { requests: &requests, rows }.look(kind, &ours, &known);
                assert_eq!(verdict, expected, "{kind}, {rows} rows a page: {requests:?}");
            }
        }
    }
}

#[test]
fn more_neighbours_than_can_be_read_are_undecidable() {
    let ours = four(1);
    // The first of ours is in each of them, so that each is listed.
    let neighbour = |id: u64| (id, [&ours[..1], &four(id)[1..]].concat());
    for kind in KINDS {
        for (neighbours, expected) in [(199, Verdict::Taken(1)), (200, Verdict::Undecidable)] {
            let mut requests: Vec<_> = (2..2 + neighbours).map(neighbour).collect();
            requests.push((1, ours.clone()));
            let (verdict, _) = Lists { requests: &requests, rows: 100 }.look(kind, &ours, &[]);
            assert_eq!(verdict, expected, "{kind}, {neighbours} neighbours");
        }
    }
}

proptest! {
    #[test]
    fn a_look_ends_and_finds_the_request_whose_whole_list_is_the_lost_one_and_no_other(
        lists in prop::collection::vec(prop::sample::subsequence((0..6_u64).collect::<Vec<_>>(), 3), 0..8),
        lost in prop::sample::subsequence((0..6_u64).collect::<Vec<_>>(), 3),
        known in prop::collection::hash_set(1..9_u64, 0..4),
        rows in 1..5_usize,
    ) {
        let number = |index: &u64| 66_800_000_000 + index;
        let numbers = |list: &Vec<u64>| list.iter().map(number).collect::<Vec<_>>();
        let requests: Vec<_> = (1..).zip(lists.iter().map(numbers)).collect();
        let equal: HashSet<u64> =
            (1..).zip(&lists).filter(|(id, list)| **list == lost && !known.contains(id)).map(|(id, _)| id).collect();
        let expected = match equal.len() {
            0 => Verdict::Absent,
            1 => Verdict::Taken(*equal.iter().next().expect("one")),
            _ => Verdict::Undecidable,
        };
        let known: Vec<u64> = known.into_iter().collect();
        for kind in KINDS {
            let (verdict, asked) = Lists { requests: &requests, rows }.look(kind, &numbers(&lost), &known);
            prop_assert_eq!(&verdict, &expected, "{}", kind);
            prop_assert!(known.iter().all(|id| !asked.contains(id)), "{}", kind);
        }
    }
}
