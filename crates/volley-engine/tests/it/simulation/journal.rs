//! A journal in memory that forgets what was not synced when its process is killed or the power
//! goes.

use super::{
    books::{Books, Entry, Plan, Recovery},
    random::Random,
};
use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use volley_core::{Chunk, Planned, Position, RowNumber, State, UnixMillis};
use volley_journal::{CommitError, FrozenPlan, Journal, Recovered, Standing, Write, Written};

/// What outlives a process.
#[derive(Default)]
pub(super) struct Disk {
    commits: Vec<Vec<Entry>>,
    /// Written behind the others and not known to be durable: a crash may keep it, or not. So
    /// may a disk that reported a fault.
    under_way: Option<Vec<Entry>>,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// The process is gone, the machine is not.
    Kill,
    /// The machine is gone as well.
    PowerCut,
}

impl Disk {
    /// What a crash leaves: all that was synced, and what was under way whole or not at all. A
    /// disk that does not sync each commit loses any number of the last ones to a power cut.
    pub(super) fn crash(&mut self, how: Crash, syncs: bool, random: &mut Random) {
        let kept = self.under_way.take().filter(|_| random.strikes(50));
        self.commits.extend(kept);
        if how == Crash::PowerCut && !syncs {
            let lost = random.between(0..=6);
            let left = self.commits.len().saturating_sub(usize::try_from(lost).expect("a few"));
            self.commits.truncate(left);
        }
    }

    /// Every intent on it: what its request is told by, and whom it is for.
    pub(super) fn intents(&self) -> impl Iterator<Item = ([u8; 32], Range<usize>)> {
        self.commits.iter().flatten().filter_map(|entry| match entry {
            Entry::Wrote(Write::Claim(claim)) => {
                let first = claim.first.0 as usize;
                Some((claim.body_hash, first..first + claim.recipients as usize))
            }
            _ => None,
        })
    }

    /// All commits, in their order.
    pub(super) fn commits(&self) -> &[Vec<Entry>] {
        &self.commits
    }

    /// What stands on it, in the order of its commits.
    pub(super) fn read(&self, plan: &Arc<Plan>, recovery: Recovery) -> Result<Books, CommitError> {
        let mut books = Books::new(plan, recovery);
        self.commits.iter().try_for_each(|commit| books.commit(commit).map(drop))?;
        Ok(books)
    }
}

/// The model: the same calls as the journal on disk.
pub(super) struct Model {
    plan: Arc<Plan>,
    disk: Arc<Mutex<Disk>>,
    pub(super) books: Books,
    standing: Standing,
}

impl Model {
    /// Reads what crashes have left on `disk`, and puts what was open in doubt. A process that is
    /// killed meanwhile leaves that commit under way.
    pub(super) fn open(
        plan: &Arc<Plan>,
        disk: &Arc<Mutex<Disk>>,
        recovery: Recovery,
        now: UnixMillis,
    ) -> Result<Self, CommitError> {
        let books = lock(disk).read(plan, recovery)?;
        let (plan, disk) = (Arc::clone(plan), Arc::clone(disk));
        let mut model = Self { plan, disk, standing: books.standing(), books };
        model.write(vec![Entry::Started(now)])?;
        Ok(model)
    }

    /// The same, killed before it could be known that the first commit is durable.
    pub(super) fn open_and_die(disk: &Arc<Mutex<Disk>>, now: UnixMillis) {
        lock(disk).under_way = Some(vec![Entry::Started(now)]);
    }

    fn write(&mut self, commit: Vec<Entry>) -> Result<Vec<Written>, CommitError> {
        let written = self.promise(&commit)?;
        self.keep(commit);
        Ok(written)
    }

    /// From here on, `batch` may be found behind a crash.
    pub(super) fn begin(&self, batch: &[Write]) {
        lock(&self.disk).under_way = Some(entries(batch));
    }

    /// `batch` was not written, as far as the disk knows; one that is out of order may be wrong.
    pub(super) fn give_up(&self, is_full: bool) {
        if is_full {
            lock(&self.disk).under_way = None;
        }
    }

    /// What `commit` comes to, before it is durable.
    pub(super) fn promise(&mut self, commit: &[Entry]) -> Result<Vec<Written>, CommitError> {
        let written = self.books.commit(commit)?;
        self.books.audit();
        self.standing = self.books.standing();
        Ok(written)
    }

    /// Makes durable what was promised.
    pub(super) fn keep(&mut self, commit: Vec<Entry>) {
        let mut disk = lock(&self.disk);
        disk.under_way = None;
        disk.commits.push(commit);
    }
}

/// The changes of one commit.
pub(super) fn entries(batch: &[Write]) -> Vec<Entry> {
    batch.iter().cloned().map(Entry::Wrote).collect()
}

impl Journal for Model {
    fn plan(&self) -> &FrozenPlan {
        &self.plan.frozen
    }

    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn recovered(&self) -> Recovered {
        self.books.recovered
    }

    fn next_chunks(&mut self, from: Position, most: usize) -> Result<Vec<Chunk>, CommitError> {
        let pending = |position: &usize| matches!(self.books.states[*position], State::Pending { .. });
        let everybody: Range<usize> = from.0 as usize..self.plan.people.len();
        let mut chunks: Vec<Chunk> = Vec::new();
        for position in everybody.filter(pending) {
            if !chunks.last().is_some_and(|chunk| joins(&self.plan, chunk, position)) {
                if chunks.len() == most {
                    break;
                }
                let first = Position(u32::try_from(position).expect("a small plan"));
                chunks.push(Chunk { first, texts: Vec::new(), recipients: Vec::new() });
            }
            let chunk = chunks.last_mut().expect("one was begun");
            add(&self.plan, chunk, position);
        }
        Ok(chunks)
    }

    fn recent_requests(&mut self, since: UnixMillis, most: usize) -> Result<Vec<UnixMillis>, CommitError> {
        Ok(self.books.recent(since, most))
    }

    fn silence(&self, now: UnixMillis) -> Duration {
        self.books.silence(now)
    }

    fn commit(&mut self, batch: &[Write]) -> Result<Vec<Written>, CommitError> {
        self.write(entries(batch))
    }
}

/// Whether the recipient at `position` goes into the same request.
fn joins(plan: &Plan, chunk: &Chunk, position: usize) -> bool {
    let batch = plan.frozen.batch();
    let is_next = (chunk.first.0 + chunk.len()) as usize == position;
    let fits = chunk.len() < plan.frozen.terms.chunk.min(batch.ceiling());
    let text = &plan.texts[plan.people[position].text];
    is_next && fits && (!batch.shares_text() || chunk.texts.first() == Some(text))
}

fn add(plan: &Plan, chunk: &mut Chunk, position: usize) {
    let person = plan.people[position];
    let text = &plan.texts[person.text];
    let place = chunk.texts.iter().position(|known| known == text).unwrap_or_else(|| {
        chunk.texts.push(Arc::clone(text));
        chunk.texts.len() - 1
    });
    chunk.recipients.push(Planned {
        row: RowNumber(u32::try_from(position).expect("a small plan") + 1),
        to: person.to,
        text: u32::try_from(place).expect("a few texts"),
        segments: 1,
        cost: person.cost,
    });
}

pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("nothing panics while it holds this")
}
