//! Metrics: what a scrape says is what the journal says, at every moment of a run.

use crate::volley::{Folder, Gateway, Ran, http, run, volley};
use serde_json::Value;
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

/// A sender with metrics on any free port.
struct Sender {
    process: Child,
    address: String,
    said: thread::JoinHandle<String>,
}

impl Sender {
    fn start(folder: &Folder) -> Self {
        let mut process =
            volley(&["send", &folder.text("campaign.toml"), "--yes", "--json", "--metrics", "127.0.0.1:0"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it runs");
        let mut stderr = BufReader::new(process.stderr.take().expect("a pipe"));
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).expect("UTF-8") > 0, "it never said where");
            if let Some(url) = line.trim_end().strip_prefix("metrics on http://") {
                break url.strip_suffix("/metrics").expect("the page's path").to_owned();
            }
        };
        let said = thread::spawn(move || {
            let mut rest = String::new();
            stderr.read_to_string(&mut rest).expect("UTF-8");
            rest
        });
        Self { process, address, said }
    }

    /// The samples of one scrape by name and labels; `None` where it is over.
    fn scrape(&self) -> Option<HashMap<String, f64>> {
        // It may end at any moment of the exchange.
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, page) = answer.split_once("\r\n\r\n")?;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        page.ends_with('\n').then(|| samples(page))
    }

    fn ends(mut self) -> Ran {
        let mut stdout = String::new();
        self.process.stdout.take().expect("a pipe").read_to_string(&mut stdout).expect("UTF-8");
        let code = self.process.wait().expect("it ends").code();
        Ran { code, stdout, stderr: self.said.join().expect("no panic") }
    }
}

/// What a page of the text format says. Every sample has its help and its type before it.
fn samples(page: &str) -> HashMap<String, f64> {
    let mut samples = HashMap::new();
    let mut described = Vec::new();
    for line in page.lines() {
        if let Some(comment) = line.strip_prefix("# TYPE ") {
            described.push(comment.split(' ').next().expect("a name"));
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            let family = described.last().expect("a type comes first");
            assert!(name.starts_with(family), "{name} stands under {family}");
            let value = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(samples.insert(name.to_owned(), value).is_none(), "{name} is there twice");
        }
    }
    samples
}

/// The figures of `status --json` by the names of their samples.
fn figures(status: &Value) -> HashMap<String, f64> {
    let mut figures = HashMap::new();
    for state in ["pending", "accepted", "refused", "in_doubt"] {
        figures
            .insert(format!("volley_recipients{{state=\"{state}\"}}"), status["recipients"][state].as_f64());
    }
    for (name, field) in [
        ("volley_requests_total", "sent"),
        ("volley_requests_throttled_total", "throttled"),
        ("volley_requests_retried_total", "retried"),
    ] {
        figures.insert(name.to_owned(), status["requests"][field].as_f64());
    }
    if let Some(billed) = status["cost"]["billed"].as_str() {
        figures.insert("volley_cost_billed{currency=\"THB\"}".to_owned(), billed.parse().ok());
    }
    figures.into_iter().map(|(name, figure)| (name, figure.expect("a figure"))).collect()
}

#[test]
fn every_scrape_is_what_the_journal_says_at_that_moment() {
    let folder = Folder::new();
    // The last request but one is throttled for so long that everything rests for a while.
    let gateway = Gateway::start(
        folder.directory.path(),
        "latency_ms = [20, 60]\n[limiter]\nkind = \"none\"\n[[fault]]\nrequest = 5\nkind = \"throttle\"\nretry_after = \"1\"\n\
         [[fault]]\nrequest = 8\nkind = \"commit_then_drop\"\n\
         [[fault]]\nrequest = 61\nkind = \"throttle\"\nretry_after = \"3\"\n",
    );
    folder.campaign("mesms", &gateway.address, 600, "rate = \"40/s\"\nmax_in_flight = 2\nchunk = 10\n");
    let sender = Sender::start(&folder);
    let journal = folder.text("test.volley");
    let status = || figures(&run(&["status", &journal, "--json"]).exits(0).json());
    let (mut rounds, mut exact, mut paused, mut earlier) = (0, 0, 0, HashMap::new());
    loop {
        let before = status();
        let Some(seen) = sender.scrape() else { break };
        let after = status();
        rounds += 1;
        exact += usize::from(before == after);
        for (name, first) in &before {
            let (told, second) = (seen.get(name).unwrap_or_else(|| panic!("{name}")), &after[name]);
            let (least, most) = (first.min(*second), first.max(*second));
            assert!(least <= *told && *told <= most, "{name}: {told} is not between {least} and {most}");
        }
        let people = seen.iter().filter(|(name, _)| name.starts_with("volley_recipients{"));
        assert!((people.map(|(_, count)| count).sum::<f64>() - 600.0).abs() < 0.5, "{seen:?}");
        assert!(seen["volley_requests_in_flight"] <= 2.0, "{seen:?}");
        let buckets = seen["volley_request_duration_seconds_bucket{le=\"+Inf\"}"];
        assert!((seen["volley_request_duration_seconds_count"] - buckets).abs() < 0.5);
        let causes = seen.iter().filter(|(name, value)| name.starts_with("volley_paused") && **value > 0.5);
        assert!(causes.count() <= 1, "one cause at a time: {seen:?}");
        paused += usize::from(seen["volley_paused{cause=\"throttled\"}"] > 0.5);
        for name in ["volley_requests_total", "volley_commits_total", "volley_request_duration_seconds_count"]
        {
            let known = earlier.get(name).copied().unwrap_or(0.0);
            assert!(seen[name] >= known, "{name} falls from {known} to {}", seen[name]);
        }
        earlier = seen;
    }
    assert!(rounds >= 10 && exact >= 2 && paused >= 1, "{rounds} scrapes, {exact} exact, {paused} paused");
    let ended = sender.ends().exits(6);
    let end = figures(&ended.json());
    assert!(earlier["volley_requests_total"] <= end["volley_requests_total"], "{ended:#?}");
    assert_eq!(
        run(&["status", &journal, "--json"]).exits(0).json()["recipients"],
        ended.json()["recipients"]
    );
    folder.verified();
}

/// The last answer comes so late that a scrape falls between the last commit but one and the end.
#[test]
fn at_rest_every_figure_is_exactly_the_journals() {
    let folder = Folder::new();
    let late = "[limiter]\nkind = \"none\"\n[[fault]]\nrequest = 4\nkind = \"late\"\ndelay_ms = 3000\n";
    let gateway = Gateway::start(folder.directory.path(), late);
    folder.campaign("mesms", &gateway.address, 40, "rate = \"1000/s\"\nmax_in_flight = 1\nchunk = 10\n");
    let sender = Sender::start(&folder);
    let journal = folder.text("test.volley");
    let status = loop {
        let status = run(&["status", &journal, "--json"]).exits(0).json();
        if status["requests"]["sent"] == 4 {
            break status;
        }
        thread::sleep(Duration::from_millis(10));
    };
    // The intent is durable; its request is on its way a moment later.
    let scraped = loop {
        let scraped = sender.scrape().expect("it waits for its answer");
        if scraped["volley_requests_in_flight"] > 0.5 {
            break scraped;
        }
    };
    for (name, figure) in figures(&status) {
        assert!((scraped[&name] - figure).abs() < 1e-9, "{name}: {} for {figure}", scraped[&name]);
    }
    assert!((scraped["volley_request_duration_seconds_count"] - 3.0).abs() < 0.5, "{scraped:?}");
    assert!((scraped["volley_paused{cause=\"in_flight\"}"] - 1.0).abs() < 0.5, "{scraped:?}");
    let (status, _) = http(&sender.address, "GET", "/", "", "");
    assert_eq!(status, 404);
    let (status, _) = http(&sender.address, "POST", "/metrics", "", "");
    assert_eq!(status, 405);
    sender.ends().exits(0);
}

#[test]
fn what_cannot_be_listened_on_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 4, "");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    for (address, named) in [
        ("0.0.0.0:9464", "this machine alone"),
        ("[::]:9464", "this machine alone"),
        ("192.0.2.1:9464", "this machine alone"),
        ("9464", "127.0.0.1:9464"),
        (&taken, "choose another port"),
    ] {
        let send = ["send", &folder.text("campaign.toml"), "--yes", "--metrics", address];
        let refused = run(&send).exits(2);
        assert!(refused.stderr.contains(named), "{address}: {refused:#?}");
    }
    assert!(gateway.taken().is_empty() && !folder.path("test.volley").exists());
}
