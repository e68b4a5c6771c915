//! What the gateway took, for the calls that ask about it later or take it back.
//!
//! One shelf an account. Nothing moves by itself: whether a message is waiting, being sent or
//! sent is a function of the time that is asked for, and so is what became of each number
//! (`delivery.rs`). Numbers and texts are those of the ledger, not copies of them. Not here: the
//! truth that duplicates are counted from (`ledger.rs`), which also holds what was cancelled.

use crate::{ConfigError, Face, callbacks::CallbackTo, delivery::State, face::Call, ledger::Batch, random};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, OnceLock},
    time::Duration,
};
use volley_core::{Micros, Msisdn, UnixMillis};

/// How the gateway answers about messages that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// How long a request is being sent once its time has come, and can no longer be cancelled.
    pub processing: Duration,
    /// How old a message is when lists begin to show it.
    pub lag: Duration,
    /// How long a message is known after it was due; `None`: for ever.
    pub retention: Option<Duration>,
    /// How many messages of somebody else's, 0 to 9, appear right after each one that is taken, in
    /// the same account and almost like it: other numbers, then another text, then another sender,
    /// and again. They are in no ledger and cost nothing.
    pub lookalikes: u8,
    /// The status of a cancel that ME-SMS refuses, 400 or 409: nobody says which goes with which
    /// code.
    pub cancel_refusal: u16,
}

impl Default for Records {
    fn default() -> Self {
        Self {
            processing: Duration::from_secs(1),
            lag: Duration::ZERO,
            retention: None,
            lookalikes: 0,
            cancel_refusal: 409,
        }
    }
}

impl Records {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self { cancel_refusal: 400 | 409, lookalikes: 0..=9, .. } => Ok(()),
            Self { lookalikes: 0..=9, .. } => Err(ConfigError::CancelRefusal(self.cancel_refusal)),
            _ => Err(ConfigError::Lookalikes(self.lookalikes)),
        }
    }
}

/// What one request, or one item of it, made the gateway take. Times count from its start.
#[expect(clippy::struct_field_names, reason = "`at` alone could be any of four times")]
pub(crate) struct Taken {
    /// The provider's id.
    pub(crate) id: Arc<str>,
    /// The request's number; 0 for what somebody else sent.
    pub(crate) request: u64,
    /// The number of its first message among all that were taken, from 1; the next ones follow.
    pub(crate) first_row: u64,
    pub(crate) taken_at: Duration,
    /// When sending begins: `taken_at`, or later where it was scheduled.
    pub(crate) due_at: Duration,
    /// When sending ends.
    pub(crate) sent_at: Duration,
    pub(crate) cancelled_at: Option<Duration>,
    pub(crate) sender: Option<Arc<str>>,
    pub(crate) text: Arc<str>,
    pub(crate) numbers: Arc<[Msisdn]>,
    /// The caller's own word for it.
    pub(crate) reference: Option<Box<str>>,
    /// Whom to tell what became of it.
    pub(crate) callback: Option<Box<CallbackTo>>,
    /// What was charged for all of it.
    pub(crate) cost: Micros,
    /// The parts of all its messages.
    pub(crate) parts: u64,
    /// What its draws depend on beside the seed.
    pub(crate) salt: u64,
    /// How many of its messages ended in each state, in the order of [`State::ALL`], once nothing
    /// about them can change.
    pub(crate) ends: OnceLock<Counts>,
}

/// Messages by state, in the order of [`State::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts([u64; State::ALL.len()]);

impl Counts {
    /// How many are in `state`.
    pub(crate) const fn of(&self, state: State) -> u64 {
        self.0[state as usize]
    }
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its time has not come.
    Scheduled,
    /// It is being sent.
    Processing,
    /// It was sent.
    Sent,
    /// It was taken back before its time.
    Cancelled,
}

/// What became of a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelResult {
    /// It will not be sent, and what it cost is back.
    Cancelled,
    /// It was cancelled before.
    AlreadyCancelled,
    /// Its time has come: it is being sent, or was.
    AlreadyProcessing,
    /// It never had a time to be sent at.
    NotScheduled,
    /// The account has no such message.
    Unknown,
}

impl Taken {
    /// Where it stands at `now`.
    pub(crate) fn phase(&self, now: Duration) -> Phase {
        if self.cancelled_at.is_some() {
            Phase::Cancelled
        } else if now < self.due_at {
            Phase::Scheduled
        } else if now < self.sent_at {
            Phase::Processing
        } else {
            Phase::Sent
        }
    }

    /// Whether it was handed over to be sent later.
    pub(crate) fn was_scheduled(&self) -> bool {
        self.due_at > self.taken_at
    }
}

/// Everything that was taken, by account and in order.
pub(crate) struct Messages {
    records: Records,
    shelves: Vec<Shelf>,
    rows: u64,
    newly_cancelled: Vec<Arc<str>>,
}

/// What one account sent.
struct Shelf {
    face: Face,
    taken: VecDeque<Taken>,
    /// How many were forgotten: the place of the first that is left.
    forgotten: usize,
    /// The place, from the gateway's start on, of each that is left.
    places: HashMap<Arc<str>, usize>,
}

impl Shelf {
    fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).map(|place| place - self.forgotten)
    }
}

impl Messages {
    /// Empty shelves for accounts with these faces.
    pub(crate) fn new(faces: impl Iterator<Item = Face>, records: Records) -> Self {
        let empty = |face| Shelf { face, taken: VecDeque::new(), forgotten: 0, places: HashMap::new() };
        Self { records, shelves: faces.map(empty).collect(), rows: 0, newly_cancelled: Vec::new() }
    }

    /// Puts what request number `request` of `account` made the gateway take on its shelf, and
    /// other traffic behind it. Gives its place there.
    pub(crate) fn take(&mut self, account: usize, request: u64, now: Duration, batch: &Batch) -> usize {
        self.forget(account, now);
        let due_at = batch.due.unwrap_or(now).max(now);
        let taken = Taken {
            id: batch.id.as_str().into(),
            request,
            first_row: 0,
            taken_at: now,
            due_at,
            sent_at: due_at.saturating_add(self.records.processing),
            cancelled_at: None,
            sender: batch.sender.clone(),
            text: Arc::clone(&batch.text),
            numbers: Arc::clone(&batch.numbers),
            reference: batch.reference.as_deref().map(Into::into),
            callback: batch.callback.clone().map(Box::new),
            cost: batch.bill.total,
            parts: batch.bill.parts,
            salt: random::salt(&batch.id),
            ends: OnceLock::new(),
        };
        let others: Vec<Taken> =
            (0..self.records.lookalikes).map(|number| lookalike(&taken, number)).collect();
        let place = self.put(account, taken);
        for other in others {
            self.put(account, other);
        }
        place
    }

    /// What lies at `place` of the shelf of `account`, until it is forgotten.
    pub(crate) fn at(&self, account: usize, place: usize) -> Option<&Taken> {
        let mine = &self.shelves[account];
        place.checked_sub(mine.forgotten).and_then(|place| mine.taken.get(place))
    }

    /// The message of `account` that has this id, while it is known.
    pub(crate) fn find(&self, account: usize, id: &str, now: Duration) -> Option<&Taken> {
        let mine = &self.shelves[account];
        mine.place(id).map(|place| &mine.taken[place]).filter(|taken| self.is_known(taken, now))
    }

    /// Whether another account with the same provider has a message with this id.
    pub(crate) fn is_anothers(&self, account: usize, id: &str) -> bool {
        let face = self.shelves[account].face;
        let others =
            self.shelves.iter().enumerate().filter(|(other, mine)| *other != account && mine.face == face);
        others.into_iter().any(|(_, mine)| mine.places.contains_key(id))
    }

    /// What lists show of `account` at `now`, the newest first.
    pub(crate) fn newest_first(&self, account: usize, now: Duration) -> impl Iterator<Item = &Taken> {
        let shown = move |taken: &&Taken| {
            taken.taken_at.saturating_add(self.records.lag) <= now && self.is_known(taken, now)
        };
        self.shelves[account].taken.iter().rev().filter(shown)
    }

    /// Takes back the message of `account` with this id, if its time has not come.
    pub(crate) fn cancel(&mut self, account: usize, id: &str, now: Duration) -> CancelResult {
        let result = match self.find(account, id, now) {
            None => return CancelResult::Unknown,
            Some(taken) if taken.cancelled_at.is_some() => return CancelResult::AlreadyCancelled,
            Some(taken) if !taken.was_scheduled() => return CancelResult::NotScheduled,
            Some(taken) if taken.due_at <= now => return CancelResult::AlreadyProcessing,
            Some(_) => CancelResult::Cancelled,
        };
        let mine = &mut self.shelves[account];
        if let Some(place) = mine.place(id) {
            let taken = &mut mine.taken[place];
            taken.cancelled_at = Some(now);
            self.newly_cancelled.push(Arc::clone(&taken.id));
        }
        result
    }

    /// The status of a cancel that ME-SMS refuses.
    pub(crate) const fn cancel_refusal(&self) -> u16 {
        self.records.cancel_refusal
    }

    /// The ids of what was cancelled since this was last asked.
    pub(crate) fn newly_cancelled(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.newly_cancelled)
    }

    fn put(&mut self, account: usize, mut taken: Taken) -> usize {
        taken.first_row = self.rows + 1;
        self.rows += taken.numbers.len() as u64;
        let mine = &mut self.shelves[account];
        let place = mine.forgotten + mine.taken.len();
        mine.places.insert(Arc::clone(&taken.id), place);
        mine.taken.push_back(taken);
        place
    }

    fn is_known(&self, taken: &Taken, now: Duration) -> bool {
        self.records.retention.is_none_or(|retention| now <= taken.due_at.saturating_add(retention))
    }

    /// Throws away what is no longer known, from the oldest on.
    fn forget(&mut self, account: usize, now: Duration) {
        while self.shelves[account].taken.front().is_some_and(|oldest| !self.is_known(oldest, now)) {
            let mine = &mut self.shelves[account];
            if let Some(oldest) = mine.taken.pop_front() {
                mine.places.remove(&oldest.id);
                mine.forgotten += 1;
            }
        }
    }
}

/// What somebody else sends, almost like `taken`. With the same `number` it is the same.
fn lookalike(taken: &Taken, number: u8) -> Taken {
    let turned = |id: &str| -> String {
        id.char_indices()
            .map(|(place, char)| match char {
                // A number does not start with 0.
                '1'..='9' if place == 0 => char::from(b'1' + (char as u8 - b'1' + number % 8 + 1) % 9),
                '0'..='9' => char::from(b'0' + (char as u8 - b'0' + number + 1) % 10),
                'a'..='f' => char::from(b'a' + (char as u8 - b'a' + number + 1) % 6),
                _ => char,
            })
            .collect()
    };
    let id = turned(&taken.id);
    let mut other = Taken {
        salt: random::salt(&id),
        id: id.into(),
        request: 0,
        first_row: 0,
        sender: taken.sender.clone(),
        text: Arc::clone(&taken.text),
        numbers: Arc::clone(&taken.numbers),
        reference: taken.reference.as_deref().map(|reference| turned(reference).into()),
        callback: None,
        cancelled_at: None,
        ends: OnceLock::new(),
        ..*taken
    };
    match number % 3 {
        0 => {
            let neighbour = |to: &Msisdn| Msisdn::from_digits(to.digits() ^ 1).unwrap_or(*to);
            other.numbers = taken.numbers.iter().map(neighbour).collect();
        }
        1 => other.text = format!("{}.", taken.text).into(),
        _ => other.sender = Some("Other".into()),
    }
    other
}

/// What a call may ask about its own account's messages.
impl Call<'_> {
    /// The message with this id, while it is known.
    pub(crate) fn find(&self, id: &str) -> Option<&Taken> {
        self.messages.find(self.index, id, self.at)
    }

    /// Whether the message with this id is another account's.
    pub(crate) fn is_anothers(&self, id: &str) -> bool {
        self.messages.is_anothers(self.index, id)
    }

    /// What lists show, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Taken> {
        self.messages.newest_first(self.index, self.at)
    }

    /// Takes back the message with this id if its time has not come, and gives back its cost.
    pub(crate) fn cancel(&mut self, id: &str) -> CancelResult {
        let result = self.messages.cancel(self.index, id, self.at);
        if result == CancelResult::Cancelled {
            let cost = self.find(id).map_or(Micros::ZERO, |taken| taken.cost);
            if let Some(balance) = &mut self.account.balance {
                *balance = balance.checked_add(cost).unwrap_or(*balance);
            }
        }
        result
    }

    /// Where `taken` stands.
    pub(crate) fn phase(&self, taken: &Taken) -> Phase {
        taken.phase(self.at)
    }

    /// What is known of the message to number `index` of `taken`, from 0, and since when.
    pub(crate) fn delivery(&self, taken: &Taken, index: usize) -> (State, UnixMillis) {
        let (state, since) = self.mix.delivery(self.seed, taken, index, self.at);
        (state, self.wall(since))
    }

    /// How many messages of `taken` are in each state. Nothing is counted twice once nothing about
    /// them can change any more.
    pub(crate) fn counts(&self, taken: &Taken) -> Counts {
        let count = || {
            let mut counts = Counts::default();
            for index in 0..taken.numbers.len() {
                counts.0[self.mix.delivery(self.seed, taken, index, self.at).0 as usize] += 1;
            }
            counts
        };
        if self.is_settled(taken) { *taken.ends.get_or_init(count) } else { count() }
    }

    /// Whether everything is known of `taken` that ever will be.
    pub(crate) fn is_settled(&self, taken: &Taken) -> bool {
        taken.cancelled_at.is_some() || self.mix.settled_at(taken).max(taken.sent_at) <= self.at
    }

    /// A time counted from the gateway's start, on the wall clock.
    pub(crate) fn wall(&self, at: Duration) -> UnixMillis {
        self.started_at.plus_millis(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
    }

    /// A time of the wall clock, counted from the gateway's start; zero where it lies before.
    pub(crate) fn since_start(&self, at: UnixMillis) -> Duration {
        let millis = at.0.saturating_sub(self.started_at.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }
}
