//! `volley provider`: what providers can do, and what an account says of itself.

use crate::{
    account::{self, Account},
    args,
    cmd::{self, Voice, status::print},
    desk::{Desk, unanswered, until_stopped},
    fault::Fault,
    output,
};
use serde::Serialize;
use volley_core::{Batch, Capabilities, Polling, ReplyPrice, Schedule};
use volley_provider::{
    inquiry::{Balance, Cursor, Poll, Sender},
    registry,
};

/// Pages of senders that are asked for; an account with more has other troubles.
const MOST_PAGES: usize = 100;

#[derive(Serialize)]
struct Listed {
    kind: &'static str,
    recipients_a_request: u32,
    texts_may_differ: bool,
    schedule: String,
    cancel: bool,
    receipts: &'static str,
    price_in_answers: &'static str,
    rate: String,
    longest_text: Option<usize>,
    reaches: Vec<String>,
    credentials: Vec<&'static str>,
    settings: Vec<&'static str>,
}

impl Listed {
    fn of(kind: &'static str, settings: &[&'static str], capabilities: &Capabilities) -> Self {
        Self {
            kind,
            recipients_a_request: capabilities.batch.ceiling(),
            texts_may_differ: !matches!(capabilities.batch, Batch::SharedText { .. }),
            schedule: match capabilities.schedule {
                Schedule::Never => "no; Volley waits until then".to_owned(),
                Schedule::Until { horizon: None } => "yes".to_owned(),
                Schedule::Until { horizon: Some(horizon) } => {
                    format!("up to {} days ahead", horizon.as_secs() / 86_400)
                }
            },
            cancel: capabilities.cancels,
            receipts: match capabilities.polling {
                Polling::Never => "none to ask for",
                Polling::ByRequest => "by request",
                Polling::ByMessage => "by message",
                Polling::ByWindow => "by time",
            },
            price_in_answers: match capabilities.reply_price {
                ReplyPrice::Nothing => "none",
                ReplyPrice::Money => "money",
                ReplyPrice::Units(unit) => unit,
            },
            rate: capabilities.rate.to_string(),
            longest_text: capabilities.profile.max_characters,
            reaches: capabilities.destinations.prefixes.iter().map(|prefix| format!("+{prefix}")).collect(),
            credentials: registry::needs(kind).to_vec(),
            settings: settings.to_vec(),
        }
    }
}

/// Every provider with what it can do. Asks nobody.
pub(crate) fn list(voice: Voice) -> Result<u8, Fault> {
    let kinds = registry::kinds().filter_map(|(kind, settings)| {
        // A provider that is described in a file has no limits before it is.
        let capabilities = account::usual_capabilities(kind)?;
        Some(Listed::of(kind, settings, &capabilities))
    });
    let kinds: Vec<Listed> = kinds.collect();
    if voice.json {
        output::json(&serde_json::json!({ "schema": 1, "providers": kinds }))?;
        return Ok(0);
    }
    let mut table = output::Table::searched(
        &[
            "provider",
            "recipients",
            "texts differ",
            "schedule",
            "cancel",
            "receipts",
            "price",
            "rate",
            "reaches",
        ],
        &[1],
    );
    for kind in &kinds {
        let yes = |is| if is { "yes" } else { "no" }.to_owned();
        table.row([
            kind.kind.to_owned(),
            output::count(u64::from(kind.recipients_a_request)),
            yes(kind.texts_may_differ),
            kind.schedule.clone(),
            yes(kind.cancel),
            kind.receipts.to_owned(),
            kind.price_in_answers.to_owned(),
            kind.rate.clone(),
            if kind.reaches.is_empty() { "everywhere".to_owned() } else { kind.reaches.join(" ") },
        ]);
    }
    print(&table.fit(&output::Screen::stdout()))?;
    output::talk(
        voice.quiet,
        "kind = \"http\" sends through any other provider, as a file describes it; kind = \"sim\" sends to nobody",
    );
    Ok(0)
}

#[derive(Serialize)]
struct Checked<'a> {
    schema: u8,
    provider: &'a str,
    credentials: &'static str,
    balance: Option<BalanceLine>,
    sender: Option<SenderLine>,
}

#[derive(Serialize)]
struct BalanceLine {
    amount: String,
    unit: String,
}

impl BalanceLine {
    fn of(balance: &Balance) -> Self {
        Self { amount: balance.amount.to_string(), unit: balance.unit.clone() }
    }
}

#[derive(Serialize)]
struct SenderLine {
    name: String,
    state: String,
    usable: bool,
}

impl SenderLine {
    fn of(sender: &Sender) -> Self {
        let Sender { name, state, usable } = sender.clone();
        Self { name, state, usable }
    }
}

/// Whether the account's credentials are taken, and what it can tell of itself.
pub(crate) fn check(campaign: &args::Campaign, voice: Voice) -> Result<u8, Fault> {
    let loaded = cmd::load(&campaign.path, &campaign.overrides, None)?;
    let account = Account::of(&loaded)?;
    let mut desk = Desk::open(&account, &[])?;
    let (balance, senders, is_known) = until_stopped(async {
        let balance = desk.ask(|adapter| adapter.balance()).await.transpose();
        let balance = balance.map_err(|failure| unanswered("balance", &failure))?;
        let senders = senders_of(&mut desk).await.transpose();
        let senders = senders.map_err(|failure| unanswered("senders", &failure))?;
        let is_known = balance.is_some() || senders.is_some() || listed(&mut desk).await?;
        Ok::<_, Fault>((balance, senders, is_known))
    })?;
    if !is_known {
        return Err(Fault::usage(format!("{} has no call to check credentials with", account.protocol))
            .hint("the first request of a campaign shows whether they are taken"));
    }
    let named = loaded.sender.as_deref();
    let sender = named.zip(senders.as_deref()).and_then(|(name, senders)| find(senders, name));
    let checked = Checked {
        schema: 1,
        provider: &account.protocol,
        credentials: "accepted",
        balance: balance.as_ref().map(BalanceLine::of),
        sender: sender.map(SenderLine::of),
    };
    if voice.json {
        output::json(&checked)?;
        return Ok(0);
    }
    let mut text = format!("{}: credentials {}\n", checked.provider, checked.credentials);
    if let Some(BalanceLine { amount, unit }) = &checked.balance {
        text.push_str(&format!("balance {unit} {amount}\n"));
    }
    if let Some(SenderLine { name, state, .. }) = &checked.sender {
        text.push_str(&format!("sender {}: {}\n", output::inert(name), output::inert(state)));
    }
    print(&text)?;
    Ok(0)
}

/// Whether the provider, asked for what was taken in the last minute, took the credentials; `false`
/// where it has no such call.
async fn listed(desk: &mut Desk) -> Result<bool, Fault> {
    let until = super::plan::now();
    let window = Poll::Window { from: until.plus_millis(-60_000), until };
    match desk.ask(|adapter| adapter.receipts(window, &Cursor::default())).await {
        None => Ok(false),
        Some(Ok(_)) => Ok(true),
        Some(Err(failure)) => Err(unanswered("messages", &failure)),
    }
}

/// What the account has left.
pub(crate) fn balance(campaign: &args::Campaign, voice: Voice) -> Result<u8, Fault> {
    let account = Account::of(&cmd::load(&campaign.path, &campaign.overrides, None)?)?;
    let mut desk = Desk::open(&account, &[])?;
    let asked = until_stopped(async { Ok(desk.ask(|adapter| adapter.balance()).await) })?;
    let balance = asked.ok_or_else(|| has_no_call(&account, "balance"))?;
    let balance = BalanceLine::of(&balance.map_err(|failure| unanswered("balance", &failure))?);
    if voice.json {
        let BalanceLine { amount, unit } = &balance;
        output::json(
            &serde_json::json!({ "schema": 1, "provider": account.protocol, "amount": amount, "unit": unit }),
        )?;
    } else {
        print(&format!("{} {}\n", balance.unit, balance.amount))?;
    }
    Ok(0)
}

/// Which senders the account has.
pub(crate) fn senders(campaign: &args::Campaign, voice: Voice) -> Result<u8, Fault> {
    let account = Account::of(&cmd::load(&campaign.path, &campaign.overrides, None)?)?;
    let mut desk = Desk::open(&account, &[])?;
    let asked = until_stopped(async { Ok(senders_of(&mut desk).await) })?;
    let senders = asked.ok_or_else(|| has_no_call(&account, "senders"))?;
    let senders = senders.map_err(|failure| unanswered("senders", &failure))?;
    let lines: Vec<SenderLine> = senders.iter().map(SenderLine::of).collect();
    if voice.json {
        output::json(&serde_json::json!({ "schema": 1, "provider": account.protocol, "senders": lines }))?;
        return Ok(0);
    }
    for SenderLine { name, state, usable } in &lines {
        let note = if *usable { "" } else { " (cannot be used)" };
        print(&format!("{:<16} {}{note}\n", output::inert(name), output::inert(state)))?;
    }
    if lines.is_empty() {
        output::talk(voice.quiet, "the account lists no senders");
    }
    Ok(0)
}

/// All pages of the account's senders; `None` where the provider has no such call.
pub(crate) async fn senders_of(desk: &mut Desk) -> Option<Result<Vec<Sender>, volley_core::Failure>> {
    let (mut all, mut cursor) = (Vec::new(), Cursor::default());
    for _ in 0..MOST_PAGES {
        let page = match desk.ask(|adapter| adapter.senders(&cursor)).await? {
            Ok(page) => page,
            Err(failure) => return Some(Err(failure)),
        };
        all.extend(page.items);
        match page.next {
            Some(next) if next != cursor => cursor = next,
            _ => break,
        }
    }
    Some(Ok(all))
}

/// The sender called `name`, a number with or without its plus sign.
pub(crate) fn find<'a>(senders: &'a [Sender], name: &str) -> Option<&'a Sender> {
    let bare = |name: &str| name.trim_start_matches('+').to_owned();
    senders.iter().find(|sender| bare(&sender.name) == bare(name))
}

fn has_no_call(account: &Account, what: &str) -> Fault {
    Fault::usage(format!("{} has no call that tells the {what}", account.protocol))
        .hint("look in its web app")
}
