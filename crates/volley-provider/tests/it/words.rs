//! What a person reads about a reply: enough to act on, and nothing that nobody may see.

use crate::support::{AUSTRALIA, account, chunk, reply};
use proptest::prelude::*;
use serde_json::{Value, json};
use volley_core::{Outcome, Verdict, Verdicts};

const TEXT: &str = "Your appointment is on Monday";

/// The reason that a person gets to read: of the failure, or of the first recipient.
fn reason(kind: &str, sent: usize, status: u16, content_type: &str, body: &str) -> String {
    let reply = reply(status, Some(content_type), body);
    match account(kind, callback(kind)).decode(&chunk(TEXT, &AUSTRALIA[..sent]), &reply) {
        Outcome::Failed(failure) => failure.reason.to_string(),
        Outcome::Answered(answer) => match answer.verdicts {
            Verdicts::AllInDoubt { reason } => reason.to_string(),
            Verdicts::Each(verdicts) => match &verdicts[0] {
                Verdict::Refused { code: reason }
                | Verdict::NotTaken { reason, .. }
                | Verdict::InDoubt { reason } => reason.to_string(),
                other @ Verdict::Accepted { .. } => panic!("{other:?}"),
            },
            other @ Verdicts::AllAccepted => panic!("{other:?}"),
        },
    }
}

/// The setting of an address that carries a token, for a kind that has one.
fn callback(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "transmitsms" => &[("dlr_callback", "https://example.com/dlr?token=sim-token")],
        "multitel" => &[("notify_url", "https://example.com/dlr?token=sim-token")],
        "fonedynamics" => &[("receipt_url", "https://example.com/dlr?token=sim-token")],
        _ => &[],
    }
}

#[test]
fn a_reason_says_what_was_seen() {
    let ts = |status, body: Value| reason("transmitsms", 3, status, "application/json", &body.to_string());
    let fd = |status, body: Value| reason("fonedynamics", 3, status, "application/json", &body.to_string());
    let me = |status, body: Value| reason("mesms", 3, status, "application/json", &body.to_string());
    let error = |code: &str, words: &str| json!({ "error": { "code": code, "description": words } });
    let success = json!({ "code": "SUCCESS" });
    for (said, expected) in [
        (
            ts(400, error("FIELD_INVALID", "send_at has a wrong form")),
            "400 FIELD_INVALID: send_at has a wrong form",
        ),
        (ts(200, error("NEW_CODE", "")), "200 NEW_CODE"),
        (ts(400, json!({})), "400 no error.code"),
        (ts(500, error("FIELD_INVALID", "no")), "500 FIELD_INVALID: no"),
        (ts(200, json!({ "error": success })), "SUCCESS without a message_id"),
        (ts(200, json!({ "message_id": 5 })), "a success status without error.code"),
        (
            ts(200, json!({ "message_id": 512_340_077, "recipients": 2, "error": success })),
            "message 512340077 counts 2 recipients, 3 were sent; which ones, it does not say",
        ),
        (
            ts(200, json!({ "message_id": 512_340_077, "recipients": 4, "error": success })),
            "message 512340077 counts 4 recipients, 3 were sent; which ones, it does not say",
        ),
        (
            ts(200, json!({ "message_id": 5, "fails": ["nobody"], "error": success })),
            "message 5 counts no number of recipients, 3 were sent; which ones, it does not say",
        ),
        (
            ts(200, json!({ "message_id": 5, "recipients": {}, "error": success })),
            "message 5 counts an unreadable number of recipients, 3 were sent; which ones, it does not say",
        ),
        (me(400, json!({ "error": "a parameter is wrong" })), "400: a parameter is wrong"),
        (
            me(402, json!({ "error": "not enough credits", "code": "INSUFFICIENT_CREDITS" })),
            "402 INSUFFICIENT_CREDITS: not enough credits",
        ),
        (me(200, json!({})), "a success status without a uuid"),
        (me(200, json!({ "dryRun": true })), "the answer of a dry run to a real send"),
        (me(200, json!({ "uuid": "a-1", "error": "no" })), "an error beside a uuid: 200: no"),
        (
            me(200, json!({ "uuid": "a-1", "recipients": 2 })),
            "message a-1 counts 2 recipients, 3 were sent; which ones, it does not say",
        ),
        (
            me(200, json!({ "uuid": "a-1", "recipients": 4 })),
            "message a-1 counts 4 recipients, 3 were sent; which ones, it does not say",
        ),
        (
            me(200, json!({ "uuid": "a-1", "recipients": "x" })),
            "message a-1 counts an unreadable number of recipients, 3 were sent; which ones, it does not say",
        ),
        (me(200, json!({ "uuid": "a-1", "status": "failed" })), "message a-1 was answered as failed"),
        (
            fd(400, json!({ "ResponseStatus": { "ErrorCode": "INVALID_FIELD", "Message": "no Text" } })),
            "400 INVALID_FIELD: no Text",
        ),
        (fd(400, json!({})), "400 no ErrorCode"),
        (fd(200, json!({})), "200 without a message in it"),
        (fd(200, json!({ "ErrorCode": 7 })), "200 7"),
        (fd(200, json!([{ "ErrorCode": "INVALID_TO" }, null, null])), "INVALID_TO"),
        (
            fd(200, json!([{}, { "ErrorCode": 7 }, {}])),
            "a message with neither a MessageSid nor an ErrorCode",
        ),
        (fd(200, json!([null, { "ErrorCode": 7 }, {}])), "something in place of a message"),
        (fd(200, json!([{}, {}])), "messages with neither a MessageSid nor an ErrorCode"),
        (fd(200, json!([{ "MessageSid": 7 }])), "the answer has no message for this recipient"),
        (
            fd(200, json!([{ "MessageSid": 7, "ErrorCode": 5 }, { "ErrorCode": 7 }, {}])),
            "an ErrorCode beside a MessageSid",
        ),
        (fd(200, json!([{}, {}, {}, {}])), "4 messages for 3 recipients"),
        (fd(200, json!([{ "MessageSid": 7 }, { "MessageSid": 7 }])), "the same MessageSid twice"),
        (
            fd(200, json!([{ "MessageSid": 7, "ExternalId": "c7" }])),
            "an ExternalId that is not of this request",
        ),
        (
            reason("mesms", 1, 502, "text/html", "<html></html>"),
            "502 with 13 bytes of text/html in place of JSON",
        ),
        (reason("transmitsms", 1, 200, "application/json", ""), "200 with an empty body"),
    ] {
        assert_eq!(said, expected);
    }
}

#[test]
fn a_reason_of_a_provider_of_single_messages_says_what_was_seen() {
    let of = |kind, status, body: Value| reason(kind, 1, status, "application/json", &body.to_string());
    for (said, expected) in [
        (
            of("maxotel", 400, json!({ "status": 0, "error": "VALIDATION", "reason": "no text" })),
            "400 VALIDATION: no text",
        ),
        (of("maxotel", 200, json!({ "status": 0 })), "200"),
        (of("maxotel", 200, json!({ "status": 1 })), "status 1 without an smsid"),
        (
            of("multitel", 200, json!({ "status": { "code": "402", "msg": "top up" }, "response": null })),
            "200, code 402: top up",
        ),
        (
            of(
                "multitel",
                400,
                json!({ "status": { "code": 400, "msg": "" }, "response": { "causecode": 21, "message": "to" } }),
            ),
            "400, code 400, cause 21: to",
        ),
        (of("multitel", 200, json!({})), "200"),
        (
            of("http", 400, json!({ "code": 21_211, "message": "To is no number" })),
            "400, code 21211: To is no number",
        ),
        (of("http", 201, json!({ "status": "queued" })), "201 without /sid"),
        (of("http", 503, json!({ "code": null })), "503"),
    ] {
        assert_eq!(said, expected);
    }
}

proptest! {
    #[test]
    fn an_echo_never_reaches_a_person(
        status in prop::sample::select(vec![200_u16, 302, 400, 401, 402, 404, 409, 429, 500, 503]),
        before in "[a-z ]{0,20}",
        after in "[a-z ]{0,20}",
        echo in prop::sample::select(vec![
            "61491570006", "+61 491 570 006", "0491-570-006", TEXT, "sim-key", "sim-secret",
            "c2ltLWtleTpzaW0tc2VjcmV0", "sim-account", "sim-token", "c2ltLWFjY291bnQ6c2ltLXRva2Vu", "https://example.com/dlr?token=sim-token",
            "sim-user", "sim-password", "c2ltLXVzZXI6c2ltLXBhc3N3b3Jk",
        ]),
    ) {
        let words = format!("{before} {echo} {after}");
        for (kind, secrets) in [
            ("transmitsms", &["sim-key", "sim-secret", "c2ltLWtleTpzaW0tc2VjcmV0", "https"][..]),
            ("mesms", &["sim-key"]),
            ("maxotel", &["sim-key"]),
            ("multitel", &["sim-user", "sim-password", "c2ltLXVzZXI6c2ltLXBhc3N3b3Jk", "https"]),
            ("http", &["sim-account", "sim-token", "c2ltLWFjY291bnQ6c2ltLXRva2Vu"]),
            ("fonedynamics", &["sim-account", "sim-token", "c2ltLWFjY291bnQ6c2ltLXRva2Vu", "https"]),
        ] {
            let is_secret = echo.starts_with("sim-") || echo.starts_with("c2lt") || echo.starts_with("https");
            if is_secret && !secrets.iter().any(|secret| echo.starts_with(secret)) {
                continue; // such an account has none of these
            }
            for body in [
                json!({ "error": { "code": "FIELD_INVALID", "description": words } }),
                json!({ "error": { "code": words, "description": words } }),
                json!({ "error": words, "code": words }),
                json!({ "ResponseStatus": { "ErrorCode": words, "Message": words } }),
                json!([{ "ErrorCode": words, "Message": words }]),
                json!({ "status": 0, "error": words, "reason": words }),
                json!({ "status": { "code": 400, "msg": words }, "response": { "message": words } }),
                json!({ "code": words, "message": words }),
            ] {
                let said = reason(kind, 1, status, "application/json", &body.to_string());
                prop_assert!(!said.contains(echo) && !said.contains("570"), "{kind}: {said}");
            }
            let said = reason(kind, 1, status, &words, "<html></html>");
            prop_assert!(!said.contains(echo) && !said.contains("570"), "{kind}: {said}");
        }
    }
}
