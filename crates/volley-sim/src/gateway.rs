//! The gateway as a plain value: one request in, one answer out, everything else written down.
//!
//! The order of things: the request gets its number and perhaps a fault; a fault that stands in
//! front of the gateway answers alone; then come credentials, the account's limit, and the face.
//! What is taken is in the ledger before the answer exists. A fault that strikes later changes
//! the answer only, never what was taken or charged.

use crate::{
    Account, Config, ConfigError, Entry, Face, Limit, Limiter, Mischief, When,
    bill::{ExtraParts, Prices},
    face::{Call, Served},
    http::{Answer, Reply, Request, Wire},
    ledger::Ledger,
    random,
};
use std::{io, time::Duration};
use volley_core::{Msisdn, UnixMillis};

/// A simulated gateway with all its accounts.
pub struct Gateway {
    config: Config,
    limiters: Vec<Option<Limiter>>,
    ledger: Ledger,
    ledger_fault: Option<io::Error>,
    latest: Duration,
    started_at: UnixMillis,
    requests: u64,
    overruns: u64,
}

/// A request's number and what will go wrong with it, known when its head is.
#[derive(Clone, Debug)]
#[must_use = "a request that was numbered is answered with `finish`"]
pub struct Ticket {
    number: u64,
    mischief: Option<Mischief>,
}

impl Ticket {
    /// The request's number, from 1 over all faces.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Whether the connection is to be reset instead of reading on.
    pub const fn resets(&self) -> bool {
        matches!(self.mischief, Some(Mischief::Reset))
    }
}

impl Gateway {
    /// A gateway at time zero; opens the ledger's file if there is to be one.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let started_at = config.started_at.unwrap_or_default();
        let ledger = Ledger::new(config.ledger_file.as_deref(), config.keep_ledger, started_at);
        let ledger = ledger.map_err(|source| {
            let path = config.ledger_file.clone().unwrap_or_default();
            ConfigError::Ledger { path, source }
        })?;
        let limiters = config.accounts.iter().map(|account| account.limit.as_ref().map(Limiter::new));
        Ok(Self {
            limiters: limiters.collect(),
            ledger,
            ledger_fault: None,
            latest: Duration::ZERO,
            started_at,
            requests: 0,
            overruns: 0,
            config,
        })
    }

    /// What happens to a request that arrives whole at `now`, counted from the gateway's start.
    /// Time does not go back: an earlier `now` than before counts as that one.
    pub fn answer(&mut self, now: Duration, request: &Request) -> Answer {
        let ticket = self.begin();
        self.finish(now, &ticket, request)
    }

    /// The first half of [`answer`](Self::answer), for a request whose head is there: it gets
    /// its number and its fault.
    pub fn begin(&mut self) -> Ticket {
        self.requests += 1;
        let number = self.requests;
        let strikes = |(index, when): (u64, When)| match when {
            When::Request(request) => number == request,
            When::Requests { first, last } => (first..=last).contains(&number),
            When::Every(step) => number.is_multiple_of(step),
            When::Chance(chance) => random::strikes(chance, self.config.seed, number, random::FAULT + index),
        };
        let mut faults = (0..).zip(&self.config.faults);
        let fault = faults.find(|(index, fault)| strikes((*index, fault.when)));
        let broken = self.ledger_fault.is_some();
        let mischief =
            if broken { Some(Mischief::Reset) } else { fault.map(|(_, fault)| fault.what.clone()) };
        Ticket { number, mischief }
    }

    /// The second half: what happens now that the body is there, or is to be left unread.
    pub fn finish(&mut self, now: Duration, ticket: &Ticket, request: &Request) -> Answer {
        use Mischief as M;
        self.latest = self.latest.max(now);
        let face = Face::of(&request.path);
        let was_broken = self.ledger_fault.is_some();
        let mischief = if was_broken { Some(&M::Reset) } else { ticket.mischief.as_ref() };
        let tells_price = !matches!(mischief, Some(M::NoPrice));
        let mut serve = || self.serve(ticket.number, face, request, tells_price);
        let (reply, wire) = match mischief {
            None | Some(M::NoPrice) => (serve(), Wire::Whole),
            Some(M::Throttle { retry_after }) => {
                (face.throttled(request, retry_after.as_deref()), Wire::Whole)
            }
            Some(M::ErrorBefore { status }) => (Reply::page(*status), Wire::Whole),
            Some(M::ErrorAfter { status }) => {
                serve();
                (Reply::page(*status), Wire::Whole)
            }
            Some(M::CommitThenDrop) => (serve(), Wire::LoseReply),
            Some(M::Reset) => (Reply::none(), Wire::ResetBeforeReading),
            Some(M::Stall { taken: true }) => (serve(), Wire::Stall),
            Some(M::Stall { taken: false }) => (Reply::none(), Wire::Stall),
            Some(M::Truncate { bytes }) => (serve(), Wire::CutAfter(*bytes)),
            Some(M::Rubbish { taken }) => {
                if *taken {
                    serve();
                }
                (Reply::page(200), Wire::Whole)
            }
        };
        // Some of the request's lines may be in the ledger: neither yes nor no would be true.
        let wire = if self.ledger_fault.is_some() && !was_broken { Wire::LoseReply } else { wire };
        Answer { reply, delay: self.delay(ticket.number), wire }
    }

    /// How many requests have arrived, whatever became of them.
    pub const fn requests_seen(&self) -> u64 {
        self.requests
    }

    /// How many calls were refused because their account had made too many. Throttling by a
    /// fault is not counted: it is not the caller's doing.
    pub const fn overruns(&self) -> u64 {
        self.overruns
    }

    /// How many messages were taken.
    pub const fn recipients_taken(&self) -> u64 {
        self.ledger.recipients()
    }

    /// Every message that was taken, in order; none where [`Config::keep_ledger`] is off.
    pub fn ledger(&self) -> impl Iterator<Item = Entry<'_>> {
        self.ledger.entries()
    }

    /// Who got more than one message, in order of number, and how many; nobody where
    /// [`Config::keep_ledger`] is off.
    pub fn taken_more_than_once(&self) -> Vec<(Msisdn, usize)> {
        self.ledger.taken_more_than_once()
    }

    /// Why the ledger's file can no longer be written, if so. The request that met the fault
    /// lost its reply, and every later one is reset: a gateway that cannot write down what it
    /// takes takes nothing.
    pub const fn ledger_fault(&self) -> Option<&io::Error> {
        self.ledger_fault.as_ref()
    }

    /// Credentials, limit, face, ledger: a request that no fault keeps away.
    fn serve(&mut self, number: u64, face: Face, request: &Request, tells_price: bool) -> Reply {
        let index = match face.account(&self.config.accounts, request) {
            Ok(index) => index,
            Err(refusal) => return refusal,
        };
        let account: &mut Account = &mut self.config.accounts[index];
        if self.limiters[index].as_mut().is_some_and(|limiter| !limiter.admit(self.latest)) {
            self.overruns += 1;
            let retry_after = account.limit.as_ref().and_then(|limit: &Limit| limit.retry_after.as_deref());
            return face.throttled(request, retry_after);
        }
        let draw = |purpose| u128::from(random::draw(self.config.seed, number, purpose));
        let extra_parts = ExtraParts {
            whose: &self.config.extra_parts,
            seed: self.config.seed,
            request: number,
            first_message: self.ledger.recipients() + 1,
        };
        let millis = i64::try_from(self.latest.as_millis()).unwrap_or(i64::MAX);
        let mut call = Call {
            request,
            account,
            prices: Prices::new(face, self.config.prices.as_ref()),
            extra_parts,
            tells_price,
            now: self.started_at.plus_millis(millis),
            number,
            bits: draw(random::ID_HIGH) << 64 | draw(random::ID_LOW),
        };
        let Served { reply, taken } = face.serve(&mut call);
        if let Some(batch) = taken {
            self.ledger_fault = self.ledger.record(self.latest, face, number, batch).err();
        }
        reply
    }

    fn delay(&self, number: u64) -> Duration {
        let (shortest, longest) = (*self.config.latency.start(), *self.config.latency.end());
        let span = u64::try_from(longest.saturating_sub(shortest).as_nanos()).unwrap_or(u64::MAX);
        let drawn = random::draw(self.config.seed, number, random::LATENCY);
        shortest + Duration::from_nanos(span.checked_add(1).map_or(drawn, |count| drawn % count))
    }
}
