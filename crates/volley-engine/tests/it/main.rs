//! Whole campaigns on virtual time, judged by the gateway's ledger; and the real HTTP client
//! against raw sockets; questions beside sending.

mod ahead;
mod canary;
mod client;
mod limiters;
mod pacing;
mod questions;
mod rows;
mod scenarios;
mod simulation;
mod weather;
mod windows;
mod world;
