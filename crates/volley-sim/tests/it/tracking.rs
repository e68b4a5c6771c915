//! What ME-SMS tells about messages that it took.

use crate::support::{ask, calm, gateway, json, read, send_one_thai, with_account};
use serde_json::{Value, json as value};
use std::{collections::BTreeMap, time::Duration};
use volley_core::Micros;
use volley_sim::{Config, DeliveryMix, Face, Gateway, Records, Request};

const SECOND: Duration = Duration::from_secs(1);
/// Later than anything is still on its way.
const MUCH_LATER: Duration = Duration::from_mins(1);

/// `text` to so many Thai numbers.
fn send(text: &str, numbers: u64) -> Request {
    let numbers = 66_800_000_001..66_800_000_001 + numbers;
    let numbers: Vec<String> = numbers.map(|to| to.to_string()).collect();
    json(&value!({ "sender": "VolleyTH", "content": text, "msisdns": numbers }).to_string())
}

fn taken(gateway: &mut Gateway, at: Duration, request: &Request) -> String {
    let (status, reply) = ask(gateway, at, request);
    assert_eq!(status, 200, "{reply}");
    reply["uuid"].as_str().expect("an id").to_owned()
}

fn question(gateway: &mut Gateway, at: Duration, target: &str) -> Value {
    let (status, reply) = ask(gateway, at, &read(target));
    assert_eq!(status, 200, "{target}: {reply}");
    reply
}

/// What the messages of a list say.
fn contents(list: &Value) -> Vec<&str> {
    let messages = list["messages"].as_array().expect("a list");
    messages.iter().map(|message| message["content"].as_str().expect("a text")).collect()
}

/// The counts of a summary.
fn sums(page: &Value) -> BTreeMap<String, u64> {
    let entries = page["summary"].as_array().expect("a summary");
    let sum = |entry: &Value| {
        (entry["status"].as_str().expect("a word").to_owned(), entry["count"].as_u64().expect("a count"))
    };
    entries.iter().map(sum).collect()
}

/// All pages of a message's recipients, each so long.
fn pages(gateway: &mut Gateway, at: Duration, id: &str, rest: &str) -> Vec<Value> {
    let (mut pages, mut after) = (Vec::new(), value!(0));
    loop {
        let page = question(gateway, at, &format!("/api/v2/sms/{id}/recipients?after={after}{rest}"));
        let has_more = page["hasMore"].as_bool().expect("a flag");
        after = page["nextCursor"].clone();
        pages.push(page);
        if !has_more {
            return pages;
        }
    }
}

/// The items of pages, one behind another.
fn items(pages: &[Value]) -> Vec<&Value> {
    pages.iter().flat_map(|page| page["recipients"].as_array().expect("a list")).collect()
}

#[test]
fn a_list_shows_the_newest_first_page_by_page() {
    let mut gateway = gateway(calm());
    for (second, text) in (0..).zip(["one", "two", "three", "four", "five"]) {
        taken(&mut gateway, second * SECOND, &send(text, 2));
    }
    let now = 5 * SECOND;
    let all = question(&mut gateway, now, "/api/v2/sms");
    assert_eq!(contents(&all), ["five", "four", "three", "two", "one"]);
    assert_eq!((&all["page"], &all["limit"], &all["total"]), (&value!(1), &value!(20), &value!(5)));
    let newest = &all["messages"][0];
    assert_eq!((&newest["sender"], &newest["recipients"]), (&value!("VolleyTH"), &value!(2)));
    assert_eq!(newest["createdAt"], "2026-12-01T07:00:04+07:00");
    let second = question(&mut gateway, now, "/api/v2/sms?page=2&limit=2");
    assert_eq!((contents(&second), &second["total"]), (vec!["three", "two"], &value!(5)));
    assert!(contents(&question(&mut gateway, now, "/api/v2/sms?page=4&limit=2")).is_empty());
    assert_eq!(question(&mut gateway, now, "/api/v2/sms?limit=1000")["limit"], 100);
}

#[test]
fn a_list_can_be_had_by_status() {
    let mut gateway = gateway(calm());
    taken(&mut gateway, Duration::ZERO, &send("sent", 1));
    let later = |text: &str| {
        let sent = value!({ "sender": "VolleyTH", "content": text, "msisdns": ["66800000001"],
            "scheduledTime": "2026-12-01T07:01:00+07:00" });
        json(&sent.to_string())
    };
    taken(&mut gateway, Duration::ZERO, &later("scheduled"));
    let cancelled = taken(&mut gateway, Duration::ZERO, &later("cancelled"));
    let mut cancel = json("");
    cancel.path = format!("/api/v2/sms/{cancelled}/cancel");
    ask(&mut gateway, SECOND, &cancel);
    taken(&mut gateway, 2 * SECOND, &send("pending", 1));
    for status in ["sent", "scheduled", "cancelled", "pending"] {
        let list = question(&mut gateway, 2 * SECOND, &format!("/api/v2/sms?status={status}"));
        assert_eq!(contents(&list), [status]);
        assert_eq!((&list["messages"][0]["status"], &list["total"]), (&value!(status), &value!(1)));
    }
    assert_eq!(question(&mut gateway, 2 * SECOND, "/api/v2/sms?status=failed")["total"], 0);
    let scheduled = question(&mut gateway, 2 * SECOND, "/api/v2/sms?status=scheduled");
    assert_eq!(scheduled["messages"][0]["scheduledTime"], "2026-12-01T07:01:00+07:00");
}

#[test]
fn every_rule_of_asking_has_its_status() {
    let mut gateway = gateway(calm());
    let id = taken(&mut gateway, Duration::ZERO, &send_one_thai());
    let recipients = format!("/api/v2/sms/{id}/recipients");
    for (status, target) in [
        (200, "/api/v2/sms?status=sent&page=1&limit=1".to_owned()),
        (400, "/api/v2/sms?status=gone".to_owned()),
        (400, "/api/v2/sms?page=0".to_owned()),
        (400, "/api/v2/sms?limit=0".to_owned()),
        (400, "/api/v2/sms?limit=x".to_owned()),
        (400, "/api/v2/sms?limit=1&limit=2".to_owned()),
        (400, "/api/v2/sms?after=0".to_owned()),
        (200, recipients.clone()),
        (200, format!("{recipients}?after=0&limit=5&status=success")),
        (400, format!("{recipients}?after=-1")),
        (400, format!("{recipients}?status=delivered")),
        (400, format!("{recipients}?cursor=0")),
        (404, format!("{recipients}/1")),
        (404, format!("/api/v2/sms/{id}/")),
        (404, format!("/api/v2/sms/{id}x")),
        (404, "/api/v2/sms/none/recipients?after=0".to_owned()),
    ] {
        assert_eq!(ask(&mut gateway, SECOND, &read(&target)).0, status, "{target}");
    }
    let mut posted = json("");
    posted.path = "/api/v2/sms".to_owned();
    assert_eq!(ask(&mut gateway, SECOND, &posted).0, 404);
}

#[test]
fn sums_come_with_a_message_once_nothing_about_it_can_change() {
    let mut gateway = gateway(calm());
    let id = taken(&mut gateway, Duration::ZERO, &send("hi", 1_000));
    let target = format!("/api/v2/sms/{id}");
    let mut one = |at| question(&mut gateway, at, &target);
    assert_eq!(one(SECOND / 2), value!({ "uuid": id, "status": "pending" }));
    assert_eq!(one(2 * SECOND), value!({ "uuid": id, "status": "sent" }), "some are still on their way");
    let sums = one(3 * SECOND)["drSummary"].clone();
    let total: u64 = sums.as_object().expect("a map").values().filter_map(Value::as_u64).sum();
    assert_eq!(total, 1_000);
    assert!((880..=960).contains(&sums["success"].as_u64().expect("some")), "{sums}");
    assert_eq!(one(MUCH_LATER)["drSummary"], sums);
}

#[test]
fn pages_show_everybody_once_in_order_and_agree_with_the_summary() {
    let mut gateway = gateway(calm());
    taken(&mut gateway, Duration::ZERO, &send("before", 3));
    let id = taken(&mut gateway, Duration::ZERO, &send("hi", 1_003));
    let pages = pages(&mut gateway, MUCH_LATER, &id, "&limit=100");
    assert_eq!(pages.len(), 11);
    let items = items(&pages);
    let numbers: Vec<u64> = items
        .iter()
        .map(|item| item["msisdn"].as_str().and_then(|text| text.parse().ok()).expect("a number"))
        .collect();
    assert!(numbers.into_iter().eq(66_800_000_001..66_800_001_004));
    assert!(items.windows(2).all(|pair| pair[0]["id"].as_u64() < pair[1]["id"].as_u64()));
    let mut counted = BTreeMap::new();
    for item in &items {
        *counted.entry(item["status"].as_str().expect("a word").to_owned()).or_insert(0) += 1;
    }
    assert!(pages.iter().all(|page| sums(page) == counted), "{counted:?}");
    let words: Vec<_> = counted.keys().map(String::as_str).collect();
    assert_eq!(words, ["blocked", "expired", "failed", "invalid", "success", "timeout"]);
}

#[test]
fn a_page_of_one_status_holds_nobody_else() {
    let mut gateway = gateway(calm());
    let id = taken(&mut gateway, Duration::ZERO, &send("hi", 1_000));
    let whole = pages(&mut gateway, MUCH_LATER, &id, "");
    for (status, count) in sums(&whole[0]) {
        let pages = pages(&mut gateway, MUCH_LATER, &id, &format!("&limit=7&status={status}"));
        let items = items(&pages);
        assert_eq!(items.len() as u64, count, "{status}");
        assert!(items.iter().all(|item| item["status"] == value!(status)));
        let first =
            question(&mut gateway, MUCH_LATER, &format!("/api/v2/sms/{id}/recipients?status={status}"));
        assert_eq!(first["total"], count);
    }
}

#[test]
fn without_a_cursor_there_is_a_total_instead() {
    let mut gateway = gateway(calm());
    let id = taken(&mut gateway, Duration::ZERO, &send("hi", 250));
    let page = question(&mut gateway, MUCH_LATER, &format!("/api/v2/sms/{id}/recipients"));
    assert_eq!((page["recipients"].as_array().map(Vec::len), &page["total"]), (Some(100), &value!(250)));
    assert!(page.get("nextCursor").is_none() && page.get("hasMore").is_none(), "{page}");
    let last = question(&mut gateway, MUCH_LATER, &format!("/api/v2/sms/{id}/recipients?after=99999"));
    assert_eq!((&last["recipients"], &last["hasMore"]), (&value!([]), &value!(false)));
}

#[test]
fn a_set_changes_while_it_is_read_and_only_forwards() {
    let mut gateway = gateway(calm());
    let id = taken(&mut gateway, Duration::ZERO, &send("hi", 500));
    let mut before: Vec<Value> = Vec::new();
    let mut pending = Vec::new();
    for tenth in 0..40 {
        let pages = pages(&mut gateway, tenth * SECOND / 10, &id, "&limit=200");
        let now: Vec<Value> = items(&pages).into_iter().map(|item| item["status"].clone()).collect();
        for (was, is) in before.iter().zip(&now) {
            assert!(*was == "pending" || was == is, "{was} became {is}");
        }
        pending.push(now.iter().filter(|status| **status == "pending").count());
        before = now;
    }
    assert_eq!((pending[0], pending[1], pending[39]), (500, 500, 0));
    assert!(pending[10] > pending[20] && pending[20] > 0, "{pending:?}");
}

#[test]
fn the_seed_alone_decides_what_becomes_of_whom() {
    let sums = |seed| {
        let mut gateway = gateway(Config { seed, ..calm() });
        let id = taken(&mut gateway, Duration::ZERO, &send("hi", 1_000));
        pages(&mut gateway, MUCH_LATER, &id, "&limit=1000")[0]["recipients"].clone()
    };
    assert_eq!(sums(1), sums(1));
    assert_ne!(sums(1), sums(2));
}

#[test]
fn the_mix_decides_how_many_fare_how() {
    for (mix, word) in [
        (DeliveryMix { failed: 1.0, ..DeliveryMix::all_delivered() }, "failed"),
        (DeliveryMix { invalid: 1.0, ..DeliveryMix::all_delivered() }, "invalid"),
        (DeliveryMix { blocked: 1.0, ..DeliveryMix::all_delivered() }, "blocked"),
        (DeliveryMix { expired: 1.0, ..DeliveryMix::all_delivered() }, "expired"),
        (DeliveryMix { timeout: 1.0, ..DeliveryMix::all_delivered() }, "timeout"),
        (DeliveryMix { pending: 1.0, ..DeliveryMix::all_delivered() }, "pending"),
        (DeliveryMix::all_delivered(), "success"),
    ] {
        let mut gateway = gateway(Config { delivery: mix, ..calm() });
        let id = taken(&mut gateway, Duration::ZERO, &send("hi", 20));
        let one = question(&mut gateway, MUCH_LATER, &format!("/api/v2/sms/{id}"));
        assert_eq!(one["drSummary"], value!({ word: 20 }));
    }
}

#[test]
fn lists_lag_behind_and_one_message_by_its_id_does_not() {
    let records = Records { lag: 5 * SECOND, ..Records::default() };
    let mut gateway = gateway(Config { records, ..calm() });
    let id = taken(&mut gateway, Duration::ZERO, &send_one_thai());
    let mut total = |at| question(&mut gateway, at, "/api/v2/sms")["total"].clone();
    assert_eq!(
        (total(Duration::ZERO), total(4 * SECOND), total(5 * SECOND)),
        (value!(0), value!(0), value!(1))
    );
    assert_eq!(question(&mut gateway, Duration::ZERO, &format!("/api/v2/sms/{id}"))["uuid"], value!(id));
}

#[test]
fn what_is_older_than_the_retention_is_forgotten() {
    let records = Records { retention: Some(60 * SECOND), ..Records::default() };
    let mut gateway = gateway(Config { records, ..calm() });
    let old = taken(&mut gateway, Duration::ZERO, &send("old", 1));
    let new = taken(&mut gateway, 30 * SECOND, &send("new", 1));
    let mut status = |at, id: &str| ask(&mut gateway, at, &read(&format!("/api/v2/sms/{id}"))).0;
    assert_eq!((status(60 * SECOND, &old), status(61 * SECOND, &old)), (200, 404));
    assert_eq!(status(61 * SECOND, &new), 200);
    taken(&mut gateway, 62 * SECOND, &send("newest", 1));
    let list = question(&mut gateway, 62 * SECOND, "/api/v2/sms");
    assert_eq!((contents(&list), &list["total"]), (vec!["newest", "new"], &value!(2)));
    assert_eq!(ask(&mut gateway, 62 * SECOND, &read(&format!("/api/v2/sms/{new}"))).0, 200);
    assert_eq!(gateway.ledger().count(), 3, "the ledger forgets nothing");
}

#[test]
fn other_traffic_looks_almost_the_same_and_is_in_no_ledger() {
    let records = Records { lookalikes: 3, ..Records::default() };
    let mut config =
        Config { records, ..with_account(Face::MeSms, |account| account.balance = Some(Micros(9_000_000))) };
    config.delivery = DeliveryMix::all_delivered();
    let mut gateway = gateway(config);
    let id = taken(&mut gateway, Duration::ZERO, &send("Sale ends today", 2));
    let list = question(&mut gateway, MUCH_LATER, "/api/v2/sms");
    assert_eq!(list["total"], 4);
    let messages = list["messages"].as_array().expect("a list");
    let fingerprint = |message: &Value| {
        [&message["sender"], &message["content"], &message["recipients"]].map(ToString::to_string)
    };
    let ours = messages.iter().find(|message| message["uuid"] == value!(id)).expect("ours");
    let others: Vec<&Value> = messages.iter().filter(|message| message["uuid"] != value!(id)).collect();
    let alike = others.iter().filter(|other| fingerprint(other) == fingerprint(ours)).count();
    assert_eq!((others.len(), alike), (3, 1), "one differs in its numbers alone");
    for other in others {
        let id = other["uuid"].as_str().expect("an id");
        let page = question(&mut gateway, MUCH_LATER, &format!("/api/v2/sms/{id}/recipients?after=0"));
        let same_numbers = page["recipients"][0]["msisdn"] == "66800000001";
        assert_ne!(same_numbers, fingerprint(other) == fingerprint(ours));
    }
    assert_eq!((gateway.ledger().count(), gateway.recipients_taken()), (2, 2));
    assert_eq!(question(&mut gateway, MUCH_LATER, "/api/v2/credits")["credits"], 7);
}

#[test]
fn a_preview_costs_nothing_and_needs_no_scope_to_send() {
    let config = with_account(Face::MeSms, |account| {
        account.may_send = false;
        account.balance = Some(Micros(1_000_000));
    });
    let mut gateway = gateway(config);
    let mut preview = send(&"x".repeat(161), 3);
    assert_eq!(ask(&mut gateway, Duration::ZERO, &preview).0, 403);
    preview.path = "/api/v2/sms/preview".to_owned();
    let (status, reply) = ask(&mut gateway, Duration::ZERO, &preview);
    assert_eq!((status, reply), (200, value!({ "recipients": 3, "parts": 2, "credits": 6 })));
    assert_eq!(question(&mut gateway, Duration::ZERO, "/api/v2/sms")["total"], 0);
    assert_eq!(
        (gateway.recipients_taken(), &question(&mut gateway, Duration::ZERO, "/api/v2/credits")["credits"]),
        (0, &value!(1))
    );
    let mut wrong = json(r#"{"sender":"VolleyTH","content":"hi","msisdns":["1"]}"#);
    wrong.path = "/api/v2/sms/preview".to_owned();
    assert_eq!(ask(&mut gateway, Duration::ZERO, &wrong).0, 400);
}

#[test]
fn senders_are_listed_approved_or_not_and_only_approved_ones_send() {
    let mut gateway = gateway(with_account(Face::MeSms, |account| {
        account.senders = Some(vec!["VolleyTH".to_owned()]);
        account.pending_senders = vec!["NewName".to_owned()];
    }));
    assert_eq!(
        question(&mut gateway, Duration::ZERO, "/api/v2/senders"),
        value!({ "senders": [{ "name": "VolleyTH", "status": "approved" }, { "name": "NewName", "status": "pending" }] })
    );
    let mut sent = send_one_thai();
    sent.body = String::from_utf8_lossy(&sent.body).replace("VolleyTH", "NewName").into();
    assert_eq!(ask(&mut gateway, Duration::ZERO, &sent).0, 400);
}

#[test]
fn a_million_recipients_are_paged_to_the_last() {
    let mut gateway = gateway(calm());
    let numbers: Vec<String> = (66_800_000_000..66_801_000_000_u64).map(|to| to.to_string()).collect();
    let numbers = numbers.join("\",\"");
    let sent = format!(r#"{{"sender":"VolleyTH","content":"hi","msisdns":["{numbers}"]}}"#);
    let request = json(&sent);
    let id = taken(&mut gateway, Duration::ZERO, &request);
    let (mut after, mut seen, mut first_sums) = (value!(0), 0, None);
    loop {
        let target = format!("/api/v2/sms/{id}/recipients?after={after}&limit=10000");
        let page = question(&mut gateway, MUCH_LATER, &target);
        seen += page["recipients"].as_array().map_or(0, Vec::len);
        let sums = sums(&page);
        assert_eq!(first_sums.get_or_insert_with(|| sums.clone()), &sums);
        if page["hasMore"] == false {
            break;
        }
        after = page["nextCursor"].clone();
    }
    let sums = first_sums.expect("a page");
    assert_eq!((seen, sums.values().sum::<u64>()), (1_000_000, 1_000_000));
    assert!((918_000..922_000).contains(&sums["success"]), "{sums:?}");
}
