//! Blocks of a list, judged on several threads and taken in order.
//!
//! Whoever has nothing to do reads the next block and judges it; one thread alone takes what was
//! judged, in the order of the list. So the result does not depend on how many threads there are
//! or which of them is fastest. So many blocks as go round are all that is held of a list.

use crate::source::{Block, Records, SourceError};
use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

/// Blocks beside those that the judging threads have in hand: some wait to be taken, one is.
const SPARE_BLOCKS: usize = 3;

/// A block and what was found out about it; used again and again.
pub(crate) trait Work: Default + Send {
    /// Where the block is read into.
    fn block(&mut self) -> &mut Block;
}

/// A block on its way from a judging thread to the one that takes it.
struct Piece<W> {
    place: u64,
    work: W,
    read: Result<(), SourceError>,
}

/// What the judging threads read from, one at a time.
struct Reading<'a> {
    records: &'a mut Records,
    /// The place of the next block.
    place: u64,
    is_over: bool,
}

/// Reads all of `records`, lets `judge` see each block on one of `threads`, and gives them to
/// `take` in order. The first error in the order of the list is the one that counts.
pub(crate) fn run<W: Work, E: From<SourceError>>(
    records: &mut Records,
    threads: NonZeroUsize,
    judge: impl Fn(&mut W) + Sync,
    mut take: impl FnMut(&mut W) -> Result<(), E>,
) -> Result<(), E> {
    if threads.get() == 1 {
        let mut work = W::default();
        loop {
            records.fill(work.block())?;
            if work.block().len() == 0 {
                return Ok(());
            }
            judge(&mut work);
            take(&mut work)?;
        }
    }
    let reading = Mutex::new(Reading { records, place: 0, is_over: false });
    let (give_back, free) = mpsc::channel();
    for _ in 0..threads.get() + SPARE_BLOCKS {
        give_back.send(W::default()).expect("its receiver is there");
    }
    let free = Mutex::new(free);
    let (judged, pieces) = mpsc::channel();
    thread::scope(|scope| {
        let judging = (0..threads.get()).map(|_| {
            let (reading, free, judge, judged) = (&reading, &free, &judge, judged.clone());
            scope.spawn(move || work(reading, free, judge, &judged))
        });
        let judging: Vec<_> = judging.collect();
        drop(judged);
        let taken = in_order(&pieces, &give_back, &mut take);
        // Both ends are let go of when this is over, however it ends: nobody then waits for a
        // block that will not come.
        drop((pieces, give_back));
        // A handle that is dropped detaches its thread, and to detach one while it ends is a race
        // in C libraries that are in use: a thread may be freed twice.
        for thread in judging {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        taken
    })
}

/// One judging thread, until there is nothing left to read or nobody to take it.
fn work<W: Work>(
    reading: &Mutex<Reading<'_>>,
    free: &Mutex<Receiver<W>>,
    judge: &impl Fn(&mut W),
    judged: &Sender<Piece<W>>,
) {
    loop {
        // A block first, then a place: who holds the lowest place never waits for a block.
        let Ok(mut work) = lock(free).recv() else { return };
        let (place, read) = {
            let mut reading = lock(reading);
            if reading.is_over {
                return;
            }
            let read = reading.records.fill(work.block());
            reading.is_over = read.is_err() || work.block().len() == 0;
            reading.place += 1;
            (reading.place - 1, read)
        };
        if read.is_ok() {
            judge(&mut work);
        }
        if judged.send(Piece { place, work, read }).is_err() {
            return;
        }
    }
}

/// Takes the pieces by their places, and gives each block back.
fn in_order<W: Work, E: From<SourceError>>(
    pieces: &Receiver<Piece<W>>,
    give_back: &Sender<W>,
    take: &mut impl FnMut(&mut W) -> Result<(), E>,
) -> Result<(), E> {
    let mut early = BTreeMap::new();
    let mut place = 0;
    for piece in pieces {
        early.insert(piece.place, piece);
        while let Some(Piece { mut work, read, .. }) = early.remove(&place) {
            place += 1;
            read?;
            if work.block().len() > 0 {
                take(&mut work)?;
                // Where all threads have ended, nobody wants it.
                drop(give_back.send(work));
            }
        }
    }
    Ok(())
}

/// Locks; a thread that panicked while it held the lock brings the whole pass down anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
