//! The page that `report --html` writes: the figures of `report --json`, and nothing that runs.

mod browser; // in a real one

use crate::{
    demo::demo,
    volley::{FAST, Folder, Gateway, Ran, run, volley},
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::Stdio,
    thread,
};

/// The demo campaign, sent, with the path of its journal.
fn sent_demo() -> (Folder, String) {
    let folder = demo();
    let campaign = folder.text("campaign.toml");
    run(&["send", &campaign, "--yes", "-q", "--set", "provider.rate=2000/s"]).exits(0);
    let journal = folder.text("demo.volley");
    (folder, journal)
}

/// Forty people of whom ten are in doubt.
fn doubtful() -> (Folder, Gateway, String) {
    let folder = Folder::new();
    let faults = "[[fault]]\nrequest = 2\nkind = \"commit_then_drop\"\n";
    let gateway = Gateway::start(folder.directory.path(), faults);
    let provider = "rate = \"1000/s\"\nmax_in_flight = 1\nchunk = 10\n";
    folder.campaign("transmitsms", &gateway.address, 40, provider);
    run(&["send", &folder.text("campaign.toml"), "--yes", "-q"]).exits(6);
    let journal = folder.text("test.volley");
    (folder, gateway, journal)
}

/// The tables of a page: each its caption and its rows of cells, tags taken off.
fn tables(page: &str) -> Vec<(String, Vec<Vec<String>>)> {
    let inside = |text: &str, from: &str, to: &str| -> Vec<String> {
        let parts = text.split(from).skip(1);
        parts.map(|part| part.split(to).next().unwrap_or_default().to_owned()).collect()
    };
    let cell = |text: &str| {
        let text = text.split_once('>').map_or("", |(_, text)| text);
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    };
    let table = |table: String| {
        let caption = inside(&table, "<caption>", "</caption>").join("");
        let rows = inside(&table, "<tbody>", "</tbody>").join("");
        let rows = inside(&rows, "<tr>", "</tr>");
        let cells = |row: &String| {
            let row = row.replace("</th>", "\u{0}").replace("</td>", "\u{0}");
            let cells = row.split('\u{0}').map(|part| cell(part.trim_start()));
            let mut cells: Vec<String> = cells.collect();
            cells.pop();
            cells
        };
        (caption, rows.iter().map(cells).collect())
    };
    inside(page, "<table>", "</table>").into_iter().map(table).collect()
}

#[track_caller]
fn table<'a>(tables: &'a [(String, Vec<Vec<String>>)], caption: &str) -> &'a [Vec<String>] {
    let found = tables.iter().find(|(one, _)| one == caption);
    &found.unwrap_or_else(|| panic!("no table `{caption}` in {tables:?}")).1
}

/// A JSON number or text as the page shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        number => {
            let digits = number.as_u64().expect("a count").to_string();
            let mut grouped = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn the_figures_of_the_page_are_those_for_scripts() {
    let (folder, journal) = sent_demo();
    let file = folder.text("report.html");
    let report = run(&["report", &journal, "--html", &file, "--json"]).exits(0).json();
    assert_eq!(report, run(&["report", &journal, "--json"]).exits(0).json(), "the page changes nothing");
    let page = fs::read_to_string(&file).expect("a page");
    let tables = tables(&page);

    let expected = |of: &str, keys: &[&str]| -> Vec<Vec<String>> {
        list(&report[of]).iter().map(|one| keys.iter().map(|key| shown(&one[key])).collect()).collect()
    };
    assert_eq!(table(&tables, "Delivery funnel"), expected("funnel", &["step", "number", "percent"]));
    let group = [
        "name",
        "recipients",
        "segments",
        "accepted",
        "refused",
        "in_doubt",
        "pending",
        "estimated",
        "billed",
    ];
    assert_eq!(table(&tables, "By country of the number"), expected("by_country", &group));
    assert_eq!(table(&tables, "By encoding of the text"), expected("by_encoding", &group));
    let money: Vec<&str> = table(&tables, "Estimate and bill").iter().map(|row| row[2].as_str()).collect();
    let cost = &report["cost"];
    assert_eq!(
        money,
        [&cost["estimated"], &cost["billed"], &report["cost_difference"]]
            .map(|one| one.as_str().expect("money"))
    );
    let left_out: u64 = table(&tables, "Rows that were left out before anything was sent")
        .iter()
        .map(|row| row[1].parse::<u64>().expect("a number"))
        .sum();
    assert_eq!(left_out, 40 + 15 + 29);

    // What the figures say is what the rest of the report says.
    let sum = |of: &Value, key: &str| list(of).iter().filter_map(|one| one[key].as_u64()).sum::<u64>();
    for of in ["by_country", "by_encoding"] {
        assert_eq!(sum(&report[of], "recipients"), 1_916, "{of}");
        assert_eq!(report["segments"], sum(&report[of], "segments"), "{of}");
        assert_eq!(report["recipients"]["accepted"], sum(&report[of], "accepted"), "{of}");
    }
    let buckets = &report["timeline"]["buckets"];
    assert_eq!(report["requests"]["sent"], sum(buckets, "requests"));
    assert_eq!(report["requests"]["throttled"], sum(buckets, "throttled"));
    let drawn = table(&tables, "Requests a second");
    let busy: Vec<&Value> = list(buckets).iter().filter(|one| one["requests"] != 0).collect();
    assert_eq!(drawn.len(), busy.len());
    for (row, bucket) in drawn.iter().zip(busy) {
        assert_eq!(row[1..4], ["requests", "recipients", "throttled"].map(|key| shown(&bucket[key])));
    }
    assert_eq!(report["timeline"]["limit_milli"], 2_000_000);
    for words in
        [report["plan_hash"].as_str().expect("a hash"), env!("CARGO_PKG_VERSION"), "1,916", "exit code 0"]
    {
        assert!(page.contains(words), "no {words}");
    }
}

#[test]
fn the_page_asks_for_nothing_and_every_drawing_has_words() {
    let (folder, journal) = sent_demo();
    let file = folder.text("report.html");
    run(&["report", &journal, "--html", &file, "-q"]).exits(0);
    let page = fs::read_to_string(&file).expect("a page");
    assert!(page.contains("Content-Security-Policy\" content=\"default-src 'none';"));
    for never in ["<script", "http://", "https://", "src=", "@import", "javascript:", "onload"] {
        assert!(!page.contains(never), "{never}");
    }
    let drawings = page.matches("role=\"img\"").count();
    assert_eq!(drawings, 4);
    for part in ["<title id=", "<desc id="] {
        assert_eq!(page.matches(part).count(), drawings, "{part}");
    }
    // The shapes beside them are keys and patterns that nobody reads aloud.
    assert_eq!(page.matches("<svg ").count(), drawings + page.matches("aria-hidden=\"true\"").count());
    for media in ["prefers-color-scheme: dark", "@media print"] {
        assert!(page.contains(media), "{media}");
    }
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!folder.path("report.html.partial").exists());
    // An earlier page is replaced, and stdout has the same.
    run(&["report", &journal, "--html", &file, "-q"]).exits(0);
    assert_eq!(run(&["report", &journal, "--html", "-"]).exits(0).stdout, page);
}

#[test]
fn numbers_are_whole_only_where_that_was_asked_for() {
    let (folder, _gateway, journal) = doubtful();
    let file = folder.text("report.html");
    let report = run(&["report", &journal, "--html", &file, "--json"]).exits(0);
    assert!(!report.stdout.contains("668000000"), "{report:#?}");
    let report = report.json();
    let page = fs::read_to_string(&file).expect("a page");
    assert!(!page.contains("668000000"));
    let listed = tables(&page);
    let doubts = table(&listed, "Recipients in doubt");
    let told = list(&report["doubts"]);
    assert_eq!((doubts.len(), told.len()), (10, 10));
    for (row, doubt) in doubts.iter().zip(told) {
        let keys = ["row", "number", "since", "attempts", "reason", "provider_id", "cost"];
        assert_eq!(row[..], keys.map(|key| shown(&doubt[key])));
        assert!(row[1].starts_with("•••"), "{row:?}");
    }
    let reasons = list(&report["reasons"]);
    assert_eq!(reasons.iter().filter_map(|one| one["recipients"].as_u64()).sum::<u64>(), 10);

    run(&["report", &journal, "--html", &file, "--full-numbers", "-q"]).exits(0);
    let page = fs::read_to_string(&file).expect("a page");
    for doubt in told {
        let number = 66_800_000_000 + doubt["row"].as_u64().expect("a row");
        assert!(page.contains(&number.to_string()), "{number}");
    }
    run(&["report", &journal, "--full-numbers"]).exits(2);
}

/// A provider that says `words` to whatever it is asked, under a code that nobody listed.
fn talker(words: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let body = serde_json::json!({"error": {"code": "NEWS", "description": words}}).to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
    let answer = format!("{head} {}\r\n\r\n{body}", body.len());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let Ok(clone) = stream.try_clone() else { continue };
            let (mut lines, mut length) = (BufReader::new(clone), 0);
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|read| read > 2) {
                let value = line.to_ascii_lowercase();
                let value = value.strip_prefix("content-length:").and_then(|value| value.trim().parse().ok());
                length = value.unwrap_or(length);
                line.clear();
            }
            let mut sent = vec![0; length];
            // Whoever hung up heard enough.
            lines.read_exact(&mut sent).and_then(|()| stream.write_all(answer.as_bytes())).ok();
        }
    });
    address
}

#[test]
fn hostile_words_are_inert() {
    let hostile = "</td><script>alert(1)</script><img src=x onerror='x'>\u{1b}[2J\u{202e}gnp\u{7}\"&";
    let address = talker(&format!("{hostile}{}", "A".repeat(100_000)));
    let folder = Folder::new();
    folder.campaign("transmitsms", &address, 1, FAST);
    run(&["send", &folder.text("campaign.toml"), "--yes", "-q"]).exits(6);
    let file = folder.text("report.html");
    run(&["report", &folder.text("test.volley"), "--html", &file, "-q"]).exits(0);
    let page = fs::read_to_string(&file).expect("a page");
    assert!(page.len() < 100_000, "{} bytes", page.len());
    for never in ["<script", "<img", "\u{1b}", "\u{202e}", "\u{7}"] {
        assert!(!page.contains(never), "{never:?}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
}

#[test]
fn a_page_that_cannot_be_written_says_where_and_what_to_do() {
    let (folder, _gateway, journal) = doubtful();
    let directory = folder.directory.path().to_str().expect("UTF-8");
    let refused = run(&["report", &journal, "--html", directory]).exits(2);
    assert!(refused.stderr.contains("it is a directory; name a file in it"), "{refused:#?}");
    // Somebody else's file stays as it is.
    folder.write("index.html", "<!DOCTYPE html><p>mine");
    let refused = run(&["report", &journal, "--html", &folder.text("index.html")]).exits(2);
    assert!(refused.stderr.contains("index.html") && refused.stderr.contains("another name"), "{refused:#?}");
    assert_eq!(fs::read_to_string(folder.path("index.html")).expect("a file"), "<!DOCTYPE html><p>mine");
    let refused = run(&["report", &journal, "--html", "/dev/full"]).exits(2);
    assert!(refused.stderr.contains("/dev/full"), "{refused:#?}");
    let refused = run(&["report", &journal, "--html", &folder.text("no/such/report.html")]).exits(2);
    assert!(refused.stderr.contains("choose another place"), "{refused:#?}");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let full = volley(&["report", &journal, "--html", "-"]).stdout(Stdio::from(full)).output();
    let full = Ran::of(&full.expect("the binary runs")).exits(1);
    assert!(full.stderr.contains("standard output") && full.stderr.contains("free space"), "{full:#?}");
    run(&["report", &journal, "--html", "-", "--json"]).exits(2);
    let both = folder.text("both");
    run(&["report", &journal, "--html", &both, "--csv", &both]).exits(2);
    assert!(!folder.path("both").exists());
}
