//! The settings that each kind of provider has for itself, as a new campaign file shows them.

/// One setting: its name, its value as TOML, what it means, and whether it is in force from the
/// start. A value without a default is marked as an example in its meaning.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) value: &'static str,
    pub(super) meaning: &'static str,
    pub(super) in_force: bool,
}

const fn shown(name: &'static str, value: &'static str, meaning: &'static str) -> Setting {
    Setting { name, value, meaning, in_force: false }
}

const fn needed(name: &'static str, value: &'static str, meaning: &'static str) -> Setting {
    Setting { name, value, meaning, in_force: true }
}

/// Those of `kind`, in the order in which they are shown; none for an unknown kind.
pub(super) fn own(kind: &str) -> &'static [Setting] {
    match kind {
        "sim" => SIM,
        "transmitsms" => TRANSMITSMS,
        "mesms" => MESMS,
        "maxotel" => MAXOTEL,
        "fonedynamics" => FONEDYNAMICS,
        "multitel" => MULTITEL,
        "http" => HTTP,
        _ => &[],
    }
}

const SIM: &[Setting] = &[
    needed("face", "\"transmitsms\"", "the wire protocol that the simulated gateway speaks"),
    shown("ledger", "\"ledger.jsonl\"", "e.g.; every message that it really took, a line each"),
    shown("faults", "\"faults.toml\"", "e.g.; faults, latency and limits to play"),
    shown("seed", "0", "of everything random"),
    shown("accounts", "\"accounts.toml\"", "e.g.; accounts other than its own"),
];

const TRANSMITSMS: &[Setting] = &[
    shown("path_prefix", "\"/api\"", "e.g.; what stands before every path, for a reseller's address"),
    shown("max_recipients", "500", "the most recipients that the account takes a request"),
    shown("format", "\"json\"", "json | xml: the form of answers"),
    shown("signature", "\"off\"", "off | log | enforce: what is done about the signature of a callback"),
    shown("validity", "1440", "e.g.; minutes after which a text is not delivered any more"),
    shown("replies_to_email", "\"shop@example.com\"", "e.g.; where replies are forwarded to"),
    shown("dlr_callback", "\"https://example.com/receipts\"", "e.g.; where it tells how texts went"),
    shown("reply_callback", "\"https://example.com/replies\"", "e.g.; where it tells of replies"),
    shown("tracked_link_url", "\"https://example.com/sale\"", "e.g.; the address behind a tracked link"),
    shown("countrycode", "\"AU\"", "e.g.; how it reads numbers; Volley's have their country code"),
];

const MESMS: &[Setting] = &[
    shown("send_path", "\"/api/v2/sms/send\"", "where texts are handed in"),
    shown("preview_path", "\"/api/v2/sms/preview\"", "where a price is asked for"),
    shown("list_path", "\"/api/v2/sms\"", "where messages are listed"),
    shown("credits_path", "\"/api/v2/credits\"", "where the balance is"),
    shown("senders_path", "\"/api/v2/senders\"", "where the senders are"),
    shown("cancel_path", "\"/api/v2/sms/{uuid}/cancel\"", "where a message is taken back"),
    shown("recipients_path", "\"/api/v2/sms/{uuid}/recipients\"", "where a message's recipients are"),
    shown("quote_by", "\"preview\"", "preview | dry_run: how a price is asked for"),
];

const MAXOTEL: &[Setting] = &[
    shown("send_path", "\"/sms/send\"", "where texts are handed in"),
    shown("method", "\"post\"", "post | get"),
    shown("sms_inbox", "\"17\"", "e.g.; the inbox that messages are sent from"),
    shown("inbox_field", "\"smsInbox\"", "smsInbox | smsinbox: how sms_inbox is written"),
];

const FONEDYNAMICS: &[Setting] = &[
    needed("property_sid", "\"sim-property\"", "the PropertySid that the account sends from: write your own"),
    shown("max_recipients", "100", "the most messages that the account takes a request"),
    shown("send_single", "true", "whether a request of one goes to the call for one"),
    shown("receipts", "\"list\"", "list | get: how delivery is asked for"),
    shown("delivery_receipt", "true", "whether a receipt is asked for with each message"),
    shown("receipt_url", "\"https://example.com/receipts\"", "e.g.; where it tells how texts went"),
    shown("receipt_method", "\"POST\"", "POST | GET, with receipt_url"),
    shown("reply_url", "\"https://example.com/replies\"", "e.g.; where it tells of replies"),
    shown("reply_method", "\"POST\"", "POST | GET, with reply_url"),
    shown("forward_to_sms", "\"+61491570006\"", "e.g.; replies go on to this number"),
    shown("forward_from_sms", "\"Shop\"", "e.g.; who forwarded replies come from"),
    shown("forward_to_email", "\"shop@example.com\"", "e.g.; replies go on to this address"),
    shown("forward_from_email", "\"sms@example.com\"", "e.g.; who forwarded replies come from"),
    shown("codes_transient", "\"BUSY,LATER\"", "e.g.; error codes of the account's that pass"),
    shown("codes_no_funds", "\"NOCREDIT\"", "e.g.; error codes of the account's that mean no credit"),
];

const MULTITEL: &[Setting] = &[
    needed("bulk_allowed", "true", "that the provider allows this account bulk traffic: ask it first"),
    shown("format", "\"form\"", "form | json: how requests are written"),
    shown("destinations", "\"1\"", "the beginnings of numbers that it reaches, by commas"),
    shown("notify_url", "\"https://example.com/receipts\"", "e.g.; where it tells how texts went"),
    shown("status_words", "\"DELIVRD=delivered\"", "e.g.; words of its callbacks and what they mean"),
    shown("media", "\"iVBORw0KGgo=\"", "e.g.; a JPEG or PNG in base64, which makes every text an MMS"),
];

const HTTP: &[Setting] =
    &[needed("definition", "\"provider.toml\"", "the file that describes the provider's interface")];
