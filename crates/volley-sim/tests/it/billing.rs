//! What is billed: by whose count, at which price, and what a bad gateway does to it.

use crate::support::{Cases, FORM, answer_of, body, calm, form, gateway, json, request, with_account};
use serde_json::{Value, json as value};
use std::{fs, str, time::Duration};
use volley_core::{
    Alphabet, BreakAt, ConcatRef, Language, Micros, National, Price, Profile, RateCard, Rounding, Shifts,
};
use volley_sim::{Account, Config, Entry, Face, Fault, Gateway, Messages, Mischief, Reply, Request};

/// The faces that can be asked what is left; the others have a law of their own, further down.
const FACES: [Face; 2] = [Face::TransmitSms, Face::MeSms];

/// A number that is reserved for fiction.
const TO: u64 = 61_491_570_006;

/// One text to so many numbers from [`TO`] on.
fn send(face: Face, text: &str, count: u64) -> Request {
    let numbers: Vec<String> = (TO..TO + count).map(|number| number.to_string()).collect();
    if face == Face::TransmitSms {
        form("/send-sms.json", &[("message", text), ("to", &numbers.join(","))])
    } else {
        json(&value!({ "sender": "VolleyTH", "content": text, "msisdns": numbers }).to_string())
    }
}

/// The amount of member `name`, to the last digit that was written.
fn amount(reply: &Reply, name: &str) -> Option<Micros> {
    let text = str::from_utf8(&reply.body).expect("a reply is UTF-8");
    let (_, rest) = text.split_once(&format!("\"{name}\":"))?;
    let digits = rest.split([',', '}']).next()?;
    Some(digits.parse().unwrap_or_else(|fault| panic!("{name} in {text}: {fault}")))
}

/// What the reply says that the request costs.
fn told(face: Face, reply: &Reply) -> Option<Micros> {
    amount(reply, if face == Face::TransmitSms { "cost" } else { "credits" })
}

/// What is left on the account of `face`.
fn left(face: Face, gateway: &mut Gateway) -> Micros {
    let (ask, name) = if face == Face::TransmitSms {
        (form("/get-balance.json", &[]), "balance")
    } else {
        (request("GET", "/api/v2/credits", &[("x-api-key", "sim-key")], String::new()), "credits")
    };
    let reply = gateway.answer(Duration::ZERO, &ask).reply;
    amount(&reply, name).expect("a balance")
}

fn sum(amounts: impl IntoIterator<Item = Micros>) -> Micros {
    let mut amounts = amounts.into_iter();
    amounts.try_fold(Micros::ZERO, Micros::checked_add).expect("little money")
}

fn price(prefix: &str, per_segment: i64, per_message: i64) -> Price {
    Price { prefix: prefix.to_owned(), per_segment: Micros(per_segment), per_message: Micros(per_message) }
}

fn card(currency: &str, prices: Vec<Price>, rounding: Rounding) -> RateCard {
    RateCard::new(currency.parse().expect("a currency"), prices, rounding).expect("a card")
}

#[test]
fn the_accounts_profile_decides_the_parts() {
    let usual = || Profile::STANDARD;
    let national = |national| Profile { national, ..usual() };
    let shifts = |locking, single| national(National::Use(Shifts { locking, single }));
    let turkish = Some(Language::Turkish);
    let wide_ref = Profile { concat_ref: ConcatRef::Bits16, ..usual() };
    let whole_clusters = Profile { break_at: BreakAt::Grapheme, ..usual() };
    let no_euro = Profile { alphabet: Alphabet::Without("€".to_owned()), ..usual() };
    let (long, thumbs) = ("x".repeat(306), "👍🏽".repeat(33));
    let (full, almost_full) = ("x".repeat(160), "x".repeat(155));
    let (letters, euros) = ("ş".repeat(100), "€".repeat(80));
    for (name, text, profile, parts) in [
        ("8-bit reference", &long, usual(), 2),
        ("16-bit reference", &long, wide_ref, 3),
        ("cut anywhere", &thumbs, usual(), 2),
        ("clusters kept whole", &thumbs, whole_clusters, 3),
        ("no national tables", &letters, usual(), 2),
        ("a national table", &letters, national(National::Allow(turkish.into_iter().collect())), 1),
        ("room for 160", &full, usual(), 1),
        ("room for 155", &full, shifts(turkish, None), 2),
        ("one table", &almost_full, shifts(None, turkish), 1),
        ("two tables", &almost_full, shifts(turkish, turkish), 2),
        ("the euro in GSM-7", &euros, usual(), 1),
        ("no euro in GSM-7", &euros, no_euro, 2),
    ] {
        for face in FACES {
            let config = with_account(face, |account| account.profile = profile.clone());
            let mut gateway = gateway(config);
            let reply = gateway.answer(Duration::ZERO, &send(face, text, 2)).reply;
            let billed = if face == Face::TransmitSms {
                (body(&reply)["sms"].clone(), Micros(50_000))
            } else {
                (body(&reply)["parts"].clone(), Micros(1_000_000))
            };
            let said = if face == Face::TransmitSms { 2 * parts } else { parts };
            assert_eq!(billed.0, value!(said), "{name}, {face:?}");
            assert_eq!(told(face, &reply), billed.1.checked_mul(2 * parts), "{name}, {face:?}");
            assert!(gateway.ledger().all(|entry| entry.parts == parts), "{name}, {face:?}");
        }
    }
}

#[test]
fn the_other_accounts_count_as_before() {
    let mut config = calm();
    config.accounts.push(Account {
        key: "another".to_owned(),
        profile: Profile { concat_ref: ConcatRef::Bits16, ..Profile::STANDARD },
        limit: None,
        ..Account::new(Face::MeSms)
    });
    let text = "x".repeat(306);
    let mut other = send(Face::MeSms, &text, 1);
    other.headers[0].1 = "another".to_owned();
    let mut gateway = gateway(config);
    for request in [send(Face::MeSms, &text, 1), other] {
        gateway.answer(Duration::ZERO, &request);
    }
    assert_eq!(gateway.ledger().map(|entry| entry.parts).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_message_costs_what_the_card_says() {
    let prices = vec![price("61", 54_500, 0), price("6149157000", 10_001, 500), price("66", 1, 0)];
    // Two messages of two parts: to 61491570006 by the long prefix, to 61491570156 by the short.
    for (rounding, cost) in [
        (Rounding::Exact, "0.129502"),
        (Rounding::PerMessage(3), "0.13"),
        (Rounding::PerMessage(2), "0.13"),
        (Rounding::PerMessage(0), "0"),
        (Rounding::Total(0), "0.129502"),
    ] {
        let config = Config { prices: Some(card("AUD", prices.clone(), rounding)), ..calm() };
        let text = "x".repeat(161);
        let sent = form("/send-sms.json", &[("message", &text), ("to", "61491570006,61491570156")]);
        let reply = answer_of(config, &sent).reply;
        let cost: Micros = cost.parse().expect("an amount");
        assert_eq!(told(Face::TransmitSms, &reply), Some(cost), "{rounding:?}");
    }
}

#[test]
fn a_card_in_credits_prices_mesms_and_one_in_money_transmitsms() {
    let costs = |currency: &str, digits: &str| {
        let prices = vec![price("61", 2_500_000, 250_000)];
        let config = || Config { prices: Some(card(currency, prices.clone(), Rounding::Exact)), ..calm() };
        let numbers = digits.split(',').collect::<Vec<_>>();
        let sent = value!({ "sender": "VolleyTH", "content": "hi", "msisdns": numbers }).to_string();
        let thai = answer_of(config(), &json(&sent)).reply;
        let money = form("/send-sms.json", &[("message", "hi"), ("to", digits)]);
        let money = answer_of(config(), &money).reply;
        let balance = body(&answer_of(config(), &form("/get-balance.json", &[])).reply);
        let told = |face, reply| told(face, reply).map(|cost| cost.0);
        (told(Face::MeSms, &thai), told(Face::TransmitSms, &money), balance["currency"].clone())
    };
    let known = "61491570006";
    for currency in ["CREDIT", "CREDITS", "credits"] {
        assert_eq!(costs(currency, known), (Some(2_750_000), Some(50_000), value!("AUD")), "{currency}");
    }
    assert_eq!(costs("THB", known), (Some(1_000_000), Some(2_750_000), value!("THB")));
    let two = "61491570006,66800000001";
    assert_eq!(costs("CREDIT", two).0, Some(3_750_000), "what the card does not know is a credit a part");
    assert_eq!(costs("THB", two).1, Some(2_800_000), "or 0.05");
}

#[test]
fn a_dry_run_is_priced_by_the_card_and_never_has_a_part_too_many() {
    let prices = Some(card("CREDIT", vec![price("61", 1_500_000, 0)], Rounding::Exact));
    let config = Config { prices, extra_parts: vec![Messages::Every(1)], ..calm() };
    let sent = value!({ "sender": "VolleyTH", "content": "hi", "msisdns": ["61491570006"], "dryRun": true });
    let reply = body(&answer_of(config, &json(&sent.to_string())).reply);
    assert_eq!(reply, value!({ "dryRun": true, "recipients": 1, "parts": 1, "credits": 1.5 }));
}

#[test]
fn an_account_may_round_the_price_of_a_request_and_charges_what_it_says() {
    let prices = Some(card("AUD", vec![price("61", 54_499, 0)], Rounding::Exact));
    for (decimals, cost) in [(6, "0.163497"), (4, "0.1635"), (3, "0.163"), (2, "0.16"), (0, "0")] {
        let mut config = with_account(Face::TransmitSms, |account| {
            account.cost_decimals = decimals;
            account.balance = Some(Micros(1_000_000));
        });
        config.prices.clone_from(&prices);
        let mut gateway = gateway(config);
        let reply = gateway.answer(Duration::ZERO, &send(Face::TransmitSms, "hi", 3)).reply;
        let cost: Micros = cost.parse().expect("an amount");
        assert_eq!(told(Face::TransmitSms, &reply), Some(cost), "{decimals} decimals");
        let spent = Micros(1_000_000).checked_sub(left(Face::TransmitSms, &mut gateway));
        assert_eq!(spent, Some(cost), "{decimals} decimals");
        assert_eq!(sum(gateway.ledger().map(|entry| entry.charged)), cost, "{decimals} decimals");
    }
}

#[test]
fn an_extra_part_is_billed_to_exactly_the_chosen_messages_and_to_nobody_else() {
    // Three requests of four messages each; messages are numbered from 1 over all of them.
    let cases: [(Vec<Messages>, &[usize]); 9] = [
        (vec![], &[]),
        (vec![Messages::Every(5)], &[5, 10]),
        (vec![Messages::Every(1)], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        (vec![Messages::Numbered([1, 6, 12, 13].into())], &[1, 6, 12]),
        (vec![Messages::OfRequests { first: 2, last: 2 }], &[5, 6, 7, 8]),
        (vec![Messages::OfRequests { first: 3, last: 9 }], &[9, 10, 11, 12]),
        (vec![Messages::Chance(0.0)], &[]),
        (vec![Messages::Chance(1.0)], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        (vec![Messages::Every(4), Messages::Numbered([2, 4].into())], &[2, 4, 8, 12]),
    ];
    for ((extra_parts, chosen), face) in
        cases.into_iter().flat_map(|case| FACES.map(|face| (case.clone(), face)))
    {
        let name = format!("{extra_parts:?}, {face:?}");
        let config = with_account(face, |account| account.balance = Some(Micros(100_000_000)));
        let mut gateway = gateway(Config { extra_parts, ..config });
        let each = if face == Face::TransmitSms { 50_000 } else { 1_000_000 };
        for first in [1, 5, 9] {
            let reply = gateway.answer(Duration::ZERO, &send(face, "hi", 4)).reply;
            let extra = chosen.iter().filter(|message| (first..first + 4).contains(*message)).count() as u64;
            let cost = i64::try_from(4 + extra).expect("few") * each;
            assert_eq!(told(face, &reply), Some(Micros(cost)), "{name}");
            let body = body(&reply);
            if face == Face::TransmitSms {
                assert_eq!(body["sms"], value!(4 + extra), "{name}");
            } else {
                // One figure for all messages, where there is one.
                let parts = match extra {
                    0 => value!(1),
                    4 => value!(2),
                    _ => Value::Null,
                };
                assert_eq!(body["parts"], parts, "{name}");
            }
        }
        let expected: Vec<_> = (1..=12)
            .map(|message| if chosen.contains(&message) { (2, Micros(2 * each)) } else { (1, Micros(each)) })
            .collect();
        let billed: Vec<_> = gateway.ledger().map(|entry| (entry.parts, entry.charged)).collect();
        assert_eq!(billed, expected, "{name}");
        let total = sum(expected.iter().map(|one| one.1));
        assert_eq!(Micros(100_000_000).checked_sub(left(face, &mut gateway)), Some(total), "{name}");
    }
}

#[test]
fn the_same_seed_chooses_the_same_messages_whatever_the_requests() {
    let chosen = |seed, sizes: &[u64]| {
        let config = Config { seed, extra_parts: vec![Messages::Chance(0.3)], ..calm() };
        let mut gateway = gateway(config);
        for &size in sizes {
            gateway.answer(Duration::ZERO, &send(Face::MeSms, "hi", size));
        }
        gateway.ledger().map(|entry| entry.parts).collect::<Vec<_>>()
    };
    let parts = chosen(7, &[60]);
    assert_eq!(parts, chosen(7, &[1, 9, 20, 30]));
    assert_ne!(parts, chosen(8, &[60]));
    let extra = parts.iter().filter(|&&parts| parts == 2).count();
    assert!((6..=32).contains(&extra), "{extra} of 60 at 0.3");
}

#[test]
fn an_extra_part_and_a_fault_do_not_keep_each_other_away() {
    let faults = vec![Fault::at(2, Mischief::CommitThenDrop), Fault::at(3, Mischief::Reset)];
    let mut gateway = gateway(Config { faults, extra_parts: vec![Messages::Every(2)], ..calm() });
    for _ in 0..4 {
        gateway.answer(Duration::ZERO, &send(Face::TransmitSms, "hi", 1));
    }
    // The third request was never taken, so the fourth carries message number 3.
    let billed: Vec<_> = gateway.ledger().map(|entry| (entry.request, entry.parts)).collect();
    assert_eq!(billed, [(1, 1), (2, 2), (4, 1)]);
}

#[test]
fn a_reply_without_a_price_says_everything_else_and_is_charged() {
    for (face, name) in FACES.into_iter().zip(["cost", "credits"]) {
        let config = with_account(face, |account| account.balance = Some(Micros(9_000_000)));
        let mut gateway = gateway(Config { faults: vec![Fault::at(2, Mischief::NoPrice)], ..config });
        let [whole, silent] =
            [(); 2].map(|()| body(&gateway.answer(Duration::ZERO, &send(face, "hi", 2)).reply));
        let keys = |body: &Value| -> Vec<String> {
            body.as_object().expect("a reply").keys().filter(|key| *key != name).cloned().collect()
        };
        assert!(whole.get(name).is_some() && silent.get(name).is_none(), "{silent}");
        assert_eq!(keys(&whole), keys(&silent));
        let charged: Vec<_> = gateway.ledger().map(|entry| entry.charged).collect();
        assert_eq!((charged.len(), charged[0]), (4, charged[3]));
        assert_eq!(Micros(9_000_000).checked_sub(left(face, &mut gateway)), Some(sum(charged)));
    }
}

#[test]
fn the_file_says_what_was_charged_as_the_memory_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.jsonl");
    let prices = Some(card("AUD", vec![price("61", 54_500, 0)], Rounding::Exact));
    let mut config = with_account(Face::TransmitSms, |account| account.cost_decimals = 3);
    config =
        Config { prices, ledger_file: Some(path.clone()), extra_parts: vec![Messages::Every(3)], ..config };
    let mut gateway = gateway(config);
    gateway.answer(Duration::ZERO, &send(Face::TransmitSms, "hi", 5));
    gateway.answer(Duration::ZERO, &send(Face::MeSms, "hi", 2));
    let written = fs::read_to_string(&path).expect("the ledger is there");
    let written: Vec<_> = written
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            (line["to"].clone(), line["parts"].clone(), line["charged"].clone())
        })
        .collect();
    let kept = |entry: Entry<'_>| {
        (value!(entry.to.to_string()), value!(entry.parts), value!(entry.charged.to_string()))
    };
    assert_eq!(written, gateway.ledger().map(kept).collect::<Vec<_>>());
    let charged: Vec<_> = written.iter().filter_map(|line| line.2.as_str()).collect();
    assert_eq!(charged, ["0.0550", "0.0540", "0.1090", "0.0550", "0.0540", "2.0000", "1.0000"]);
}

/// A gateway that bills in some way, and a balance of its accounts that may not be enough.
fn any_gateway(cases: &mut Cases) -> (Config, Micros) {
    let mut below = |bound: u64| i64::try_from(cases.below(bound)).expect("small");
    let decimals = |number: i64| u8::try_from(number).expect("small");
    let balance = Micros(below(60_000_000));
    let rounding = match below(3) {
        0 => Rounding::Exact,
        1 => Rounding::PerMessage(decimals(below(7))),
        _ => Rounding::Total(decimals(below(7))),
    };
    let prices = vec![price("61", below(90_000), below(20_000)), price("6149157000", below(90_000), 0)];
    let prices = match below(4) {
        0 => None,
        1 => Some(card("CREDIT", prices, rounding)),
        _ => Some(card("AUD", prices, rounding)),
    };
    let extra_parts = match below(4) {
        0 => Vec::new(),
        1 => vec![Messages::Every(1 + below(9).unsigned_abs())],
        2 => vec![Messages::Numbered([2, 3, 11].into())],
        _ => vec![Messages::Chance(0.2), Messages::OfRequests { first: 2, last: 3 }],
    };
    let mut config = Config { prices, extra_parts, seed: below(1_000).unsigned_abs(), ..calm() };
    for account in &mut config.accounts {
        account.balance = Some(balance);
        account.cost_decimals = decimals(below(7));
        if below(2) == 0 {
            account.profile.concat_ref = ConcatRef::Bits16;
        }
    }
    (config, balance)
}

#[test]
fn the_ledger_the_replies_and_the_balance_agree_to_the_last_digit() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 1..=300 {
        let mut cases = Cases(seed);
        let (config, start) = any_gateway(&mut cases);
        let profiles: Vec<Profile> = config.accounts.iter().map(|account| account.profile.clone()).collect();
        let mut gateway = gateway(config);
        let mut told_in_all = [Micros::ZERO; 2];
        for number in 1..=12 {
            let name = format!("seed {seed}, request {number}");
            let index = usize::from(cases.below(2) == 0);
            let text = "x".repeat(1 + usize::try_from(cases.below(500)).expect("small"));
            let reply = gateway.answer(Duration::ZERO, &send(FACES[index], &text, 1 + cases.below(20))).reply;
            let entries: Vec<_> = gateway.ledger().filter(|entry| entry.request == number).collect();
            if reply.status != 200 {
                refused += 1;
                assert!(entries.is_empty(), "{name}");
                continue;
            }
            taken += 1;
            let told = told(FACES[index], &reply).expect("a price");
            assert_eq!(sum(entries.iter().map(|entry| entry.charged)), told, "{name}");
            told_in_all[index] = sum([told_in_all[index], told]);
            let counted = profiles[index].count(&text).count;
            for entry in &entries {
                assert!((counted..=counted + 1).contains(&entry.parts), "{name}: {}", entry.parts);
                assert!(entry.charged >= Micros::ZERO, "{name}: {}", entry.charged);
            }
            let parts: u64 = entries.iter().map(|entry| u64::from(entry.parts)).sum();
            if FACES[index] == Face::TransmitSms {
                assert_eq!(body(&reply)["sms"], value!(parts), "{name}");
            } else {
                let said = body(&reply)["parts"].as_u64().map(|each| each * entries.len() as u64);
                assert!(said.is_none_or(|said| said == parts), "{name}: {said:?}");
            }
        }
        for (face, told) in FACES.into_iter().zip(told_in_all) {
            let charged = gateway.ledger().filter(|entry| entry.face == face).map(|entry| entry.charged);
            assert_eq!(sum(charged), told, "seed {seed}, {face:?}");
            assert_eq!(start.checked_sub(left(face, &mut gateway)), Some(told), "seed {seed}, {face:?}");
        }
    }
    assert!(taken > 1_000 && refused > 100, "some of each: {taken} taken, {refused} refused");
}

/// One text over a face that tells no balance; to ten numbers with Fone Dynamics, to one else.
fn send_alone(face: Face, text: &str) -> Request {
    let typed = |path, basic, media, body: String| {
        request("POST", path, &[("authorization", basic), ("content-type", media)], body)
    };
    let form = |fields: &[(&str, &str)]| {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    };
    match face {
        Face::MaxoTel => {
            let to = ("destination", "0491570006");
            let fields = form(&[("key", "sim-key"), ("origin", "ShopAlert"), to, ("message", text)]);
            typed("/sms/send", "", FORM, fields)
        }
        Face::MultiTel => {
            let basic = "Basic c2ltLXVzZXI6c2ltLXBhc3N3b3Jk";
            let fields = form(&[("from", "15555550199"), ("to", &TO.to_string()), ("text", text)]);
            typed("/v3/sendsms", basic, FORM, fields)
        }
        _ => {
            let messages = (TO..TO + 10).map(|to| value!({ "To": format!("+{to}"), "Text": text }));
            let body = value!({ "Messages": messages.collect::<Vec<_>>() }).to_string();
            let basic = "Basic c2ltLWFjY291bnQ6c2ltLXRva2Vu";
            typed("/v2/Properties/sim-property/BatchMessages", basic, "application/json", body)
        }
    }
}

#[test]
fn the_faces_that_tell_no_balance_charge_what_they_say_and_never_more() {
    let mut refused = 0;
    for seed in 1..=300 {
        let mut cases = Cases(seed);
        let (mut config, start) = any_gateway(&mut cases);
        let start = Micros(start.0 / 30);
        for account in &mut config.accounts {
            account.balance = Some(start);
            account.foreign_numbers = true;
        }
        let mut gateway = gateway(config);
        for number in 1..=12 {
            let face = [Face::MaxoTel, Face::MultiTel, Face::FoneDynamics]
                [usize::from(number % 3 == 0) + usize::from(cases.below(2) == 0)];
            let text = "x".repeat(1 + usize::try_from(cases.below(500)).expect("small"));
            let reply = gateway.answer(Duration::ZERO, &send_alone(face, &text)).reply;
            let entries: Vec<_> = gateway.ledger().filter(|entry| entry.request == number).collect();
            let name = format!("seed {seed}, request {number}, {face:?}: {:?}", reply.body);
            let (told, told_parts) = match face {
                Face::MaxoTel => (amount(&reply, "price"), body(&reply)["parts"].as_u64()),
                Face::MultiTel => (amount(&reply, "cost"), body(&reply)["response"]["parts"].as_u64()),
                _ => {
                    let items = body(&reply);
                    let items = items.as_array().expect("a list").iter();
                    let parts: Vec<_> = items.filter_map(|item| item["NumSegments"].as_u64()).collect();
                    let said = entries.iter().map(|entry| u64::from(entry.parts)).eq(parts.iter().copied());
                    assert!(said, "{name}");
                    (None, None)
                }
            };
            refused += usize::from(entries.len() < if face == Face::FoneDynamics { 10 } else { 1 });
            if face != Face::FoneDynamics {
                assert_eq!(entries.first().map(|entry| entry.charged), told, "{name}");
                assert_eq!(entries.first().map(|entry| u64::from(entry.parts)), told_parts, "{name}");
            }
        }
        for face in [Face::MaxoTel, Face::MultiTel, Face::FoneDynamics] {
            let charged = gateway.ledger().filter(|entry| entry.face == face).map(|entry| entry.charged);
            assert!(sum(charged) <= start, "seed {seed}, {face:?}");
        }
    }
    assert!(refused > 100, "{refused} could not be paid for");
}

#[test]
fn a_card_in_money_prices_all_faces_but_mesms() {
    let prices = vec![price("61", 20_000, 5_000)];
    for (currency, maxotel, multitel, fonedynamics) in
        [("AUD", 45_000, 45_000, 45_000), ("CREDIT", 100_000, 30_000, 100_000)]
    {
        for (face, charged) in
            [(Face::MaxoTel, maxotel), (Face::MultiTel, multitel), (Face::FoneDynamics, fonedynamics)]
        {
            let mut config = with_account(face, |account| account.foreign_numbers = true);
            config.prices = Some(card(currency, prices.clone(), Rounding::Exact));
            let mut gateway = gateway(config);
            gateway.answer(Duration::ZERO, &send_alone(face, &"x".repeat(161)));
            let each = gateway.ledger().next().map(|entry| entry.charged);
            assert_eq!(each, Some(Micros(charged)), "{currency}, {face:?}");
        }
    }
}

#[test]
fn a_part_too_many_in_a_batch_is_the_chosen_messages_and_no_neighbours() {
    let mut gateway = gateway(Config { extra_parts: vec![Messages::Numbered([3, 12].into())], ..calm() });
    for _ in 0..2 {
        gateway.answer(Duration::ZERO, &send_alone(Face::FoneDynamics, "hi"));
    }
    let long: Vec<_> = (1..).zip(gateway.ledger()).filter(|one| one.1.parts == 2).map(|one| one.0).collect();
    assert_eq!(long, [3, 12]);
}
