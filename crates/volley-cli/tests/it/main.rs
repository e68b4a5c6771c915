//! The binary as its users run it: real processes, real files, real HTTP on loopback.

mod bad_input;
mod campaign;
mod crash;
mod demo;
mod doubt;
mod large;
mod signals;
mod volley;
