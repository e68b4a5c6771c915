//! TransmitSMS (Burst SMS, now Kudosity), REST API v1: one text to many numbers in a form, JSON
//! or XML back.
//!
//! The provider gives one id a request, counts whom it took, and seldom says whom it left out;
//! whoever cannot be told apart is in doubt. Every call is a POST, so that neither a number nor a
//! text stands in an address. Not here: sending to its stored lists, and its v2 API of another
//! host.
//!
//! Sources: "Send SMS", "Status codes", "Timestamps", "Pagination" and "Webhooks" at
//! developers.kudosity.com/reference; "Validating webhook signatures" at
//! developers.kudosity.com/docs; the older reply form at help.burstsms.com, article 44001077095;
//! `data/wire/transmitsms`.

mod answer; // what an answer says: its code, and who was taken
mod callback; // the calls that the provider makes to us, and their signature
mod lookup; // whether a request whose answer was lost was taken
mod questions; // balance, senders, cancelling, receipts
mod settings; // the account's own settings
mod xml; // the XML side of the answers

use self::{
    answer::Answers,
    settings::{DLR_CALLBACK, RECIPIENTS, Signature},
};
use crate::{
    adapter::{Adapter, SendCall, Unbuildable},
    base_url::path_of,
    call,
    credentials::Form,
    http::{Body, Header, HttpRequest, Method, Reply},
    inquiry::{
        Balance, Callback, CallbackFault, Cancelled, Cursor, Event, Inquiry, Lost, Page, Poll, Sender,
        Sighting,
    },
    option::Named,
    registry::{Kind, SettingsError, Setup},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use form_urlencoded::Serializer;
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};
use volley_core::{
    Batch, Capabilities, Chunk, Destinations, Outcome, Polling, Profile, Rate, Receipt, ReplyPrice, Schedule,
    SenderRule, Sources,
};

/// TransmitSMS, for the registry.
pub(crate) const KIND: Kind = Kind {
    word: "transmitsms",
    base_url: Some("https://api.transmitsms.com"),
    needs: &["key", "secret"],
    options: &[
        "path_prefix",
        "max_recipients",
        "format",
        "signature",
        "validity",
        "replies_to_email",
        DLR_CALLBACK,
        "reply_callback",
        "tracked_link_url",
        "countrycode",
    ],
    adapter: |setup| Ok(Arc::new(TransmitSms::new(setup)?)),
};

/// Where the limits of a send call stand.
const SEND_PAGE: &str = "developers.kudosity.com/reference/post_send-sms-json";

/// The longest text in characters ("Send SMS"), four parts of GSM-7.
const MAX_CHARACTERS: usize = 612;

/// The parameter of a callback's address that holds our word for the first message of its request.
const OUR_WORD: &str = "volley";

/// One account at TransmitSMS.
pub(crate) struct TransmitSms {
    /// Where its methods are.
    address: String,
    authorization: SecretString,
    passed_on: Vec<(&'static str, String)>,
    answers: Arc<Answers>,
    /// What callbacks are signed with, and what is done about it.
    secret: SecretString,
    signature: Signature,
    capabilities: Capabilities,
}

impl TransmitSms {
    fn new(setup: &Setup<'_>) -> Result<Self, SettingsError> {
        let Setup { options, credentials, max_characters, .. } = *setup;
        let base_url = setup.base_url();
        let key = credentials.take("key", Form::BasicUser)?;
        let secret = credentials.take("secret", Form::BasicPassword)?;
        let pair = STANDARD.encode(format!("{}:{}", key.expose_secret(), secret.expose_secret()));
        let settings = Named(options);
        let path = |prefix: &str| path_of(prefix).map_err(|fault| fault.to_string());
        let prefix = settings.or("path_prefix", String::new(), path)?;
        let max = settings::max_recipients(settings)?;
        let passed_on = settings::passed_on(settings)?;
        let mut secrets = vec![key.clone(), secret.clone(), SecretString::from(pair.as_str())];
        // Addresses of callbacks carry a token. What stands behind a `#` is not sent as it is.
        let addresses = passed_on.iter().filter(|(_, value)| value.starts_with("http"));
        secrets.extend(addresses.map(|(_, value)| SecretString::from(before_fragment(value).0)));
        Ok(Self {
            address: format!("{}{prefix}", base_url.as_str()),
            authorization: SecretString::from(format!("Basic {pair}")),
            passed_on,
            answers: Arc::new(Answers { format: settings::format(settings)?, secrets }),
            secret: secret.clone(),
            signature: settings::signature(settings)?,
            capabilities: Capabilities {
                batch: Batch::SharedText { max },
                default_chunk: max.min(RECIPIENTS),
                sender: SenderRule { required: false, max_name: 11, spaces: false, signs: false },
                profile: Profile {
                    max_characters: Some(max_characters.unwrap_or(MAX_CHARACTERS)),
                    ..Profile::STANDARD
                },
                destinations: Destinations::default(),
                schedule: Schedule::Until { horizon: None },
                rate: Rate::per_second(NonZeroU32::new(2).expect("two")),
                counts_strictly: true,
                max_in_flight: 2,
                timeout: Duration::from_secs(30),
                reply_price: ReplyPrice::Money,
                polling: Polling::ByRequest,
                cancels: true,
                sources: Sources {
                    sender: SEND_PAGE.into(),
                    text: SEND_PAGE.into(),
                    schedule: SEND_PAGE.into(),
                    destinations: SEND_PAGE.into(),
                },
            },
        })
    }

    /// The request that calls `method` with the fields of `form`.
    fn request(&self, method: &str, form: &mut Serializer<'_, String>) -> HttpRequest {
        let format = self.answers.format;
        HttpRequest {
            method: Method::Post,
            url: format!("{}/{method}.{}", self.address, format.word()),
            secret_tail: None,
            headers: vec![
                Header::secret("authorization", self.authorization.clone()),
                Header::plain("content-type", "application/x-www-form-urlencoded"),
                Header::plain("accept", format.media_type()),
            ],
            body: Body::Whole(Bytes::from(form.finish())),
        }
    }
}

impl Adapter for TransmitSms {
    fn kind(&self) -> &'static str {
        KIND.word
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable> {
        let text = call::shared_text(call, &self.capabilities)?;
        let mut to = String::with_capacity(call.chunk.recipients.len() * 12);
        for (index, one) in call.chunk.recipients.iter().enumerate() {
            if index > 0 {
                to.push(',');
            }
            to.push_str(&one.to.digits().to_string());
        }
        let mut form = Serializer::new(String::with_capacity(text.len() + to.len() * 2));
        form.append_pair("message", text).append_pair("to", &to);
        if let Some(sender) = &call.sender {
            form.append_pair("from", sender.strip_prefix('+').unwrap_or(sender));
        }
        if let Some(at) = call.send_at {
            form.append_pair("send_at", &call::whole_second(at)?.strftime(CLOCK).to_string());
        }
        for (name, value) in &self.passed_on {
            match *name {
                DLR_CALLBACK => {
                    let word = call.reference.message(call.chunk.first);
                    form.append_pair(name, &with_our_word(value, &word))
                }
                name => form.append_pair(name, value),
            };
        }
        Ok(self.request("send-sms", &mut form))
    }

    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        self.answers.outcome(chunk, reply)
    }

    fn balance(&self) -> Option<Inquiry<Balance>> {
        Some(questions::balance(self))
    }

    fn senders(&self, cursor: &Cursor) -> Option<Inquiry<Page<Sender>>> {
        Some(questions::senders(self, cursor))
    }

    fn cancel(&self, request_id: &str) -> Option<Inquiry<Cancelled>> {
        Some(questions::cancel(self, request_id))
    }

    fn receipts(&self, of: Poll<'_>, cursor: &Cursor) -> Option<Inquiry<Page<Receipt>>> {
        match of {
            Poll::Request(id) => Some(questions::receipts(self, id, cursor)),
            Poll::Message(_) | Poll::Window { .. } => None,
        }
    }

    fn lookup(&self, lost: &Lost, cursor: &Cursor) -> Option<Inquiry<Sighting>> {
        lookup::look(self, lost, cursor)
    }

    fn callback(&self, callback: &Callback) -> Option<Result<Vec<Event>, CallbackFault>> {
        Some(callback::events(callback, &self.secret, self.signature))
    }
}

impl fmt::Debug for TransmitSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransmitSms").field("address", &self.address).finish_non_exhaustive()
    }
}

/// How the provider writes a moment, always in UTC ("Timestamps").
const CLOCK: &str = "%Y-%m-%d %H:%M:%S";

/// An address, and its `#` with what follows it.
fn before_fragment(address: &str) -> (&str, &str) {
    address.split_at(address.find('#').unwrap_or(address.len()))
}

/// A callback's address that also says which request it is about, so that a callback proves that
/// the request was taken even where its answer was lost. The provider keeps what an address asks.
fn with_our_word(address: &str, word: &str) -> String {
    let (address, fragment) = before_fragment(address);
    let joint = match address.rsplit_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{address}{joint}{OUR_WORD}={word}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_what_it_asks_already() {
        for (address, with_word) in [
            ("https://example.com/dlr", "https://example.com/dlr?volley=a-0"),
            ("https://example.com/dlr?", "https://example.com/dlr?volley=a-0"),
            ("https://example.com/dlr?x=1", "https://example.com/dlr?x=1&volley=a-0"),
            ("https://example.com/dlr?x=1&", "https://example.com/dlr?x=1&volley=a-0"),
            ("https://example.com/dlr?x=1#top", "https://example.com/dlr?x=1&volley=a-0#top"),
        ] {
            assert_eq!(with_our_word(address, "a-0"), with_word);
        }
    }
}
