//! The crate as the engine and the commands use it.

mod conformance;
mod crashes;
mod damage;
mod files;
mod group;
mod history;
mod planning;
mod reading;
mod support;
mod texts;
