//! A plan appears whole, or not at all.

use crate::support::{NOW, PER_ITEM, Place, SHARED, Tariff, fill, fill_at, terms, write_plan};
use proptest::prelude::*;
use volley_core::{
    Alphabet, Batch, BreakAt, ConcatRef, Language, Micros, National, Position, Profile, Rounding,
};
use volley_journal::{
    FrozenPlan, Journal, JournalReader, OpenError, PlanError, PlanWriter, SqliteJournal, verify,
};

#[test]
fn a_journal_gives_back_the_plan_it_was_made_with() {
    let texts = ["plain", "ünï“code”", "plain", "x".repeat(161).as_str(), ""].map(str::to_owned);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for batch in [Batch::One, SHARED, PER_ITEM] {
        let place = Place::new();
        let plan = write_plan(&place.path(), batch, 1, &texts).expect("a plan");
        let journal = place.open();
        assert_eq!(journal.plan(), &plan);
        assert_eq!(place.hash_of_rows(), plan.hash, "{batch:?}");
        assert_eq!(journal.standing().recipients.pending, 5);
    }
}

#[test]
fn an_empty_plan_is_a_plan() {
    let place = Place::with_plan(PER_ITEM, 2, &[]);
    let mut journal = place.open();
    assert!(journal.next_chunks(Position(0), 1).expect("readable").is_empty());
    assert!(verify(&place.path()).expect("readable").holds());
}

#[test]
fn a_plan_never_replaces_a_journal() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"]);
    let before = std::fs::read(place.path()).expect("a file");
    let again = write_plan(&place.path(), PER_ITEM, 2, &["b"]);
    assert!(matches!(again, Err(PlanError::Exists { .. })), "{again:?}");

    // A file that appears while the plan is written is kept as well.
    let place = Place::new();
    let mut writer = PlanWriter::create(&place.path(), PER_ITEM).expect("room");
    let plan = fill(&mut writer, PER_ITEM, 2, &["a"]);
    std::fs::write(place.path(), &before).expect("a file");
    assert!(matches!(writer.finish(&plan), Err(PlanError::Exists { .. })));
    assert_eq!(std::fs::read(place.path()).expect("a file"), before);
}

#[test]
fn a_kill_while_planning_leaves_nothing_that_opens_and_the_next_plan_works() {
    for recipients in [0, 1, 2_000] {
        let place = Place::new();
        let mut writer = PlanWriter::create(&place.path(), SHARED).expect("room");
        let texts: Vec<String> = (0..recipients).map(|index| format!("text {index}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        fill(&mut writer, SHARED, 2, &texts);
        drop(writer); // a killed process lets go of the same things
        let half = SqliteJournal::open(&place.path(), NOW);
        assert!(matches!(half, Err(OpenError::NotFound { .. })), "{:?}", half.err());
        write_plan(&place.path(), SHARED, 2, &["a", "b"]).expect("a plan");
        assert_eq!(place.open().standing().recipients.pending, 2);
    }
}

#[test]
fn an_abandoned_plan_leaves_no_file_but_the_lock() {
    let place = Place::new();
    let mut writer = PlanWriter::create(&place.path(), PER_ITEM).expect("room");
    fill(&mut writer, PER_ITEM, 2, &["a"]);
    writer.abandon().expect("removable");
    let left = std::fs::read_dir(place.path().parent().expect("a directory")).expect("readable");
    let names: Vec<_> = left.map(|file| file.expect("an entry").file_name()).collect();
    assert_eq!(names, ["spring-sale.volley.lock"]);
}

#[test]
fn two_plans_of_one_name_exclude_each_other() {
    let place = Place::new();
    let writer = PlanWriter::create(&place.path(), PER_ITEM).expect("room");
    let second = PlanWriter::create(&place.path(), PER_ITEM).map(drop);
    let pid = std::process::id();
    assert!(
        matches!(second, Err(PlanError::Lock(OpenError::Locked { pid: holder, .. })) if holder == pid),
        "{second:?}"
    );
    drop(writer);
    PlanWriter::create(&place.path(), PER_ITEM).expect("free again");
}

#[test]
fn a_frozen_plan_that_is_not_the_sum_of_its_messages_is_refused() {
    type Change = fn(&mut FrozenPlan);
    let changes: [(&str, Change); 8] = [
        ("recipients", |plan| (plan.rows.accepted, plan.rows.rows) = (3, 5)),
        ("rows", |plan| plan.rows.duplicates += 1),
        ("segments", |plan| plan.segments += 1),
        ("millionths of cost", |plan| plan.estimated = Some(Micros(1))),
        ("of the prices used", |plan| plan.prices.clear()),
        ("millionths by its prices", |plan| plan.prices[0].per_segment = Micros(49_999)),
        ("millionths by its prices", |plan| plan.prices[0].per_message = Micros(1)),
        ("millionths by its prices", |plan| plan.rounding = Rounding::PerMessage(1)),
    ];
    for (what, change) in changes {
        let place = Place::new();
        let mut writer = PlanWriter::create(&place.path(), PER_ITEM).expect("room");
        let mut plan = fill(&mut writer, PER_ITEM, 2, &["a", "b"]);
        change(&mut plan);
        let refused = writer.finish(&plan);
        assert!(
            matches!(refused, Err(PlanError::Mismatch { what: named, .. }) if named == what),
            "{what}: {refused:?}"
        );
        assert!(!place.path().exists());
    }
}

#[test]
fn messages_come_in_file_order() {
    let place = Place::new();
    let mut writer = PlanWriter::create(&place.path(), PER_ITEM).expect("room");
    fill(&mut writer, PER_ITEM, 2, &["a", "b"]); // rows 2 and 4
    let text = "c";
    let message = volley_core::Message {
        row: volley_core::RowNumber(4),
        to: crate::support::number(0),
        text,
        segments: volley_core::Profile::STANDARD.count(text),
        cost: None,
    };
    assert!(matches!(writer.message(&message, None), Err(PlanError::Order { row: 4 })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_texts_everybody_is_handed_out_once_in_order_of_text(
        texts in proptest::collection::vec("[ab]{1,2}", 1..160),
        chunk in 1_u32..7,
        shared in any::<bool>(),
    ) {
        let batch = if shared { SHARED } else { PER_ITEM };
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let place = Place::with_plan(batch, chunk, &texts);
        let mut journal = place.open();
        prop_assert_eq!(place.hash_of_rows(), journal.plan().hash);
        let chunks = journal.next_chunks(Position(0), 999).expect("readable");
        let told: Vec<(u32, &str)> = chunks
            .iter()
            .flat_map(|chunk| chunk.recipients.iter().map(|one| (one.row.0, chunk.text_of(one))))
            .collect();
        let mut expected: Vec<(u32, &str)> = (1..).map(|row: u32| row * 2).zip(texts.iter().copied()).collect();
        if shared {
            let first = |text: &str| texts.iter().position(|one| *one == text);
            expected.sort_by_key(|(_, text)| first(text));
            prop_assert!(chunks.iter().all(|chunk| chunk.texts.len() == 1));
        }
        prop_assert_eq!(&told, &expected);
        drop(journal);
        let reader = JournalReader::open(&place.path()).expect("a journal");
        let mut lines = Vec::new();
        reader.for_each_bill_line(|line| lines.push((line.row.0, line.text))).expect("readable");
        let texts_of = lines.into_iter().map(|(row, text)| (row, reader.text(text).expect("readable")));
        let expected = expected.into_iter().map(|(row, text)| (row, text.to_owned()));
        prop_assert!(texts_of.eq(expected), "lines are in plan order");
        let verified = verify(&place.path()).expect("readable");
        prop_assert!(verified.holds(), "{:?}", verified.broken);
    }
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop_oneof![
        Just(Rounding::Exact),
        (0_u8..=6).prop_map(Rounding::PerMessage),
        (0_u8..=6).prop_map(Rounding::Total),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever the prices and however they are rounded, the plan, the chunks and the recount
    /// agree, and another price for what was planned is refused.
    #[test]
    fn costs_are_the_prices_rounded_as_the_plan_says(
        lengths in proptest::collection::vec(0_usize..500, 1..30),
        per_segment in 0_i64..2_000_000,
        per_message in 0_i64..500_000,
        rounding in rounding(),
    ) {
        let texts: Vec<String> = lengths.into_iter().map(|length| "x".repeat(length)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (per_segment, per_message) = (Micros(per_segment), Micros(per_message));
        let tariff = Tariff { per_segment, per_message, rounding, ..Tariff::default() };
        let place = Place::with_tariff(PER_ITEM, 7, &texts, &tariff);
        let mut journal = place.open();
        let chunks = journal.next_chunks(Position(0), 99).expect("readable");
        let sum = chunks.iter().try_fold(Micros::ZERO, |sum, chunk| sum.checked_add(chunk.cost()?));
        let estimated = journal.plan().estimated;
        prop_assert_eq!(sum.and_then(|sum| rounding.total(sum)), estimated);
        prop_assert_eq!(place.hash_of_rows(), journal.plan().hash);
        let verified = verify(&place.path()).expect("readable");
        prop_assert!(verified.holds(), "{:?}", verified.broken);

        let place = Place::new();
        let mut writer = PlanWriter::create(&place.path(), PER_ITEM).expect("room");
        let mut plan = fill_at(&mut writer, PER_ITEM, 7, &texts, &tariff);
        plan.prices[0].per_message.0 += 1_000_000; // a whole unit is not rounded away
        let refused = writer.finish(&plan);
        let by_prices = matches!(refused, Err(PlanError::Mismatch { what: "millionths by its prices", .. }));
        prop_assert!(by_prices, "{:?}", refused);
    }
}

#[test]
fn the_plan_keeps_how_it_was_counted_and_rounded() {
    let profiles = [
        Profile::STANDARD,
        Profile { concat_ref: ConcatRef::Bits16, max_segments: 10, ..Profile::STANDARD },
        Profile { break_at: BreakAt::Grapheme, max_characters: Some(1_600), ..Profile::STANDARD },
        Profile {
            alphabet: Alphabet::Without("€|".to_owned()),
            national: National::Allow([Language::Turkish, Language::Spanish].into_iter().collect()),
            ..Profile::STANDARD
        },
    ];
    let decimals = (0..=6).flat_map(|decimals| [Rounding::PerMessage(decimals), Rounding::Total(decimals)]);
    for rounding in std::iter::once(Rounding::Exact).chain(decimals) {
        for profile in &profiles {
            let tariff = Tariff {
                per_segment: Micros(33_333),
                per_message: Micros(1_234),
                rounding,
                profile: profile.clone(),
            };
            let place = Place::with_tariff(PER_ITEM, 2, &["a", "bb", "ü"], &tariff);
            let reader = JournalReader::open(&place.path()).expect("a journal");
            let plan = reader.plan();
            assert_eq!((plan.rounding, &plan.profile), (rounding, profile));
            assert_eq!(plan.prices[0].per_segment, Micros(33_333));
            assert_eq!(plan.prices[0].per_message, Micros(1_234));
        }
    }
}

#[test]
fn a_total_is_rounded_once_and_messages_each_time() {
    // Three messages of 0.0333 and 0.002: 0.1059 exactly, 3 x 0.04 each, 0.11 in total.
    for (rounding, estimated) in
        [(Rounding::Exact, 105_900), (Rounding::PerMessage(2), 120_000), (Rounding::Total(2), 110_000)]
    {
        let tariff =
            Tariff { per_segment: Micros(33_300), per_message: Micros(2_000), rounding, ..Tariff::default() };
        let place = Place::with_tariff(PER_ITEM, 2, &["a", "b", "c"], &tariff);
        assert_eq!(place.open().plan().estimated, Some(Micros(estimated)), "{rounding:?}");
        assert!(verify(&place.path()).expect("readable").holds(), "{rounding:?}");
    }
}

#[test]
fn the_plan_keeps_its_schedule_and_its_silence() {
    let place = Place::new();
    let mut writer = PlanWriter::create(&place.path(), Batch::One).expect("room");
    let mut plan = fill(&mut writer, Batch::One, 1, &["a"]);
    plan.terms = volley_core::PlanTerms {
        sender: None,
        currency: None,
        send_at: Some(NOW.plus_millis(3_600_000)),
        ..terms(Batch::One, 1)
    };
    writer.finish(&plan).expect("a plan");
    assert_eq!(JournalReader::open(&place.path()).expect("a journal").plan(), &plan);
}
