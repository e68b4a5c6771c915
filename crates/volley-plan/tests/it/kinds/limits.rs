//! How large is too large: fields, records, headers, lists and texts at their limits and beyond.

use crate::world::{World, offer, run};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};
use volley_plan::{CampaignError, Overrides, PlanError};

const TEXT: &str = "Hi {{name}}";

/// Writes a list a piece at a time.
fn written(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) {
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    write(&mut out).and_then(|()| out.flush()).expect("written");
}

/// What is said of a list that is refused for a record or a field in it.
fn refusal(write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> String {
    let world = World::new();
    written(&world.path("list.csv"), write);
    let error = run(&world.campaign(TEXT, ""), &offer()).expect_err("too large");
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

#[test]
fn a_field_of_100_megabytes_stops_at_the_line_it_is_on() {
    let said = refusal(|out| {
        out.write_all(b"phone,name\n0491570006,Ann\n\n0491570156,")?;
        (0..100).try_for_each(|_| out.write_all(&vec![b'x'; 1_000_000]))?;
        out.write_all(b"\n0491570157,Chai\n")
    });
    assert!(said.contains("line 4: a record starts here that is longer than 16 MiB"), "{said}");
}

#[test]
fn many_fields_of_100_megabytes_together_stop_at_the_line_they_are_on() {
    let said = refusal(|out| {
        out.write_all(b"phone,name\n0491570006,Ann\n0491570156")?;
        (0..100_000).try_for_each(|_| out.write_all(&[b','; 1_000]))
    });
    assert!(said.contains("line 3: a record starts here that is longer than 16 MiB"), "{said}");
}

#[test]
fn a_quoted_field_of_100_megabytes_stops_at_the_line_where_its_quote_opens() {
    let said = refusal(|out| {
        out.write_all(b"phone,name\n0491570006,Ann\n0491570156,\"")?;
        (0..100).try_for_each(|_| out.write_all(&vec![b'x'; 1_000_000]))?;
        out.write_all(b"\"\n")
    });
    assert!(said.contains("line 3: a quote opens here and does not close within 64 KiB"), "{said}");
}

/// 64 GiB that take no room on the disk: reading on to their end would never be waited for.
#[test]
fn a_field_without_an_end_is_not_read_to_its_end() {
    let said = refusal(|out| {
        out.write_all(b"phone,name\n0491570006,Ann\n0491570156,")?;
        out.flush()?;
        out.get_ref().set_len(64 * 1024 * 1024 * 1024)
    });
    assert!(said.contains("line 3: a record starts here that is longer than 16 MiB"), "{said}");
}

#[test]
fn a_header_without_an_end_stops_at_its_line() {
    let said = refusal(|out| {
        out.write_all(b"phone,")?;
        (0..20).try_for_each(|_| out.write_all(&vec![b'n'; 1_000_000]))
    });
    assert!(said.contains("line 1: a record starts here that is longer than 16 MiB"), "{said}");
}

/// What comes of a row whose value is `value`, between two sound ones.
fn reject_of(value: &str) -> (u32, String, &'static str) {
    let list = format!("phone,name\n0491570006,Ann\n0491570158,{value}\n0491570156,Bo\n");
    let (preview, taken) = World::pass(list, TEXT, "").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((preview.rows, preview.accepted), (3, 2));
    let [reject] = &taken.rejects[..] else { panic!("{:?}", taken.rejects) };
    reject.clone()
}

#[test]
fn a_value_is_measured_and_never_cut() {
    for (value, column, word) in [
        ("x".repeat(10 * 1024), "phone", "too_long"),
        ("x".repeat(10 * 1024 + 1), "name", "long_variable"),
        ("x".repeat(10 * 1024 * 1024), "name", "long_variable"),
        (format!("\"{}\"", "xy\n".repeat(1_000)), "phone", "too_long"),
        (format!("\"{}\"", "x".repeat(64 * 1024 - 1)), "name", "long_variable"),
    ] {
        let what = format!("{} bytes", value.len());
        assert_eq!(reject_of(&value), (2, column.to_owned(), word), "{what}");
    }
}

#[test]
fn a_thousand_columns_are_read() {
    let header: Vec<String> = (2..1_000).map(|column| format!("c{column}")).collect();
    let list = format!("phone,name,{}\n0491570006,Ann{}\n", header.join(","), ",".repeat(998));
    let (preview, taken) = World::pass(list, TEXT, "").expect("a list");
    assert_eq!((preview.accepted, preview.columns.unused.len()), (1, 998));
    assert_eq!(taken.messages[0].2, "Hi Ann");
}

#[test]
fn header_only_is_a_plan_with_nobody_in_it() {
    for list in
        ["phone,name\n", "phone,name", "\u{FEFF}phone,name\r\n", "sep=;\nphone;name\n", "phone,name\n\n  \n"]
    {
        let (preview, taken) = World::pass(list, TEXT, "").expect("2 header only");
        assert_eq!((preview.rows, preview.accepted, preview.requests), (0, 0, 0), "{list:?}");
        assert!(taken.messages.is_empty() && preview.first_message.is_none(), "{list:?}");
    }
}

#[test]
fn more_recipients_than_allowed_stop_at_the_limit() {
    let list = "phone\n0491570006\n0491570156\n0491570006\nx\n0491570157\n";
    let limits = |max: u32| format!("[limits]\nmax_recipients = {max}\n");
    let (preview, _) = World::pass(list, "Hi", &limits(3)).expect("three are allowed");
    assert_eq!((preview.accepted, preview.duplicates, preview.rejected_total()), (3, 1, 1));
    let error = World::pass(list, "Hi", &limits(2)).expect_err("55 over max_recipients");
    assert!(matches!(error, PlanError::TooManyRecipients { row: 5, max: 2, .. }), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn two_million_recipients_are_allowed_unasked_and_not_one_more() {
    let world = World::new();
    written(&world.path("list.csv"), |out| {
        out.write_all(b"phone\n")?;
        (1..=2_000_001_u64).try_for_each(|index| writeln!(out, "+{}", 66_800_000_000 + index))
    });
    let error = run(&world.campaign("Hi", ""), &offer()).expect_err("55 over max_recipients");
    let PlanError::TooManyRecipients { row, max, .. } = error else { panic!("{error}") };
    assert_eq!((row, max), (2_000_001, 2_000_000));
}

#[test]
fn a_text_of_a_mebibyte_is_too_long_for_everybody() {
    let world = World::new();
    world.write("message.txt", "many words ".repeat(1024 * 1024 / 11));
    world.write("list.csv", "phone\n0491570006\n0491570156\n");
    let toml = "name = \"spring-sale\"\nprovider.kind = \"transmitsms\"\nmessage.file = \"message.txt\"\n\
                [recipients]\nfile = \"list.csv\"\nregion = \"AU\"\n";
    let campaign = world.load_with(toml, &Overrides::default()).expect("a campaign");
    let (preview, taken) = run(&campaign, &offer()).expect("a plan with nobody in it");
    let too_long = |row| (row, "phone".to_owned(), "too_long");
    assert_eq!(taken.rejects, [too_long(1), too_long(2)]);
    assert_eq!(preview.accepted, 0);
}

#[test]
fn a_text_of_ten_thousand_variables_is_filled_in() {
    let list = "phone,name\n0491570006,x\n0491570156,xyz\n";
    let extra = "[message]\nmax_segments = 255\n";
    let text = "{{name}}".repeat(10_000);
    let world = World::new();
    world.write("list.csv", list);
    let toml = format!(
        "name = \"spring-sale\"\nprovider.kind = \"transmitsms\"\n[recipients]\nfile = \"list.csv\"\n\
         region = \"AU\"\n{extra}text = \"{text}\"\n"
    );
    let campaign = world.load_with(&toml, &Overrides::default()).expect("a campaign");
    let (_, taken) = run(&campaign, &offer()).expect("a plan");
    let texts: Vec<&str> = taken.messages.iter().map(|message| message.2.as_str()).collect();
    assert_eq!(texts, ["x".repeat(10_000), "xyz".repeat(10_000)]);
}

#[test]
fn of_ten_thousand_names_that_are_no_columns_one_is_named() {
    let text: Vec<String> = (0..10_000).map(|index| format!("{{{{v{index}}}}}")).collect();
    let error =
        World::pass("phone,name\n0491570006,Ann\n", &text.join(" "), "").expect_err("no such columns");
    assert!(error.to_string().contains("the list has no column `v0`"), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn ten_thousand_braces_that_never_close_are_named_where_they_open() {
    let world = World::new();
    let toml = format!(
        "name = \"spring-sale\"\nprovider.kind = \"transmitsms\"\nmessage.text = \"{}\"\n[recipients]\nfile = \"list.csv\"\n",
        "{{".repeat(10_000)
    );
    let error = world.load_with(&toml, &Overrides::default()).expect_err("never closed");
    assert!(matches!(error, CampaignError::Template { .. }), "{error}");
    assert!(error.to_string().contains("line 1, column 1 of the text"), "{error}");
}
