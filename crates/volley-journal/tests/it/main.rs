//! The crate as the engine and the commands use it.

mod conformance;
mod crashes;
mod damage;
mod doubts;
mod files;
mod flips;
mod group;
mod guards;
mod history;
mod planning;
mod reading;
mod receipts;
mod report;
mod support;
mod texts;
