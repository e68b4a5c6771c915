//! Many callers, one thread, shared commits.

use crate::support::{NOW, PER_ITEM, Place, accepted, claim, record};
use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};
use volley_core::{Chunk, Micros, Position, UnixMillis};
use volley_journal::{
    AttemptId, CommitError, FrozenPlan, Journal, Recovered, Standing, Write, Writer, Written,
};

/// A journal that waits at its first commit until the test lets it go, and counts batches.
struct Gated {
    inner: Box<dyn Journal>,
    gate: Option<mpsc::Receiver<()>>,
    entered: mpsc::Sender<()>,
    batches: Arc<Mutex<Vec<usize>>>,
}

impl Journal for Gated {
    fn plan(&self) -> &FrozenPlan {
        self.inner.plan()
    }

    fn standing(&self) -> &Standing {
        self.inner.standing()
    }

    fn recovered(&self) -> Recovered {
        self.inner.recovered()
    }

    fn next_chunks(&mut self, from: Position, most: usize) -> Result<Vec<Chunk>, CommitError> {
        self.inner.next_chunks(from, most)
    }

    fn recent_requests(&mut self, since: UnixMillis, most: usize) -> Result<Vec<UnixMillis>, CommitError> {
        self.inner.recent_requests(since, most)
    }

    fn silence(&self, now: UnixMillis) -> Duration {
        self.inner.silence(now)
    }

    fn commit(&mut self, batch: &[Write]) -> Result<Vec<Written>, CommitError> {
        self.batches.lock().expect("no panic").push(batch.len());
        if let Some(gate) = self.gate.take() {
            self.entered.send(()).expect("the test listens");
            gate.recv().expect("the test opens the gate");
        }
        self.inner.commit(batch)
    }
}

#[test]
fn what_waits_shares_a_commit_and_is_answered_in_order() {
    let place = Place::with_plan(PER_ITEM, 1, &vec!["a"; 6_000]);
    let (open_gate, gate) = mpsc::channel();
    let (entered, entering) = mpsc::channel();
    let batches = Arc::new(Mutex::new(Vec::new()));
    let writer = Writer::spawn(Box::new(Gated {
        inner: Box::new(place.open()),
        gate: Some(gate),
        entered,
        batches: Arc::clone(&batches),
    }));
    let (tell, told) = mpsc::channel();
    for position in 0..6_000 {
        let tell = tell.clone();
        writer.write(Arc::new(vec![claim(position, 1, Micros(0))]), move |written| {
            let written = written.expect("pending");
            assert_eq!(written.len(), 1);
            tell.send((position, written[0])).expect("the test listens");
        });
        if position == 0 {
            entering.recv().expect("the first commit begins");
        }
    }
    open_gate.send(()).expect("the writer waits");
    for position in 0..6_000 {
        let (from, written) = told.recv().expect("everybody is told");
        assert_eq!(from, position);
        assert!(
            matches!(written, Written::Claimed(attempt) if attempt.id == AttemptId(u64::from(position) + 1))
        );
    }
    let journal = writer.close();
    assert_eq!(*batches.lock().expect("no panic"), [1, 4_096, 1_903]);
    assert_eq!(journal.standing().requests_sent, 6_000);
}

#[test]
fn a_refused_batch_is_told_to_everybody_in_it_and_the_next_one_is_tried_anew() {
    let place = Place::with_plan(PER_ITEM, 1, &["a"; 9]);
    let (open_gate, gate) = mpsc::channel();
    let (entered, entering) = mpsc::channel();
    let batches = Arc::default();
    let inner = Box::new(place.open());
    let writer = Writer::spawn(Box::new(Gated { inner, gate: Some(gate), entered, batches }));
    let (tell, told) = mpsc::channel();
    for position in [0, 1, 2, 2, 3] {
        let tell = tell.clone();
        writer.write(Arc::new(vec![claim(position, 1, Micros(0))]), move |written| {
            tell.send((position, written.is_ok())).expect("the test listens");
        });
        if position == 0 {
            entering.recv().expect("the first commit begins");
        }
    }
    open_gate.send(()).expect("the writer waits");
    let answers: Vec<(u32, bool)> = told.iter().take(5).collect();
    assert_eq!(answers, [(0, true), (1, false), (2, false), (2, false), (3, false)]);
    assert_eq!(writer.standing().requests_sent, 1);
    writer.write(Arc::new(vec![claim(2, 1, Micros(0))]), move |written| {
        tell.send((2, written.is_ok())).expect("the test listens");
    });
    assert_eq!(told.recv(), Ok((2, true)));
    assert_eq!(writer.standing().requests_sent, 2, "durable before it is told");
}

#[test]
fn chunks_asked_for_after_a_write_see_it() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 4]);
    let writer = Writer::spawn(Box::new(place.open()));
    let (tell, told) = mpsc::channel();
    writer.write(Arc::new(vec![claim(0, 2, Micros(0))]), |written| assert!(written.is_ok()));
    writer.next_chunks(Position(0), 9, move |chunks| {
        tell.send(chunks.expect("readable")).expect("the test listens");
    });
    let firsts: Vec<Position> = told.recv().expect("told").iter().map(|chunk| chunk.first).collect();
    assert_eq!(firsts, [Position(2)]);
}

#[test]
fn closing_answers_everything_first() {
    let place = Place::with_plan(PER_ITEM, 1, &["a"; 50]);
    let writer = Writer::spawn(Box::new(place.open()));
    let told = Arc::new(Mutex::new(0));
    for position in 0..50 {
        let told = Arc::clone(&told);
        writer.write(Arc::new(vec![claim(position, 1, Micros(0))]), move |_| {
            *told.lock().expect("no panic") += 1;
        });
    }
    for id in 1..=50 {
        let told = Arc::clone(&told);
        writer.write(Arc::new(vec![record(AttemptId(id), accepted("r"))]), move |_| {
            *told.lock().expect("no panic") += 1;
        });
    }
    writer
        .write(Arc::new(vec![Write::RunEnded { exit_code: 0, at: NOW }]), |written| assert!(written.is_ok()));
    let plan = writer.plan().clone();
    let journal = writer.close();
    assert_eq!(*journal.plan(), plan);
    assert_eq!(*told.lock().expect("no panic"), 100);
    assert_eq!((journal.standing().recipients.accepted, journal.standing().last_exit_code), (50, Some(0)));
}
