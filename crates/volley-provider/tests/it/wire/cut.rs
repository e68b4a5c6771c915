//! Replies that end with their connection, which may end anywhere: HTTP does not tell a part of such
//! a reply from the whole, so its format has to.

use super::{names, reply_in};
use crate::support::{AUSTRALIA, account, chunk};
use bytes::Bytes;
use volley_core::{Class, Fate, Outcome};
use volley_provider::{http::Reply, registry};

#[test]
fn no_part_of_any_reply_under_a_success_status_proves_anything() {
    let mut parts = 0;
    for (kind, _) in registry::kinds() {
        let options: &[&[(&str, &str)]] =
            if kind == "transmitsms" { &[&[], &[("format", "xml")]] } else { &[&[]] };
        for options in options {
            let account = account(kind, options);
            for name in names(kind, ".reply") {
                let whole = reply_in(kind, &format!("{name}.reply"));
                let chunk = chunk("Sale", &AUSTRALIA[..1]);
                // What is no answer as a whole may well begin with one.
                if !(200..=299).contains(&whole.status) || is_foreign(&account.decode(&chunk, &whole)) {
                    continue;
                }
                for end in 0..whole.body.trim_ascii_end().len() {
                    let part = Reply { body: whole.body.slice(..end), ..whole.clone() };
                    is_no_proof(&account.decode(&chunk, &part), kind, &name, end);
                    parts += 1;
                }
            }
        }
    }
    assert!(parts > 10_000, "{parts} parts");
}

/// Whether it says that somebody else answered.
fn is_foreign(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(failure) if failure.class == Class::NotTheApi)
}

#[track_caller]
fn is_no_proof(outcome: &Outcome, kind: &str, name: &str, end: usize) {
    match outcome {
        Outcome::Failed(failure) if failure.class.rule().fate == Fate::Doubt => {}
        outcome => panic!("{kind}/{name}.reply up to byte {end}: {outcome:?}"),
    }
}

#[test]
fn the_whole_of_an_xml_reply_accepts_and_no_part_of_it_does() {
    let account = account("transmitsms", &[("format", "xml")]);
    let chunk = chunk("Sale", &AUSTRALIA[..1]);
    let whole = "<xml><message_id>7</message_id><recipients>1</recipients><sms>1</sms>\
                 <error><code>SUCCESS</code></error></xml>";
    let says = |body: &'static str| {
        let headers = vec![("content-type".to_owned(), "text/xml".to_owned())];
        Reply { status: 200, headers, body: Bytes::from_static(body.as_bytes()), at: crate::support::NOW }
    };
    assert!(crate::support::accepts_anybody(&account.decode(&chunk, &says(whole))));
    for end in 0..whole.len() {
        is_no_proof(&account.decode(&chunk, &says(&whole[..end])), "transmitsms", "xml", end);
    }
}
