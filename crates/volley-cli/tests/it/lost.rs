//! A request whose answer was lost, with every provider: what a look at the provider says of it,
//! and that nobody is ever sent to again unless a person says so.

use crate::{
    providers::{Provider, count},
    volley::{Folder, Gateway, Ran, run},
};
use serde_json::Value;
use std::{collections::BTreeMap, thread::sleep, time::Duration};

/// A gateway that is as fast as it is asked.
const FREE: &str = "[limiter]\nkind = \"none\"\n";

/// How an answer is lost, and whether the request was taken all the same.
const LOSSES: [(&str, bool); 5] = [
    ("kind = \"commit_then_drop\"", true),
    ("kind = \"truncate\"\nbytes = 9", true),
    ("kind = \"error_after\"\nstatus = 502", true),
    ("kind = \"reset\"", false),
    ("kind = \"error_before\"\nstatus = 502", false),
];

/// Those that can be asked what became of a lost request.
const TELLING: [&str; 3] = ["transmitsms", "mesms", "fonedynamics"];

/// A campaign of four requests that was sent as far as it goes.
struct Sent {
    what: String,
    folder: Folder,
    gateway: Gateway,
    journal: String,
    /// Recipients of one request.
    chunk: u64,
}

impl Sent {
    fn through(provider: &Provider, faults: &str, head: &str, flags: &[&str]) -> Self {
        let folder = Folder::new();
        let gateway = Gateway::start_with(folder.directory.path(), &format!("{FREE}{faults}"), flags);
        let chunk = if matches!(provider.kind, "maxotel" | "multitel") { 1 } else { 3 };
        let settings = format!("max_in_flight = 1\nchunk = {chunk}\n");
        provider.campaign(&folder, &gateway.address, 4 * chunk, head, &settings);
        let sent = run(&["send", &folder.text("campaign.toml"), "--yes", "--json"]).exits(6);
        let what = format!("{} with {faults}", provider.kind);
        let in_doubt = count(&sent.json(), "/recipients/in_doubt");
        assert!(in_doubt > 0 && in_doubt.is_multiple_of(chunk), "{what}: {sent:#?}");
        let journal = folder.text("test.volley");
        Self { what, folder, gateway, journal, chunk }
    }

    /// Asks the provider, which must end with `code`: what it says of each lost request.
    #[track_caller]
    fn probe(&self, code: i32) -> (Ran, Vec<Value>) {
        let probed = run(&["doubt", "probe", &self.journal, "--json"]);
        assert_eq!(probed.code, Some(code), "{}: {probed:#?}", self.what);
        let lines = probed.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        (probed, lines)
    }

    /// Who is in doubt.
    fn doubt(&self) -> Vec<String> {
        let listed = run(&["doubt", "list", &self.journal, "--json"]).exits(0);
        let lines = listed.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.map(|line| line["number"].as_str().expect("a number").to_owned()).collect()
    }

    /// How often the gateway took each number.
    fn times(&self) -> BTreeMap<String, usize> {
        let mut times = BTreeMap::new();
        for one in self.gateway.taken() {
            *times.entry(one.to).or_default() += 1;
        }
        times
    }

    /// Goes on, which sends nothing to anybody who may have been texted.
    fn goes_on_without_them(&self) {
        let before = self.times();
        let resumed = run(&["resume", &self.journal, "--yes"]);
        assert!(matches!(resumed.code, Some(0 | 6)), "{}: {resumed:#?}", self.what);
        assert_eq!(self.times(), before, "{}: resume sent to somebody", self.what);
        assert!(before.values().all(|times| *times == 1), "{}: texted twice: {before:?}", self.what);
        let verified = run(&["verify", &self.journal]);
        assert_eq!(verified.code, Some(0), "{}: {verified:#?}", self.what);
    }

    /// A person has everybody in doubt sent to again.
    fn sent_again_by_a_person(&self) {
        let (before, in_doubt) = (self.times(), self.doubt());
        let note = ["--note", "they say that nothing came"];
        run(&["doubt", "resolve", &self.journal, "--resend", "--all", note[0], note[1]]).exits(0);
        assert_eq!(self.times(), before, "{}: a decision sends nothing by itself", self.what);
        let resumed = run(&["resume", &self.journal, "--yes", "--json"]);
        assert_eq!(resumed.code, Some(0), "{}: {resumed:#?}", self.what);
        let mut expected = before;
        for number in in_doubt {
            *expected.entry(number).or_default() += 1;
        }
        assert_eq!(self.times(), expected, "{}", self.what);
        assert_eq!(count(&resumed.json(), "/recipients/accepted"), 4 * self.chunk, "{}", self.what);
        let verified = run(&["verify", &self.journal]);
        assert_eq!(verified.code, Some(0), "{}: {verified:#?}", self.what);
    }
}

/// What a provider says of every kind of lost answer.
fn every_loss(kind: &str) {
    for (loss, taken) in LOSSES {
        let fault = format!("[[fault]]\nrequest = 2\n{loss}\n");
        let sent = Sent::through(Provider::of(kind), &fault, "", &[]);
        let (what, chunk) = (&sent.what, sent.chunk);
        let all = if taken { 4 * chunk } else { 3 * chunk };
        assert_eq!(sent.gateway.taken().len() as u64, all, "{what}");
        assert_eq!(sent.doubt().len() as u64, chunk, "{what}");
        match (TELLING.contains(&kind), taken) {
            (false, _) => {
                let (refused, _) = sent.probe(2);
                assert!(refused.stderr.contains("no call that tells"), "{what}: {refused:#?}");
                assert_eq!(sent.doubt().len() as u64, chunk, "{what}");
                sent.goes_on_without_them();
                sent.sent_again_by_a_person();
            }
            (true, true) => {
                let (probed, lines) = sent.probe(0);
                let [line] = &lines[..] else { panic!("{what}: {probed:#?}") };
                assert_eq!((&line["verdict"], count(line, "/found")), (&"found".into(), chunk), "{what}");
                assert_eq!(sent.doubt(), [""; 0], "{what}");
                sent.goes_on_without_them();
                let report = sent.folder.text("report.csv");
                run(&["report", &sent.journal, "--csv", &report]).exits(0);
                let report = std::fs::read_to_string(report).expect("a report");
                let ids = report.lines().skip(1).filter_map(|line| line.split(',').nth(3));
                assert!(ids.clone().all(|id| !id.is_empty()), "{what}: the id was found, too: {report}");
            }
            (true, false) => {
                let (probed, lines) = sent.probe(6);
                let [line] = &lines[..] else { panic!("{what}: {probed:#?}") };
                assert_eq!(line["verdict"], "absent_so_far", "{what}: {probed:#?}");
                assert_eq!(sent.doubt().len() as u64, chunk, "{what}: absent proves nothing");
                sent.goes_on_without_them();
                sent.sent_again_by_a_person();
            }
        }
    }
}

#[test]
fn maxotel_cannot_be_asked_so_that_a_person_decides() {
    every_loss("maxotel");
}

#[test]
fn multitel_cannot_be_asked_so_that_a_person_decides() {
    every_loss("multitel");
}

#[test]
fn transmitsms_shows_by_time_number_and_text_whether_it_was_taken() {
    every_loss("transmitsms");
}

#[test]
fn mesms_shows_by_what_it_carried_and_to_whom_whether_it_was_taken() {
    every_loss("mesms");
}

#[test]
fn fonedynamics_shows_by_our_own_word_whether_it_was_taken() {
    every_loss("fonedynamics");
}

/// Without our word in its lists, number, text, sender and time have to do.
#[test]
fn fonedynamics_shows_it_without_our_word_as_well() {
    let accounts = Folder::new();
    accounts.write(
        "accounts.toml",
        "[[account]]\nface = \"fonedynamics\"\naccount = \"sim-account\"\ntoken = \"sim-token\"\n\
         property = \"sim-property\"\nrate = \"none\"\nechoes_external_id = false\n",
    );
    let flags = ["--accounts", &accounts.text("accounts.toml")];
    for (loss, taken) in LOSSES {
        let fault = format!("[[fault]]\nrequest = 2\n{loss}\n");
        let sent = Sent::through(Provider::of("fonedynamics"), &fault, "", &flags);
        let (_, lines) = sent.probe(if taken { 0 } else { 6 });
        let verdict = if taken { "found" } else { "absent_so_far" };
        assert_eq!(lines[0]["verdict"], verdict, "{}: {lines:?}", sent.what);
        sent.goes_on_without_them();
    }
}

/// Requests of one campaign differ in nothing but their recipients, and others send almost the
/// same from the same account.
#[test]
fn two_lost_requests_are_told_from_each_other_and_from_everything_that_looks_like_them() {
    for kind in TELLING {
        let faults = "[records]\nlookalikes = 4\n\
                      [[fault]]\nrequest = 2\nkind = \"commit_then_drop\"\n\
                      [[fault]]\nrequest = 3\nkind = \"truncate\"\n\
                      [[fault]]\nrequest = 5\nkind = \"error_after\"\n";
        let provider = Provider::of(kind);
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), &format!("{FREE}{faults}"));
        provider.campaign(&folder, &gateway.address, 24, "", "max_in_flight = 4\nchunk = 3\n");
        run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(6);
        let (journal, what) = (folder.text("test.volley"), kind.to_owned());
        let sent = Sent { what, folder, gateway, journal, chunk: 6 };
        assert_eq!(sent.doubt().len(), 9, "{kind}");
        let (_, lines) = sent.probe(0);
        let found: Vec<_> = lines.iter().map(|line| (&line["verdict"], count(line, "/found"))).collect();
        assert_eq!(found, vec![(&Value::from("found"), 3); 3], "{kind}");
        assert_eq!(sent.doubt(), [""; 0], "{kind}");
        sent.goes_on_without_them();
    }
}

#[test]
fn what_a_list_does_not_show_yet_is_absent_so_far_and_found_later() {
    for kind in TELLING {
        let fault = "[records]\nlag_ms = 3000\n[[fault]]\nrequest = 2\nkind = \"commit_then_drop\"\n";
        let sent = Sent::through(Provider::of(kind), fault, "", &[]);
        let first = run(&["doubt", "probe", &sent.journal, "--json"]);
        // A machine that is slow enough sees it at once.
        assert!(matches!(first.code, Some(0 | 6)), "{kind}: {first:#?}");
        sent.goes_on_without_them();
        sleep(Duration::from_secs(3));
        sent.probe(0);
        assert_eq!(sent.doubt(), [""; 0], "{kind}");
        sent.goes_on_without_them();
    }
}

#[test]
fn a_scheduled_request_that_was_lost_is_found_or_cannot_be_decided_before_its_time() {
    let second = |ahead: i64| {
        let now = jiff::Timestamp::now().as_second();
        jiff::Timestamp::from_second(now + ahead + 1).expect("a time")
    };
    let fault = "[[fault]]\nrequest = 2\nkind = \"commit_then_drop\"\n";
    for kind in ["mesms", "fonedynamics"] {
        let head = format!("schedule = \"{}\"", second(7_200));
        let sent = Sent::through(Provider::of(kind), fault, &head, &[]);
        let (_, lines) = sent.probe(0);
        assert_eq!(lines[0]["verdict"], "found", "{kind}: {lines:?}");
        sent.goes_on_without_them();
    }

    let due = second(3);
    let head = format!("schedule = \"{due}\"");
    let sent = Sent::through(Provider::of("transmitsms"), fault, &head, &[]);
    let early = run(&["doubt", "probe", &sent.journal, "--json"]);
    if jiff::Timestamp::now() < due {
        let line = early.json();
        assert_eq!((early.code, &line["verdict"]), (Some(6), &"undecidable".into()), "{early:#?}");
        assert!(line["reason"].as_str().expect("a reason").contains("scheduled"), "{early:#?}");
    }
    sent.goes_on_without_them();
    let left = due.as_millisecond() + 100 - jiff::Timestamp::now().as_millisecond();
    sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0)));
    let (_, lines) = sent.probe(0);
    assert_eq!(lines[0]["verdict"], "found", "{lines:?}");
    sent.goes_on_without_them();
}
