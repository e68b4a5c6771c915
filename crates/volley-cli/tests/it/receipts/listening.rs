//! What became of messages, told by calls of the provider's to `receipts --listen`. Between the
//! two stands somebody who calls again until there is an answer, as providers do, but sooner.

use super::{MIXED, Sent};
use crate::{
    providers::count,
    relay::{Passed, Relay},
    signals::signal,
    volley::{Ran, http, run, times, volley},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Stdio},
    thread::sleep,
    time::Duration,
};
use tokio::time::Instant;

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// The path's secret.
const TOKEN: &str = "a-secret-of-the-tests-0123";

/// Those that call, and their setting for where to.
const CALLING: [(&str, &str); 3] =
    [("multitel", "notify_url"), ("fonedynamics", "receipt_url"), ("transmitsms", "dlr_callback")];

/// Everything that can be wrong with a call.
const SPOILT: &str = "[callbacks]\nrepeated = 0.5\nreordered = 0.5\nlate = 0.3\nlate_by_ms = 400\n\
                      before_reply = 0.5\n";

/// A listener in a process of its own.
struct Listener {
    process: Child,
    stdout: BufReader<ChildStdout>,
    /// `http://host:port`.
    address: String,
}

impl Listener {
    fn start(sent: &Sent) -> Self {
        let mut process = volley(&["receipts", &sent.journal, "--listen", "127.0.0.1:0", "--json"])
            .args(["--token-env", "LISTENER_TOKEN"])
            .env("LISTENER_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut stdout = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("its address");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        let url = told["listening"].as_str().expect("an address");
        let address = url.strip_suffix(&format!("/{TOKEN}")).expect("the secret of the environment");
        Self { process, stdout, address: address.to_owned() }
    }

    /// Stops it as a person does; what it said.
    fn stop(mut self) -> Ran {
        signal(&self.process, "TERM");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("a pipe");
        let mut ran = Ran::of(&self.process.wait_with_output().expect("it ends"));
        ran.stdout = rest;
        ran
    }

    fn kill(mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("gone");
    }
}

/// A campaign whose provider calls somebody at the relay.
fn planned(kind: &'static str, setting: &str, faults: &str, recipients: u64, relay: &Relay) -> Sent {
    let chunk = if kind == "multitel" { 1 } else { 10 };
    let setting = format!("{setting} = \"{}/{TOKEN}\"\n", relay.address);
    Sent::planned(kind, faults, recipients, chunk, &setting)
}

/// What the calls that were answered say of each number, in our three words: of two that differ
/// the one that says more. Calls about messages of somebody else's say nothing.
fn called(relay: &Relay, sent: &Sent) -> BTreeMap<String, &'static str> {
    let ours: BTreeSet<String> = sent.gateway.taken().into_iter().map(|one| one.to).collect();
    let mut ends: BTreeMap<String, &'static str> = ours.into_iter().map(|to| (to, "unknown")).collect();
    for passed in relay.log().into_iter().filter(|passed| passed.status == Some(200) && is_ours(passed)) {
        let (to, word) = number_and_word(&passed).unwrap_or_else(|| panic!("{passed:?}"));
        let to = format!("+{}", to.trim_start_matches('+'));
        let end = match &*word {
            "delivered" | "Delivered" => "delivered",
            "soft-bounce" | "hard-bounce" | "failed" | "undelivered" | "rejected" | "Failed" => "failed",
            "pending" | "sent" | "Submitted" => continue,
            other => panic!("{other} in {passed:?}"),
        };
        let known = ends.get_mut(&to).unwrap_or_else(|| panic!("{to}: {passed:?}"));
        if *known != "delivered" {
            *known = end;
        }
    }
    ends
}

/// Whether a call has our own word in it.
fn is_ours(passed: &Passed) -> bool {
    let text = format!("{}&{}", passed.line, passed.body);
    ["&reference=", "\"ExternalId\"", "?volley="].iter().any(|name| text.contains(name))
}

/// The number that a call is about and what it says of it: of a JSON object, a form or a query.
fn number_and_word(passed: &Passed) -> Option<(String, String)> {
    if let Ok(body) = serde_json::from_str::<Value>(&passed.body) {
        return Some((body["To"].as_str()?.to_owned(), body["Status"].as_str()?.to_owned()));
    }
    let (_, query) = passed.line.split_once('?').unwrap_or_default();
    let fields = || query.split('&').chain(passed.body.split('&')).filter_map(|pair| pair.split_once('='));
    let field =
        |names: [&str; 2]| fields().find(|(name, _)| names.contains(name)).map(|(_, value)| value.to_owned());
    Some((field(["mobile", "to"])?, field(["status", "Status"])?))
}

/// Waits until the journal says of so many recipients how they ended.
#[track_caller]
fn until_ended(sent: &Sent, ended: u64) {
    let start = Instant::now();
    loop {
        let status = sent.status();
        let ends = |end: &str| status.pointer(&format!("/delivery/{end}")).and_then(Value::as_u64);
        let so_far = ends("delivered").unwrap_or(0) + ends("failed").unwrap_or(0);
        if so_far >= ended {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{}: {so_far} of {ended} so far: {status}", sent.kind);
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn repeated_reordered_late_early_and_strange_calls_give_each_message_one_end() {
    for (kind, setting) in CALLING {
        let relay = Relay::stubborn();
        // Every message has an end, so that it is known when the last call came.
        let mix = "[delivery]\ntimeout = 0.0\nfailed = 0.2\nblocked = 0.1\ndelay_ms = [0, 300]\n[records]\nprocessing_ms = 0\n";
        // TransmitSMS calls each request at an address of its own, which says whose it is.
        let unknown = if kind == "transmitsms" { "" } else { "unknown = 0.3\n" };
        let sent = planned(kind, setting, &format!("{mix}{SPOILT}{unknown}"), 60, &relay);
        let listener = Listener::start(&sent);
        relay.turn_to(Some(&listener.address));
        let sender = run(&["resume", &sent.journal, "--yes", "--json"]).exits(0).json();
        assert_eq!(count(&sender, "/recipients/accepted"), 60, "{kind}");
        if kind == "transmitsms" {
            let query =
                "message_id=999000111&mobile=61491570000&datetime=2026-12-01+00:00:05&status=delivered";
            let (status, _) = http(&relay.address, "GET", &format!("/{TOKEN}?{query}"), "", "");
            assert_eq!(status, 200);
        }
        until_ended(&sent, 60);
        // Of the reports that are reordered the first one is last.
        sleep(Duration::from_millis(1_500));
        let stopped = listener.stop().exits(0);
        assert!(!stopped.stderr.contains(" 0 about nobody known"), "{kind}: {stopped:#?}");
        assert!(!stopped.stderr.contains(" 0 that said nothing new"), "{kind}: {stopped:#?}");
        assert_eq!(stopped.json()["delivery"], sent.status()["delivery"], "{kind}");
        let calls = relay.log();
        assert!(calls.len() > 120, "{kind}: two a message and those that are too many: {}", calls.len());
        assert!(calls.iter().all(|call| call.status == Some(200)), "{kind}: {calls:#?}");
        let reported = sent.reported();
        assert_eq!(reported, called(&relay, &sent), "{kind}");
        if kind == "multitel" {
            assert_eq!(reported.len(), 60);
        } else {
            assert_eq!(reported, sent.told(), "{kind}");
        }
        sent.folder.verified();
    }
}

#[test]
fn who_does_not_speak_as_the_provider_does_is_told_so_and_changes_nothing() {
    for (kind, setting) in CALLING {
        let relay = Relay::stubborn();
        let sent = planned(kind, setting, MIXED, 3, &relay);
        run(&["resume", &sent.journal, "--yes"]).exits(0);
        let before = sent.status();
        let listener = Listener::start(&sent);
        let (right, huge) = (format!("/{TOKEN}"), "x".repeat(300 * 1024));
        for (method, path, body, expected) in [
            ("GET", "/", "", 404),
            ("POST", "/a-secret-of-the-tests-0124", "uniqueid=1&status=delivered", 404),
            ("POST", &*format!("{right}/more"), "uniqueid=1&status=delivered", 404),
            ("PUT", &*right, "uniqueid=1&status=delivered", 405),
            ("DELETE", &*right, "", 405),
            ("POST", &*right, &*huge, 413),
            ("POST", &*right, "\u{1}{\"[%", 400),
            ("POST", &*right, "", 400),
            ("GET", &*format!("{right}?nothing=known"), "", 400),
        ] {
            let (status, said) = if expected == 413 {
                told_a_length(&listener.address, path, body.len())
            } else {
                http(&listener.address, method, path, "", body)
            };
            assert_eq!(status, expected, "{kind}: {method} {path} {body:.40}: {said}");
            assert!(!said.contains(TOKEN), "{kind}: {said}");
        }
        let (status, _) = http(&listener.address, "BREW", &right, "", "");
        assert_eq!(status, 405, "{kind}");
        listener.stop().exits(0);
        assert_eq!(sent.status(), before, "{kind}");
        sent.folder.verified();
    }
}

/// The answer to somebody who says how long a body will be and sends nothing of it.
fn told_a_length(address: &str, path: &str, length: usize) -> (u16, String) {
    use std::io::Write;
    let host = address.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(host).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let head = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer");
    (line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), line)
}

#[test]
fn what_was_answered_is_kept_though_the_listener_is_killed_beside_a_sender() {
    for (kind, setting) in CALLING {
        let relay = Relay::stubborn();
        let faults = "latency_ms = [5, 15]\n[delivery]\ntimeout = 0.0\nfailed = 0.2\ndelay_ms = [0, 200]\n";
        let sent = planned(kind, setting, faults, 400, &relay);
        let mut listener = Listener::start(&sent);
        relay.turn_to(Some(&listener.address));
        let mut sender = volley(&["resume", &sent.journal, "--yes", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        for answered in [60, 200, 400] {
            relay.until_answered(answered);
            relay.turn_to(None);
            listener.kill();
            // What the provider was told is kept, whatever the process did last.
            let kept = called(&relay, &sent);
            let reported = sent.reported();
            let lost: Vec<_> = kept
                .iter()
                .filter(|(to, end)| **end != "unknown" && reported.get(*to) != Some(*end))
                .collect();
            assert!(lost.is_empty(), "{kind} after {answered} calls: {lost:?}");
            listener = Listener::start(&sent);
            relay.turn_to(Some(&listener.address));
        }
        let ended = sender.wait().expect("it ends");
        assert_eq!(ended.code(), Some(0), "{kind}");
        until_ended(&sent, 400);
        listener.stop().exits(0);
        assert_eq!(sent.reported(), called(&relay, &sent), "{kind}");
        let taken = sent.gateway.taken();
        assert_eq!((taken.len(), times(&taken).len()), (400, 400), "{kind}");
        sent.folder.verified();
    }
}

#[test]
fn a_call_for_somebody_in_doubt_proves_that_they_were_taken() {
    for (kind, setting) in CALLING {
        let relay = Relay::stubborn();
        let faults = "[delivery]\ntimeout = 0.0\ndelay_ms = [0, 100]\n\
                      [[fault]]\nrequest = 2\nkind = \"commit_then_drop\"\n\
                      [[fault]]\nrequest = 4\nkind = \"reset\"\n";
        let sent = planned(kind, setting, faults, 60, &relay);
        let chunk = if kind == "multitel" { 1 } else { 10 };
        let listener = Listener::start(&sent);
        relay.turn_to(Some(&listener.address));
        let lost = run(&["resume", &sent.journal, "--yes", "--json"]).exits(6).json();
        assert_eq!(count(&lost, "/recipients/in_doubt"), 2 * chunk, "{kind}: {lost}");
        // Those in doubt do not count as delivered before they are proved.
        until_ended(&sent, 60 - 2 * chunk);
        sleep(Duration::from_millis(300));
        let stopped = listener.stop().exits(0);
        let proved = if chunk == 1 { "1 recipient in doubt got" } else { "10 recipients in doubt got" };
        assert!(stopped.stderr.contains(proved), "{kind}: {stopped:#?}");
        let status = sent.status();
        assert_eq!(count(&status, "/recipients/in_doubt"), chunk, "{kind}: who was not taken: {status}");
        let taken = sent.gateway.taken();
        assert_eq!(taken.len() as u64, 60 - chunk, "{kind}");
        run(&["resume", &sent.journal, "--yes"]).exits(6);
        assert_eq!(sent.gateway.taken().len() as u64, 60 - chunk, "{kind}: nobody is sent to again");
        sent.folder.verified();
    }
}

#[test]
fn who_is_never_called_says_so_and_a_short_secret_is_refused() {
    for kind in ["maxotel", "mesms"] {
        let sent = Sent::planned(kind, "", 1, 1, "");
        let refused = run(&["receipts", &sent.journal, "--listen", "127.0.0.1:0"]).exits(2);
        assert!(refused.stderr.contains("makes no calls"), "{refused:#?}");
    }
    for kind in ["maxotel", "multitel"] {
        let sent = Sent::planned(kind, "", 1, 1, "");
        let refused = run(&["receipts", &sent.journal, "--poll"]).exits(2);
        assert!(refused.stderr.contains("cannot be asked"), "{refused:#?}");
    }
    let sent = Sent::planned("multitel", "", 1, 1, "");
    for secret in ["", "short", "a/path/that/is/long/enough", "0123456789abcde"] {
        let refused = volley(&["receipts", &sent.journal, "--listen", "127.0.0.1:0", "--token-env", "T"])
            .env("T", secret)
            .output()
            .expect("it runs");
        let refused = Ran::of(&refused).exits(2);
        assert!(refused.stderr.contains("(--token-env)"), "{refused:#?}");
        assert!(secret.is_empty() || !refused.stderr.contains(secret), "{refused:#?}");
    }
}
