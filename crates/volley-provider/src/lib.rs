//! Sans-IO adapters: what each SMS provider is sent, and what its answer means.
//!
//! One file a provider, bytes out and bytes in. Not here: sockets, pacing, retries
//! (volley-engine). Uses volley-core only.

pub mod adapter; // the trait
pub mod http; // request and reply as values
