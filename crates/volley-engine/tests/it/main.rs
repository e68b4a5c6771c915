//! Whole campaigns on virtual time, judged by the gateway's ledger; and the real HTTP client
//! against raw sockets.

mod client;
mod pacing;
mod scenarios;
mod world;
