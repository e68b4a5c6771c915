//! The provider's side of each wire protocol, one file a provider.
//!
//! A face checks who calls, reads what the call wants, and answers as its provider would. It
//! decides nothing about limits, faults or the ledger.

mod mesms;
mod transmitsms;

use crate::{
    Account, Duplicates,
    bill::{Bill, ExtraParts, Prices},
    http::{Reply, Request},
    ledger::Batch,
};
use volley_core::{Micros, Msisdn, UnixMillis};

/// Which provider a request is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// TransmitSMS, REST API v1.
    TransmitSms,
    /// ME-SMS, API v2.
    MeSms,
}

impl Face {
    /// The provider's name in campaign files and in the ledger.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TransmitSms => "transmitsms",
            Self::MeSms => "mesms",
        }
    }

    /// Whose path this is. ME-SMS has `/api/v2/`, all other paths are TransmitSMS's.
    pub fn of(path: &str) -> Self {
        if path.starts_with("/api/v2/") { Self::MeSms } else { Self::TransmitSms }
    }

    /// Which of `accounts` the request is signed with, or the provider's refusal.
    pub(crate) fn account(self, accounts: &[Account], request: &Request) -> Result<usize, Reply> {
        let mine = accounts.iter().enumerate().filter(|(_, account)| account.face == self);
        match self {
            Self::TransmitSms => transmitsms::account(mine, request),
            Self::MeSms => mesms::account(mine, request),
        }
    }

    /// The provider's own 429.
    pub(crate) fn throttled(self, request: &Request, retry_after: Option<&str>) -> Reply {
        let reply = match self {
            Self::TransmitSms => transmitsms::throttled(request),
            Self::MeSms => mesms::throttled(),
        };
        reply.with_retry_after(retry_after)
    }

    /// What the provider answers to a call that may be made.
    pub(crate) fn serve(self, call: &mut Call<'_>) -> Served {
        match self {
            Self::TransmitSms => transmitsms::serve(call),
            Self::MeSms => mesms::serve(call),
        }
    }
}

/// One call that was let in.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    /// Whose call it is; what it costs is taken from here.
    pub(crate) account: &'a mut Account,
    /// What messages cost in the account's unit.
    pub(crate) prices: Prices<'a>,
    /// Who is billed too much.
    pub(crate) extra_parts: ExtraParts<'a>,
    /// Whether the reply names the price.
    pub(crate) tells_price: bool,
    pub(crate) now: UnixMillis,
    /// The request's number, for ids that count.
    pub(crate) number: u64,
    /// 128 bits of the seed's, for ids that look random.
    pub(crate) bits: u128,
}

impl Call<'_> {
    /// What sending `text` to `numbers` is billed, parts that are too many among them; `None`
    /// above 64 bits.
    pub(crate) fn bill(&self, text: &str, numbers: &[Msisdn]) -> Option<Bill> {
        self.priced(text, numbers, |place| self.extra_parts.strike(place))
    }

    /// What it should be billed; `None` above 64 bits.
    pub(crate) fn quote(&self, text: &str, numbers: &[Msisdn]) -> Option<Bill> {
        self.priced(text, numbers, |_| false)
    }

    fn priced(&self, text: &str, numbers: &[Msisdn], is_extra: impl Fn(u64) -> bool) -> Option<Bill> {
        let Account { profile, cost_decimals, .. } = &*self.account;
        Bill::new(self.prices, *cost_decimals, numbers, profile.count(text).count, is_extra)
    }

    /// Takes `cost` from the balance, or nothing where there is too little.
    pub(crate) fn charge(&mut self, cost: Micros) -> bool {
        let Some(balance) = &mut self.account.balance else { return true };
        match balance.checked_sub(cost).filter(|left| *left >= Micros::ZERO) {
            Some(left) => {
                *balance = left;
                true
            }
            None => false,
        }
    }

    /// What is left, or what an account without end shows.
    pub(crate) fn balance(&self) -> Micros {
        self.account.balance.unwrap_or(Micros(1_000_000_000_000))
    }

    /// Whether the account may send as `sender`.
    pub(crate) fn approves(&self, sender: &str) -> bool {
        let senders = self.account.senders.as_deref();
        senders.is_none_or(|senders| senders.iter().any(|known| known == sender))
    }

    /// Whether `numbers` holds one twice and the account does not allow that.
    pub(crate) fn refuses_duplicates_in(&self, numbers: &[Msisdn]) -> bool {
        if self.account.duplicates == Duplicates::Charge {
            return false;
        }
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable();
        sorted.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// A reply, and what was taken with it.
pub(crate) struct Served {
    pub(crate) reply: Reply,
    pub(crate) taken: Option<Batch>,
}

impl From<Reply> for Served {
    fn from(reply: Reply) -> Self {
        Self { reply, taken: None }
    }
}
