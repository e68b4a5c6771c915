//! What became of messages, asked for page by page: what the journal says in the end is what the
//! gateway says, however often the asking was stopped.

mod listening; // the same, told by the provider's calls

use crate::{
    large::high_water_kib,
    providers::{Provider, count},
    relay::Relay,
    signals::signal,
    volley::{Folder, Gateway, Ran, run, times, volley},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};
use tokio::time::Instant;

/// A gateway that is as fast as it is asked.
const FREE: &str = "[limiter]\nkind = \"none\"\n";

/// What becomes of messages, known within 300 ms.
const MIXED: &str = "[delivery]\nfailed = 0.1\ninvalid = 0.05\nblocked = 0.1\nexpired = 0.05\ntimeout = 0.05\n\
                     pending = 0.05\ndelay_ms = [0, 300]\n[records]\nprocessing_ms = 0\n";

/// The campaign's list of those who are not to be texted.
const LIST: &str = "lists/optouts.csv";

/// What is in the line of each one's question for a page.
fn call_of(kind: &str) -> &'static str {
    match kind {
        "mesms" => "/recipients?",
        "transmitsms" => "/get-sms-sent.",
        _ => "/Messages?",
    }
}

/// A campaign that was sent, or is.
struct Sent {
    kind: &'static str,
    folder: Folder,
    gateway: Gateway,
    journal: String,
}

impl Sent {
    /// All of it.
    fn through(kind: &'static str, faults: &str, recipients: u64, chunk: u32) -> Self {
        let planned = Self::planned(kind, faults, recipients, chunk, "");
        run(&["resume", &planned.journal, "--yes"]).exits(0);
        planned
    }

    /// None of it so far.
    fn planned(kind: &'static str, faults: &str, recipients: u64, chunk: u32, settings: &str) -> Self {
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), &format!("{faults}{FREE}"));
        let settings = format!("max_in_flight = 4\nchunk = {chunk}\n{settings}");
        Provider::of(kind).campaign(&folder, &gateway.address, recipients, "", &settings);
        // Nobody is suppressed to begin with, and the line of whoever wrote the list has no end.
        let campaign = fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
        let listed = campaign.replace("region = ", &format!("suppress = [\"{LIST}\"]\nregion = "));
        fs::create_dir(folder.path("lists")).expect("a directory");
        folder.write("campaign.toml", listed).write(LIST, "number\n+66899999999");
        run(&["plan", &folder.text("campaign.toml")]).exits(0);
        let journal = folder.text("test.volley");
        Self { kind, folder, gateway, journal }
    }

    fn poll(&self) -> Ran {
        run(&["receipts", &self.journal, "--poll", "--json"])
    }

    /// The same over a relay.
    fn poll_over(&self, relay: &Relay) -> Command {
        let mut command = volley(&["receipts", &self.journal, "--poll", "--json"]);
        command.env("VOLLEY_PROVIDER_BASE_URL", &relay.address).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn status(&self) -> Value {
        run(&["status", &self.journal, "--json"]).exits(0).json()
    }

    /// The report's lines, each a list of cells.
    fn report(&self) -> Vec<Vec<String>> {
        let path = self.folder.text("report.csv");
        run(&["report", &self.journal, "--csv", &path]).exits(0);
        let text = fs::read_to_string(path).expect("a report");
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    /// What the report says of each number.
    fn reported(&self) -> BTreeMap<String, &'static str> {
        let of = |cells: Vec<String>| {
            let end = match &*cells[10] {
                "delivered" => "delivered",
                "expired" | "failed" | "invalid" | "blocked" => "failed",
                "queued" | "sent" | "no_report" | "" => "unknown",
                other => panic!("{other} in {cells:?}"),
            };
            (cells[1].clone(), end)
        };
        self.report().into_iter().map(of).collect()
    }

    /// What the gateway says of each number.
    fn told(&self) -> BTreeMap<String, &'static str> {
        let ids: BTreeSet<String> = self.report().into_iter().map(|cells| cells[3].clone()).collect();
        let mut told = BTreeMap::new();
        match self.kind {
            "mesms" => {
                for id in ids {
                    let path = format!("/api/v2/sms/{id}/recipients?limit=10000");
                    let page = self.asked(&path, "x-api-key: sim-key\r\n");
                    assert!(count(&page, "/total") <= 10_000, "one page is enough: {id}");
                    told.extend(rows(&page, "recipients", "msisdn", "status"));
                }
            }
            "transmitsms" => {
                for id in ids {
                    for number in 1.. {
                        let path = format!("/get-sms-sent.json?message_id={id}&page={number}&max=100");
                        let page = self.asked(&path, "authorization: Basic c2ltLWtleTpzaW0tc2VjcmV0\r\n");
                        told.extend(rows(&page, "recipients", "msisdn", "delivery_status"));
                        if number >= count(&page, "/page/count") {
                            break;
                        }
                    }
                }
            }
            _ => {
                for skip in (0..).step_by(50) {
                    let path =
                        format!("/v2/Properties/sim-property/Messages?Results_Count=50&Results_Skip={skip}");
                    let page = self.asked(&path, "authorization: Basic c2ltLWFjY291bnQ6c2ltLXRva2Vu\r\n");
                    let rows = rows(&page, "Messages", "To", "Status");
                    if rows.is_empty() {
                        break;
                    }
                    told.extend(rows);
                }
            }
        }
        told
    }

    /// Those whom TransmitSMS says that they opted out, at most 100 a request.
    fn opted_out(&self) -> BTreeSet<String> {
        let ids: BTreeSet<String> = self.report().into_iter().map(|cells| cells[3].clone()).collect();
        let page = |id| {
            let path = format!("/get-sms-sent.json?message_id={id}&max=100&optouts=only");
            self.asked(&path, "authorization: Basic c2ltLWtleTpzaW0tc2VjcmV0\r\n")
        };
        let rows = ids.iter().flat_map(|id| rows(&page(id), "recipients", "msisdn", "delivery_status"));
        rows.map(|(to, _)| to).collect()
    }

    fn asked(&self, path: &str, headers: &str) -> Value {
        let (status, body) = self.gateway.ask("GET", path, headers);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {path}: {body}"))
    }

    /// What the journal says is what the gateway says, number by number and in sum.
    #[track_caller]
    fn agrees(&self) {
        let (told, reported) = (self.told(), self.reported());
        let differ: Vec<_> = told.iter().filter(|(to, end)| reported.get(*to) != Some(*end)).collect();
        let kind = self.kind;
        assert!(differ.is_empty() && told.len() == reported.len(), "{kind}: {differ:?} of {}", told.len());
        let status = self.status();
        for end in ["delivered", "failed", "unknown"] {
            let expected = told.values().filter(|one| **one == end).count() as u64;
            assert_eq!(count(&status, &format!("/delivery/{end}")), expected, "{kind}, {end}: {status}");
        }
        self.folder.verified();
    }
}

/// The numbers of a page with what became of them, in our three words.
fn rows(page: &Value, list: &str, number: &str, status: &str) -> Vec<(String, &'static str)> {
    let rows = page[list].as_array().unwrap_or_else(|| panic!("{list} in {page}"));
    let of = |row: &Value| {
        let digits = row[number].as_str().map_or_else(|| row[number].to_string(), str::to_owned);
        let end = match row[status].as_str().expect("a word") {
            "success" | "delivered" | "Delivered" => "delivered",
            "failed" | "invalid" | "blocked" | "expired" | "soft-bounce" | "hard-bounce" | "Failed" => {
                "failed"
            }
            "pending" | "timeout" | "Submitted" | "Processing" => "unknown",
            other => panic!("{other} in {row}"),
        };
        (format!("+{}", digits.trim_start_matches('+')), end)
    };
    rows.iter().map(of).collect()
}

/// Until everything that will ever be known of what was sent is.
fn settle() {
    sleep(Duration::from_millis(350));
}

#[test]
fn what_is_asked_for_is_what_the_gateway_says_and_asking_again_changes_nothing() {
    for (kind, chunk) in [("transmitsms", 250), ("mesms", 700), ("fonedynamics", 100)] {
        let sent = Sent::through(kind, MIXED, 700, chunk);
        let early = sent.poll().exits(0).json();
        let told = ["delivered", "failed", "unknown"].map(|end| count(&early, &format!("/delivery/{end}")));
        assert_eq!(told.iter().sum::<u64>(), 700, "{kind}: {early}");
        settle();
        let polled = sent.poll().exits(0);
        assert_eq!(polled.json()["delivery"], sent.status()["delivery"], "{kind}");
        sent.agrees();
        let ends: BTreeSet<_> = sent.reported().into_values().collect();
        assert_eq!(ends.len(), 3, "{kind}: every end is among them");

        let before = (sent.report(), sent.status(), fs::read(sent.folder.path(LIST)).expect("a list"));
        let again = sent.poll().exits(0);
        assert!(again.stderr.contains("0 reports,"), "{kind}: {again:#?}");
        let after = (sent.report(), sent.status(), fs::read(sent.folder.path(LIST)).expect("a list"));
        assert_eq!(after, before, "{kind}");
        assert_eq!(sent.gateway.taken().len(), 700, "{kind}: asking sends nothing");
    }
}

#[test]
fn asking_that_is_killed_or_stopped_goes_on_at_the_page_it_came_to() {
    for (kind, recipients, chunk) in
        [("transmitsms", 500, 500), ("mesms", 3_000, 3_000), ("fonedynamics", 300, 100)]
    {
        for way in ["KILL", "TERM"] {
            let what = format!("{kind}, {way}");
            let sent = Sent::through(kind, MIXED, recipients, chunk);
            settle();
            let relay = Relay::to(&sent.gateway.address);
            relay.keep_back(call_of(kind), 4);
            let mut poller = sent.poll_over(&relay).spawn().expect("it runs");
            let log = relay.until_kept_back();
            let kept = log.last().expect("the one that is kept back").clone();
            signal(&poller, way);
            if way == "TERM" {
                // It lets the page under way come, which the relay gives up.
                relay.let_go();
                let stopped = Ran::of(&poller.wait_with_output().expect("it ends")).exits(130);
                assert!(stopped.stderr.contains("stopping behind this page"), "{what}: {stopped:#?}");
            } else {
                poller.wait().expect("gone");
            }
            run(&["verify", &sent.journal]).exits(0);

            let before = relay.log().len();
            Ran::of(&sent.poll_over(&relay).output().expect("it runs")).exits(0);
            let pages = &relay.log()[before..];
            let first = &pages[0];
            let asked = |passed: &crate::relay::Passed| format!("{} {}", passed.line, passed.body);
            if way == "KILL" {
                assert_eq!(asked(first), asked(&kept), "{what}: it goes on where it was");
            } else {
                // The page under way was asked for once more, and kept.
                let seen: Vec<_> = log.iter().map(asked).collect();
                assert!(!seen.contains(&asked(first)), "{what}: it goes on behind that page: {pages:#?}");
            }
            sent.agrees();
        }
    }
}

#[test]
fn who_opted_out_joins_the_list_once_and_is_left_out_of_the_next_campaign() {
    let sent = Sent::through("transmitsms", MIXED, 400, 100);
    settle();
    let polled = sent.poll().exits(0);
    let list = fs::read_to_string(sent.folder.path(LIST)).expect("a list");
    let (first, added) = list.split_once("+66899999999\n").expect("who was there before");
    assert_eq!(first, "number\n");
    let added: Vec<&str> = added.lines().collect();
    let listed: BTreeSet<&str> = added.iter().copied().collect();
    assert!(listed.len() > 10 && listed.len() == added.len(), "each of them once: {list}");
    let said = format!("{} recipients asked not to be texted again", listed.len());
    assert!(polled.stderr.contains(&said), "{polled:#?}");
    let listed: BTreeSet<String> = listed.into_iter().map(str::to_owned).collect();
    assert_eq!(sent.opted_out(), listed);

    sent.poll().exits(0);
    assert_eq!(fs::read_to_string(sent.folder.path(LIST)).expect("a list"), list, "once");
    let preview = run(&["preview", &sent.folder.text("campaign.toml"), "--json"]).exits(0).json();
    assert_eq!(count(&preview, "/suppressed"), listed.len() as u64, "{preview}");
    assert_eq!(count(&preview, "/accepted"), 400 - listed.len() as u64, "{preview}");
}

/// A page is not asked for again once its mark is written, so whoever it names has to be on the
/// list before.
#[test]
fn who_opted_out_is_on_the_list_before_their_page_is_done_with() {
    let all_final = MIXED.replace("pending = 0.05", "pending = 0.0");
    let sent = Sent::through("transmitsms", &all_final, 200, 200);
    settle();
    // The list cannot be written for the moment.
    fs::rename(sent.folder.path("lists"), sent.folder.path("elsewhere")).expect("renamed");
    let failed = sent.poll().exits(5);
    assert!(failed.stderr.contains("opt-outs are kept there"), "{failed:#?}");
    fs::rename(sent.folder.path("elsewhere"), sent.folder.path("lists")).expect("renamed");
    sent.poll().exits(0);
    let list = fs::read_to_string(sent.folder.path(LIST)).expect("a list");
    let listed: BTreeSet<String> = list.lines().skip(2).map(str::to_owned).collect();
    assert_eq!(listed, sent.opted_out());
    sent.agrees();
}

#[test]
fn asking_beside_a_sender_disturbs_nobody() {
    for (kind, chunk) in [("transmitsms", 10), ("mesms", 10), ("fonedynamics", 10)] {
        let sent = Sent::planned(kind, &format!("latency_ms = [2, 8]\n{MIXED}"), 1_500, chunk, "");
        let mut sender = volley(&["resume", &sent.journal, "--yes", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut polls = 0;
        while sender.try_wait().expect("ours").is_none() {
            sent.poll().exits(0);
            polls += 1;
        }
        let ended = Ran::of(&sender.wait_with_output().expect("it ended")).exits(0).json();
        assert_eq!((count(&ended, "/recipients/accepted"), polls > 0), (1_500, true), "{kind}");
        let taken = sent.gateway.taken();
        assert_eq!((taken.len(), times(&taken).len()), (1_500, 1_500), "{kind}");
        settle();
        sent.poll().exits(0);
        sent.agrees();
    }
}

/// The most that may be held while a million recipients are asked about, in KiB.
const MOST_KIB: u64 = 200 * 1_024;

/// One ME-SMS request to 100,000 recipients, or as many as `VOLLEY_POLLED_RECIPIENTS` says, asked
/// about while their states change, killed once on the way.
#[test]
fn a_large_request_is_asked_about_to_the_end_within_200_mib() {
    let recipients = env::var("VOLLEY_POLLED_RECIPIENTS").ok().and_then(|count| count.parse().ok());
    let recipients: u64 = recipients.unwrap_or(100_000);
    let faults = "[delivery]\ndelay_ms = [0, 4000]\n[records]\nprocessing_ms = 500\n";
    let chunk = u32::try_from(recipients).expect("at most 2,000,000");
    let sent = Sent::through("mesms", faults, recipients, chunk);
    let id = sent.report()[0][3].clone();
    let relay = Relay::to(&sent.gateway.address);
    relay.keep_back(call_of("mesms"), 60);
    let start = Instant::now();
    let mut poller = sent.poll_over(&relay).spawn().expect("it runs");
    let kept = relay.until_kept_back();
    let mut peak_kib = high_water_kib(poller.id()).expect("the system says");
    poller.kill().expect("killed");
    poller.wait().expect("gone");
    run(&["verify", &sent.journal]).exits(0);

    // The second goes on where the first was; the third sees again who was pending for these.
    for round in 2..=3 {
        let settled = |told: &Value| !told["drSummary"].is_null();
        while round == 3 && !settled(&sent.asked(&format!("/api/v2/sms/{id}"), "x-api-key: sim-key\r\n")) {
            assert!(start.elapsed() < Duration::from_mins(1), "the gateway never settles");
            sleep(Duration::from_millis(50));
        }
        let before = relay.log().len();
        let mut poller = sent.poll_over(&relay).spawn().expect("it runs");
        while poller.try_wait().expect("ours").is_none() {
            peak_kib = peak_kib.max(high_water_kib(poller.id()).unwrap_or(0));
            sleep(Duration::from_millis(5));
        }
        Ran::of(&poller.wait_with_output().expect("it ended")).exits(0);
        let pages = relay.lines(before, call_of("mesms"));
        if round == 2 {
            assert_eq!(pages[0], kept.last().expect("the one that was kept back").line);
        }
        println!("round {round}: {} pages, {:?} since the first", pages.len(), start.elapsed());
    }
    println!("{recipients} recipients: {} MiB at most", peak_kib / 1_024);
    let last = relay.log().len();
    Ran::of(&sent.poll_over(&relay).output().expect("it runs")).exits(0);
    assert_eq!(relay.lines(last, call_of("mesms")), [""; 0], "what is final is not asked for again");
    assert!(peak_kib < MOST_KIB, "{} MiB", peak_kib / 1_024);

    let told = sent.asked(&format!("/api/v2/sms/{id}"), "x-api-key: sim-key\r\n");
    let of = |word: &str| told.pointer(&format!("/drSummary/{word}")).and_then(Value::as_u64).unwrap_or(0);
    let status = sent.status();
    let ends = ["delivered", "failed", "unknown"].map(|end| count(&status, &format!("/delivery/{end}")));
    let failed = of("failed") + of("invalid") + of("blocked") + of("expired");
    assert_eq!(ends, [of("success"), failed, of("timeout")], "{told}, {status}");
    assert_eq!(ends.iter().sum::<u64>(), recipients);
    sent.folder.verified();
}
