//! Every adapter as the engine uses it: held to the wire fixtures, and to the laws they share.

mod conformance;
mod declared;
mod fonedynamics;
mod inquiries;
mod looks;
mod rows;
mod streaming;
mod support;
mod wire;
mod words;
