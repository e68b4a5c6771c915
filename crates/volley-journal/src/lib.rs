//! What happened, durably: the frozen plan, every attempt and every outcome in one file.
mod journal; // the trait
pub use journal::*;
