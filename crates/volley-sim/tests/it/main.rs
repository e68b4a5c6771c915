//! The gateway as its callers meet it: answers, limits, ledger, faults, sockets, files.

mod billing;
mod broken;
mod callbacks;
mod cancelling;
mod faults;
mod files;
mod fonedynamics;
mod ledger;
mod limits;
mod maxotel;
mod mesms;
mod multitel;
mod reports;
mod sections;
mod sockets;
mod support;
mod tracking;
mod transmitsms;
mod wire_fixtures;
mod wire_questions;
