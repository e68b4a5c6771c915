//! Taking back what was handed over with a schedule. The gateway's own list of what it gave back
//! is the judge.

use crate::{
    providers::{Provider, count},
    relay::Relay,
    volley::{Folder, Gateway, Ran, Taken, run, volley},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

/// A gateway that is as fast as it is asked.
const FREE: &str = "[limiter]\nkind = \"none\"\n";

/// The two that take a request back.
const CANCELLING: [&str; 2] = ["transmitsms", "mesms"];

/// What is in the line of each one's call for that.
fn call_of(kind: &str) -> &'static str {
    if kind == "mesms" { "/cancel" } else { "/cancel-sms" }
}

/// A whole second at least so many ahead.
fn ahead(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + seconds + 1).expect("a time")
}

/// A campaign whose recipients were handed over for a time, so many a request.
struct HandedOver {
    folder: Folder,
    gateway: Gateway,
    journal: String,
}

impl HandedOver {
    fn to(kind: &str, faults: &str, recipients: u64, chunk: u32, at: jiff::Timestamp) -> Self {
        Self::with_head(kind, faults, recipients, chunk, &format!("schedule = \"{at}\""), 0)
    }

    fn with_head(kind: &str, faults: &str, recipients: u64, chunk: u32, head: &str, exits: i32) -> Self {
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), &format!("{FREE}{faults}"));
        let settings = format!("max_in_flight = 1\nchunk = {chunk}\n");
        Provider::of(kind).campaign(&folder, &gateway.address, recipients, head, &settings);
        run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(exits);
        let journal = folder.text("test.volley");
        Self { folder, gateway, journal }
    }

    fn cancel(&self) -> Ran {
        run(&["cancel", &self.journal, "--json"])
    }

    /// The same over a relay.
    fn cancel_over(&self, relay: &Relay) -> Command {
        let mut command = volley(&["cancel", &self.journal, "--json"]);
        command.env("VOLLEY_PROVIDER_BASE_URL", &relay.address);
        command
    }

    /// The requests that the gateway took.
    fn requests(&self) -> BTreeSet<u64> {
        self.gateway.taken().iter().map(|one: &Taken| one.request).collect()
    }

    fn status(&self) -> Value {
        run(&["status", &self.journal, "--json"]).exits(0).json()
    }
}

/// Recipients as `cancel --json` counts them.
fn counts(report: &Value) -> [u64; 5] {
    ["cancelled", "too_late", "unclear", "in_doubt", "pending"].map(|name| count(report, &format!("/{name}")))
}

#[test]
fn what_is_scheduled_is_taken_back_request_by_request_and_a_second_run_says_the_same() {
    for kind in CANCELLING {
        let sent = HandedOver::to(kind, "", 40, 10, ahead(7_200));
        let relay = Relay::to(&sent.gateway.address);
        let cancelled = Ran::of(&sent.cancel_over(&relay).output().expect("it runs")).exits(0).json();
        assert_eq!(counts(&cancelled), [40, 0, 0, 0, 0], "{kind}: {cancelled}");
        assert_eq!(sent.requests().len(), 4, "{kind}");
        let given_back = sent.gateway.cancelled();
        assert_eq!(given_back.len(), 4, "{kind}: {given_back:?}");
        assert_eq!(BTreeSet::from_iter(given_back), sent.requests(), "{kind}: exactly those");

        let before = relay.log().len();
        let again = Ran::of(&sent.cancel_over(&relay).output().expect("it runs")).exits(0).json();
        assert_eq!(counts(&again), counts(&cancelled), "{kind}");
        assert_eq!((count(&cancelled, "/already"), count(&again, "/already")), (0, 40), "{kind}");
        assert_eq!(relay.lines(before, call_of(kind)), [""; 0], "{kind}: what is done is not asked for");
        assert_eq!(sent.gateway.cancelled().len(), 4, "{kind}");

        sent.folder.verified();
        assert_eq!(count(&sent.status(), "/cancelled"), 40, "{kind}");
        let report = run(&["report", &sent.journal, "--json"]).exits(0).json();
        assert_eq!(
            (count(&report, "/cancelled"), count(&report, "/recipients/accepted")),
            (40, 40),
            "{kind}"
        );
        let told = run(&["report", &sent.journal]).exits(0);
        assert!(told.stdout.contains("40 recipients taken back at the provider"), "{kind}: {told:#?}");
        let resumed = run(&["resume", &sent.journal, "--yes"]).exits(0);
        assert_eq!(sent.gateway.taken().len(), 40, "{kind}: nothing is sent again: {resumed:#?}");
    }
}

#[test]
fn from_its_time_on_nothing_is_taken_back_and_every_run_asks_again() {
    for kind in CANCELLING {
        let due = ahead(3);
        let sent = HandedOver::to(kind, "[records]\nprocessing_ms = 1500\n", 20, 10, due);
        let left = due.as_millisecond() + 100 - jiff::Timestamp::now().as_millisecond();
        sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0)));
        // Which code of TransmitSMS says "too late" is not documented, so that one is not clear.
        let expected = if kind == "mesms" { [0, 20, 0, 0, 0] } else { [0, 0, 20, 0, 0] };
        let relay = Relay::to(&sent.gateway.address);
        // While it is being sent, and when it was.
        for moment in ["during", "after"] {
            let before = relay.log().len();
            let late = Ran::of(&sent.cancel_over(&relay).output().expect("it runs")).exits(3);
            assert_eq!(counts(&late.json()), expected, "{kind}, {moment}: {late:#?}");
            assert_eq!(relay.lines(before, call_of(kind)).len(), 2, "{kind}, {moment}: both are asked for");
            let status = sent.status();
            assert!(status["cancelled"].is_null(), "{kind}, {moment}: {status}");
            sleep(Duration::from_millis(if moment == "during" { 1_500 } else { 0 }));
        }
        let said = run(&["cancel", &sent.journal]).exits(3);
        let words =
            if kind == "mesms" { "20 too late" } else { "20 of whom the provider says nothing clear" };
        assert!(said.stdout.contains(words), "{kind}: {said:#?}");
        assert_eq!(sent.gateway.cancelled(), [0; 0], "{kind}");
        sent.folder.verified();
    }
}

#[test]
fn a_lost_answer_is_asked_for_again_and_nothing_is_taken_back_twice() {
    for kind in CANCELLING {
        // What is asked before sending; then the answer about the third request is lost.
        let questions = if kind == "mesms" { 3 } else { 2 };
        let faults = format!(
            "[[fault]]\nrequest = {}\nkind = \"commit_then_drop\"\namong = \"questions\"\n",
            questions + 3
        );
        let sent = HandedOver::to(kind, &faults, 40, 10, ahead(7_200));
        let relay = Relay::to(&sent.gateway.address);
        let ran = Ran::of(&sent.cancel_over(&relay).output().expect("it runs"));
        assert_eq!(relay.lines(0, call_of(kind)).len(), 5, "{kind}: one is asked again: {:#?}", relay.log());
        let given_back = sent.gateway.cancelled();
        assert_eq!(given_back.len(), 4, "{kind}: {given_back:?}");
        assert_eq!(BTreeSet::from_iter(given_back), sent.requests(), "{kind}");
        // TransmitSMS has no answer of its own for "it was taken back before".
        let (code, expected) = if kind == "mesms" { (0, [40, 0, 0, 0, 0]) } else { (3, [30, 0, 10, 0, 0]) };
        assert_eq!(counts(&ran.exits(code).json()), expected, "{kind}");
        assert_eq!(count(&sent.status(), "/cancelled"), expected[0], "{kind}");
        sent.folder.verified();
    }
}

#[test]
fn what_was_taken_back_before_and_what_was_sent_at_once_are_told_apart_with_either_status() {
    for status in [400, 409] {
        let records = format!("[records]\ncancel_refusal = {status}\n");
        let sent = HandedOver::to("mesms", &records, 20, 10, ahead(7_200));
        let report = sent.folder.text("report.csv");
        run(&["report", &sent.journal, "--csv", &report]).exits(0);
        let report = std::fs::read_to_string(report).expect("a report");
        let id = report.lines().nth(1).and_then(|line| line.split(',').nth(3)).expect("an id");
        let path = format!("/api/v2/sms/{id}/cancel");
        let key = "x-api-key: sim-key\r\n";
        let (by_hand, _) = sent.gateway.ask("POST", &path, key);
        let (again, said) = sent.gateway.ask("POST", &path, key);
        assert_eq!((by_hand, again), (200, status), "{said}");
        let cancelled = sent.cancel().exits(0).json();
        assert_eq!(counts(&cancelled), [20, 0, 0, 0, 0], "{status}: {cancelled}");

        // A schedule that had passed was not handed over: it was sent at once.
        let sent = HandedOver::to("mesms", &records, 20, 10, ahead(-60));
        let late = sent.cancel().exits(3).json();
        assert_eq!(counts(&late), [0, 20, 0, 0, 0], "{status}: {late}");
        assert_eq!(late["error"]["message"], "20 recipients could not be taken back", "{status}: {late}");
        assert_eq!(sent.gateway.cancelled(), [0; 0]);
    }
    let sent = HandedOver::with_head("mesms", "", 20, 10, "", 0);
    let refused = sent.cancel().exits(9);
    assert!(refused.stderr.contains("it had no schedule"), "{refused:#?}");
}

#[test]
fn a_cancel_that_is_killed_goes_on_behind_what_it_was_answered() {
    for kind in CANCELLING {
        let sent = HandedOver::to(kind, "", 40, 1, ahead(7_200));
        let relay = Relay::to(&sent.gateway.address);
        relay.keep_back(call_of(kind), 17);
        let mut canceller =
            sent.cancel_over(&relay).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
        let before = relay.until_kept_back().len();
        canceller.kill().expect("killed");
        canceller.wait().expect("gone");
        run(&["verify", &sent.journal]).exits(0);
        assert_eq!(sent.gateway.cancelled().len(), 17, "{kind}");

        let ran = Ran::of(&sent.cancel_over(&relay).output().expect("it runs"));
        let asked = relay.lines(before, call_of(kind));
        assert_eq!(asked.len(), 24, "{kind}: the first 16 were answered: {asked:#?}");
        let given_back = sent.gateway.cancelled();
        assert_eq!(given_back.len(), 40, "{kind}: {given_back:?}");
        assert_eq!(BTreeSet::from_iter(given_back), sent.requests(), "{kind}");
        let (code, expected) = if kind == "mesms" { (0, [40, 0, 0, 0, 0]) } else { (3, [39, 0, 1, 0, 0]) };
        assert_eq!(counts(&ran.exits(code).json()), expected, "{kind}");
        sent.folder.verified();
    }
}

#[test]
fn somebody_in_doubt_is_not_said_to_be_taken_back() {
    for kind in CANCELLING {
        let faults = "[[fault]]\nrequest = 2\nkind = \"commit_then_drop\"\n";
        let head = format!("schedule = \"{}\"", ahead(7_200));
        let sent = HandedOver::with_head(kind, faults, 40, 10, &head, 6);
        let ran = sent.cancel().exits(6);
        assert_eq!(counts(&ran.json()), [30, 0, 0, 10, 0], "{kind}: {ran:#?}");
        assert_eq!(ran.json()["error"]["exit_code"], 6, "{kind}: {ran:#?}");
        assert_eq!(sent.gateway.cancelled().len(), 3, "{kind}");
        let said = run(&["cancel", &sent.journal]).exits(6);
        assert!(said.stdout.contains("10 recipients in doubt cannot be taken back"), "{kind}: {said:#?}");
        sent.folder.verified();

        // Only doubt: that is not "nothing was handed over".
        let faults = "[[fault]]\nrequest = 1\nkind = \"commit_then_drop\"\n";
        let sent = HandedOver::with_head(kind, faults, 10, 10, &head, 6);
        let ran = sent.cancel().exits(6);
        assert_eq!(counts(&ran.json()), [0, 0, 0, 10, 0], "{kind}: {ran:#?}");
    }
}

#[test]
fn who_cannot_take_back_says_why_and_a_plan_that_was_not_sent_has_nothing_to_take_back() {
    for (kind, why) in
        [("maxotel", "it sends at once"), ("multitel", "it sends at once"), ("fonedynamics", "web app")]
    {
        let folder = Folder::new();
        Provider::of(kind).campaign(&folder, "http://127.0.0.1:9", 3, "", "");
        run(&["plan", &folder.text("campaign.toml")]).exits(0);
        let refused = run(&["cancel", &folder.text("test.volley")]).exits(2);
        assert!(refused.stderr.contains(why) && refused.stderr.contains(kind), "{refused:#?}");
    }
    for kind in CANCELLING {
        let folder = Folder::new();
        Provider::of(kind).campaign(&folder, "http://127.0.0.1:9", 3, "", "");
        run(&["plan", &folder.text("campaign.toml")]).exits(0);
        let refused = run(&["cancel", &folder.text("test.volley")]).exits(9);
        assert!(refused.stderr.contains("nothing was handed over"), "{refused:#?}");
        let status = run(&["status", &folder.text("test.volley"), "--json"]).exits(0).json();
        assert_eq!(status["state"], "planned", "{kind}: looking changes nothing");
    }
}
