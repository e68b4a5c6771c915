//! What the provider can tell before anything is sent, beside our own numbers.
//!
//! A balance that is too small, a sender that is not approved, a price that is another one than
//! the plan's: each is a difference that somebody has to confirm. What the provider cannot or does
//! not tell stops nobody.

use crate::{
    account::Account,
    cmd::provider::{find, senders_of},
    desk::Desk,
    fault::Fault,
    output,
};
use std::time::Duration;
use tokio::time::Instant;
use volley_core::{Billed, Micros};
use volley_journal::{FrozenPlan, Standing};
use volley_provider::{
    adapter::SendCall,
    inquiry::{Balance, Quote, Sender},
};

/// What was told.
#[derive(Default)]
pub(crate) struct Told {
    /// For people, one line a question.
    pub(crate) lines: Vec<String>,
    /// What does not fit our own numbers.
    pub(crate) differences: Vec<String>,
    /// Why everybody would be refused; nothing may be sent, whoever confirms it.
    pub(crate) hopeless: Option<String>,
    /// When each question was asked: they count against the account's rates.
    pub(crate) asked: Vec<Instant>,
}

/// How long one answer may take: nobody waits long for what may be missing.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks everything that the provider has a call for. `first` is the first request that would be
/// sent, for its price.
pub(crate) async fn ask(
    account: &Account,
    plan: &FrozenPlan,
    standing: &Standing,
    first: Option<&SendCall>,
    earlier: &[Duration],
) -> Result<Told, Fault> {
    let mut desk = Desk::in_a_hurry(account, earlier, TIMEOUT)?;
    let mut told = Told::default();
    let mut left = None;
    if let Some(balance) = desk.ask(|adapter| adapter.balance()).await {
        told.asked.push(Instant::now());
        match balance {
            Ok(balance) => {
                told.balance(&balance, account, plan, standing);
                left = Some(balance);
            }
            Err(failure) => told.lines.push(format!("balance: not told ({})", failure.reason)),
        }
    }
    if let Some(name) = &plan.terms.sender
        && let Some(senders) = senders_of(&mut desk).await
    {
        told.asked.push(Instant::now());
        match senders {
            Ok(senders) => told.sender(name, &senders),
            Err(failure) => told.lines.push(format!("sender: not told ({})", failure.reason)),
        }
    }
    if let Some(call) = first
        && let Some(quote) = desk.ask(|adapter| adapter.quote(call).and_then(Result::ok)).await
    {
        told.asked.push(Instant::now());
        match quote {
            Ok(quote) => told.quote(&quote, call, account, plan, left.as_ref()),
            Err(failure) => told.lines.push(format!("price: not told ({})", failure.reason)),
        }
    }
    Ok(told)
}

impl Told {
    fn balance(&mut self, balance: &Balance, account: &Account, plan: &FrozenPlan, standing: &Standing) {
        let Balance { amount, unit } = balance;
        self.lines.push(format!("balance {unit} {amount}"));
        let is_ours = is_plans(unit, account, plan);
        let left = plan.estimated.and_then(|estimated| estimated.checked_sub(standing.spent));
        match left.filter(|_| is_ours) {
            Some(left) if *amount < left => {
                self.differences
                    .push(format!("the balance is {unit} {amount}, what is left to send costs {left}"));
            }
            None if *amount <= Micros::ZERO => {
                self.differences.push(format!("the balance is {unit} {amount}"));
            }
            _ => {}
        }
    }

    fn sender(&mut self, name: &str, senders: &[Sender]) {
        let is_number = |name: &str| name.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit());
        // A provider that lists numbers alone says nothing about names.
        let lists_such = senders.iter().any(|one| is_number(&one.name) == is_number(name));
        match find(senders, name) {
            Some(Sender { usable: true, state, .. }) => {
                self.lines.push(format!("sender {name}: {}", output::inert(state)));
            }
            Some(Sender { state, .. }) => {
                self.hopeless =
                    Some(format!("the sender {name} cannot be used yet: {}", output::inert(state)));
            }
            None if lists_such => {
                self.hopeless = Some(format!("the sender {name} is not among those of the account"));
            }
            None => {}
        }
    }

    fn quote(
        &mut self,
        quote: &Quote,
        call: &SendCall,
        account: &Account,
        plan: &FrozenPlan,
        left: Option<&Balance>,
    ) {
        if let Billed::Money(price) | Billed::Units(price) = quote.billed
            && let Some(Balance { amount, unit }) = left.filter(|left| left.amount < price)
        {
            self.differences.push(format!("the first request costs {unit} {price}, the balance is {amount}"));
        }
        let recipients = u64::from(call.chunk.len());
        let segments: u64 = call.chunk.recipients.iter().map(|one| u64::from(one.segments)).sum();
        for (what, theirs, ours) in
            [("recipients", quote.recipients, recipients), ("segments", quote.segments, segments)]
        {
            if let Some(theirs) = theirs.filter(|theirs| *theirs != ours) {
                self.differences.push(format!(
                    "the provider counts {theirs} {what} in the first request, the plan {ours}"
                ));
            }
        }
        let unit = crate::account::bill_unit(&account.protocol);
        let currency = plan.terms.currency.as_deref();
        let billed = match (currency, unit) {
            (Some(currency), Some(unit)) => quote.billed.clone().in_currency(currency, unit),
            _ => quote.billed.clone(),
        };
        let cost = call.chunk.cost().and_then(|cost| plan.rounding.total(cost));
        match (billed, cost.filter(|_| currency.is_some())) {
            (Billed::Money(theirs), Some(ours)) if theirs != ours => self
                .differences
                .push(format!("the provider prices the first request at {theirs}, the plan at {ours}")),
            (Billed::Money(theirs) | Billed::Units(theirs), _) => {
                let unit = match (&quote.billed, unit) {
                    (Billed::Units(_), Some(unit)) => unit,
                    _ => currency.unwrap_or_default(),
                };
                self.lines.push(format!("the provider prices the first request at {unit} {theirs}"));
            }
            (Billed::Unknown, _) => {}
        }
    }
}

/// Whether `unit` is what the plan is priced in.
fn is_plans(unit: &str, account: &Account, plan: &FrozenPlan) -> bool {
    let Some(currency) = plan.terms.currency.as_deref() else { return false };
    let units = crate::account::bill_unit(&account.protocol).map(|_| Billed::Units(Micros::ZERO));
    let is_units = units.is_some_and(|units| matches!(units.in_currency(currency, unit), Billed::Money(_)));
    is_units || unit.eq_ignore_ascii_case(currency)
}
