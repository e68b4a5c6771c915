//! The account: its secrets, whether the provider answers and takes them, and what its clock says.

use super::Finding;
use crate::{
    account::Account,
    cmd::plan::now,
    desk::{Desk, until_stopped},
    fault::Fault,
};
use secrecy::ExposeSecret;
use std::{
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use volley_core::{Class, Failure};
use volley_provider::inquiry::{Cursor, Inquiry, Poll};

/// How long the provider may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Clocks so far apart show the second that an answer takes, and no more.
const APART_MS: u64 = 10_000;

/// Clocks so far apart send schedules and windows astray.
const FAR_APART_MS: u64 = 300_000;

pub(super) fn findings(account: &Account, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let before = findings.len();
    secrets(account, findings);
    let can_ask = findings[before..].iter().all(|finding| finding.exit_code == 0);
    if account.is_sim() {
        findings.push(Finding::fine("provider", "the built-in gateway, which lives as long as `send`"));
    } else if can_ask {
        provider(account, findings)?;
    } else {
        findings.push(Finding::warning(
            "provider",
            "provider_not_asked",
            "it was not asked without credentials",
            "mend these first, and look again",
        ));
    }
    Ok(())
}

/// Whether every secret that the campaign names is there, for its owner alone.
fn secrets(account: &Account, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let parts = account.auth.keys().filter_map(|key| {
        let part = key.strip_suffix("_env").or_else(|| key.strip_suffix("_file"))?;
        Some((key, part))
    });
    let mut found = 0_u64;
    for (key, part) in parts {
        match account.secret(part) {
            Ok(Some(secret)) if secret.expose_secret().is_empty() => findings.push(Finding::problem(
                "credentials",
                "secret_empty",
                2,
                format!("provider.auth.{key} names something empty"),
                "write the secret there",
            )),
            Ok(_) => found += 1,
            Err(fault) => {
                let code = match key.strip_suffix("_file") {
                    None => "secret_not_set",
                    Some(_) if fault.exit_code == 10 => "secret_file_missing",
                    Some(_) if is_open_to_others(&account.auth[key]) => "secret_file_open_to_others",
                    Some(_) => "secret_file_unreadable",
                };
                findings.push(Finding::fault("credentials", code, &fault));
            }
        }
    }
    if findings.len() > before {
        return;
    }
    findings.push(match account.check_secrets() {
        Err(fault) => Finding::fault("credentials", "account_unusable", &fault),
        Ok(()) if account.is_sim() => Finding::fine("credentials", "none are needed"),
        Ok(()) => Finding::fine("credentials", format!("{} found", crate::output::some(found, "secret"))),
    });
}

fn is_open_to_others(file: &str) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Asks what changes nothing.
fn provider(account: &Account, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let clocks = Clocks::default();
    let mut desk = match Desk::in_a_hurry(account, &[], TIMEOUT) {
        Ok(desk) => desk,
        Err(fault) => {
            findings.push(Finding::fault("provider", "account_unusable", &fault));
            return Ok(());
        }
    };
    let answered = until_stopped(async {
        if let Some(balance) = desk.ask(|adapter| adapter.balance().map(|one| clocks.watch(one))).await {
            return Ok(Some(balance.map(drop)));
        }
        let first = Cursor::default();
        if let Some(senders) = desk.ask(|adapter| adapter.senders(&first).map(|one| clocks.watch(one))).await
        {
            return Ok(Some(senders.map(drop)));
        }
        let until = now();
        let window = Poll::Window { from: until.plus_millis(-60_000), until };
        let asked = desk.ask(|adapter| adapter.receipts(window, &first).map(|one| clocks.watch(one)));
        Ok(asked.await.map(|taken| taken.map(drop)))
    })?;
    let name = &account.protocol;
    findings.push(match answered {
        Some(Ok(())) => Finding::fine("provider", format!("{name} answers and takes the credentials")),
        Some(Err(failure)) => of_failure(name, &failure),
        None => Finding::warning(
            "provider",
            "provider_has_no_question",
            format!("{name} has no call that shows whether it takes the credentials"),
            "the first request of a campaign shows it",
        ),
    });
    findings.extend(clocks.apart().map(of_clock));
    Ok(())
}

/// Why the provider did not answer as it should.
fn of_failure(name: &str, failure: &Failure) -> Finding {
    let says = format!("{name}: {}", failure.reason);
    let problem =
        |code, exit_code, advice: &str| Finding::problem("provider", code, exit_code, says.clone(), advice);
    match failure.class {
        Class::Credentials => problem(
            "credentials_refused",
            4,
            "correct what provider.auth names, or ask the provider to allow this account",
        ),
        Class::NoFunds => problem("no_funds", 8, "top the account up"),
        Class::NameResolution | Class::ConnectRefused | Class::ConnectTimeout | Class::ProxyRefused => {
            problem("provider_unreachable", 5, "check the network, and provider.base_url")
        }
        Class::TlsFailed => problem(
            "provider_not_trusted",
            2,
            "check the clock, provider.base_url, and that the package ca-certificates is installed",
        ),
        Class::WrongAddress
        | Class::NotTheApi
        | Class::MovedMaybe
        | Class::MovedUntaken
        | Class::Unbuildable => problem("provider_is_not_there", 2, "correct provider.base_url"),
        Class::Throttled => {
            Finding::warning("provider", "provider_busy", says.clone(), "look again in a minute")
        }
        _ => problem("provider_in_trouble", 5, "look again later, or ask the provider"),
    }
}

/// How far the provider's clock and ours are apart, as its first answer shows.
#[derive(Clone, Default)]
struct Clocks(Arc<Mutex<Option<u64>>>);

impl Clocks {
    /// The same question, whose answer shows the time.
    fn watch<T: 'static>(&self, inquiry: Inquiry<T>) -> Inquiry<T> {
        let ((request, read), clocks) = (inquiry.into_parts(), self.clone());
        Inquiry::new(request, move |reply| {
            let date = reply.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
            if let Some(date) = date {
                let apart = date.timestamp().as_millisecond().abs_diff(reply.at.0);
                clocks.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(apart);
            }
            read(reply)
        })
    }

    /// In milliseconds; `None` where no answer showed a time.
    fn apart(&self) -> Option<u64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_clock(apart_ms: u64) -> Finding {
    let apart = crate::output::duration(Duration::from_millis(apart_ms));
    let says = format!("this clock and the provider's are {apart} apart");
    let advice = "set this machine's clock: schedules, send windows and rates go by it";
    match apart_ms {
        0..APART_MS => Finding::fine("clock", "as the provider's, within seconds"),
        APART_MS..FAR_APART_MS => Finding::warning("clock", "clock_apart", says, advice),
        _ => Finding::problem("clock", "clock_far_apart", 2, says, advice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_be_seconds_apart_and_not_minutes() {
        for (apart_ms, code) in [
            (0, "ok"),
            (9_999, "ok"),
            (10_000, "clock_apart"),
            (299_999, "clock_apart"),
            (300_000, "clock_far_apart"),
        ] {
            assert_eq!(of_clock(apart_ms).code, code, "{apart_ms} ms");
        }
    }

    #[test]
    fn what_a_provider_fails_with_is_told_apart() {
        for (class, code, exit_code) in [
            (Class::Credentials, "credentials_refused", 4),
            (Class::NoFunds, "no_funds", 8),
            (Class::ConnectRefused, "provider_unreachable", 5),
            (Class::TlsFailed, "provider_not_trusted", 2),
            (Class::NotTheApi, "provider_is_not_there", 2),
            (Class::Throttled, "provider_busy", 0),
            (Class::ServerError, "provider_in_trouble", 5),
        ] {
            let found = of_failure("mesms", &Failure::new(class, "seen"));
            assert_eq!((found.code, found.exit_code), (code, exit_code), "{class:?}");
        }
    }
}
