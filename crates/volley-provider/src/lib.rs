//! Sans-IO adapters: what each SMS provider is sent, and what its answer means.
//!
//! One file a provider, bytes out and bytes in. Not here: sockets, pacing, retries
//! (volley-engine). Uses volley-core only.
//!
//! ```
//! use volley_core::Class;
//! use volley_provider::{credentials::Credentials, registry};
//!
//! let (key, secret) = (Some("a key".into()), Some("a secret".into()));
//! let credentials = Credentials { key, secret, ..Credentials::default() };
//! let settings = registry::Settings { credentials, ..registry::Settings::default() };
//! let account = registry::adapter("transmitsms", settings)?;
//! assert_eq!(account.capabilities().batch.ceiling(), 500);
//! // What was not proved untaken is never sent again.
//! assert_eq!(Class::of_status(500), Class::ServerError);
//! # Ok::<(), registry::SettingsError>(())
//! ```
//!
//! `examples/own_adapter.rs` is an adapter for a provider that is not in the [`registry`], with what an
//! answer proves.

pub mod adapter; // the trait
pub mod base_url; // where a provider is reached: https, or http on this machine
pub mod credentials; // what an account is known by
pub mod http; // request and reply as values
pub mod inquiry; // what can be asked beside sending
pub mod registry; // kind and settings -> adapter

mod call; // the checks that every adapter makes of a send call
mod callback; // a provider's call to us as fields and words
mod declared; // a provider that a file describes
mod fonedynamics; // Fone Dynamics REST API v2
mod json; // JSON in which no field stands twice
mod maxotel; // MaxoTel API, SMS
mod mesms; // ME-SMS API v2
mod multitel; // MultiTEL v3 SendSMS
mod option; // what the values of settings must look like
mod reading; // tolerant JSON, and the provider's words made safe to show
mod retry_after; // seconds or an HTTP date -> how long to wait
mod sighting; // what proves that a request whose answer was lost was taken
mod transmitsms; // TransmitSMS REST API v1

pub use retry_after::retry_after;
