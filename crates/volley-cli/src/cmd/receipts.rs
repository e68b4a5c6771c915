//! `volley receipts`: what became of messages after the provider took them.
//!
//! `--poll` asks page by page within the account's rates and goes on at the last page it got;
//! `--listen` takes the provider's calls. Both may run beside a sender.

use crate::{
    account::Account,
    cmd::{
        self, Voice,
        plan::now,
        status::{Status, print},
    },
    desk::{Desk, unanswered},
    fault::Fault,
    listen,
    opt_outs::OptOuts,
    output, signals,
};
use bytes::Bytes;
use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch};
use volley_core::{Delivery, Polling, Receipt, UnixMillis};
use volley_journal::{
    Decision, Evidence, Journal, JournalReader, OpenError, PollMark, Polled, ReceiptBook, Resolution,
    SqliteJournal, Write,
};
use volley_provider::inquiry::{Callback, Cursor, Event, Page, Poll};

/// Messages that are asked about before the journal is asked for more.
const MESSAGES_AT_A_TIME: usize = 1_000;

/// How long a page that was asked for is waited for once somebody wants to stop.
const GRACE: Duration = Duration::from_secs(3);

/// How long behind the last request reports of a span of time are asked for.
const LAG_MS: i64 = 5 * 60 * 1_000;

/// What was heard in one run.
#[derive(Default)]
struct Heard {
    applied: u64,
    repeated: u64,
    unknown: u64,
    opted_out: u64,
    unsigned: u64,
}

pub(crate) fn run(
    path: &Path,
    poll: bool,
    to: Option<SocketAddr>,
    token: Option<String>,
    voice: Voice,
) -> Result<u8, Fault> {
    let book = ReceiptBook::open(path)?;
    let account = Account::of_journal(path, book.plan())?;
    let mut office = Office { out: OptOuts::of(&account, path), book, heard: Heard::default() };
    let mut is_whole = true;
    match to {
        Some(address) => office = receive(office, &account, address, token, voice)?,
        None if poll => is_whole = ask(&mut office, &account, voice)?,
        None => {
            return Err(Fault::usage("receipts: nobody says how to get them")
                .hint("--poll asks the provider, --listen ADDRESS waits for its calls"));
        }
    }
    prove(path, &mut office.book, voice)?;
    tell(path, &office, voice)?;
    Ok(if is_whole { 0 } else { signals::INTERRUPTED })
}

/// The secret in the environment variable `name`, which becomes part of a path.
pub(crate) fn token(name: &str) -> Result<String, Fault> {
    let token = std::env::var(name).unwrap_or_default();
    let is_path = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if token.len() < 16 || !is_path {
        return Err(Fault::usage(format!(
            "the environment variable {name} (--token-env) must hold at least 16 letters, digits, - or _"
        )));
    }
    Ok(token)
}

/// Where reports are kept.
struct Office {
    book: ReceiptBook,
    out: OptOuts,
    heard: Heard,
}

impl Office {
    /// Makes known who does not want to be texted again, and then reports durable: a page whose
    /// mark is written is not asked for again.
    fn keep(&mut self, receipts: &[Receipt], mark: Option<&PollMark>) -> Result<(), Fault> {
        let out = receipts.iter().filter(|one| one.opted_out).filter_map(|one| one.to);
        self.heard.opted_out += self.out.add(out)?;
        let recorded = self
            .book
            .record(receipts, mark, now())
            .map_err(|error| Fault::explained(5, &error, error.hint()))?;
        self.heard.applied += recorded.applied;
        self.heard.repeated += recorded.repeated;
        self.heard.unknown += recorded.unknown;
        Ok(())
    }

    /// The same for what a provider told of its own accord.
    fn keep_events(&mut self, events: &[Event]) -> Result<(), Fault> {
        let receipts: Vec<Receipt> = events
            .iter()
            .filter_map(
                |event| if let Event::Receipt(receipt) = event { Some(receipt.clone()) } else { None },
            )
            .collect();
        if !receipts.is_empty() {
            self.keep(&receipts, None)?;
        }
        self.heard.unsigned += events.iter().filter(|event| **event == Event::Unsigned).count() as u64;
        let out = events.iter().filter_map(|event| match event {
            Event::Reply { from, text, opts_out } => {
                opts_out.unwrap_or_else(|| says_stop(text)).then_some(*from)
            }
            Event::Receipt(_) | Event::Unsigned => None,
        });
        self.heard.opted_out += self.out.add(out)?;
        Ok(())
    }
}

/// Whether a reply is one of the words that carriers and laws take as "do not text me again".
fn says_stop(text: &str) -> bool {
    let word = text.trim().trim_end_matches(['.', '!']).to_ascii_uppercase();
    matches!(
        word.as_str(),
        "STOP" | "STOPALL" | "STOP ALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "OPT OUT" | "OPTOUT"
    )
}

/// Asks the provider for everything that is not final yet. Whether it came to the end before
/// somebody asked it to stop.
fn ask(office: &mut Office, account: &Account, voice: Voice) -> Result<bool, Fault> {
    let mut desk = Desk::open(account, &[])?;
    let polling = desk.adapter.capabilities().polling;
    cmd::sim::runtime()?.block_on(async {
        let mut stop = signals::listen(move |_| output::talk(voice.quiet, "stopping behind this page"))?;
        match polling {
            Polling::Never => {
                let fault =
                    Fault::usage(format!("{} cannot be asked what became of messages", account.protocol));
                Err(match account.protocol.as_str() {
                    "multitel" => fault.hint("it calls: --listen, and notify_url in the campaign"),
                    _ => fault,
                })
            }
            Polling::ByRequest => by_request(office, &mut desk, &mut stop).await,
            Polling::ByMessage => by_message(office, &mut desk, &mut stop).await,
            Polling::ByWindow => by_window(office, &mut desk, &mut stop).await,
        }
    })
}

async fn by_request(
    office: &mut Office,
    desk: &mut Desk,
    stop: &mut watch::Receiver<u8>,
) -> Result<bool, Fault> {
    for request in office.book.requests()? {
        let Some(id) = request.request_id.filter(|_| !request.is_complete) else { continue };
        let polled = Polled::Request(request.attempt);
        let cursor = request.cursor.map(Cursor).unwrap_or_default();
        if !pages(office, desk, stop, Poll::Request(&id), polled, cursor).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn by_window(
    office: &mut Office,
    desk: &mut Desk,
    stop: &mut watch::Receiver<u8>,
) -> Result<bool, Fault> {
    let requests = office.book.requests()?;
    let Some(from) = requests.iter().map(|request| request.claimed_at.0).min() else { return Ok(true) };
    let last = requests.iter().map(|request| request.ended_at.0).max().unwrap_or(from);
    let send_at = office.book.plan().terms.send_at.map_or(last, |at| at.0.max(last));
    let until = UnixMillis(send_at.saturating_add(LAG_MS));
    let poll = Poll::Window { from: UnixMillis(from), until };
    let cursor = office.book.window()?.and_then(|mark| mark.cursor).map(Cursor).unwrap_or_default();
    pages(office, desk, stop, poll, Polled::Window, cursor).await
}

async fn by_message(
    office: &mut Office,
    desk: &mut Desk,
    stop: &mut watch::Receiver<u8>,
) -> Result<bool, Fault> {
    let mut after = None;
    loop {
        let messages = office.book.messages(after, MESSAGES_AT_A_TIME)?;
        let Some(last) = messages.last() else { return Ok(true) };
        after = Some(last.position);
        for message in &messages {
            let asked = page(desk, stop, Poll::Message(&message.message_id), &Cursor::default()).await?;
            let Some(page) = asked else { return Ok(false) };
            office.keep(&page.items, None)?;
        }
    }
}

/// All pages from `cursor` on, each durable before the next is asked for. Whether it came to the
/// end before somebody asked it to stop.
async fn pages(
    office: &mut Office,
    desk: &mut Desk,
    stop: &mut watch::Receiver<u8>,
    of: Poll<'_>,
    polled: Polled,
    mut cursor: Cursor,
) -> Result<bool, Fault> {
    // Somebody whose state is not final yet makes the next run ask from the start again.
    let mut all_final = cursor == Cursor::default();
    loop {
        let Some(page) = page(desk, stop, of, &cursor).await? else { return Ok(false) };
        let next = page.next.filter(|next| *next != cursor);
        all_final &= page.items.iter().all(|one| one.delivery.is_some_and(Delivery::is_final));
        let is_complete = next.is_none() && all_final;
        let mark = PollMark { of: polled, cursor: next.as_ref().map(|next| next.0.clone()), is_complete };
        office.keep(&page.items, Some(&mark))?;
        match next {
            Some(next) => cursor = next,
            None => return Ok(true),
        }
    }
}

/// The page at `cursor`; `None` where somebody stops it first.
async fn page(
    desk: &mut Desk,
    stop: &mut watch::Receiver<u8>,
    of: Poll<'_>,
    cursor: &Cursor,
) -> Result<Option<Page<Receipt>>, Fault> {
    if *stop.borrow() > 0 {
        return Ok(None);
    }
    let asking = desk.ask(|adapter| adapter.receipts(of, cursor));
    tokio::pin!(asking);
    let asked = tokio::select! {
        biased;
        _ = stop.wait_for(|level| *level > 0) => tokio::time::timeout(GRACE, asking).await.ok(),
        asked = &mut asking => Some(asked),
    };
    let Some(asked) = asked else { return Ok(None) };
    let asked = asked.expect("the capabilities say that it can be asked");
    asked.map(Some).map_err(|failure| unanswered("receipts", &failure))
}

/// Takes the provider's calls until somebody stops it.
fn receive(
    office: Office,
    account: &Account,
    address: SocketAddr,
    token: Option<String>,
    voice: Voice,
) -> Result<Office, Fault> {
    let adapter = account.adapter()?;
    let nothing =
        Callback { method: "GET".to_owned(), query: String::new(), headers: Vec::new(), body: Bytes::new() };
    if adapter.callback(&nothing).is_none() {
        let fault = |more| Fault::usage(format!("{} makes no calls{more}", account.protocol));
        return Err(match adapter.capabilities().polling {
            Polling::Never => fault(" and cannot be asked either: what became of its messages stays unknown"),
            _ => fault("").hint("ask it with --poll"),
        });
    }
    let token = token.map_or_else(listen::new_token, Ok)?;
    let office = Arc::new(Mutex::new(office));
    let keeper = Arc::clone(&office);
    cmd::sim::runtime()?.block_on(async {
        let mut stop = signals::listen(|_| {})?;
        let cannot = |error| {
            Fault::usage(format!("--listen {address}: {error}")).hint("choose another address or port")
        };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let url = listen::shown(listener.local_addr()?, &token);
        if voice.json {
            output::json(&serde_json::json!({ "schema": 1, "listening": url }))?;
        }
        output::talk(voice.quiet, &format!("waiting for calls on {url}; Ctrl-C stops it"));
        let keep = move |events: &[Event]| lock(&keeper).keep_events(events);
        listen::serve(listener, adapter, &token, keep, async move { drop(stop.changed().await) }).await;
        Ok::<_, Fault>(())
    })?;
    let office = Arc::into_inner(office).expect("the listener let go of it");
    Ok(office.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn lock(office: &Mutex<Office>) -> MutexGuard<'_, Office> {
    office.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A report for somebody in doubt proves that they were texted. While somebody sends, the next
/// run of this command says so.
fn prove(path: &Path, book: &mut ReceiptBook, voice: Voice) -> Result<(), Fault> {
    let seen = book.doubts_with_receipts()?.len() as u64;
    if seen == 0 {
        return Ok(());
    }
    let mut journal = match SqliteJournal::open(path, now()) {
        Ok(journal) => journal,
        Err(OpenError::Locked { .. }) => {
            let seen = output::some(seen, "recipient");
            output::talk(
                voice.quiet,
                &format!("{seen} in doubt got a report; run this again when nobody sends"),
            );
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    // Somebody else may have decided meanwhile; from here on nobody does.
    let positions = book.doubts_with_receipts()?;
    let proved = positions.len() as u64;
    let resolution = Resolution {
        positions,
        decision: Decision::Accepted,
        evidence: Evidence::Receipt,
        note: "a receipt came".to_owned(),
        request_id: None,
        message_ids: Vec::new(),
        at: now(),
    };
    if proved > 0 {
        journal
            .commit(&[Write::Resolve(resolution)])
            .map_err(|error| Fault::explained(5, &error, error.hint()))?;
    }
    drop(journal.commit(&[Write::RunEnded { exit_code: cmd::status::resting(&journal), at: now() }]));
    output::talk(
        voice.quiet,
        &format!("{} in doubt got a report and were taken", output::some(proved, "recipient")),
    );
    Ok(())
}

fn tell(path: &Path, office: &Office, voice: Voice) -> Result<(), Fault> {
    let reader = JournalReader::open(path)?;
    let status = Status::read(&reader, reader.running()?.is_some())?;
    if voice.json {
        output::json(&status)?;
    } else {
        print(&status.show())?;
    }
    let Heard { applied, repeated, unknown, opted_out, unsigned } = office.heard;
    output::talk(
        voice.quiet,
        &format!(
            "{}, {} that said nothing new, {} about nobody known",
            output::some(applied, "report"),
            output::count(repeated),
            output::count(unknown)
        ),
    );
    if unsigned > 0 {
        let calls = output::some(unsigned, "call");
        output::talk(false, &format!("warning: {calls} had a signature that does not fit"));
    }
    if opted_out > 0 {
        let list = office.out.path().display();
        output::talk(
            false,
            &format!("{} asked not to be texted again: {list}", output::some(opted_out, "recipient")),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::says_stop;

    #[test]
    fn words_that_mean_stop_stand_alone() {
        for (text, stops) in [
            ("STOP", true),
            (" stop. ", true),
            ("Unsubscribe", true),
            ("Opt out", true),
            ("please stop by at 5", false),
            ("", false),
            ("Stopp", false),
        ] {
            assert_eq!(says_stop(text), stops, "{text}");
        }
    }
}
