//! `volley sim`: the simulated gateway in a process of its own, and the one inside `send`.

use crate::{cmd::Voice, fault::Fault, output, signals};
use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use volley_core::{Rate, RateCard, Rounding};
use volley_journal::FrozenPlan;
use volley_plan::{Content, FilePlace, Mark};
use volley_sim::{Config, Face, FileFault, Limit, LimitKind, Server};

/// The files of `volley sim`.
pub(crate) struct Files {
    pub(crate) ledger: Option<PathBuf>,
    pub(crate) faults: Option<PathBuf>,
    pub(crate) accounts: Option<PathBuf>,
    pub(crate) rates: Option<PathBuf>,
}

pub(crate) fn run(listen: SocketAddr, files: Files, seed: Option<u64>, voice: Voice) -> Result<u8, Fault> {
    if !listen.ip().is_loopback() {
        return Err(Fault::usage(format!(
            "--listen {listen}: the gateway listens on loopback addresses only, such as 127.0.0.1:8025"
        )));
    }
    let mut config = Config { keep_ledger: false, ..Config::default() };
    config.seed = seed.unwrap_or_default();
    let rates = files.rates.as_deref().map(|path| volley_plan::load_rates(path, today(), Rounding::Exact));
    config.prices = rates.transpose()?.map(|loaded| loaded.card);
    read_files(&mut config, files.accounts.as_deref(), files.faults.as_deref(), seed)?;
    config.ledger_file = files.ledger;
    runtime()?.block_on(async {
        let mut stop = signals::listen(|_| {})?;
        let server = Server::start(config, listen)
            .await
            .map_err(|error| Fault::explained(2, &error, "choose another address or port"))?;
        let address = server.address;
        if voice.json {
            output::json(&serde_json::json!({ "schema": 1, "listening": address.to_string() }))?;
        }
        output::talk(
            voice.quiet,
            &format!(
                "gateway on http://{address} for {}; key sim-key, secret sim-secret, account sim-account, \
                 token sim-token, property sim-property, username sim-user, password sim-password; \
                 Ctrl-C stops it",
                Face::ALL.map(Face::word).join(", ")
            ),
        );
        stop.changed().await.ok();
        let (requests, taken, cancelled, fault) = {
            let gateway = server.gateway.lock().expect("the gateway does not panic");
            (
                gateway.requests_seen(),
                gateway.recipients_taken(),
                gateway.cancelled().len(),
                gateway.ledger_fault().map(ToString::to_string),
            )
        };
        server.shutdown().await;
        let cancelled = if cancelled > 0 { format!(", {cancelled} cancelled") } else { String::new() };
        output::talk(voice.quiet, &format!("{requests} requests, {taken} messages taken{cancelled}"));
        fault.map_or(Ok(0), |fault| Err(Fault::new(1, format!("the ledger is not complete: {fault}"))))
    })
}

/// The gateway inside `send`: settings of `[provider]`, the campaign's own rate as its limit,
/// and a bill by the plan's prices and its way of counting.
pub(crate) fn config(
    settings: &BTreeMap<String, String>,
    rates: &[Rate],
    plan: &FrozenPlan,
) -> Result<Config, Fault> {
    let limit = tightest(rates).map(|rate| Limit {
        kind: LimitKind::SlidingLog,
        requests: rate.count(),
        window: rate.window(),
        retry_after: None,
    });
    let seed = settings.get("seed").map(|seed| {
        seed.parse().map_err(|_| Fault::usage(format!("provider.seed: `{seed}` is not a whole number")))
    });
    let seed = seed.transpose()?;
    let mut config = Config {
        prices: card(plan),
        keep_ledger: false,
        seed: seed.unwrap_or_default(),
        ..Config::default()
    };
    config = config.with_limit(limit.as_ref());
    for account in &mut config.accounts {
        account.profile = plan.profile.clone();
    }
    let path = |key: &str| settings.get(key).map(PathBuf::from);
    read_files(&mut config, path("accounts").as_deref(), path("faults").as_deref(), seed)?;
    config.ledger_file = path("ledger");
    Ok(config)
}

/// The plan's prices; `None` where it has none.
fn card(plan: &FrozenPlan) -> Option<RateCard> {
    let currency = plan.terms.currency.as_ref()?.parse().ok()?;
    RateCard::new(currency, plan.prices.clone(), plan.rounding).ok()
}

/// The rate that lets the fewest requests through in a second.
fn tightest(rates: &[Rate]) -> Option<Rate> {
    rates.iter().copied().min_by(|a, b| a.each_second().total_cmp(&b.each_second()))
}

fn read_files(
    config: &mut Config,
    accounts: Option<&Path>,
    faults: Option<&Path>,
    seed: Option<u64>,
) -> Result<(), Fault> {
    let text = |path: &Path| {
        fs::read_to_string(path).map_err(|error| {
            let code = if error.kind() == std::io::ErrorKind::NotFound { 10 } else { 2 };
            Fault::new(code, format!("{}: {error}", path.display()))
                .hint("name a file in UTF-8 that you may open")
        })
    };
    if let Some(path) = accounts {
        // What stands in it may be a secret.
        let read = config.read_accounts(&text(path)?);
        read.map_err(|fault| misread(path, &fault, Content::Private))?;
    }
    if let Some(path) = faults {
        let read = config.read_faults(&text(path)?);
        read.map_err(|fault| misread(path, &fault, Content::Settings))?;
    }
    if let Some(seed) = seed {
        config.seed = seed;
    }
    Ok(())
}

/// A file of the gateway's that is not understood.
fn misread(path: &Path, fault: &FileFault, content: Content) -> Fault {
    let place = FilePlace { file: path.to_owned(), line: Some(fault.line), mark: Mark::Line, content };
    Fault::usage(format!("{}: {fault}", path.display())).at(place)
}

/// The runtime of everything that talks to a network.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The day that rate cards are read for, UTC.
pub(crate) fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
