//! The provider's side of each wire protocol, one file a provider.
//!
//! A face checks who calls, reads what the call wants, and answers as its provider would. It
//! decides nothing about limits, faults or the ledger.

mod fields; // the named texts of a form, a query or a flat JSON object
mod fonedynamics;
mod maxotel;
mod mesms;
mod multitel;
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
    /// MaxoTel, its SMS API without a version.
    MaxoTel,
    /// Fone Dynamics, REST API v2.
    FoneDynamics,
    /// MultiTEL, API v3.
    MultiTel,
}

impl Face {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::TransmitSms, Self::MeSms, Self::MaxoTel, Self::FoneDynamics, Self::MultiTel];

    /// The provider's name in campaign files and in the ledger.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TransmitSms => "transmitsms",
            Self::MeSms => "mesms",
            Self::MaxoTel => "maxotel",
            Self::FoneDynamics => "fonedynamics",
            Self::MultiTel => "multitel",
        }
    }

    /// The provider's word for what names an account, as in accounts files.
    pub(crate) const fn key_word(self) -> &'static str {
        match self {
            Self::TransmitSms | Self::MeSms | Self::MaxoTel => "key",
            Self::FoneDynamics => "account",
            Self::MultiTel => "username",
        }
    }

    /// Whose path this is. Four providers have a beginning of their own, all other paths are
    /// TransmitSMS's.
    pub fn of(path: &str) -> Self {
        match path {
            path if path.starts_with("/api/v2/") => Self::MeSms,
            path if path.starts_with("/sms/") => Self::MaxoTel,
            path if path.starts_with("/v2/") => Self::FoneDynamics,
            path if path.starts_with("/v3/") => Self::MultiTel,
            _ => Self::TransmitSms,
        }
    }

    /// Whether a request is to send something; what is not understood counts as that.
    pub(crate) fn sends(self, method: &str, path: &str) -> bool {
        let last = path.rsplit('/').next().unwrap_or_default();
        let is_read = ["get-", "cancel-", "format-"].iter().any(|word| last.starts_with(word));
        match self {
            Self::TransmitSms => !is_read,
            Self::MeSms => method == "POST" && !matches!(last, "preview" | "cancel"),
            Self::MaxoTel => path.trim_end_matches('/') != "/sms/list",
            Self::FoneDynamics | Self::MultiTel => method == "POST",
        }
    }

    /// Which of `accounts` the request is signed with, or the provider's refusal.
    pub(crate) fn account(self, accounts: &[Account], request: &Request) -> Result<usize, Reply> {
        let mine = accounts.iter().enumerate().filter(|(_, account)| account.face == self);
        match self {
            Self::TransmitSms => transmitsms::account(mine, request),
            Self::MeSms => mesms::account(mine, request),
            Self::MaxoTel => maxotel::account(mine, request),
            Self::FoneDynamics => fonedynamics::account(mine, request),
            Self::MultiTel => multitel::account(mine, request),
        }
    }

    /// The provider's own 429.
    pub(crate) fn throttled(
        self,
        accounts: &[Account],
        request: &Request,
        retry_after: Option<&str>,
    ) -> Reply {
        let reply = match self {
            Self::TransmitSms => transmitsms::throttled(request),
            Self::MeSms => mesms::throttled(),
            Self::MaxoTel => maxotel::throttled(),
            Self::FoneDynamics => fonedynamics::throttled(),
            Self::MultiTel => multitel::throttled(accounts.iter().filter(|account| account.face == self)),
        };
        reply.with_retry_after(retry_after)
    }

    /// What the provider answers to a call that may be made.
    pub(crate) fn serve(self, call: &mut Call<'_>) -> Served {
        match self {
            Self::TransmitSms => transmitsms::serve(call),
            Self::MeSms => mesms::serve(call),
            Self::MaxoTel => maxotel::serve(call),
            Self::FoneDynamics => fonedynamics::serve(call),
            Self::MultiTel => multitel::serve(call),
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
    /// The account's place among all accounts.
    pub(crate) index: usize,
    /// What all accounts sent; `messages.rs` has the questions about it.
    pub(crate) messages: &'a mut crate::messages::Messages,
    pub(crate) mix: &'a crate::DeliveryMix,
    pub(crate) seed: u64,
    /// `now`, counted from the gateway's start.
    pub(crate) at: std::time::Duration,
    /// The wall clock at the gateway's start.
    pub(crate) started_at: UnixMillis,
}

impl Call<'_> {
    /// What sending `text` to `numbers` is billed, parts that are too many among them; `None`
    /// above 64 bits.
    pub(crate) fn bill(&self, text: &str, numbers: &[Msisdn]) -> Option<Bill> {
        self.priced(text, numbers, |place| self.extra_parts.strike(place))
    }

    /// What sending `text` to `to` is billed where `before` messages of the same request come
    /// before it; `None` above 64 bits.
    pub(crate) fn bill_item(&self, before: u64, text: &str, to: Msisdn) -> Option<Bill> {
        self.priced(text, &[to], |place| self.extra_parts.strike(before + place))
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
        let Account { senders, pending_senders, .. } = &*self.account;
        let is_in = |senders: &[String]| senders.iter().any(|known| known == sender);
        senders.as_deref().is_none_or(is_in) && !is_in(pending_senders)
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

/// A reply, and what was taken with it: one batch for each text of the request, in its order.
pub(crate) struct Served {
    pub(crate) reply: Reply,
    pub(crate) taken: Vec<Batch>,
}

impl From<Reply> for Served {
    fn from(reply: Reply) -> Self {
        Self { reply, taken: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_by_its_path_and_whether_it_sends_by_its_call() {
        use Face::{FoneDynamics, MaxoTel, MeSms, MultiTel, TransmitSms};
        for (method, path, face, sends) in [
            ("POST", "/send-sms.json", TransmitSms, true),
            ("GET", "/2/get-balance.xml", TransmitSms, false),
            ("POST", "/cancel-sms.json", TransmitSms, false),
            ("POST", "/", TransmitSms, true),
            ("POST", "/api/v2/sms/send", MeSms, true),
            ("POST", "/api/v2/sms/preview", MeSms, false),
            ("GET", "/api/v2/credits", MeSms, false),
            ("GET", "/sms/send", MaxoTel, true),
            ("POST", "/sms/list/send/", MaxoTel, true),
            ("POST", "/sms/list/", MaxoTel, false),
            ("POST", "/v2/Properties/sim-property/BatchMessages", FoneDynamics, true),
            ("GET", "/v2/Properties/sim-property/Messages", FoneDynamics, false),
            ("GET", "/v2/Messages/MG1", FoneDynamics, false),
            ("POST", "/v3/sendsms", MultiTel, true),
        ] {
            assert_eq!(Face::of(path), face, "{path}");
            assert_eq!(face.sends(method, path), sends, "{method} {path}");
        }
    }
}
