//! What TransmitSMS tells about messages, numbers and money.

use crate::support::{ask, calm, form, gateway, send_one, with_account};
use serde_json::{Value, json as value};
use std::time::Duration;
use volley_core::Micros;
use volley_sim::{Config, DeliveryMix, Face, Gateway, Records, Request};

const SECOND: Duration = Duration::from_secs(1);
/// Later than anything is still on its way.
const MUCH_LATER: Duration = Duration::from_mins(1);
/// All that is sent at [`MUCH_LATER`] or before.
const PERIOD: [(&str, &str); 2] = [("start", "2026-12-01 00:00:00"), ("end", "2026-12-01 00:01:00")];

fn send(text: &str, numbers: u64) -> Request {
    let numbers: Vec<String> =
        (61_491_570_000..61_491_570_000 + numbers).map(|to: u64| to.to_string()).collect();
    form("/send-sms.json", &[("message", text), ("to", &numbers.join(",")), ("from", "ShopAlert")])
}

fn taken(gateway: &mut Gateway, at: Duration, request: &Request) -> String {
    let (status, reply) = ask(gateway, at, request);
    assert_eq!(status, 200, "{reply}");
    reply["message_id"].to_string()
}

fn question(gateway: &mut Gateway, at: Duration, method: &str, parameters: &[(&str, &str)]) -> Value {
    let (status, reply) = ask(gateway, at, &form(&format!("/{method}.json"), parameters));
    assert_eq!(
        (status, &reply["error"]),
        (200, &value!({ "code": "SUCCESS", "description": "OK" })),
        "{method}"
    );
    reply
}

fn code(gateway: &mut Gateway, method: &str, parameters: &[(&str, &str)]) -> String {
    let (status, reply) = ask(gateway, MUCH_LATER, &form(&format!("/{method}.json"), parameters));
    assert!(status == 200 || status == 400, "{reply}");
    reply["error"]["code"].as_str().expect("every reply has a code").to_owned()
}

/// Everything is delivered but a share that `change` names.
fn mixed(change: impl Fn(&mut DeliveryMix)) -> Config {
    let mut config = calm();
    config.delivery = DeliveryMix::all_delivered();
    change(&mut config.delivery);
    config
}

#[test]
fn one_message_is_told_with_its_sums() {
    let mut gateway = gateway(mixed(|_| ()));
    let id = taken(&mut gateway, Duration::ZERO, &send(&"x".repeat(161), 3));
    let one = question(&mut gateway, MUCH_LATER, "get-sms", &[("message_id", &id)]);
    assert_eq!(one["message_id"].to_string(), id);
    assert_eq!(one["send_at"], "2026-12-01 00:00:00");
    assert_eq!((&one["recipients"], &one["sms"], &one["cost"]), (&value!(3), &value!(6), &value!(0.3)));
    let stats = value!({ "delivered": 3, "pending": 0, "bounced": 0, "responses": 0, "optouts": 0 });
    assert_eq!(one["delivery_stats"], stats);
    let stats = question(&mut gateway, MUCH_LATER, "get-sms-stats", &[("message_id", &id)]);
    assert_eq!(
        stats["stats"],
        value!({ "hard_bounced": 0, "soft_bounced": 0, "total": 6, "recipientCount": 3, "delivered": 3,
            "pending": 0, "bounced": 0, "responses": 0, "opt-outs": 0, "link_hits": 0 })
    );
}

#[test]
fn seven_states_are_four_words() {
    type Share = fn(&mut DeliveryMix) -> &mut f64;
    let shares: [(Share, &str, bool); 6] = [
        (|mix| &mut mix.failed, "soft-bounce", false),
        (|mix| &mut mix.expired, "soft-bounce", false),
        (|mix| &mut mix.timeout, "soft-bounce", false),
        (|mix| &mut mix.invalid, "hard-bounce", false),
        (|mix| &mut mix.blocked, "hard-bounce", true),
        (|mix| &mut mix.pending, "pending", false),
    ];
    for (share, word, optout) in shares {
        let mut gateway = gateway(mixed(|mix| *share(mix) = 1.0));
        let id = taken(&mut gateway, Duration::ZERO, &send("hi", 2));
        let page = question(&mut gateway, MUCH_LATER, "get-sms-sent", &[("message_id", &id)]);
        for row in page["recipients"].as_array().expect("a list") {
            assert_eq!((&row["delivery_status"], &row["optout"]), (&value!(word), &value!(optout)));
            assert!(row["msisdn"].is_u64() && row["first_name"].is_null());
        }
        let stats = question(&mut gateway, MUCH_LATER, "get-sms-stats", &[("message_id", &id)]);
        let name = match word {
            "soft-bounce" => "soft_bounced",
            "hard-bounce" => "hard_bounced",
            other => other,
        };
        assert_eq!((&stats["stats"][name], &stats["stats"]["delivered"]), (&value!(2), &value!(0)));
        assert_eq!(stats["stats"]["opt-outs"], if optout { 2 } else { 0 });
    }
}

#[test]
fn recipients_come_in_pages_of_ten_and_of_a_hundred_at_most() {
    let mut gateway = gateway(calm());
    let id = taken(&mut gateway, Duration::ZERO, &send("hi", 250));
    let mut seen = Vec::new();
    for number in 1..=3 {
        let parameters = [("message_id", &*id), ("page", &number.to_string()), ("max", "100")];
        let page = question(&mut gateway, MUCH_LATER, "get-sms-sent", &parameters);
        assert_eq!(
            (&page["page"], &page["total"]),
            (&value!({ "count": 3, "number": number }), &value!(250))
        );
        assert_eq!(page["message"]["message_id"].to_string(), id);
        seen.extend(page["recipients"].as_array().expect("a list").iter().map(|row| row["msisdn"].as_u64()));
    }
    assert!(seen.into_iter().eq((61_491_570_000..61_491_570_250).map(Some)));
    let usual = question(&mut gateway, MUCH_LATER, "get-sms-sent", &[("message_id", &id)]);
    assert_eq!(
        (usual["recipients"].as_array().map(Vec::len), &usual["page"]["count"]),
        (Some(10), &value!(25))
    );
    let beyond = question(&mut gateway, MUCH_LATER, "get-sms-sent", &[("message_id", &id), ("page", "26")]);
    assert_eq!(beyond["recipients"], value!([]));
    for (name, text) in [("max", "101"), ("max", "0"), ("page", "0"), ("page", "x")] {
        let refusal = code(&mut gateway, "get-sms-sent", &[("message_id", &id), (name, text)]);
        assert_eq!(refusal, "FIELD_INVALID", "{name}={text}");
    }
}

#[test]
fn recipients_can_be_had_by_delivery_and_by_opt_out() {
    let mut gateway = gateway(mixed(|mix| (mix.failed, mix.blocked, mix.pending) = (0.2, 0.2, 0.2)));
    let id = taken(&mut gateway, Duration::ZERO, &send("hi", 200));
    let mut total = |name: &str, text: &str| {
        let parameters = [("message_id", &*id), (name, text), ("max", "100")];
        let page = question(&mut gateway, MUCH_LATER, "get-sms-sent", &parameters);
        let rows = page["recipients"].as_array().expect("a list").len() as u64;
        let total = page["total"].as_u64().expect("a count");
        assert_eq!(rows, total.min(100), "{name}={text}");
        total
    };
    let by_word = ["delivered", "failed", "pending"].map(|word| total("delivery", word));
    assert_eq!(by_word.iter().sum::<u64>(), 200);
    assert!(by_word.iter().all(|count| *count > 20), "{by_word:?}");
    assert_eq!(total("optouts", "only"), total("optouts", "true"));
    assert_eq!(total("optouts", "omit"), total("optouts", "false"));
    assert_eq!(total("optouts", "only") + total("optouts", "omit"), 200);
    assert_eq!(total("optouts", "include"), 200);
    assert!(total("optouts", "only") < by_word[1], "some bounced without opting out");
    for (name, text) in [("delivery", "true"), ("optouts", "x")] {
        assert_eq!(code(&mut gateway, "get-sms-sent", &[("message_id", &id), (name, text)]), "FIELD_INVALID");
    }
}

#[test]
fn one_recipient_is_told_with_the_id_as_text() {
    let mut gateway = gateway(mixed(|_| ()));
    let id = taken(&mut gateway, Duration::ZERO, &send_one());
    let parameters = [("message_id", &*id), ("msisdn", "61491570006")];
    let told = question(&mut gateway, MUCH_LATER, "get-sms-delivery-status", &parameters);
    let stats = &told["stats"];
    assert_eq!((stats["message_id"].as_str(), &stats["mobile"]), (Some(&*id), &value!(61_491_570_006_u64)));
    assert_eq!((&stats["sender_id"], &stats["message"]), (&value!("ShopAlert"), &value!("Sale ends today")));
    assert_eq!(stats["status"], "delivered");
    for (parameters, refusal) in [
        (&[("message_id", &*id), ("mobile", "61491570006")][..], "FIELD_INVALID"),
        (&[("message_id", &*id)], "FIELD_EMPTY"),
        (&[("message_id", &*id), ("msisdn", "61491570156")], "NOT_FOUND"),
        (&[("message_id", &*id), ("msisdn", "+61491570006")], "FIELD_INVALID"),
        (&[("message_id", "1"), ("msisdn", "61491570006")], "NOT_FOUND"),
    ] {
        assert_eq!(code(&mut gateway, "get-sms-delivery-status", parameters), refusal, "{parameters:?}");
    }
}

#[test]
fn a_period_shows_what_was_sent_in_it_the_newest_first() {
    let mut gateway = gateway(mixed(|_| ()));
    for (second, text) in [(0, "one"), (10, "two"), (20, "three")] {
        taken(&mut gateway, second * SECOND, &send(text, 2));
    }
    let page = question(&mut gateway, MUCH_LATER, "get-user-sms-sent", &PERIOD);
    let rows = page["messages"].as_array().expect("a list");
    let texts: Vec<_> = rows.iter().map(|row| row["message"].as_str().expect("a text")).collect();
    assert_eq!(texts, ["three", "three", "two", "two", "one", "one"]);
    assert_eq!((&page["total"], &page["page"]), (&value!(6), &value!({ "count": 1, "number": 1 })));
    let row = &rows[0];
    assert_eq!((&row["msisdn"], &row["caller_id"]), (&value!(61_491_570_000_u64), &value!("ShopAlert")));
    assert_eq!((&row["sent_at"], &row["status"]), (&value!("2026-12-01 00:00:20"), &value!("delivered")));
    assert!(row["id"].is_u64() && row["id"] != rows[1]["id"] && row["message_id"] == rows[1]["message_id"]);

    let within = [("start", "2026-12-01 00:00:10"), ("end", "2026-12-01 00:00:20")];
    assert_eq!(
        question(&mut gateway, MUCH_LATER, "get-user-sms-sent", &within)["total"],
        4,
        "both ends count"
    );
    let paged = [PERIOD[0], PERIOD[1], ("page", "2"), ("max", "4")];
    let second = question(&mut gateway, MUCH_LATER, "get-user-sms-sent", &paged);
    assert_eq!(second["messages"].as_array().map(Vec::len), Some(2));
    assert_eq!(second["messages"][0], rows[4]);
    let to_one = [PERIOD[0], PERIOD[1], ("msisdn", "61491570001"), ("max", "2")];
    let one = question(&mut gateway, MUCH_LATER, "get-user-sms-sent", &to_one);
    assert_eq!((&one["total"], &one["page"]["count"]), (&value!(3), &value!(2)));
    assert_eq!(one["messages"], value!([rows[1], rows[3]]));
}

#[test]
fn every_rule_of_a_period_has_its_code() {
    let mut gateway = gateway(calm());
    for (method, parameters, expected) in [
        ("get-user-sms-sent", &[("start", "2026-12-01 00:00:00")][..], "FIELD_EMPTY"),
        ("get-user-sms-sent", &[("end", "2026-12-01 00:00:00")], "FIELD_EMPTY"),
        ("get-user-sms-sent", &[("start", "2026-12-01T00:00:00Z"), PERIOD[1]], "FIELD_INVALID"),
        ("get-user-sms-sent", &[("start", "2026-12-01 00:02:00"), PERIOD[1]], "FIELD_INVALID"),
        ("get-user-sms-sent", &[("start", "2020-01-01 00:00:00"), PERIOD[1]], "SUCCESS"),
        ("get-message-report", &[], "SUCCESS"),
        ("get-message-report", &[PERIOD[0]], "FIELD_EMPTY"),
        ("get-message-report", &[("start", "2026-11-01 00:01:00"), PERIOD[1]], "SUCCESS"),
        ("get-message-report", &[("start", "2026-11-01 00:00:59"), PERIOD[1]], "FIELD_INVALID"),
        ("get-message-report", &[PERIOD[0], PERIOD[1], ("type", "fax")], "FIELD_INVALID"),
        ("get-sms-sent-count", &[], "SUCCESS"),
        ("get-sms-sent-count", &[("start", "2026-11-24 00:01:00"), PERIOD[1]], "SUCCESS"),
        ("get-sms-sent-count", &[("start", "2026-11-24 00:00:59"), PERIOD[1]], "FIELD_INVALID"),
        ("get-numbers", &[("filter", "mine")], "FIELD_INVALID"),
        ("get-sms", &[], "FIELD_EMPTY"),
        ("get-sms", &[("message_id", "x")], "FIELD_INVALID"),
        ("get-sms", &[("id", "1")], "FIELD_INVALID"),
        ("format-number", &[("msisdn", "0491570006")], "FIELD_EMPTY"),
        ("format-number", &[("msisdn", "0491570006"), ("countrycode", "Nowhere")], "FIELD_INVALID"),
    ] {
        assert_eq!(code(&mut gateway, method, parameters), expected, "{method} {parameters:?}");
    }
}

#[test]
fn what_is_scheduled_shows_in_no_period_before_it_is_sent() {
    let mut gateway = gateway(calm());
    let scheduled = [("message", "hi"), ("to", "61491570006"), ("send_at", "2026-12-01 00:00:30")];
    taken(&mut gateway, Duration::ZERO, &form("/send-sms.json", &scheduled));
    taken(&mut gateway, 10 * SECOND, &send("before it", 1));
    let mut texts = |at| -> Vec<String> {
        let page = question(&mut gateway, at, "get-user-sms-sent", &PERIOD);
        let rows = page["messages"].as_array().expect("a list").clone();
        rows.iter().map(|row| row["message"].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(texts(29 * SECOND), ["before it"]);
    assert_eq!(texts(30 * SECOND), ["hi", "before it"], "by the time they were sent");
}

#[test]
fn a_report_has_costs_below_zero_and_a_row_a_message() {
    let mut gateway = gateway(mixed(|_| ()));
    taken(&mut gateway, Duration::ZERO, &send("to many", 3));
    taken(&mut gateway, SECOND, &send(&"x".repeat(161), 1));
    let report = question(&mut gateway, MUCH_LATER, "get-message-report", &PERIOD);
    assert_eq!((&report["messages_total"], &report["sms_total"]), (&value!(2), &value!(5)));
    let (single, many) = (&report["messages"][0], &report["messages"][1]);
    assert_eq!((&single["cost"], &single["sms"]), (&value!(-0.1), &value!(2)));
    assert_eq!((&single["msisdn"], many.get("msisdn")), (&value!(61_491_570_000_u64), None));
    assert_eq!(
        (&many["cost"], &many["delivered"], &many["status"]),
        (&value!(-0.15), &value!(3), &value!("completed"))
    );
    for (kind, total) in [("all", 2), ("api", 2), ("campaign", 0)] {
        let parameters = [PERIOD[0], PERIOD[1], ("type", kind)];
        assert_eq!(
            question(&mut gateway, MUCH_LATER, "get-message-report", &parameters)["messages_total"],
            total
        );
    }
    assert_eq!(question(&mut gateway, MUCH_LATER, "get-sms-sent-count", &PERIOD)["count"], 5);
    let day_later = MUCH_LATER + Duration::from_hours(24);
    assert_eq!(question(&mut gateway, day_later, "get-sms-sent-count", &[])["count"], 0, "the last 24 hours");
}

#[test]
fn reports_lag_behind_and_one_message_by_its_id_does_not() {
    let records = Records { lag: 5 * SECOND, ..Records::default() };
    let mut gateway = gateway(Config { records, ..calm() });
    let id = taken(&mut gateway, Duration::ZERO, &send_one());
    let mut total = |at| question(&mut gateway, at, "get-user-sms-sent", &PERIOD)["total"].clone();
    assert_eq!([total(4 * SECOND), total(5 * SECOND)], [0, 1]);
    let mut gateway = crate::support::gateway(Config {
        records: Records { lag: MUCH_LATER, ..Records::default() },
        ..calm()
    });
    taken(&mut gateway, Duration::ZERO, &send_one());
    assert_eq!(question(&mut gateway, SECOND, "get-sms", &[("message_id", &id)])["recipients"], 1);
}

#[test]
fn a_message_without_a_sender_came_from_a_number() {
    let mut gateway = gateway(calm());
    let pooled = form("/send-sms.json", &[("message", "hi"), ("to", "61491570006")]);
    taken(&mut gateway, Duration::ZERO, &pooled);
    let own = [("message", "hi"), ("to", "61491570006"), ("from", "61491570159")];
    taken(&mut gateway, Duration::ZERO, &form("/send-sms.json", &own));
    let page = question(&mut gateway, MUCH_LATER, "get-user-sms-sent", &PERIOD);
    let callers: Vec<_> = [0, 1].map(|row| page["messages"][row]["caller_id"].as_u64()).into();
    assert_eq!(callers, [Some(61_491_570_159), Some(61_491_570_157)]);
}

#[test]
fn owned_numbers_are_the_senders_that_are_numbers() {
    let mut gateway = gateway(with_account(Face::TransmitSms, |account| {
        account.senders = Some(vec!["ShopAlert".to_owned(), "61491570159".to_owned()]);
    }));
    let owned = question(&mut gateway, Duration::ZERO, "get-numbers", &[]);
    assert_eq!((&owned["numbers_total"], &owned["filter"]), (&value!(1), &value!("owned")));
    assert_eq!(
        owned["numbers"],
        value!([{ "number": 61_491_570_159_u64, "price": 25, "auto_renew": true,
            "next_charge": "2026-12-31", "status": "active" }])
    );
    let free = question(&mut gateway, Duration::ZERO, "get-numbers", &[("filter", "available")]);
    assert_eq!(free["numbers_total"], 0);
}

#[test]
fn a_number_is_formatted_and_checked() {
    let mut gateway = gateway(calm());
    let mut number = |written: &str, country: &str| {
        let parameters = [("msisdn", written), ("countrycode", country)];
        question(&mut gateway, Duration::ZERO, "format-number", &parameters)["number"].clone()
    };
    assert_eq!(
        number("0491 570 006", "AU"),
        value!({ "countrycode": 61, "nationalnumber": 491_570_006, "national_leading_zeroes": 491_570_006,
            "rawinput": null, "international": 61_491_570_006_u64, "type": 1, "isValid": true })
    );
    assert_eq!(number("+61 2 5550 1234", "nz")["type"], 0, "a landline, whatever the country");
    let invalid = number("12", "AU");
    assert_eq!((&invalid["type"], &invalid["isValid"]), (&value!(10), &value!(false)));
}

#[test]
fn every_answer_says_the_same_in_xml() {
    let mut gateway = gateway(mixed(|_| ()));
    let id = taken(&mut gateway, Duration::ZERO, &send("a <b> & c", 2));
    let mut xml = |method: &str, parameters: &[(&str, &str)]| {
        let reply = gateway.answer(MUCH_LATER, &form(&format!("/{method}.xml"), parameters)).reply;
        assert_eq!(reply.headers[0].1, "text/xml; charset=utf-8");
        (reply.status, String::from_utf8(reply.body.to_vec()).expect("UTF-8"))
    };
    let success = "<error><code>SUCCESS</code><description>OK</description></error></response>";
    let (status, sent) = xml("get-sms-sent", &[("message_id", &id)]);
    let head = "<response><page><count>1</count><number>1</number></page><total>2</total><message>";
    let row = "<recipients><item><msisdn>61491570000</msisdn><first_name></first_name><last_name></last_name>\
               <delivery_status>delivered</delivery_status><optout>false</optout></item><item>";
    assert!(status == 200 && sent.contains(head) && sent.contains(row) && sent.ends_with(success), "{sent}");
    let (_, period) = xml("get-user-sms-sent", &PERIOD);
    assert!(period.contains("<message>a &lt;b&gt; &amp; c</message>"), "{period}");
    let (_, report) = xml("get-message-report", &PERIOD);
    assert!(report.contains("<cost>-0.1</cost>") && report.ends_with(success), "{report}");
    let (_, counted) = xml("get-sms-stats", &[("message_id", &id)]);
    assert!(counted.contains("<opt-outs>0</opt-outs>"), "{counted}");
    let (_, empty) = xml("get-numbers", &[]);
    assert!(empty.contains("<numbers></numbers>"), "{empty}");
    let (status, refusal) = xml("cancel-sms", &[("id", &id)]);
    let words = "<response><error><code>FIELD_INVALID</code><description>the message was not scheduled";
    assert!(status == 400 && refusal.contains(words), "{refusal}");
}

#[test]
fn balances_fall_with_what_was_sent() {
    let mut gateway =
        gateway(with_account(Face::TransmitSms, |account| account.balance = Some(Micros(1_000_000))));
    taken(&mut gateway, Duration::ZERO, &send("hi", 3));
    let balance = question(&mut gateway, SECOND, "get-balance", &[]);
    assert_eq!((&balance["balance"], &balance["currency"]), (&value!(0.85), &value!("AUD")));
}
