//! The gateway as a plain value: one request in, one answer out, everything else written down.
//!
//! The order of things: the request gets its number and perhaps a fault; a fault that stands in
//! front of the gateway answers alone; then come credentials, the account's limit, and the face.
//! What is taken is in the ledger before the answer exists, and where later calls and callbacks
//! find it. A fault that strikes later changes the answer only, never what was taken or charged.

use crate::{
    Account, Among, Callback, Cancellation, Config, ConfigError, Entry, Face, Limit, Limiter, Mischief, When,
    bill::{ExtraParts, Prices},
    callbacks::Callbacks,
    face::{Call, Served},
    http::{Answer, Reply, Request, Wire},
    ledger::{Batch, Ledger, Words},
    messages::Messages,
    random,
    wire::End,
};
use std::{io, time::Duration};
use volley_core::{Msisdn, UnixMillis};

/// How long an answer waits for a callback that is to overtake it.
const HEAD_START: Duration = Duration::from_millis(50);

/// Where the numbers of questions start, above those of send calls.
const QUESTIONS: u64 = 1 << 40;

/// A simulated gateway with all its accounts.
pub struct Gateway {
    config: Config,
    limiters: Vec<Option<Limiter>>,
    messages: Messages,
    callbacks: Callbacks,
    /// How long the answer waits for a callback that is to overtake it.
    head_start: Duration,
    words: Words,
    ledger: Ledger,
    ledger_fault: Option<io::Error>,
    latest: Duration,
    started_at: UnixMillis,
    requests: u64,
    questions: u64,
    connections: u64,
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
    /// The send call's number, from 1 over all faces; a question's lies above 2⁴⁰.
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
            messages: Messages::new(
                config.accounts.iter().map(|account| account.face),
                config.records.clone(),
            ),
            callbacks: Callbacks::new(config.callbacks.clone()),
            head_start: Duration::ZERO,
            words: Words::default(),
            ledger,
            ledger_fault: None,
            latest: Duration::ZERO,
            started_at,
            requests: 0,
            questions: 0,
            connections: 0,
            overruns: 0,
            config,
        })
    }

    /// What happens to a request that arrives whole at `now`, counted from the gateway's start.
    /// Time does not go back: an earlier `now` than before counts as that one.
    pub fn answer(&mut self, now: Duration, request: &Request) -> Answer {
        let ticket = self.begin(&request.method, &request.path);
        self.finish(now, &ticket, request)
    }

    /// The first half of [`answer`](Self::answer), for a request whose head is there: it gets
    /// its number and its fault.
    pub fn begin(&mut self, method: &str, path: &str) -> Ticket {
        // Questions lie far from every send call, so that both draw numbers of their own.
        let (among, seen, apart) = if Face::of(path).sends(method, path) {
            (Among::Sends, &mut self.requests, 0)
        } else {
            (Among::Questions, &mut self.questions, QUESTIONS)
        };
        *seen += 1;
        let number = *seen;
        let broken = self.ledger_fault.is_some();
        let mischief = if broken { Some(Mischief::Reset) } else { self.fault(among, number).cloned() };
        Ticket { number: apart + number, mischief }
    }

    /// Gives a connection that was accepted its number. Where it is to end before it is served: how
    /// many bytes are still read, and how it ends.
    pub fn connect(&mut self) -> Option<(u64, End)> {
        self.connections += 1;
        match self.fault(Among::Connections, self.connections) {
            Some(&Mischief::HangUp { bytes, end }) => Some((bytes, end)),
            _ => None,
        }
    }

    /// What happens to number `number` among these.
    fn fault(&self, among: Among, number: u64) -> Option<&Mischief> {
        let strikes = |index: u64, when: When| match when {
            When::Request(request) => number == request,
            When::Requests { first, last } => (first..=last).contains(&number),
            When::Every(step) => number.is_multiple_of(step),
            When::Chance(chance) => random::strikes(chance, self.config.seed, number, random::FAULT + index),
        };
        let mut faults = (0..).zip(&self.config.faults);
        let fault = faults.find(|(index, fault)| fault.among == among && strikes(*index, fault.when));
        fault.map(|(_, fault)| &fault.what)
    }

    /// The second half: what happens now that the body is there, or is to be left unread.
    pub fn finish(&mut self, now: Duration, ticket: &Ticket, request: &Request) -> Answer {
        use Mischief as M;
        self.latest = self.latest.max(now);
        self.head_start = Duration::ZERO;
        let face = Face::of(&request.path);
        let was_broken = self.ledger_fault.is_some();
        let mischief = if was_broken { Some(&M::Reset) } else { ticket.mischief.as_ref() };
        let tells_price = !matches!(mischief, Some(M::NoPrice));
        let mut serve = || self.serve(ticket.number, face, request, tells_price);
        let (reply, wire) = match mischief {
            None | Some(M::NoPrice | M::Late { .. }) => (serve(), Wire::Whole),
            Some(M::Throttle { retry_after }) => {
                let accounts = &self.config.accounts;
                (face.throttled(accounts, request, retry_after.as_deref()), Wire::Whole)
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
            Some(M::Broken(how)) => (serve(), Wire::Broken(*how)),
            Some(M::HangUp { .. }) => unreachable!("connections alone hang up, which `check` sees to"),
            Some(M::Rubbish { taken }) => {
                if *taken {
                    serve();
                }
                (Reply::page(200), Wire::Whole)
            }
        };
        // Some of the request's lines may be in the ledger: neither yes nor no would be true.
        let wire = if self.ledger_fault.is_some() && !was_broken { Wire::LoseReply } else { wire };
        let late = if let Some(M::Late { by }) = mischief { *by } else { Duration::ZERO };
        let delay = self.delay(ticket.number).max(self.head_start) + late;
        Answer { reply, delay, wire }
    }

    /// How many send calls have arrived, whatever became of them; questions are not counted.
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

    /// What was taken and then taken back before it was sent, in order. It stands in the ledger all
    /// the same: it was taken.
    pub fn cancelled(&self) -> &[Cancellation] {
        self.ledger.cancelled()
    }

    /// The calls to customers that are due at `now`, counted from the gateway's start, the oldest
    /// first. Each that is taken from here is made or [has failed](Self::callback_failed); what is
    /// left stays due.
    pub fn due_callbacks(&mut self, now: Duration) -> impl Iterator<Item = Callback> {
        let Self { callbacks, messages, config, started_at, .. } = self;
        let (messages, accounts, started_at) = (&*messages, &config.accounts, *started_at);
        std::iter::from_fn(move || {
            callbacks.next(
                now,
                |account, place| messages.at(account, place),
                |account| &accounts[account].secret,
                |at| started_at.plus_millis(i64::try_from(at.as_millis()).unwrap_or(i64::MAX)),
            )
        })
    }

    /// When the next call to a customer is due; `None` where none is waiting.
    pub fn next_callback(&self) -> Option<Duration> {
        self.callbacks.next_at()
    }

    /// Notes that nobody answered a call with 2xx. It is due again 1 minute, 5 minutes, 1 hour and
    /// 24 hours after it was first due, and then given up.
    pub fn callback_failed(&mut self, callback: &Callback) {
        self.callbacks.failed(callback);
    }

    /// How many calls to customers were given up.
    pub const fn callbacks_given_up(&self) -> u64 {
        self.callbacks.given_up()
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
        if self.limiters[index].as_mut().is_some_and(|limiter| !limiter.admit(self.latest)) {
            self.overruns += 1;
            let accounts = &self.config.accounts;
            let limit = accounts[index].limit.as_ref();
            let retry_after = limit.and_then(|limit: &Limit| limit.retry_after.as_deref());
            return face.throttled(accounts, request, retry_after);
        }
        let account: &mut Account = &mut self.config.accounts[index];
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
            index,
            messages: &mut self.messages,
            mix: &self.config.delivery,
            seed: self.config.seed,
            at: self.latest,
            started_at: self.started_at,
        };
        let Served { reply, mut taken } = face.serve(&mut call);
        for batch in &mut taken {
            self.words.share(batch);
            let place = self.messages.take(index, number, self.latest, batch);
            if let Some(message) = self.messages.at(index, place)
                && self.callbacks.plan((&self.config.delivery, self.config.seed), (index, place), message)
            {
                self.head_start = HEAD_START;
            }
        }
        self.ledger_fault = self.write_down(index, face, number, taken).err();
        reply
    }

    /// What request number `number` of account `index` made the gateway take or take back.
    fn write_down(&mut self, index: usize, face: Face, number: u64, taken: Vec<Batch>) -> io::Result<()> {
        self.ledger.record(self.latest, face, number, taken)?;
        for id in self.messages.newly_cancelled() {
            let request = self.messages.find(index, &id, self.latest).map_or(0, |message| message.request);
            let id = (*id).to_owned();
            self.ledger.cancel(Cancellation { at: self.latest, face, request, id })?;
        }
        Ok(())
    }

    fn delay(&self, number: u64) -> Duration {
        random::between(&self.config.latency, random::draw(self.config.seed, number, random::LATENCY))
    }
}
