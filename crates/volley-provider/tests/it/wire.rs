//! Every file in `data/wire`: what an adapter writes is those bytes, and what it reads out of
//! them is what the table beside them says.

use crate::support::{self, AUSTRALIA, THAILAND};
use bytes::Bytes;
use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc};
use volley_core::UnixMillis;
use volley_provider::{adapter::SendCall, http::Reply};

const SALE: &str = "Sale ends today";
const SIGNS: &str = "50% off + tea & cake = fun\nCafé “Ünï” 🙂 €5; ~2 {x} [y] \\ ^ |";
const GSM_EXTENSION: &str = "^{}\\[~]|€ + & = %\nline two, é à £ Δ";
/// 2026-12-01T09:00:00Z.
const NINE_UTC: UnixMillis = UnixMillis(1_796_115_600_000);

/// One request fixture as a call: name, account settings, sender, numbers, text, schedule.
struct Request {
    name: &'static str,
    options: &'static [(&'static str, &'static str)],
    sender: Option<&'static str>,
    numbers: &'static [u64],
    text: &'static str,
    send_at: Option<UnixMillis>,
}

impl Request {
    const fn new(name: &'static str, sender: &'static str, numbers: &'static [u64]) -> Self {
        Self { name, options: &[], sender: Some(sender), numbers, text: SALE, send_at: None }
    }
}

fn transmitsms() -> Vec<Request> {
    let one = |name| Request::new(name, "ShopAlert", &AUSTRALIA[..1]);
    let settings = &[
        ("validity", "240"),
        ("replies_to_email", "shop@example.com"),
        ("dlr_callback", "https://example.com/dlr?token=a+b"),
        ("reply_callback", "https://example.com/reply"),
        ("tracked_link_url", "https://example.com/sale?x=1&y=2"),
        ("countrycode", "AU"),
    ];
    vec![
        one("one"),
        Request { numbers: &AUSTRALIA[..2], ..one("two") },
        Request { sender: None, ..one("no-sender") },
        Request { sender: Some("+61491570159"), ..one("number-sender") },
        Request { send_at: Some(NINE_UTC), ..one("schedule") },
        Request { text: SIGNS, ..one("signs") },
        Request { text: GSM_EXTENSION, ..one("gsm-extension") },
        Request { options: &[("path_prefix", "/2/")], ..one("path-prefix") },
        Request { options: settings, text: "Sale ends today: [tracked-link]", ..one("settings") },
    ]
}

fn mesms() -> Vec<Request> {
    let one = |name| Request::new(name, "VolleyTH", &THAILAND[..1]);
    vec![
        one("one"),
        Request { numbers: &THAILAND[..2], ..one("two") },
        Request { send_at: Some(NINE_UTC), ..one("schedule") },
        Request { text: SIGNS, ..one("signs") },
        Request { text: GSM_EXTENSION, ..one("gsm-extension") },
        Request { text: "Say \"now\" \\ a/b\tc", ..one("quotes") },
        Request { text: "ลดราคาวันนี้วันสุดท้าย", ..one("thai") },
        Request { numbers: &AUSTRALIA[..1], ..one("abroad") },
        Request { options: &[("send_path", "/gateway/send")], ..one("send-path") },
    ]
}

fn folder(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/wire").join(kind)
}

/// A fixture as its first line, its headers, and its body.
fn read(kind: &str, file: &str) -> (String, Vec<(String, String)>, Bytes) {
    let path = folder(kind).join(file);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").expect("an empty line after the head");
    let head = std::str::from_utf8(&bytes[..end]).expect("a head in UTF-8");
    let mut lines = head.lines();
    let first = lines.next().expect("a first line").to_owned();
    let headers = lines.map(|line| line.split_once(": ").expect("`name: value`"));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    (first, headers, Bytes::copy_from_slice(&bytes[end + 2..]))
}

/// The rows of the table in the folder's README whose first column heads `heading`.
fn rows(kind: &str, heading: &str) -> Vec<Vec<String>> {
    let readme = fs::read_to_string(folder(kind).join("README.md")).expect("a README beside the fixtures");
    let (_, table) = readme.split_once(&format!("| {heading} |")).expect("a table with that heading");
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    lines.map(cells).collect()
}

/// The names of the folder's files with this ending.
fn names(kind: &str, ending: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder(kind)).expect("a folder of fixtures");
    files
        .map(|file| file.expect("a readable folder").file_name().into_string().expect("UTF-8"))
        .filter_map(|file| file.strip_suffix(ending).map(str::to_owned))
        .collect()
}

fn requests_are_the_fixtures(kind: &str, requests: Vec<Request>) {
    let told: BTreeSet<_> = rows(kind, "NAME.request").iter().map(|row| row[0].clone()).collect();
    let tried: BTreeSet<_> = requests.iter().map(|request| request.name.to_owned()).collect();
    assert_eq!(told, names(kind, ".request"), "{kind}: the README's rows and the files");
    assert_eq!(tried, told, "{kind}: this test's rows and the README's");
    for request in requests {
        let name = request.name;
        let (line, headers, body) = read(kind, &format!("{name}.request"));
        let call = SendCall {
            chunk: Arc::new(support::chunk(request.text, request.numbers)),
            sender: request.sender.map(Arc::from),
            send_at: request.send_at,
        };
        let account = support::account(kind, request.options);
        let made = account.encode(&call).unwrap_or_else(|fault| panic!("{kind}/{name}: {fault}"));
        let path = made.url.strip_prefix("http://127.0.0.1").expect("the base URL");
        assert_eq!(format!("POST {path} HTTP/1.1"), line, "{kind}/{name}");
        let mut written = vec![("host".to_owned(), "127.0.0.1".to_owned())];
        written.extend(made.headers.iter().map(|one| (one.name.to_owned(), support::shown(&one.value))));
        written.push(("content-length".to_owned(), made.body.length().to_string()));
        assert_eq!(written, headers, "{kind}/{name}");
        assert_eq!(Bytes::from(support::body_of(&made)), body, "{kind}/{name}");
    }
}

fn replies_mean_what_the_table_says(kind: &str, numbers: &[u64]) {
    let account = support::account(kind, &[]);
    let rows = rows(kind, "NAME.reply");
    let told: BTreeSet<_> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, names(kind, ".reply"), "{kind}: the README's rows and the files");
    for row in rows {
        let [name, sent, _source, outcome] = &row[..] else { panic!("{kind}: {row:?} has not four cells") };
        let (line, headers, body) = read(kind, &format!("{name}.reply"));
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        let reply = Reply { status, headers, body, at: support::NOW };
        let chunk = support::chunk(SALE, &numbers[..sent.parse().expect("a number")]);
        assert_eq!(&support::describe(&account.decode(&chunk, &reply)), outcome, "{kind}/{name}");
    }
}

#[test]
fn transmitsms_writes_the_fixtures_byte_by_byte() {
    requests_are_the_fixtures("transmitsms", transmitsms());
}

#[test]
fn mesms_writes_the_fixtures_byte_by_byte() {
    requests_are_the_fixtures("mesms", mesms());
}

#[test]
fn transmitsms_reads_every_reply_as_its_table_says() {
    replies_mean_what_the_table_says("transmitsms", &AUSTRALIA);
}

#[test]
fn mesms_reads_every_reply_as_its_table_says() {
    replies_mean_what_the_table_says("mesms", &THAILAND);
}
