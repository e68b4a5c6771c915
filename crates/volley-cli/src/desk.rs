//! Where a provider account is asked questions, one at a time and within its rates.

use crate::{account::Account, cmd, fault::Fault, signals};
use std::{future::Future, sync::Arc, time::Duration};
use volley_core::{Class, Failure};
use volley_engine::{Asker, HttpTransport};
use volley_provider::{adapter::Adapter, inquiry::Inquiry};

/// One account, ready to be asked.
pub(crate) struct Desk {
    pub(crate) adapter: Arc<dyn Adapter>,
    asker: Asker<HttpTransport>,
}

impl Desk {
    /// Opens the account's desk; requests that were made so long ago count against its rates.
    pub(crate) fn open(account: &Account, earlier: &[Duration]) -> Result<Self, Fault> {
        Self::open_for(account, earlier, Duration::MAX)
    }

    /// The same for somebody who waits so long for an answer and does not ask again.
    pub(crate) fn in_a_hurry(
        account: &Account,
        earlier: &[Duration],
        patience: Duration,
    ) -> Result<Self, Fault> {
        let Self { adapter, asker } = Self::open_for(account, earlier, patience)?;
        Ok(Self { adapter, asker: asker.in_a_hurry() })
    }

    fn open_for(account: &Account, earlier: &[Duration], patience: Duration) -> Result<Self, Fault> {
        let adapter = account.adapter()?;
        let capabilities = adapter.capabilities();
        let transport = HttpTransport::new(account.timeout(capabilities).min(patience), 1)?;
        let rates = account.rates(capabilities)?;
        let asker = Asker::new(transport, &rates, account.pacing(capabilities)?, earlier);
        Ok(Self { adapter, asker })
    }

    /// Asks what `make` makes; `None` where the provider has no such call.
    pub(crate) async fn ask<T>(
        &mut self,
        make: impl Fn(&dyn Adapter) -> Option<Inquiry<T>>,
    ) -> Option<Result<T, Failure>> {
        let adapter = Arc::clone(&self.adapter);
        make(&*adapter)?;
        let again = || make(&*adapter).expect("the provider has this call");
        Some(self.asker.ask(again).await)
    }
}

/// Runs what asks a provider, until it is over or somebody stops it: a question changes nothing, so
/// it can be left at any moment.
pub(crate) fn until_stopped<T>(asking: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    cmd::sim::runtime()?.block_on(async {
        let mut stop = signals::listen(|_| {})?;
        tokio::select! {
            biased;
            _ = stop.wait_for(|level| *level > 0) => Err(Fault::new(signals::INTERRUPTED, "stopped")),
            asked = asking => asked,
        }
    })
}

/// Why a question has no answer, with the contract's exit code for it.
pub(crate) fn unanswered(what: &str, failure: &Failure) -> Fault {
    let exit_code = match failure.class {
        Class::Credentials => 4,
        Class::NoFunds => 8,
        Class::Unbuildable | Class::BadRequest | Class::WrongAddress => 1,
        _ => 5,
    };
    let hint = match exit_code {
        4 => "correct the credentials that [provider.auth] names",
        8 => "top the account up",
        1 => "check base_url and the provider's settings",
        _ => "try again in a while",
    };
    Fault::new(exit_code, format!("{what}: {}", failure.reason)).hint(hint)
}
