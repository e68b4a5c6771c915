//! The binary as its users run it: real processes, real files, real HTTP on loopback.

mod bad_input;
mod bill;
mod campaign;
mod crash;
mod demo;
mod doubt;
mod large;
mod segments;
mod reconcile;
mod signals;
mod volley;
