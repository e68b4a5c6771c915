//! Every file in `data/wire`: what an adapter writes is those bytes, and what it reads out of
//! them is what the tables beside them say.
//!
//! Send calls: `NAME.request`, `NAME.reply`. Questions: `NAME.ask`, `NAME.said`. Calls of the
//! provider's to us: `NAME.callback`. One file here a provider, with the values of its calls.

mod cut;
mod fonedynamics;
mod http;
mod maxotel;
mod mesms;
mod multitel;
mod transmitsms;

use crate::support;
use bytes::Bytes;
use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc};
use volley_core::{Chunk, Delivery, Outcome, Polling, Receipt, UnixMillis};
use volley_provider::{
    adapter::SendCall,
    http::{HttpRequest, Method, Reply},
    inquiry::{Callback, Cursor, Event, Inquiry, Lost, Next, Poll, Quote, Sender},
};

pub(super) const SALE: &str = "Sale ends today";
pub(super) const SIGNS: &str = "50% off + tea & cake = fun\nCafé “Ünï” 🙂 €5; ~2 {x} [y] \\ ^ |";
pub(super) const GSM_EXTENSION: &str = "^{}\\[~]|€ + & = %\nline two, é à £ Δ";
/// 2026-12-01T09:00:00Z.
pub(super) const NINE_UTC: UnixMillis = UnixMillis(1_796_115_600_000);

/// One request fixture as a call: name, account settings, sender, numbers, text, schedule.
///
/// Everybody gets `text`, but for those behind the first who have one of `others`.
struct Request {
    name: &'static str,
    options: &'static [(&'static str, &'static str)],
    sender: Option<&'static str>,
    numbers: &'static [u64],
    text: &'static str,
    others: &'static [&'static str],
    send_at: Option<UnixMillis>,
}

impl Request {
    const fn new(name: &'static str, sender: &'static str, numbers: &'static [u64]) -> Self {
        Self { name, options: &[], sender: Some(sender), numbers, text: SALE, others: &[], send_at: None }
    }

    fn chunk(&self) -> Chunk {
        let mut chunk = support::chunk(self.text, self.numbers);
        for (one, &text) in chunk.recipients.iter_mut().skip(1).zip(self.others) {
            let known = chunk.texts.iter().position(|known| **known == *text);
            let index = known.unwrap_or_else(|| {
                chunk.texts.push(Arc::from(text));
                chunk.texts.len() - 1
            });
            one.text = u32::try_from(index).expect("few texts");
        }
        chunk
    }
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

/// A fixture as a reply.
fn reply_in(kind: &str, file: &str) -> Reply {
    let (line, headers, body) = read(kind, file);
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    Reply { status, headers, body, at: support::NOW }
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
            chunk: Arc::new(request.chunk()),
            sender: request.sender.map(Arc::from),
            send_at: request.send_at,
            reference: support::reference(),
        };
        let account = support::account(kind, request.options);
        let made = account.encode(&call).unwrap_or_else(|fault| panic!("{kind}/{name}: {fault}"));
        is_written(&made, &line, &headers, &body, &format!("{kind}/{name}"));
    }
}

/// That a request is the fixture, byte by byte.
fn is_written(made: &HttpRequest, line: &str, headers: &[(String, String)], body: &Bytes, what: &str) {
    let path = made.address();
    let path = path.strip_prefix("http://127.0.0.1").expect("the base URL");
    assert_eq!(format!("{} {path} HTTP/1.1", made.method.word()), line, "{what}");
    let mut written = vec![("host".to_owned(), "127.0.0.1".to_owned())];
    written.extend(made.headers.iter().map(|one| (one.name.to_string(), support::shown(&one.value))));
    if made.method == Method::Post {
        written.push(("content-length".to_owned(), made.body.length().to_string()));
    }
    assert_eq!(written, headers, "{what}");
    assert_eq!(&Bytes::from(support::body_of(made)), body, "{what}");
}

fn replies_mean_what_the_table_says(kind: &str, numbers: &[u64]) {
    replies_mean_what_the_table_says_under(kind, &[], numbers);
}

/// The same, read by an account with these settings.
fn replies_mean_what_the_table_says_under(kind: &str, options: &[(&str, &str)], numbers: &[u64]) {
    let account = support::account(kind, options);
    let rows = rows(kind, "NAME.reply");
    let told: BTreeSet<_> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, names(kind, ".reply"), "{kind}: the README's rows and the files");
    for row in rows {
        let [name, sent, _source, outcome] = &row[..] else { panic!("{kind}: {row:?} has not four cells") };
        let reply = reply_in(kind, &format!("{name}.reply"));
        let chunk = support::chunk(SALE, &numbers[..sent.parse().expect("a number")]);
        assert_eq!(&support::describe(&account.decode(&chunk, &reply)), outcome, "{kind}/{name}");
    }
}

/// The values that the questions of one provider's fixtures are asked with.
struct Questions {
    kind: &'static str,
    sender: Option<&'static str>,
    /// The first two are those of the request that was lost.
    numbers: &'static [u64],
    /// The provider's id of a request, and of a message.
    request_id: &'static str,
    message_id: &'static str,
}

/// A question's request, and what puts its answer into words.
type Asked = (HttpRequest, Box<dyn FnOnce(&Reply) -> String>);

impl Questions {
    fn call(&self, send_at: Option<UnixMillis>) -> SendCall {
        SendCall {
            chunk: Arc::new(support::chunk(SALE, &self.numbers[..2])),
            sender: self.sender.map(Arc::from),
            send_at,
            reference: support::reference(),
        }
    }

    /// The question called `word`, asked from `cursor` on: its request, and its answer in words.
    /// Settings of the account may follow the word: `receipts, receipts = get`; `scheduled` where
    /// the call that is asked about was to be sent at nine; and `known = ID` for each request whose
    /// answer came.
    fn ask(&self, word: &str, cursor: &str) -> Asked {
        let mut words = word.split(", ");
        let word = words.next().expect("a question");
        let (schedule, words): (Vec<_>, Vec<_>) = words.partition(|word| *word == "scheduled");
        let options = words.iter().map(|pair| pair.split_once(" = ").expect("`name = value`"));
        let (known, options): (Vec<_>, Vec<_>) = options.partition(|(name, _)| *name == "known");
        let known = Arc::new(known.into_iter().map(|(_, id)| id.to_owned()).collect());
        let call = self.call((!schedule.is_empty()).then_some(NINE_UTC));
        let account = support::account(self.kind, &options);
        let cursor = Cursor(if cursor == "start" { String::new() } else { cursor.to_owned() });
        let (from, until) = (UnixMillis(support::NOW.0 - 60_000), support::NOW);
        match word {
            "balance" => told(account.balance(), |one| format!("{} {}", one.unit, one.amount)),
            "senders" => told(account.senders(&cursor), |page| {
                let word = |one: &Sender| {
                    format!("{} {}{}", one.name, one.state, if one.usable { " usable" } else { "" })
                };
                format!("{}; {}", listed(&page.items, word), onward(page.next.as_ref()))
            }),
            "quote" => told(account.quote(&call).map(|quote| quote.expect("buildable")), |quote| {
                let Quote { recipients, segments, billed } = quote;
                let number = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
                format!("{} recipients; {} segments; {billed:?}", number(recipients), number(segments))
            }),
            "cancel" => told(account.cancel(self.request_id), |cancelled| format!("{cancelled:?}")),
            "receipts" => {
                let of = match account.capabilities().polling {
                    Polling::Never => panic!("{} has no receipts to ask for", self.kind),
                    Polling::ByRequest => Poll::Request(self.request_id),
                    Polling::ByMessage => Poll::Message(self.message_id),
                    Polling::ByWindow => Poll::Window { from, until },
                };
                told(account.receipts(of, &cursor), |page| {
                    format!("{}; {}", listed(&page.items, receipt), onward(page.next.as_ref()))
                })
            }
            "lookup" => told(account.lookup(&Lost { call, from, until, known }, &cursor), |sighting| {
                let word = |(index, id): &(u32, Option<String>)| {
                    id.as_ref().map_or(index.to_string(), |id| format!("{index}={id}"))
                };
                let next = match &sighting.next {
                    Next::Ask(cursor) => onward(Some(cursor)),
                    Next::Done => "done".to_owned(),
                    Next::Undecidable(_) => "undecidable".to_owned(),
                };
                let id = sighting.request_id.as_deref().unwrap_or("none");
                format!("id {id}; taken {}; {next}", listed(&sighting.taken, word))
            }),
            other => panic!("{other} is no question"),
        }
    }
}

/// A question's request, and its answer put into words by `shown`.
fn told<T: 'static>(inquiry: Option<Inquiry<T>>, shown: impl FnOnce(T) -> String + 'static) -> Asked {
    let (request, read) = inquiry.expect("the provider has this call").into_parts();
    let describe = |failure| support::describe(&Outcome::Failed(failure));
    (request, Box::new(move |reply| read(reply).map_or_else(describe, shown)))
}

fn listed<T>(items: &[T], word: impl Fn(&T) -> String) -> String {
    if items.is_empty() { "nobody".to_owned() } else { items.iter().map(word).collect::<Vec<_>>().join(", ") }
}

fn onward(next: Option<&Cursor>) -> String {
    next.map_or("no more".to_owned(), |next| format!("then {}", next.0))
}

/// A receipt: by what it names its message, what became of it, the provider's word.
fn receipt(one: &Receipt) -> String {
    let names = [
        ("message", one.message_id.clone()),
        ("request", one.request_id.clone()),
        ("to", one.to.map(|to| to.digits().to_string())),
        ("reference", one.reference.clone()),
    ];
    let names = names.into_iter().filter_map(|(kind, name)| Some(format!("{kind} {}", name?)));
    let state = one.delivery.map_or("unlisted", Delivery::word);
    let code = one.code.as_ref().map_or(String::new(), |code| format!(" ({code})"));
    let out = if one.opted_out { " opted out" } else { "" };
    format!("{}: {state}{code}{out}", names.collect::<Vec<_>>().join(" "))
}

/// Every question of the tables is those bytes, and its answers mean what stands there.
fn questions_are_the_fixtures(questions: &Questions) {
    let kind = questions.kind;
    let asked = rows(kind, "NAME.ask");
    let told: BTreeSet<_> = asked.iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, names(kind, ".ask"), "{kind}: the README's rows and the files");
    for row in asked {
        let [name, word, cursor, _source] = &row[..] else { panic!("{kind}: {row:?} has not four cells") };
        let (made, _) = questions.ask(word, cursor);
        let (line, headers, body) = read(kind, &format!("{name}.ask"));
        is_written(&made, &line, &headers, &body, &format!("{kind}/{name}"));
    }
    let said = rows(kind, "NAME.said");
    let told: BTreeSet<_> = said.iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, names(kind, ".said"), "{kind}: the README's rows and the files");
    for row in said {
        let [name, word, cursor, _source, outcome] = &row[..] else {
            panic!("{kind}: {row:?} has not five cells")
        };
        let (_, describe) = questions.ask(word, cursor);
        assert_eq!(&describe(&reply_in(kind, &format!("{name}.said"))), outcome, "{kind}/{name}");
    }
}

/// Every call to us of the table means what stands there.
fn callbacks_mean_what_the_table_says(kind: &str, options: &[(&str, &str)]) {
    let rows = rows(kind, "NAME.callback");
    let told: BTreeSet<_> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, names(kind, ".callback"), "{kind}: the README's rows and the files");
    for row in rows {
        let [name, _source, outcome] = &row[..] else { panic!("{kind}: {row:?} has not three cells") };
        assert_eq!(&called(kind, options, name), outcome, "{kind}/{name}");
    }
}

/// What the call of a fixture says, in words.
fn called(kind: &str, options: &[(&str, &str)], name: &str) -> String {
    let (line, headers, body) = read(kind, &format!("{name}.callback"));
    let [method, target, _] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{name}: {line}") };
    let query = target.split_once('?').map_or("", |(_, query)| query).to_owned();
    let callback = Callback { method: method.to_owned(), query, headers, body };
    match support::account(kind, options).callback(&callback).expect("the provider calls us") {
        Err(fault) => format!("{fault:?}"),
        Ok(events) => listed(&events, |event| match event {
            Event::Unsigned => "unsigned".to_owned(),
            Event::Receipt(one) => receipt(one),
            Event::Reply { from, text, opts_out } => {
                format!("{} wrote {text:?}, opts out {opts_out:?}", from.digits())
            }
        }),
    }
}
