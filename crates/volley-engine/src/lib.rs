//! Sending: when the next request may leave, what its answer means for the lane, and the async
//! shell that does what those rules say.
//!
//! The rules (`pace`, `lane`, `backoff`) are plain functions over values with `now` passed in;
//! sockets, timers and tasks live in the shell (`run`, `transport`, `port`). What it promises:
//! an intent is durable before the first byte of its request leaves; an outcome is durable before
//! anything is decided by it; what may have been taken is never sent again. Not here: wire
//! formats (volley-provider), storage (volley-journal), reading campaigns (volley-plan).
//!
//! ```
//! use std::time::Duration;
//! use volley_core::Pacing;
//! use volley_engine::{Go, Pacer};
//!
//! let mut pacer = Pacer::new(&["2/s".parse()?], Pacing::Spaced, Duration::ZERO, 8);
//! let at = Duration::from_millis;
//! assert_eq!(pacer.poll(at(0)), Go::Now);
//! assert!(matches!(pacer.poll(at(100)), Go::At(next) if next > at(400)));
//! # Ok::<(), volley_core::RateFault>(())
//! ```
//!
//! `examples/own_journal` has a whole [`Run`]: an adapter, HTTP, and a journal of its own.

mod ahead; // intents that are durable before their place is free
mod ask; // questions beside sending
mod attempt; // one try at one chunk: claim, send, record
mod backoff; // how long to wait before trying again
mod carriers; // those who carry requests
mod lane; // what one provider account does next
mod narrator; // pauses and stops, told to the log
mod pace; // when the next request may leave
mod port; // the journal as the shell sees it
mod run; // the loop: start here
mod shell; // what a run has open
mod transport; // HTTP
mod window; // who of a chunk may be sent to now

pub use ask::Asker;
pub use lane::{Canary, Closed, Ending, Fetched, Lane, LaneSettings, Pause, Seen, Step, Work};
pub use pace::{Go, Pacer};
pub use port::{Inline, Port, Threaded};
pub use run::{Control, HeldBack, Progress, Run, Settings, earlier_requests};
pub use transport::{ClientError, HttpTransport, Observed, Transport};
pub use window::Windows;
