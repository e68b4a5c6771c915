//! The binary as its users run it: real processes, real files, real HTTP on loopback.

mod advise;
mod bad_input;
mod bill;
mod campaign;
mod cancel;
mod crash;
mod demo;
mod diff;
mod doubt;
mod edited;
mod frequency;
mod generated;
mod large;
mod lost;
mod plan_crash;
mod providers;
mod receipts;
mod reconcile;
mod relay;
mod segments;
mod signals;
mod volley;
