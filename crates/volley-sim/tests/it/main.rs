//! The gateway as its callers meet it: answers, limits, ledger, faults, sockets, files.

mod billing;
mod faults;
mod files;
mod ledger;
mod limits;
mod mesms;
mod sockets;
mod support;
mod transmitsms;
mod wire_fixtures;
