//! The failure table through every adapter, for one recipient and, where a request takes several,
//! for a batch of them: each status with a body that says nothing, each code that a provider lists
//! under each status, each reply of `data/wire` under each status, and the rows of whole answers.
//!
//! Which status belongs to which row is read from `docs/failures.md`; the rules of the rows are held
//! to that page by `volley-core`. What an adapter reads out of its own provider's words is written
//! down here once more, by other means than the adapter's.

use crate::support::{self, AMERICA, AUSTRALIA, THAILAND, account, chunk, reply};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};
use volley_core::{Chunk, Outcome, Verdict, Verdicts};
use volley_provider::{adapter::Adapter, registry};

const PAGE: &str = include_str!("../../../../docs/failures.md");
const JSON: Option<&str> = Some("application/json");
const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

/// What a row of the page does: may it have been taken, recipients, lane.
type Deeds = [&'static str; 3];

/// The rows of the page, and the row of every status that one of them names.
struct Table {
    deeds: BTreeMap<&'static str, Deeds>,
    rows: BTreeMap<u16, &'static str>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { deeds: BTreeMap::new(), rows: BTreeMap::new() };
    let mut others = Vec::new();
    let lines = PAGE.lines().skip_while(|line| !line.starts_with("| row |")).skip(2);
    for line in lines.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [row, seen, taken, recipients, lane, _] = cells[..] else { panic!("six cells: {line}") };
        // The second C19 is of providers whose documents say so.
        table.deeds.entry(row).or_insert([taken, recipients, lane]);
        for piece in seen.split(", ") {
            match (piece.parse(), piece.split_once(" to "), piece.strip_prefix("any other ")) {
                (Ok(status), _, _) => drop(table.rows.insert(status, row)),
                (_, Some((first, last)), _) => {
                    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse()) else { continue };
                    table.rows.extend((first..=last).map(|status| (status, row)));
                }
                (_, _, Some(hundred)) => others.push((hundred.as_bytes()[0], row)),
                _ => {}
            }
        }
    }
    for (hundred, row) in others {
        let first = u16::from(hundred - b'0') * 100;
        for status in first..first + 100 {
            table.rows.entry(status).or_insert(row);
        }
    }
    table
});

impl Table {
    /// The row of a status whose body says nothing. What no row names is a success that proves
    /// nothing, or a redirect that is none, and as doubtful.
    fn of(&self, status: u16) -> &'static str {
        self.rows.get(&status).copied().unwrap_or("C6")
    }

    fn leaves_doubt(&self, row: &str) -> bool {
        self.deeds[row][0] == "maybe"
    }
}

/// One provider: its recipients, and the settings under which it lists codes.
struct Face {
    kind: &'static str,
    numbers: [u64; 6],
    options: &'static [(&'static str, &'static str)],
    /// How many recipients one request of these tests carries.
    sizes: &'static [usize],
}

const FACES: [Face; 6] = [
    Face { kind: "maxotel", numbers: AUSTRALIA, options: &[], sizes: &[1] },
    Face {
        kind: "fonedynamics",
        numbers: AUSTRALIA,
        options: &[("codes_transient", "BUSY"), ("codes_no_funds", "EMPTY")],
        sizes: &[1, 3],
    },
    Face { kind: "transmitsms", numbers: AUSTRALIA, options: &[], sizes: &[1, 3] },
    Face { kind: "multitel", numbers: AMERICA, options: &[], sizes: &[1] },
    Face { kind: "mesms", numbers: THAILAND, options: &[], sizes: &[1, 3] },
    Face { kind: "http", numbers: AMERICA, options: &[], sizes: &[1] },
];

impl Face {
    fn of(kind: &str) -> &'static Self {
        static ALL: &[Face] = &FACES;
        ALL.iter().find(|face| face.kind == kind).expect("a provider")
    }

    /// One reader for each size.
    fn readers(&self) -> impl Iterator<Item = Reader<'_>> {
        self.sizes.iter().map(|&size| self.reader(size))
    }

    fn reader(&self, size: usize) -> Reader<'_> {
        let chunk = chunk("Sale ends today", &self.numbers[..size]);
        Reader { face: self, account: account(self.kind, self.options), chunk }
    }
}

/// Reads the replies to one request.
struct Reader<'a> {
    face: &'a Face,
    account: Arc<dyn Adapter>,
    chunk: Chunk,
}

impl Reader<'_> {
    fn outcome(&self, status: u16, content_type: Option<&str>, body: impl AsRef<[u8]>) -> Outcome {
        self.account.decode(&self.chunk, &reply(status, content_type, body))
    }

    /// What becomes of each recipient by a reply.
    fn fates(&self, status: u16, content_type: Option<&str>, body: impl AsRef<[u8]>) -> String {
        fates(&self.outcome(status, content_type, body), self.chunk.recipients.len())
    }

    /// For the failure of a test: row, provider, size, status.
    fn at(&self, status: u16) -> String {
        let how = if self.chunk.recipients.len() == 1 { "single" } else { "batch" };
        let row = TABLE.of(status);
        format!("{row} {:?}, {}, {how}, status {status}", TABLE.deeds[row], self.face.kind)
    }
}

/// What becomes of each recipient, in order: `accepted`, `refused`, `doubt`, or the row that sends
/// them back. One row for all of them where the whole request failed.
fn fates(outcome: &Outcome, size: usize) -> String {
    let each = |word: &str| vec![word; size].join(" ");
    match outcome {
        Outcome::Failed(failure) => {
            let rule = failure.class.rule();
            assert!(TABLE.deeds.contains_key(rule.row), "{rule:?} is no row of the page");
            rule.row.to_owned()
        }
        Outcome::Answered(answer) => match &answer.verdicts {
            Verdicts::AllAccepted => each("accepted"),
            Verdicts::AllInDoubt { .. } => each("doubt"),
            Verdicts::Each(verdicts) => {
                assert_eq!(verdicts.len(), size, "a verdict for each recipient");
                let word = |verdict: &Verdict| match verdict {
                    Verdict::Accepted { .. } => "accepted",
                    Verdict::Refused { .. } => "refused",
                    Verdict::NotTaken { class, .. } => class.rule().row,
                    Verdict::InDoubt { .. } => "doubt",
                };
                verdicts.iter().map(word).collect::<Vec<_>>().join(" ")
            }
        },
    }
}

#[test]
fn every_provider_stands_here_with_the_sizes_that_it_takes() {
    let mut kinds: Vec<_> = registry::kinds().map(|(kind, _)| kind).collect();
    kinds.sort_unstable();
    let mut here: Vec<_> = FACES.iter().map(|face| face.kind).collect();
    here.sort_unstable();
    assert_eq!(here, kinds);
    for face in &FACES {
        let takes_several = account(face.kind, face.options).capabilities().batch.ceiling() > 1;
        assert_eq!(face.sizes.len() == 2, takes_several, "{}", face.kind);
    }
}

#[test]
fn the_page_has_a_row_for_every_refusal_and_every_fault_of_a_server() {
    for status in 400..=599 {
        assert!(TABLE.rows.contains_key(&status), "{status} stands in no row");
    }
    for (status, row) in [(307, "C9"), (418, "C21"), (431, "C16"), (503, "C19"), (523, "C20"), (599, "C20")] {
        assert_eq!(TABLE.of(status), row, "{status}");
    }
}

#[test]
fn a_body_that_says_nothing_leaves_the_word_to_its_status() {
    let silent: [(&str, Option<&str>, &[u8]); 5] = [
        ("empty", None, b""),
        ("HTML", Some("text/html; charset=utf-8"), b"<!doctype html><title>Log in</title><form>"),
        ("HTML under the API's type", JSON, b"<html><body>502</body></html>"),
        ("rubbish", JSON, b"\x16\x03\x01\x00\xff{\"\x00\xfe"),
        ("half of something", JSON, b"{\"status\": 1, \"smsid\": 77"),
    ];
    for reader in FACES.iter().flat_map(Face::readers) {
        for status in STATUSES {
            for (what, content_type, body) in silent {
                let found = reader.fates(status, content_type, body);
                assert_eq!(found, TABLE.of(status), "{what}: {}", reader.at(status));
            }
        }
    }
}

/// A body with something to say, the row it stands for under a success status, and the row of
/// what it lists, which is none where it leaves the word to the status.
struct Code {
    kind: &'static str,
    body: &'static str,
    success: &'static str,
    listed: Option<&'static str>,
}

const fn code(
    kind: &'static str,
    body: &'static str,
    success: &'static str,
    listed: Option<&'static str>,
) -> Code {
    Code { kind, body, success, listed }
}

#[rustfmt::skip]
const CODES: [Code; 52] = [
    code("transmitsms", r#"{"error":{"code":"AUTH_FAILED_NO_DATA"}}"#, "C11", Some("C11")),
    code("transmitsms", r#"{"error":{"code":"AUTH_FAILED"}}"#,         "C11", Some("C11")),
    code("transmitsms", r#"{"error":{"code":"NOT_IMPLEMENTED"}}"#,     "C13", Some("C13")),
    code("transmitsms", r#"{"error":{"code":"OVER_LIMIT"}}"#,          "C18", Some("C18")),
    code("transmitsms", r#"{"error":{"code":"LEDGER_ERROR"}}"#,        "C12", Some("C12")),
    code("transmitsms", r#"{"error":{"code":"FIELD_EMPTY"}}"#,         "C10", Some("C10")),
    code("transmitsms", r#"{"error":{"code":"FIELD_INVALID"}}"#,       "C10", Some("C10")),
    code("transmitsms", r#"{"error":{"code":"NO_ACCESS"}}"#,           "C10", Some("C10")),
    code("transmitsms", r#"{"error":{"code":"KEY_EXISTS"}}"#,          "C10", Some("C10")),
    code("transmitsms", r#"{"error":{"code":"NOT_FOUND"}}"#,           "C10", Some("C10")),
    code("transmitsms", r#"{"error":{"code":"BAD_CALLER_ID"}}"#,       "C10", Some("C10")),
    code("transmitsms", r#"{"error":{"code":"LIST_EMPTY"}}"#,          "C10", Some("C10")),
    code("transmitsms", r#"{"error":{"code":"RECIPIENTS_ERROR"}}"#,    "C10", Some("C10")),
    code("transmitsms", r#"{"error":{"code":"SOMETHING_NEW"}}"#,       "C5",  None),
    code("transmitsms", r#"{"message_id":7}"#,                         "C5",  None),
    code("transmitsms", r#"{"error":{"code":"SUCCESS"}}"#,             "C7",  Some("C3")),
    code("mesms", r#"{"code":"INSUFFICIENT_CREDITS","error":"no"}"#,   "C5",  Some("C12")),
    code("mesms", r#"{"code":"ALREADY_PROCESSING","error":"no"}"#,     "C5",  Some("C15")),
    code("mesms", r#"{"code":"NOT_SCHEDULED","error":"no"}"#,          "C5",  Some("C15")),
    code("mesms", r#"{"code":"SOMETHING_NEW","error":"no"}"#,          "C5",  None),
    code("mesms", r#"{"error":"no"}"#,                                 "C5",  None),
    code("mesms", r#"{"uuid":"a-1","error":"no"}"#,                    "C3",  None),
    code("mesms", r#"{"dryRun":true,"recipients":3}"#,                 "C3",  None),
    code("mesms", "{}",                                             "C7",  None),
    code("maxotel", r#"{"status":0,"error":"AUTHENTICATION","reason":"no such key"}"#, "C11", Some("C11")),
    code("maxotel", r#"{"status":0,"error":"VALIDATION","reason":"no text"}"#,         "C10", Some("C10")),
    code("maxotel", r#"{"status":0,"error":"DENIED","reason":"no credit left"}"#,      "C12", Some("C12")),
    code("maxotel", r#"{"status":0,"error":"DENIED","reason":"no"}"#,                  "C21", None),
    code("maxotel", r#"{"status":0}"#,                                                 "C5",  None),
    code("maxotel", r#"{"status":7,"smsid":null}"#,                                    "C5",  None),
    code("maxotel", "{}",                                                           "C5",  None),
    code("fonedynamics", r#"{"ResponseStatus":{"ErrorCode":"BUSY"}}"#,     "C18", Some("C18")),
    code("fonedynamics", r#"{"ResponseStatus":{"ErrorCode":"EMPTY"}}"#,    "C12", Some("C12")),
    code("fonedynamics", r#"{"ResponseStatus":{"ErrorCode":"NO_CREDIT"}}"#, "C12", Some("C12")),
    code("fonedynamics", r#"{"ResponseStatus":{"ErrorCode":"SOMETHING"}}"#, "C5", None),
    code("fonedynamics", r#"{"Messages":[]}"#,                             "C7",  None),
    code("fonedynamics", "{}",                                          "C7",  None),
    code("multitel", r#"{"status":{"code":"99"},"response":null}"#,        "C12", Some("C12")),
    code("multitel", r#"{"status":{"code":"100"},"response":null}"#,       "C11", Some("C11")),
    code("multitel", r#"{"status":{"code":"300"},"response":null}"#,       "C5",  Some("C5")),
    code("multitel", r#"{"status":{"code":"400"},"response":{"causecode":21}}"#, "C10", Some("C10")),
    code("multitel", r#"{"status":{"code":"400"},"response":{"causecode":99}}"#, "C12", Some("C12")),
    code("multitel", r#"{"status":{"code":"402"},"response":{"causecode":500}}"#, "C20", Some("C20")),
    code("multitel", "{}",                                              "C5",  None),
    code("http", r#"{"code":20003,"message":"no"}"#, "C11", Some("C11")),
    code("http", r#"{"code":20403,"message":"no"}"#, "C11", Some("C11")),
    code("http", r#"{"code":20005,"message":"no"}"#, "C12", Some("C12")),
    code("http", r#"{"code":20429,"message":"no"}"#, "C18", Some("C18")),
    code("http", r#"{"code":21611,"message":"no"}"#, "C18", Some("C18")),
    code("http", r#"{"code":21610,"message":"no"}"#, "C10", Some("C10")),
    code("http", r#"{"code":99999,"message":"no"}"#, "C5",  None),
    code("http", r#"{"status":"queued"}"#,           "C7",  None),
];

impl Code {
    /// The row of a reply with this body. What a body lists counts where its provider answered it:
    /// not behind a redirect or a fault of the server, of which nobody knows where they came from.
    fn row(&self, status: u16) -> &'static str {
        let by_status = TABLE.of(status);
        let Some(listed) = self.listed else {
            return match status {
                // The definition lists the two statuses that take anybody.
                202..=299 if self.kind == "http" => "C5",
                200..=299 => self.success,
                _ => by_status,
            };
        };
        let is_refusal = (400..=499).contains(&status);
        match self.kind {
            _ if status < 300 => self.success,
            // A definition may refine what proves that nothing was taken, and nothing else.
            "http" if TABLE.leaves_doubt(by_status) => by_status,
            "http" => listed,
            _ if !is_refusal => by_status,
            // Where the status leaves room: a refusal of what was sent, or of who sent it.
            "maxotel" if !matches!(by_status, "C10" | "C11" | "C21") => by_status,
            "multitel" => graver(by_status, listed),
            _ => listed,
        }
    }
}

/// Doubt before everything, then what stops the account, then "too fast"; of equals the body's.
fn graver(by_status: &'static str, listed: &'static str) -> &'static str {
    let weight = |row: &str| match row {
        "C11" | "C12" | "C13" => 2,
        "C18" => 1,
        row if TABLE.leaves_doubt(row) => 3,
        _ => 0,
    };
    if weight(by_status) > weight(listed) { by_status } else { listed }
}

#[test]
fn every_listed_code_under_every_status_is_the_row_that_the_table_says() {
    for code in &CODES {
        for reader in Face::of(code.kind).readers() {
            for status in STATUSES {
                let found = reader.fates(status, JSON, code.body);
                assert_eq!(found, code.row(status), "{}: {}", code.body, reader.at(status));
            }
        }
    }
}

#[test]
fn multitel_puts_any_status_into_its_body_and_it_means_the_same_there() {
    let reader = Face::of("multitel").reader(1);
    for code in 300..=599 {
        let expected = if code < 400 { "C5" } else { TABLE.of(code) };
        for body in [
            format!(r#"{{"status":{{"code":"{code}","msg":"no"}},"response":null}}"#),
            // A cause below 400 is a refusal; the unlisted code beside it leaves more doubt.
            format!(r#"{{"status":{{"code":{code}}},"response":{{"causecode":{code},"status":"Failed"}}}}"#),
        ] {
            assert_eq!(reader.fates(200, JSON, &body), expected, "{}: {body}", reader.at(200));
        }
    }
}

/// Whole answers: the provider, how many were sent to, the row, the body, and what becomes of each.
type Whole = (&'static str, usize, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const ANSWERS: [Whole; 39] = [
    ("maxotel", 1, "C1", r#"{"status":1,"smsid":77}"#, "accepted"),
    ("maxotel", 1, "C3", r#"{"status":1,"smsid":77,"error":"VALIDATION"}"#, "C3"),
    ("maxotel", 1, "C7", r#"{"status":1}"#, "C7"),
    ("multitel", 1, "C1", r#"{"status":{"code":"200"},"response":{"causecode":0,"uniqueid":"u-1"}}"#, "accepted"),
    ("multitel", 1, "C5", r#"{"status":{"code":"402"},"response":{"causecode":0,"uniqueid":"u-1"}}"#, "C5"),
    ("multitel", 1, "C7", r#"{"status":{"code":"200"},"response":{"causecode":0}}"#, "C7"),
    ("http", 1, "C1", r#"{"sid":"SM1"}"#, "accepted"),
    ("http", 1, "C4", r#"{"sid":"SM1","code":21610}"#, "C10"),
    ("http", 1, "C7", r#"{"sid":null}"#, "C7"),
    ("transmitsms", 1, "C1", r#"{"message_id":7,"recipients":1,"error":{"code":"SUCCESS"}}"#, "accepted"),
    ("transmitsms", 3, "C1", r#"{"message_id":7,"recipients":3,"error":{"code":"SUCCESS"}}"#, "accepted accepted accepted"),
    ("transmitsms", 1, "C2", r#"{"message_id":7,"recipients":0,"error":{"code":"SUCCESS"}}"#, "doubt"),
    ("transmitsms", 3, "C2", r#"{"message_id":7,"recipients":2,"error":{"code":"SUCCESS"}}"#, "doubt doubt doubt"),
    ("transmitsms", 3, "C1", r#"{"message_id":7,"recipients":2,"fails":[61491570156],"error":{"code":"SUCCESS"}}"#, "accepted refused accepted"),
    ("transmitsms", 3, "C2", r#"{"message_id":7,"recipients":1,"optouts":[61491570156],"error":{"code":"SUCCESS"}}"#, "doubt doubt doubt"),
    ("transmitsms", 3, "C2", r#"{"message_id":7,"recipients":2,"fails":[61491570159],"error":{"code":"SUCCESS"}}"#, "doubt doubt doubt"),
    ("transmitsms", 1, "C3", r#"{"message_id":7,"recipients":2,"error":{"code":"SUCCESS"}}"#, "C3"),
    ("transmitsms", 3, "C3", r#"{"message_id":7,"recipients":4,"error":{"code":"SUCCESS"}}"#, "C3"),
    ("mesms", 1, "C1", r#"{"uuid":"a-1","recipients":1}"#, "accepted"),
    ("mesms", 3, "C1", r#"{"uuid":"a-1","recipients":3}"#, "accepted accepted accepted"),
    ("mesms", 1, "C2", r#"{"uuid":"a-1","recipients":0}"#, "doubt"),
    ("mesms", 3, "C2", r#"{"uuid":"a-1","recipients":2}"#, "doubt doubt doubt"),
    ("mesms", 3, "C2", r#"{"uuid":"a-1","recipients":3,"status":"failed"}"#, "doubt doubt doubt"),
    ("mesms", 1, "C3", r#"{"uuid":"a-1","recipients":2}"#, "C3"),
    ("mesms", 3, "C3", r#"{"uuid":"a-1","recipients":4}"#, "C3"),
    ("fonedynamics", 1, "C1", r#"{"Message":{"MessageSid":"M1"}}"#, "accepted"),
    ("fonedynamics", 3, "C1", r#"[{"MessageSid":"M1"},{"MessageSid":"M2"},{"MessageSid":"M3"}]"#, "accepted accepted accepted"),
    ("fonedynamics", 3, "C2", r#"[{"MessageSid":"M1","To":"+61491570156"}]"#, "doubt accepted doubt"),
    ("fonedynamics", 3, "C2", r#"[{"MessageSid":"M1"},{"MessageSid":"M2"}]"#, "doubt doubt doubt"),
    ("fonedynamics", 1, "C3", r#"[{"MessageSid":"M1"},{"MessageSid":"M2"}]"#, "C3"),
    ("fonedynamics", 3, "C3", r#"[{"MessageSid":"M1"},{"MessageSid":"M1"},{"MessageSid":"M2"}]"#, "C3"),
    ("fonedynamics", 3, "C3", r#"[{"MessageSid":"M1","ExternalId":"00000000c7c7-9"}]"#, "C3"),
    ("fonedynamics", 1, "C4", r#"{"Message":{"ErrorCode":"INVALID_TO"}}"#, "refused"),
    ("fonedynamics", 3, "C4", r#"[{"MessageSid":"M1"},{"ErrorCode":"INVALID_TO"},{"MessageSid":"M3"}]"#, "accepted refused accepted"),
    ("fonedynamics", 3, "C4", r#"[{"MessageSid":"M1"},{"ErrorCode":"BUSY"},{"ErrorCode":"EMPTY"}]"#, "accepted C18 C12"),
    ("fonedynamics", 3, "C4", r#"[{"ErrorCode":"BUSY"},{"ErrorCode":"EMPTY"},{"ErrorCode":"BUSY"}]"#, "C12"),
    ("fonedynamics", 1, "C7", r#"{"Message":{}}"#, "C7"),
    ("fonedynamics", 1, "B11", r#"{"Message":{"MessageSid":"M1","To":"+61491570159","ExternalId":"00000000c7c7-0"}}"#, "B11"),
    ("fonedynamics", 3, "B11", r#"[{"MessageSid":"M1","To":"+61491570110"}]"#, "B11"),
];

#[test]
fn a_whole_answer_says_of_each_recipient_what_became_of_them_and_of_nobody_else() {
    for (kind, size, row, body, expected) in ANSWERS {
        let reader = Face::of(kind).reader(size);
        for status in 200..=201 {
            assert_eq!(reader.fates(status, JSON, body), expected, "{row}: {}: {body}", reader.at(status));
        }
        // Under another status the same words accept nobody.
        for status in 300..=599 {
            let outcome = reader.outcome(status, JSON, body);
            assert!(!support::accepts_anybody(&outcome), "{row}: {}: {body}", reader.at(status));
        }
    }
}

#[test]
fn whatever_was_ever_recorded_of_a_provider_says_no_more_under_another_status() {
    for face in &FACES {
        let readers: Vec<_> = face.readers().collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/wire").join(face.kind);
        let files = fs::read_dir(folder).expect("fixtures").map(|file| file.expect("a file").path());
        let mut recorded = 0;
        for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "reply")) {
            let bytes = fs::read(&file).expect("a fixture");
            let end = bytes.windows(2).position(|pair| pair == b"\n\n").expect("a head");
            let head = String::from_utf8(bytes[..end].to_vec()).expect("a head in UTF-8");
            let content_type = head.lines().find_map(|line| line.strip_prefix("content-type: "));
            recorded += 1;
            for (reader, status) in
                readers.iter().flat_map(|reader| (300..=599).map(move |one| (reader, one)))
            {
                let what = format!("{}: {}", file.display(), reader.at(status));
                let found = reader.fates(status, content_type, &bytes[end + 2..]);
                let by_status = TABLE.of(status);
                // Not taken, as the provider lists it, or doubt; never an answer.
                assert!(
                    TABLE.deeds.get(&*found).is_some_and(|deeds| deeds[0] != "as answered"),
                    "{what}: {found}"
                );
                let defined = face.kind == "http";
                let may_refine =
                    if defined { !TABLE.leaves_doubt(by_status) } else { (400..=499).contains(&status) };
                assert!(may_refine || found == by_status, "{what}: {found}");
            }
        }
        assert!(recorded > 50, "{}: {recorded} replies are recorded", face.kind);
    }
}
