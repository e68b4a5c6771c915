//! Any mix of texts is written as it was given, small, and read back the same.

use crate::support::{NOW, PER_ITEM, PRICE, Place, SHARED, fill, number, write_plan};
use proptest::prelude::*;
use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{BufRead, BufReader},
    ops::Range,
    path::Path,
    process::{Command, Stdio},
};
use volley_core::{Batch, Chunk, Message, Position, Profile, RowNumber};
use volley_journal::{Journal, JournalReader, OpenError, PlanError, PlanWriter, SqliteJournal, verify};

/// What recipients get, over and over.
#[derive(Clone, Debug)]
enum Kind {
    /// One of a few texts that many get.
    Shared(u8),
    /// A text of their own of about so many bytes in one of the scripts.
    Personal { script: usize, bytes: usize },
}

const SCRIPTS: [&str; 6] = ["Hi {name}", "Grüße €", "สวัสดี", "नमस्ते", "مرحبا", "👩‍🚀🎉"];

fn kind() -> impl Strategy<Value = Kind> {
    let bytes = prop_oneof![6 => 0_usize..90, 2 => 90_usize..700, 1 => Just(10_240)];
    prop_oneof![
        (0_u8..4).prop_map(Kind::Shared),
        (0..SCRIPTS.len(), bytes).prop_map(|(script, bytes)| Kind::Personal { script, bytes }),
    ]
}

/// How many recipients: about as many as a statement, a stretch without numbers and a bundle
/// have, one more and one less, and two bundles.
fn recipients() -> impl Strategy<Value = usize> {
    prop_oneof![0_usize..6, 97_usize..104, 254_usize..260, 2_045_usize..2_052, 4_094_usize..4_100]
}

/// The texts of so many recipients; short ones when they have 2 MB, so that a test stays small.
fn texts(kinds: &[Kind], recipients: usize) -> Vec<String> {
    let mut all = 0;
    let mut text = |index: usize, kind: &Kind| {
        let text = match kind {
            Kind::Shared(which) => "shared ".repeat(usize::from(*which)),
            Kind::Personal { script, bytes } => {
                let mut text = format!("{index} ");
                let most = if all < 2_000_000 { *bytes } else { 20 };
                while text.len() < most {
                    text.push_str(SCRIPTS[*script]);
                }
                text
            }
        };
        all += text.len();
        text
    };
    (0..recipients).zip(kinds.iter().cycle()).map(|(index, kind)| text(index, kind)).collect()
}

/// Rows and texts of chunks, in order.
fn told(chunks: &[Chunk]) -> Vec<(u32, String)> {
    let recipients = |chunk: &Chunk| -> Vec<(u32, String)> {
        chunk.recipients.iter().map(|one| (one.row.0, chunk.text_of(one).to_owned())).collect()
    };
    chunks.iter().flat_map(recipients).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_was_planned_is_read_back_whoever_asks(
        kinds in proptest::collection::vec(kind(), 1..40),
        recipients in recipients(),
        from in any::<prop::sample::Index>(),
        by_text in any::<bool>(),
    ) {
        let texts = texts(&kinds, recipients);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let batch = if by_text { SHARED } else { PER_ITEM };
        let place = Place::with_plan(batch, 500, &texts);
        let mut expected: Vec<usize> = (0..recipients).collect();
        if by_text {
            let mut first = HashMap::new();
            for (index, text) in texts.iter().enumerate() {
                first.entry(*text).or_insert(index);
            }
            expected.sort_by_key(|index| first[texts[*index]]);
        }

        // All of them, one after the other.
        let reader = JournalReader::open(&place.path()).expect("a journal");
        let mut index = 0;
        reader
            .for_each_planned(|message| {
                let planned = expected[index];
                let segments = Profile::STANDARD.count(texts[planned]).count;
                assert_eq!(message.position.0 as usize, index);
                assert_eq!(message.row.0 as usize, planned * 2 + 2);
                assert_eq!(message.to, number(planned));
                assert_eq!(message.text, texts[planned]);
                assert_eq!(u32::from(message.segments), segments);
                assert_eq!(message.cost, PRICE.checked_mul(segments));
                index += 1;
            })
            .expect("readable");
        prop_assert_eq!(index, recipients);

        // By their numbers, the last one first.
        let mut numbers = Vec::new();
        reader.for_each_bill_line(|line| numbers.push(line.text)).expect("readable");
        for (number, planned) in numbers.iter().zip(&expected).rev().step_by(97) {
            prop_assert_eq!(reader.text(*number).expect("readable"), texts[*planned]);
        }

        // As requests, from anywhere.
        let mut journal = place.open();
        let from = from.index(recipients + 1);
        let chunks = journal.next_chunks(Position(u32::try_from(from).expect("small")), 9_999).expect("readable");
        let rows: Vec<(u32, String)> = expected[from..]
            .iter()
            .map(|planned| (u32::try_from(*planned).expect("small") * 2 + 2, texts[*planned].to_owned()))
            .collect();
        prop_assert_eq!(told(&chunks), rows);
        drop(journal);

        let verified = verify(&place.path()).expect("readable");
        prop_assert!(verified.holds(), "{:?}", verified.broken);
    }
}

#[test]
fn a_recipient_takes_24_bytes_beyond_the_text_at_most() {
    // One in 29 gets a text that somebody got before.
    let text = |index: usize| {
        let own = if index % 29 == 28 { index * 7 % index } else { index };
        format!("Hi Customer {own:0>6}, your Gym plan payment of $19.00 is due. Reply STOP to opt out.")
    };
    let texts: Vec<String> = (0..100_000).map(text).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let bytes: usize = texts.iter().collect::<HashSet<_>>().into_iter().map(|text| text.len()).sum();
    for batch in [SHARED, PER_ITEM] {
        let place = Place::with_plan(batch, 500, &texts);
        let size = usize::try_from(place.path().metadata().expect("a file").len()).expect("small");
        let beyond = size - bytes;
        assert!(beyond <= 24 * texts.len(), "{batch:?}: {beyond} bytes for {} recipients", texts.len());
    }
}

#[test]
fn a_text_of_more_segments_than_can_be_sent_is_refused() {
    let place = Place::new();
    let mut writer = PlanWriter::create(&place.path(), PER_ITEM).expect("room");
    let text = "x".repeat(153 * 256);
    let segments = Profile::STANDARD.count(&text);
    let message = Message { row: RowNumber(1), to: number(0), text: &text, segments, cost: None };
    let refused = writer.message(&message, None);
    assert!(matches!(refused, Err(PlanError::TooLong { row: 1, segments: 256 })), "{refused:?}");
}

/// Runs the test `name` of this file again in a process of its own, behind `prepare` in a shell.
fn again(prepare: &str, name: &str, journal: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{prepare} exec \"$0\" --exact texts::{name} --nocapture")])
        .arg(std::env::current_exe().expect("this test"))
        .env(JOURNAL, journal);
    command
}

const JOURNAL: &str = "VOLLEY_TEST_PLAN";
const HALF_WAY: &str = "half way, kill me";

/// Gives `writer` personal messages of 200 bytes each for the rows `rows`.
fn personal(writer: &mut PlanWriter, rows: Range<u32>) -> Result<(), PlanError> {
    for row in rows {
        let text = format!("{row:0>200}");
        let segments = Profile::STANDARD.count(&text);
        let to = number(row as usize);
        writer.message(&Message { row: RowNumber(row), to, text: &text, segments, cost: None }, None)?;
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_kill_between_bundles_leaves_no_journal() {
    if let Some(path) = std::env::var_os(JOURNAL) {
        let mut writer = PlanWriter::create(path.as_ref(), Batch::One).expect("room");
        personal(&mut writer, 1..50_000).expect("room");
        println!("\n{HALF_WAY}");
        std::io::stdin().read_line(&mut String::new()).expect("a pipe");
        panic!("it was to be killed");
    }
    let place = Place::new();
    let mut child = again("", "a_kill_between_bundles_leaves_no_journal", &place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(said.map_while(Result::ok).any(|line| line == HALF_WAY), "the child plans");
    let planning = place.path().with_extension("volley.planning");
    assert!(planning.metadata().expect("a file").len() > 1_000_000, "some of it is written");
    child.kill().expect("alive");
    child.wait().expect("killed");
    let half = SqliteJournal::open(&place.path(), NOW).err().expect("no journal");
    assert!(matches!(half, OpenError::NotFound { .. }), "{half}");
    for opened in [JournalReader::open(&planning).map(drop), SqliteJournal::open(&planning, NOW).map(drop)] {
        assert_eq!(opened.expect_err("half a plan").exit_code(), 12);
    }
    write_plan(&place.path(), Batch::One, 1, &["a", "b"]).expect("a plan");
    assert_eq!(place.open().standing().recipients.pending, 2);
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_ends_the_plan_and_leaves_no_file() {
    if let Some(path) = std::env::var_os(JOURNAL) {
        return fill_the_disk(path.as_ref());
    }
    let place = Place::new();
    // To a process that may not write so much, the disk is full at 3 MB.
    let done = again(
        "trap '' XFSZ; ulimit -f 6000;",
        "a_disk_that_is_full_ends_the_plan_and_leaves_no_file",
        &place.path(),
    )
    .output()
    .expect("a process");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    let left = fs::read_dir(place.path().parent().expect("a directory")).expect("readable");
    let names: Vec<_> = left.map(|file| file.expect("an entry").file_name()).collect();
    assert_eq!(names, ["spring-sale.volley.lock"]);
}

fn fill_the_disk(path: &Path) {
    let mut writer = PlanWriter::create(path, Batch::One).expect("room");
    let fault = personal(&mut writer, 1..200_000).expect_err("no room for 40 MB");
    assert!(matches!(fault, PlanError::Io { .. }), "{fault}");
    assert_eq!(fault.exit_code(), 5);
    let again = personal(&mut writer, 200_000..210_000).expect_err("nobody writes any more");
    assert!(matches!(again, PlanError::Io { .. }), "{again}");
    writer.abandon().expect("removable");

    // The texts take 2.7 MB, so the fault comes when all messages were given.
    let mut writer = PlanWriter::create(path, SHARED).expect("room");
    let texts: Vec<String> = (0..18_000).map(|index| format!("{index:0>150}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let plan = fill(&mut writer, SHARED, 1, &texts);
    let fault = writer.finish(&plan).expect_err("no room for 3.2 MB");
    assert!(matches!(fault, PlanError::Io { .. }), "{fault}");
}
