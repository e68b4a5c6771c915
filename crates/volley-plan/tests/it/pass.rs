//! The pass: who is chosen, what it costs, how many requests it takes, and what its hash covers.

use crate::world::{Taken, World, offer, run};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use volley_core::{Batch, Micros};
use volley_plan::{Conditions, Discard, Offer, PlanError, Preview, Reject, Sink, SinkError, plan};

const LIST: &str =
    "phone,name\n0491570006,Ann\n0491 570 156,Bo\n+61491570006,Anne\n0491570157,\n0491570006,\n";

fn chosen(extra: &str) -> Vec<(u32, u64)> {
    let (_, taken) = World::pass(LIST, "Hi {{name}}", extra).expect("a plan");
    taken.messages.iter().map(|message| (message.0, message.1 % 1_000)).collect()
}

#[test]
fn of_rows_with_one_number_the_first_or_the_last_usable_one_counts() {
    assert_eq!(chosen(""), [(1, 6), (2, 156)]);
    assert_eq!(chosen("duplicates = \"first\"\n"), [(1, 6), (2, 156)]);
    // Row 5 has the number too, but no name: it cannot be the last.
    assert_eq!(chosen("duplicates = \"last\"\n"), [(2, 156), (3, 6)]);
}

#[test]
fn a_row_that_cannot_be_used_is_not_the_first_of_its_number() {
    let list = "phone,name\n0491570006,\n0491570006,Ann\n";
    let (preview, taken) = World::pass(list, "Hi {{name}}", "").expect("a plan");
    assert_eq!(taken.messages, [(2, 61_491_570_006, "Hi Ann".to_owned())]);
    assert_eq!((preview.duplicates, preview.rejected_total()), (0, 1));
}

#[test]
fn duplicates_can_fail_and_name_both_rows() {
    let error = World::pass(LIST, "Hi {{name}}", "duplicates = \"fail\"\n").expect_err("two Anns");
    assert!(matches!(error, PlanError::Duplicate { first: 1, second: 3, .. }), "{error}");
    assert_eq!(error.exit_code(), 2);
    let (preview, _) = World::pass("phone\n0491570006\n0491570156\n", "Hi", "duplicates = \"fail\"\n")
        .expect("no duplicates");
    assert_eq!(preview.accepted, 2);
}

#[test]
fn suppressed_wins_over_duplicate_and_over_an_unusable_text() {
    let world = World::new();
    world.write("list.csv", LIST);
    world.write("optouts.csv", "opted out\n+61 491 570 006\nask Bob\n");
    let campaign = world.campaign("Hi {{name}}", "suppress = [\"optouts.csv\"]\n");
    let (preview, taken) = run(&campaign, &offer()).expect("a plan");
    assert_eq!((preview.suppressed, preview.duplicates, preview.accepted), (3, 0, 1));
    assert_eq!(taken.rejects, [(4, "name".to_owned(), "empty_variable")]);
    assert_eq!(preview.warnings.len(), 1);
    let mut gone = campaign;
    gone.recipients.suppress = vec![world.path("none.csv")];
    assert_eq!(run(&gone, &offer()).expect_err("no such list").exit_code(), 10);
}

#[test]
fn the_first_number_column_that_is_not_empty_wins_and_is_not_passed_over() {
    let list = "home,work,name\n,0491570006,Ann\n0491570156,0491570157,Bo\nx,0491570158,Cy\n , ,Di\n";
    let (preview, taken) = World::pass(list, "Hi", "number = [\"home\", \"work\"]\n").expect("a plan");
    let numbers: Vec<u64> = taken.messages.iter().map(|message| message.1).collect();
    assert_eq!(numbers, [61_491_570_006, 61_491_570_156]);
    let expected = [(3, "home".to_owned(), "invalid_number"), (4, "home".to_owned(), "empty_number")];
    assert_eq!(taken.rejects, expected);
    assert_eq!(preview.columns.number, ["home", "work"]);
    assert_eq!(preview.columns.unused, ["name"]);
}

#[test]
fn defaults_fill_empty_values_and_missing_columns() {
    let extra = "[message.defaults]\nName = \"there\"\ncity = \"Perth\"\n";
    let (preview, taken) =
        World::pass("phone,name\n0491570006,\n0491570156,Bo\n", "{{name}} in {{city}}", extra)
            .expect("a plan");
    let texts: Vec<&str> = taken.messages.iter().map(|message| message.2.as_str()).collect();
    assert_eq!(texts, ["there in Perth", "Bo in Perth"]);
    assert_eq!(preview.columns.variables, ["name"]);
    assert!(
        preview
            .warnings
            .iter()
            .any(|warning| warning.ends_with("no column for city; everybody gets the default"))
    );
}

#[test]
fn gsm7_rejects_rows_that_do_not_fit_and_names_the_column() {
    let world = World::new();
    world.write("list.csv", "phone,name,city\n0491570006,Zoé,Perth\n0491570156,Ann,สมุย\n");
    let mut campaign = world.campaign("{{name}} {{city}}", "");
    let (both, _) = run(&campaign, &offer()).expect("a plan");
    assert_eq!((both.encodings.gsm7, both.encodings.ucs2), (1, 1));
    campaign.message.encoding = volley_plan::TextEncoding::Gsm7;
    let (preview, taken) = run(&campaign, &offer()).expect("a plan");
    assert_eq!(taken.rejects, [(2, "city".to_owned(), "not_gsm7")]);
    assert_eq!((preview.accepted, preview.encodings.ucs2), (1, 0));
}

#[test]
fn texts_end_at_the_campaigns_segments_and_the_providers_characters() {
    let list = format!("phone,name\n0491570006,{}\n0491570156,{}\n", "x".repeat(160), "x".repeat(161));
    let world = World::new();
    world.write("list.csv", &list);
    let mut campaign = world.campaign("{{name}}", "");
    let (preview, _) = run(&campaign, &offer()).expect("a plan");
    assert_eq!(preview.recipients_by_segments, BTreeMap::from([(1, 1), (2, 1)]));
    assert_eq!(preview.longest_message.map(|example| example.row.0), Some(2));
    let short = Offer {
        profile: volley_core::Profile { max_characters: Some(160), ..volley_core::Profile::STANDARD },
        ..offer()
    };
    let (_, taken) = run(&campaign, &short).expect("a plan");
    assert_eq!(taken.rejects, [(2, "phone".to_owned(), "too_long")]);
    campaign.message.max_segments = 1;
    let (_, taken) = run(&campaign, &offer()).expect("a plan");
    assert_eq!(taken.rejects, [(2, "phone".to_owned(), "too_long")]);
}

/// Three numbers priced at home, one in Thailand, one nowhere.
fn priced() -> (Preview, Taken) {
    let world = World::new();
    let long = "y".repeat(300);
    let list = format!(
        "phone,name\n0491570006,Ann\n0491570156,Bo\n0491570157,{long}\n+66812345678,Dao\n+12025550123,Eve\n"
    );
    world.write("list.csv", list);
    world.write("rates.csv", "prefix,price,currency\n66,0.02,AUD\n61,0.05,AUD\n6149157000,0.055,AUD\n");
    run(&world.campaign("Hi {{name}}", "[rates]\nfile = \"rates.csv\"\n"), &offer()).expect("a plan")
}

#[test]
fn the_cost_is_exact_by_prefix_and_numbers_without_a_price_are_rejected() {
    let (preview, taken) = priced();
    assert_eq!(taken.rejects, [(5, "phone".to_owned(), "no_price")]);
    let cost = preview.cost.expect("a rate card");
    let lines: Vec<_> = cost
        .by_prefix
        .iter()
        .map(|one| (one.prefix.as_str(), one.share.recipients, one.share.segments, one.share.cost.0))
        .collect();
    assert_eq!(lines, [("61", 2, 3, 150_000), ("6149157000", 1, 1, 55_000), ("66", 1, 1, 20_000)],);
    assert_eq!((cost.total, preview.estimated), (Micros(225_000), Some(Micros(225_000))));
    assert_eq!(preview.prices.len(), 3);
}

#[test]
fn the_json_has_the_contracts_keys_and_what_texts_cost_beyond() {
    let (preview, _) = priced();
    let json = toml::Table::try_from(&preview).expect("plain values");
    let mut keys: Vec<&str> = json.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut expected = [
        "schema",
        "campaign",
        "plan_hash",
        "rows",
        "accepted",
        "duplicates",
        "suppressed",
        "rejected",
        "segments",
        "encodings",
        "cost",
        "requests",
        "seconds_at_rate",
        "worst_doubt",
        "template",
        "ucs2",
        "forcing",
        "forcing_others",
        "smart",
        "jumps",
        "repairs",
        "warnings",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(json["rejected"].to_string(), "{ no_price = 1 }");
    assert_eq!(json["encodings"].to_string(), "{ gsm7 = 4, ucs2 = 0 }");
    assert_eq!(json["cost"]["total"].as_str(), Some("0.2250"));
    assert_eq!(
        json["cost"]["by_prefix"][1].to_string(),
        "{ cost = \"0.0550\", prefix = \"6149157000\", recipients = 1, segments = 1 }"
    );
    assert_eq!(json["plan_hash"].as_str(), Some(preview.hash.whole.to_string().as_str()));
}

#[test]
fn requests_and_doubt_follow_from_how_the_provider_fills_requests() {
    let rows: Vec<String> = (0..10).map(|index| format!("04915700{index:02},{}", index % 3)).collect();
    let list = format!("phone,name\n{}\n", rows.join("\n"));
    let rates = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a rate")).collect::<Vec<_>>();
    for (batch, chunk, in_flight, text, rate, expected) in [
        (Batch::One, 1, 4, "Hi {{name}}", &["2/s"][..], (10, 5.0, 4, None)),
        (Batch::PerItem { max: 100 }, 4, 2, "Hi {{name}}", &["2/s", "30/m"], (3, 6.0, 8, None)),
        (Batch::SharedText { max: 500 }, 3, 2, "Hi {{name}}", &["1/s"], (4, 4.0, 6, Some(3))),
        (Batch::SharedText { max: 500 }, 4, 8, "Hi", &[], (3, 0.0, 10, Some(1))),
    ] {
        let world = World::new();
        world.write("list.csv", &list);
        let offer = Offer { batch, chunk, max_in_flight: in_flight, rates: rates(rate), ..offer() };
        let (preview, _) = run(&world.campaign(text, ""), &offer).expect("a plan");
        let found = (preview.requests, preview.seconds_at_rate, preview.worst_doubt, preview.distinct_texts);
        assert_eq!(found, expected, "{batch:?} {text}");
    }
}

#[test]
fn a_chunk_that_the_provider_does_not_take_is_refused() {
    let world = World::new();
    world.write("list.csv", LIST);
    let campaign = world.campaign("Hi", "");
    for chunk in [0, 501] {
        let error = run(&campaign, &Offer { chunk, ..offer() }).expect_err("out of range");
        assert_eq!(
            error.to_string(),
            format!("provider.chunk is {chunk}; transmitsms takes 1 to 500 recipients a request")
        );
    }
}

#[test]
fn neither_threads_nor_blocks_change_a_plan() {
    let mut list = "phone,name\n".to_owned();
    for index in 0..2_000_u32 {
        let number = 400_000_000 + index * 7_919 % 1_500 * 1_000;
        list.push_str(&match index % 11 {
            3 => format!("0{number},\"Lee, {index}\"\n"),
            5 => format!("n/a,{index}\r\n"),
            7 => format!("+61{number},สม \"{index}\n"),
            8 => format!("\n \n61{number},{}\n", "x".repeat(index as usize % 400)),
            9 => format!("0{number},\"two\nlines\"\n"),
            _ => format!("{number},Ann {index}\n"),
        });
    }
    let world = World::new();
    world.write("list.csv", list);
    world.write("rates.csv", "prefix,price,currency\n61,0.05,AUD\n");
    for duplicates in ["first", "last"] {
        let extra = format!("duplicates = \"{duplicates}\"\n[rates]\nfile = \"rates.csv\"\n");
        let campaign = world.campaign("Hi {{name}}", &extra);
        let seen = |threads: usize, block_bytes: usize| {
            let mut taken = Taken::default();
            let threads = threads.try_into().expect("not 0");
            let conditions =
                Conditions { threads, block_bytes, ..Conditions::on(jiff::civil::date(2026, 11, 20)) };
            let preview = plan(&campaign, &offer(), &conditions, &mut taken).expect("a plan");
            (format!("{preview:?}"), taken.messages, taken.rejects)
        };
        let alone = seen(1, 256 * 1024);
        assert!(alone.1.len() > 1_000 && alone.2.len() > 100);
        for (threads, block_bytes) in [(1, 1), (1, 100), (2, 256 * 1024), (2, 1_000), (3, 64), (7, 333)] {
            assert!(seen(threads, block_bytes) == alone, "{threads} threads, blocks of {block_bytes}");
        }
    }
}

#[test]
fn one_list_in_many_wrappings_is_one_plan() {
    let list = "phone,name\n0491570006,\"René, A\"\n+61491570156,\"Bo\nLee\"\nn/a,\"x;y\"\n0491570006,Zoé\n";
    let semicolons =
        "phone;name\n0491570006;René, A\n+61491570156;\"Bo\nLee\"\nn/a;\"x;y\"\n0491570006;Zoé\n";
    let utf16 = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("{mark}{list}").encode_utf16().flat_map(bytes).collect()
    };
    let windows_1252: Vec<u8> = list.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
    let reference = World::pass(list, "Hi {{name}}", "").expect("a plan");
    assert_eq!(reference.0.accepted, 2);
    for (wrapping, bytes, extra) in [
        ("CRLF", list.replace('\n', "\r\n").into_bytes(), ""),
        ("CRLF between records only", list.replace('\n', "\r\n").replace("Bo\r\n", "Bo\n").into_bytes(), ""),
        ("byte-order mark", format!("\u{FEFF}{list}").into_bytes(), ""),
        ("UTF-16LE by its mark", utf16("\u{FEFF}", u16::to_le_bytes), ""),
        ("UTF-16BE by its mark", utf16("\u{FEFF}", u16::to_be_bytes), ""),
        ("UTF-16LE as set", utf16("", u16::to_le_bytes), "encoding = \"utf-16le\"\n"),
        ("UTF-16BE as set", utf16("", u16::to_be_bytes), "encoding = \"utf-16be\"\n"),
        (
            "a mark that contradicts the setting",
            utf16("\u{FEFF}", u16::to_be_bytes),
            "encoding = \"windows-1252\"\n",
        ),
        ("Windows-1252", windows_1252, "encoding = \"windows-1252\"\n"),
        ("semicolons", semicolons.into(), ""),
        ("semicolons with a sep line", format!("sep=;\n{semicolons}").into(), ""),
        ("semicolons as set", semicolons.into(), "delimiter = \";\"\n"),
        ("a blank line at the end", list.replace("Zoé\n", "Zoé\n\n").into(), ""),
        ("no final newline", list.trim_end().into(), ""),
        ("blank lines", list.replace("n/a", "\n \nn/a").into(), ""),
    ] {
        let (preview, taken) =
            World::pass(bytes, "Hi {{name}}", extra).unwrap_or_else(|error| panic!("{wrapping}: {error}"));
        assert_eq!(taken, reference.1, "{wrapping}");
        assert_eq!(preview.plan_hash, reference.0.plan_hash, "{wrapping}");
        assert_eq!((preview.rows, preview.duplicates), (4, 1), "{wrapping}");
    }
}

#[test]
fn thai_in_its_windows_encoding_is_read_as_it_was_meant() {
    let list = b"\xE0\xBA\xCD\xC3\xEC,name\n0491570006,\xCA\xC1\xAA\xD2\xC2\n";
    let (preview, taken) = World::pass(list, "{{name}}", "encoding = \"windows-874\"\n").expect("a plan");
    assert_eq!(taken.messages[0].2, "สมชาย");
    assert_eq!((preview.encoding, preview.columns.number), ("windows-874", vec!["เบอร์".to_owned()]));
}

#[test]
fn the_hash_covers_what_is_sent_and_the_terms() {
    let world = World::new();
    world.write("list.csv", LIST);
    let mut campaign = world.campaign("Hi {{name}}", "");
    let (before, _) = run(&campaign, &offer()).expect("a plan");
    assert_eq!(before.terms.provider, "transmitsms");
    let (chunk, _) = run(&campaign, &Offer { chunk: 100, ..offer() }).expect("a plan");
    assert_eq!(chunk.hash.differences(&before.hash), ["name, sender, provider, schedule or chunk"]);
    campaign.sender = Some("ShopAlert".to_owned());
    let (sender, _) = run(&campaign, &offer()).expect("a plan");
    assert_eq!(sender.hash.differences(&before.hash), ["name, sender, provider, schedule or chunk"]);
    world.write("list.csv", LIST.replace("Bo", "Ben"));
    let (texts, _) = run(&world.campaign("Hi {{name}}", ""), &offer()).expect("a plan");
    assert_eq!(texts.hash.differences(&before.hash), ["texts"]);
}

#[test]
fn a_preview_without_a_sink_is_the_same_preview() {
    let world = World::new();
    world.write("list.csv", LIST);
    let campaign = world.campaign("Hi {{name}}", "");
    let today = jiff::civil::date(2026, 11, 20);
    let alone = plan(&campaign, &offer(), &Conditions::on(today), &mut Discard).expect("a plan");
    let (sunk, _) = run(&campaign, &offer()).expect("a plan");
    assert_eq!(format!("{alone:?}"), format!("{sunk:?}"));
}

/// A sink whose disk is full.
struct Full;

impl Sink for Full {
    fn message(
        &mut self,
        _: &volley_core::Message<'_>,
        _: Option<volley_core::PriceId>,
    ) -> Result<(), SinkError> {
        Err(SinkError::new("no space left"))
    }

    fn reject(&mut self, _: &Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn a_sink_that_fails_stops_the_pass_with_its_own_words() {
    let world = World::new();
    world.write("list.csv", LIST);
    let today = jiff::civil::date(2026, 11, 20);
    let error = plan(&world.campaign("Hi", ""), &offer(), &Conditions::on(today), &mut Full)
        .expect_err("the disk is full");
    assert_eq!(error.to_string(), "the plan could not be stored: no space left");
    assert_eq!(error.exit_code(), 1);
}

/// A sink that panics at its third message.
#[derive(Default)]
struct Broken {
    messages: u32,
}

impl Sink for Broken {
    fn message(
        &mut self,
        _: &volley_core::Message<'_>,
        _: Option<volley_core::PriceId>,
    ) -> Result<(), SinkError> {
        self.messages += 1;
        assert!(self.messages < 3, "a sink that is broken");
        Ok(())
    }

    fn reject(&mut self, _: &Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn a_thread_that_panics_brings_the_pass_down_and_leaves_nobody_waiting() {
    let world = World::new();
    let mut list = "phone\n".to_owned();
    (0..20_000).for_each(|row| list.push_str(&format!("+{}\n", 66_800_000_000_u64 + row)));
    world.write("list.csv", list);
    let campaign = world.campaign("Hi", "");
    for threads in [1, 2, 8] {
        let threads = NonZeroUsize::new(threads).expect("some");
        let today = jiff::civil::date(2026, 11, 20);
        let conditions = Conditions { threads, block_bytes: 4 * 1024, ..Conditions::on(today) };
        let pass = || plan(&campaign, &offer(), &conditions, &mut Broken::default());
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(pass)).expect_err("it panics");
        let words = panic.downcast_ref::<&str>();
        assert!(words.is_some_and(|words| words.contains("a sink that is broken")), "{threads} threads");
    }
}

#[test]
fn debug_of_a_preview_shows_no_text_and_no_number() {
    let (preview, _) = World::pass(LIST, "Hi {{name}}, your code is 1234", "").expect("a plan");
    let shown = format!("{preview:?}");
    for secret in ["Ann", "1234", "491570006"] {
        let hash_free = shown.replace(&preview.plan_hash, "");
        assert!(
            !hash_free.contains(&format!("{secret},")) && !hash_free.contains(&format!("\"{secret}")),
            "{secret}"
        );
    }
}

/// A mobile in Australia, a fixed line there, a premium number in Britain, a mobile in Thailand, and
/// a number of North America, where nobody can tell.
const KINDS: &str = "phone\n0491570006\n+61299990000\n+449098790000\n+66812345678\n+12125550123\n";

#[test]
fn premium_numbers_are_sent_to_only_where_they_are_named() {
    let rejected = |extra: &str| {
        let (_, taken) = World::pass(KINDS, "Hi", extra).unwrap_or_else(|error| panic!("{error}"));
        taken.rejects.iter().map(|(row, _, word)| (*row, *word)).collect::<Vec<_>>()
    };
    assert_eq!(rejected(""), [(3, "number_type")]);
    assert_eq!(
        rejected("types = [\"mobile\", \"fixed_or_mobile\"]\n"),
        [(2, "number_type"), (3, "number_type")]
    );
    assert_eq!(rejected("types = \"premium\"\n").len(), 4);
    let elsewhere = "country_not_allowed";
    assert_eq!(rejected("allow = [\"AU\", \"th\"]\n"), [(3, elsewhere), (5, elsewhere)]);
    assert_eq!(rejected("allow = \"GB\"\ntypes = \"premium\"\n").len(), 4);
}

#[test]
fn fixed_lines_are_a_warning_until_they_are_asked_for() {
    let warnings = |extra: &str| World::pass(KINDS, "Hi", extra).expect("a plan").0.warnings;
    assert!(warnings("")[0].starts_with("1 of the numbers are fixed lines"), "{:?}", warnings(""));
    assert!(warnings("types = [\"mobile\", \"fixed\"]\n").is_empty());
    assert!(warnings("types = \"mobile\"\n").is_empty());
}
