//! Blocks of a list, judged on several threads and taken in order.
//!
//! Every thread reads the next block, judges it, and takes what it judged when the blocks before
//! have been taken; until then it goes on with others. So the result does not depend on how many
//! threads there are or which of them is fastest, no core waits for another, and a block stays
//! where its bytes are: what goes from one core to the next is the tally alone. So many blocks as
//! the threads have are all that is held of a list.

use crate::source::{Block, Records, SourceError};
use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Blocks of each thread: one that it judges, and others that wait for their turn.
const BLOCKS: usize = 3;

/// A block and what was found out about it; used again and again.
pub(crate) trait Work: Default + Send {
    /// Where the block is read into.
    fn block(&mut self) -> &mut Block;
}

/// What all threads read from, one at a time.
struct Reading<'a> {
    records: &'a mut Records,
    /// The place of the next block.
    place: u64,
    is_over: bool,
}

/// What all threads take into, one at a time.
struct Taking<T, E> {
    take: T,
    /// How it ended.
    ended: Option<Result<(), E>>,
    /// A thread panicked: what it held will not come.
    is_broken: bool,
}

/// A block that was judged and waits for its turn.
struct Piece<W> {
    place: u64,
    work: W,
    read: Result<(), SourceError>,
}

/// What the threads share.
struct Shared<'a, J, T, E> {
    reading: Mutex<Reading<'a>>,
    judge: J,
    /// The place of the block whose turn it is; changed by who has `taking` alone.
    turn: AtomicU64,
    taking: Mutex<Taking<T, E>>,
    /// It is another block's turn, or there are no more turns.
    turned: Condvar,
}

/// Reads all of `records`, lets `judge` see each block on one of `threads`, of which the calling
/// one is the first, and gives them to `take` in order, on the same threads. The first error in
/// the order of the list is the one that counts.
pub(crate) fn run<W: Work, E: From<SourceError> + Send>(
    records: &mut Records,
    threads: NonZeroUsize,
    judge: impl Fn(&mut W) + Sync,
    take: impl FnMut(&mut W) -> Result<(), E> + Send,
) -> Result<(), E> {
    let shared = Shared {
        reading: Mutex::new(Reading { records, place: 0, is_over: false }),
        judge,
        turn: AtomicU64::new(0),
        taking: Mutex::new(Taking { take, ended: None, is_broken: false }),
        turned: Condvar::new(),
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads.get()).map(|_| scope.spawn(|| shared.work::<W>())).collect();
        shared.work::<W>();
        // A handle that is dropped detaches its thread, and to detach one while it ends is a race
        // in C libraries that are in use: a thread may be freed twice.
        for thread in others {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    let taking = shared.taking.into_inner().unwrap_or_else(PoisonError::into_inner);
    taking.ended.expect("the last block ends it")
}

impl<J, T, E: From<SourceError>> Shared<'_, J, T, E> {
    /// One thread, until its blocks are taken and nothing is left to read, or none is wanted.
    fn work<W: Work>(&self)
    where
        J: Fn(&mut W),
        T: FnMut(&mut W) -> Result<(), E>,
    {
        let _tells_others = TellsOthers(self);
        let mut free: Vec<W> = (0..BLOCKS).map(|_| W::default()).collect();
        let mut judged = VecDeque::new();
        loop {
            let next = free.pop().and_then(|work| self.next(work));
            let is_over = next.is_none();
            judged.extend(next);
            // Nothing else is to be done while no block is free.
            while let Some(piece) = judged.front()
                && (is_over || free.is_empty() || self.turn.load(Ordering::Acquire) == piece.place)
            {
                let Some(piece) = judged.pop_front() else { return };
                let Some(work) = self.take(piece) else { return };
                free.push(work);
            }
            if is_over {
                return;
            }
        }
    }

    /// Reads the next block and judges it; `None` where there is nothing left to read.
    fn next<W: Work>(&self, mut work: W) -> Option<Piece<W>>
    where
        J: Fn(&mut W),
    {
        let mut reading = lock(&self.reading);
        if reading.is_over {
            return None;
        }
        let read = reading.records.fill(work.block());
        reading.is_over = read.is_err() || work.block().len() == 0;
        let place = reading.place;
        reading.place += 1;
        drop(reading);
        if read.is_ok() {
            (self.judge)(&mut work);
        }
        Some(Piece { place, work, read })
    }

    /// Waits for the turn of `piece`, and takes it; `None` once nothing more is wanted. Who holds
    /// the lowest place never waits.
    fn take<W: Work>(&self, piece: Piece<W>) -> Option<W>
    where
        T: FnMut(&mut W) -> Result<(), E>,
    {
        let Piece { place, mut work, read } = piece;
        let mut taking = lock(&self.taking);
        while !taking.is_broken && taking.ended.is_none() && self.turn.load(Ordering::Acquire) != place {
            taking = self.turned.wait(taking).unwrap_or_else(PoisonError::into_inner);
        }
        if taking.is_broken || taking.ended.is_some() {
            return None;
        }
        let taken = match read {
            Ok(()) if work.block().len() == 0 => Some(Ok(())),
            Ok(()) => (taking.take)(&mut work).err().map(Err),
            Err(error) => Some(Err(error.into())),
        };
        taking.ended = taken;
        self.turn.store(place + 1, Ordering::Release);
        let is_over = taking.ended.is_some();
        drop(taking);
        self.turned.notify_all();
        (!is_over).then_some(work)
    }
}

/// Tells the other threads when this one panics: they would wait for its blocks.
struct TellsOthers<'a, 'b, J, T, E>(&'a Shared<'b, J, T, E>);

impl<J, T, E> Drop for TellsOthers<'_, '_, J, T, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(&self.0.taking).is_broken = true;
            self.0.turned.notify_all();
        }
    }
}

/// Locks; a thread that panicked while it held the lock brings the whole pass down anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
