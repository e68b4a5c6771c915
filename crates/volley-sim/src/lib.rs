//! A simulated SMS gateway: real wire protocols, accounts, limits, a ledger, and faults on request.
//!
//! It is the judge of the engine. What it really took, and what it charged for it, stands in its
//! ledger, outside of the API that the engine talks to; losses, duplicates and false bills are
//! counted from there. The [`Gateway`] is a
//! plain value: no socket, no clock, and no randomness but its own seed, so the same requests at
//! the same times get the same answers. [`serve`] puts it behind a TCP listener.
//!
//! Deliberately absent: the adapters of volley-provider, because a client and a gateway that
//! share code agree on the same mistakes; stored lists, replies and opt-outs; TLS, because it only ever listens for this machine.
//!
//! ```
//! use std::time::Duration;
//! use volley_sim::{Config, Gateway, Request};
//!
//! let mut gateway = Gateway::new(Config::default())?;
//! let headers = [("x-api-key", "sim-key"), ("content-type", "application/json")];
//! let request = Request {
//!     method: "POST".to_owned(),
//!     path: "/api/v2/sms/send".to_owned(),
//!     query: String::new(),
//!     headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
//!     body: r#"{"sender": "Harbour", "content": "Sale ends today", "msisdns": ["66800000001"]}"#.into(),
//! };
//! let answer = gateway.answer(Duration::ZERO, &request);
//! assert_eq!((answer.reply.status, gateway.recipients_taken()), (200, 1));
//! # Ok::<(), volley_sim::ConfigError>(())
//! ```

mod bill; // what each message is charged
mod callbacks; // the provider's calls to its customers: which are due
mod caller; // makes them
mod config; // accounts, limits, prices and faults as values
mod delivery; // what becomes of each message
mod face; // the provider's side of each wire protocol
mod file; // the --faults and --accounts files
mod gateway; // request -> answer: start here
mod http; // requests and answers as plain values
mod ledger; // what was really taken
mod limiter; // how many calls an account may make
mod messages; // what was taken, for calls that ask about it later
mod random; // numbers that depend on the seed alone
mod server; // the gateway behind a listener
mod tree; // one reply, written as JSON or XML
mod wire; // replies that are broken below HTTP

pub use callbacks::{Callback, CallbackRules};
pub use config::{
    Account, Among, BatchReply, CodeForm, Config, ConfigError, Duplicates, ErrorPlace, Fault, Habits, Limit,
    LimitKind, Messages, Mischief, Receipt, When,
};
pub use delivery::DeliveryMix;
pub use face::Face;
pub use file::FileFault;
pub use gateway::{Gateway, Ticket};
pub use http::{Answer, Reply, Request, Wire};
pub use ledger::{Cancellation, Entry};
pub use limiter::Limiter;
pub use messages::Records;
pub use server::{MAX_BODY_BYTES, Server, StartError, serve};
pub use wire::{Breakage, Encoding, End};
