//! The kinds of broken input, one by one. Every record is a message, a duplicate, a reject with
//! its row, or the file is refused: one bad row never hides another.

use crate::world::{World, offer, run};
use proptest::prelude::*;
use std::path::PathBuf;
use volley_plan::{Input, PlanError, Preview};

const TEXT: &str = "Hi {{name}}";
const GOOD: [(&str, u64); 3] = [
    ("0491570006,Ann", 61_491_570_006),
    ("+61 491 570 156,\"Lee, Bo\"", 61_491_570_156),
    ("61491570157,Chai", 61_491_570_157),
];

/// What is wrong with a row, the row, the column and the word of its reject.
fn bad_rows() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let long = format!("0491570158,{}", "x".repeat(10 * 1024 * 1024)).into_bytes();
    let many = format!("0491570158,{}", "many words ".repeat(150)).into_bytes();
    let rows: [(&str, &[u8], &str, &str); 34] = [
        ("7 Latin-1 bytes in a UTF-8 file", b"0491570158,Ren\xE9", "", "bad_utf8"),
        ("7 half a character in a cell nobody needs", b"0491570158\xC3,\xA9", "", "bad_utf8"),
        ("8 NUL in the number", b"0491570158\0,Dao", "phone", "invalid_number"),
        ("8 NUL in a value", b"0491570158,D\0ao", "name", "unsafe_variable"),
        ("12 Ctrl-Z", b"\x1A", "", "field_count"),
        ("12 garbage", b"\x01\x02\xFF\xFE\x00\x93,\x80", "", "bad_utf8"),
        ("18 text after a closing quote", b"0491570158,\"Dao\"x", "", "bad_quotes"),
        ("19 backslash-escaped quote", b"0491570158,\"D \\\"ao\\\" x\"", "", "bad_quotes"),
        ("20 single-quoted fields", b"'0491570158','Dao'", "phone", "invalid_number"),
        ("20 a single-quoted value", b"0491570158,'Dao'", "name", "bad_quotes"),
        ("20 single-quoted fields, a delimiter inside", b"0491570158,'Dao, X'", "", "field_count"),
        ("21 row too short", b"0491570158", "", "field_count"),
        ("22 row too long", b"0491570158,Dao,x", "", "field_count"),
        ("23 trailing delimiter that the header lacks", b"0491570158,Dao,", "", "field_count"),
        ("25 comment line", b"# all of Perth", "", "field_count"),
        ("25 comment line with a comma", b"# all of, Perth", "phone", "invalid_number"),
        ("31 number empty", b",Dao", "phone", "empty_number"),
        ("31 number blank", b"  ,Dao", "phone", "empty_number"),
        ("32 letters", b"ask Dao,Dao", "phone", "invalid_number"),
        ("33 too short", b"0491 570,Dao", "phone", "invalid_number"),
        ("33 too long", b"+6149157015800,Dao", "phone", "invalid_number"),
        ("34 + in the middle", b"61+491570158,Dao", "phone", "invalid_number"),
        ("34 two +", b"++61491570158,Dao", "phone", "invalid_number"),
        ("39 spreadsheet damage", b"6.14E+10,Dao", "phone", "spreadsheet_number"),
        ("41 leading zero lost, another country", b"812345678,Dao", "phone", "invalid_number"),
        ("42 two numbers in one cell", b"0491570158/0491570159,Dao", "phone", "invalid_number"),
        ("43 short code", b"13 11 11 1,Dao", "phone", "invalid_number"),
        ("46 merge field empty", b"0491570158,", "name", "empty_variable"),
        ("46 merge field blank", b"0491570158,  ", "name", "empty_variable"),
        ("47 merge field of 10 MiB", &long, "name", "long_variable"),
        ("49 control characters", b"0491570158,\x1B[31mDao", "name", "unsafe_variable"),
        ("49 bidi marks", "0491570158,\u{202E}Dao".as_bytes(), "name", "unsafe_variable"),
        ("51 text over max_segments", &many, "phone", "too_long"),
        ("7 text lost before it came to us", "0491570158,\u{FFFD}ao".as_bytes(), "name", "bad_utf8"),
    ];
    rows.iter().map(|(kind, row, column, word)| (*kind, row.to_vec(), *column, *word)).collect()
}

/// The good rows with `bad` before the one at `place`.
fn list_with(bad: &[u8], place: usize, newline: &str, ends: bool) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = GOOD.iter().map(|(line, _)| line.as_bytes().to_vec()).collect();
    lines.insert(place, bad.to_vec());
    lines.insert(0, b"phone,name".to_vec());
    let mut list = lines.join(newline.as_bytes());
    if ends {
        list.extend_from_slice(newline.as_bytes());
    }
    list
}

#[test]
fn one_bad_row_is_rejected_with_its_number_and_hides_no_other() {
    for (kind, bad, column, word) in bad_rows() {
        for place in 0..=GOOD.len() {
            for (newline, ends) in [("\n", true), ("\r\n", false)] {
                let list = list_with(&bad, place, newline, ends);
                let (preview, taken) =
                    World::pass(list, TEXT, "").unwrap_or_else(|error| panic!("{kind}: {error}"));
                let row = u32::try_from(place + 1).expect("four rows");
                assert_eq!(taken.rejects, [(row, column.to_owned(), word)], "{kind} at {place}");
                let numbers: Vec<u64> = taken.messages.iter().map(|message| message.1).collect();
                assert_eq!(numbers, GOOD.map(|(_, digits)| digits), "{kind} at {place}");
                assert_eq!(preview.rows, 4, "{kind}");
                assert_eq!(preview.rejected.get(word), Some(&1), "{kind}");
            }
        }
    }
}

#[test]
fn all_bad_rows_together_are_each_rejected_once() {
    let rows = bad_rows();
    let mut list = b"phone,name\n".to_vec();
    for (_, row, ..) in &rows {
        list.extend_from_slice(row);
        list.push(b'\n');
    }
    let (preview, taken) = World::pass(list, TEXT, "").expect("rows, not the file");
    let expected: Vec<(u32, String, &str)> =
        (1..).zip(&rows).map(|(row, (_, _, column, word))| (row, (*column).to_owned(), *word)).collect();
    assert_eq!(taken.rejects, expected);
    assert_eq!((preview.accepted, preview.rows), (0, rows.len() as u64));
    assert!(preview.first_rejects.values().all(|rejects| rejects.len() <= 3));
}

#[test]
fn files_that_leave_room_for_a_guess_stop_with_a_reason() {
    let wide = (0..10_000).map(|index| format!("c{index}")).collect::<Vec<_>>().join(",");
    let quoted = format!("phone,name\n0491570006,Ann\n0491570156,\"{}\n", "Bo\n".repeat(30_000));
    let utf16: Vec<u8> = "phone,name\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (kind, bytes, part) in [
        ("1 empty file", &b""[..], "the file is empty"),
        ("1 blank lines only", b"\n \n\r\n", "the file is empty"),
        ("1 byte-order mark only", b"\xEF\xBB\xBF", "the file is empty"),
        (
            "3 no header row",
            b"0491570006,Ann\n0491570156,Bo\n",
            "no header row: the first row holds a number",
        ),
        ("6 UTF-16 without a mark", &utf16, "looks like utf-16le without a byte-order mark"),
        ("7 Latin-1 in the header", b"phone,pr\xE9nom\n", "the header is not UTF-8"),
        ("8 NUL in the header", b"phone,na\0me\n", "holds binary data"),
        ("13 two delimiters make sense", b"phone,a;phone\n1,2;3\n", "set recipients.delimiter"),
        (
            "15 quote never closed",
            b"phone,name\n0491570006,\"Ann\n0491570156,Bo\n",
            "line 2: a quote opens here",
        ),
        (
            "15 quote never closed, CRLF",
            b"phone,name\r\n0491570006,Ann\r\n\"0491570156,Bo",
            "line 3: a quote opens here",
        ),
        (
            "15 quote never closed, CR",
            b"phone,name\r0491570006,Ann\r\"0491570156,Bo",
            "line 3: a quote opens here",
        ),
        (
            "15 quote never closed in the header",
            b"phone,\"name\n0491570006,Ann\n",
            "line 1: a quote opens here",
        ),
        ("15 after a sep line", b"sep=,\nphone,name\n\"0491570156,Bo", "line 3: a quote opens here"),
        (
            "16 quoted field without end in sight",
            quoted.as_bytes(),
            "line 3: a quote opens here and does not close",
        ),
        ("26 duplicate header names", b"phone,name,Name\n", "two columns named `Name`"),
        ("29 no number column", b"contact,name\nx,y\n", "the columns are: contact, name"),
        (
            "29 two number columns",
            b"phone,mobile\n",
            "more than one column may hold the number: phone, mobile",
        ),
        ("29 variable missing", b"phone,first\n", "the list has no column `name`"),
        (
            "53 HTML saved as CSV",
            b"<!DOCTYPE html>\n<html>",
            "list.csv: this is meant to be CSV and holds an HTML page",
        ),
        (
            "54 zip under a csv name",
            b"PK\x03\x04\x14",
            "list.csv: this is meant to be CSV and holds a zip archive",
        ),
        ("54 gzip under a csv name", b"\x1F\x8B\x08", "list.csv: this is meant to be CSV and holds gzip"),
        ("55 10,000 columns", wide.as_bytes(), "the header has 10000 columns"),
    ] {
        let error = World::pass(bytes, TEXT, "").err().unwrap_or_else(|| panic!("{kind} was accepted"));
        let message = error.to_string();
        assert!(message.contains(part), "{kind}: {message}");
        assert!(message.contains("list.csv") && !message.contains('\n'), "{kind}: {message}");
        assert_eq!(error.exit_code(), 2, "{kind}");
    }
}

#[test]
fn what_is_certain_is_accepted_and_normalised() {
    let plain = "0491570006,Ann";
    for (kind, list, texts) in [
        ("4 no final newline", format!("phone,name\n{plain}"), vec!["Hi Ann"]),
        ("5 UTF-8 byte-order mark", format!("\u{FEFF}phone,name\n{plain}\n"), vec!["Hi Ann"]),
        ("9 CRLF", format!("phone,name\r\n{plain}\r\n"), vec!["Hi Ann"]),
        ("10 CR only", format!("phone,name\r{plain}\r"), vec!["Hi Ann"]),
        ("11 mixed ends", format!("phone,name\r{plain}\n0491570156,Bo\r\n"), vec!["Hi Ann", "Hi Bo"]),
        ("13 semicolon", "phone;name\n0491570006;Ann, B.\n".to_owned(), vec!["Hi Ann, B."]),
        ("13 tab", "phone\tname\n0491570006\tAnn\n".to_owned(), vec!["Hi Ann"]),
        ("14 sep= line", "sep=;\r\nphone;name\r\n0491570006;Ann\r\n".to_owned(), vec!["Hi Ann"]),
        ("16 quoted lines", "phone,name\n0491570006,\"Ann\nLee\"\n".to_owned(), vec!["Hi Ann\nLee"]),
        ("17 stray quote", "phone,name\n0491570006,5\" Ann\n".to_owned(), vec!["Hi 5\" Ann"]),
        ("23 trailing delimiter", format!("phone,name,\n{plain},\n"), vec!["Hi Ann"]),
        ("24 blank lines", format!("\nphone,name\n\n   \n{plain}\n\r\n"), vec!["Hi Ann"]),
        ("27 empty header names", format!("phone,name,,\n{plain},x,y\n"), vec!["Hi Ann"]),
        ("28 header case and spaces", format!(" PHONE , Name \n{plain}\n"), vec!["Hi Ann"]),
        (
            "48 template syntax in a value",
            "phone,name\n0491570006,{{name}}\n".to_owned(),
            vec!["Hi {{name}}"],
        ),
        ("52 a formula", "phone,name\n0491570006,=1+1\n".to_owned(), vec!["Hi =1+1"]),
    ] {
        let (preview, taken) = World::pass(list, TEXT, "").unwrap_or_else(|error| panic!("{kind}: {error}"));
        let sent: Vec<&str> = taken.messages.iter().map(|message| message.2.as_str()).collect();
        assert_eq!(sent, texts, "{kind}");
        assert_eq!(preview.rows, texts.len() as u64, "{kind}");
        assert_eq!(taken.messages[0].0, 1, "{kind}: row numbers");
    }
}

#[test]
fn spellings_of_a_number_are_normalised_and_repairs_are_counted() {
    for (kind, cell, repair) in [
        ("35 00 prefix of the region", "0011 61 491 570 006", None),
        ("35 national prefix", "0491570006", None),
        ("36 spaces, dots, dashes, brackets", "(04.91) 570-006", None),
        ("37 non-breaking space", "0491\u{a0}570\u{a0}006", Some("invisible_marks")),
        ("37 zero-width marks", "\u{200b}0491570006", Some("invisible_marks")),
        ("38 full-width digits", "０４９１５７０００６", Some("foreign_digits")),
        ("38 Arabic-Indic digits", "٠٤٩١٥٧٠٠٠٦", Some("foreign_digits")),
        ("40 decimal tail", "61491570006.0", Some("decimal_tail")),
        ("41 leading zero lost, certain by region", "491570006", None),
    ] {
        let (preview, taken) = World::pass(format!("phone\n{cell}\n"), "Hi", "")
            .unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(taken.messages, [(1, 61_491_570_006, "Hi".to_owned())], "{kind}");
        let counted: Vec<(&str, u64)> = preview.repairs.into_iter().collect();
        assert_eq!(counted, repair.map(|word| (word, 1)).into_iter().collect::<Vec<_>>(), "{kind}");
    }
}

#[test]
fn header_only_is_a_plan_with_nobody_in_it() {
    let (preview, taken) = World::pass("phone,name\n", TEXT, "").expect("2 header only");
    assert_eq!((preview.rows, preview.accepted, preview.requests), (0, 0, 0));
    assert!(taken.messages.is_empty() && preview.first_message.is_none());
}

#[test]
fn skipped_lines_are_counted_and_stray_quotes_are_said_aloud() {
    let list = "\nphone,name\n\n 0491570006,5\" Ann\n  \n\r\n0491570156,Bo \"B\"\n\n";
    let (preview, _) = World::pass(list, TEXT, "").expect("a list");
    assert_eq!((preview.rows, preview.accepted, preview.blank_lines), (2, 2, 5));
    let [warning] = &preview.warnings[..] else { panic!("{:?}", preview.warnings) };
    assert!(warning.ends_with(
        "list.csv: quotes inside fields that are not quoted: 3, the first on line 4; they are kept as they stand"
    ));
}

#[test]
fn paths_that_are_no_lists_name_what_they_are() {
    let world = World::new();
    let mut campaign = world.campaign("Hi", "");
    let mut fault = |path: PathBuf| {
        campaign.recipients.input = Input::File(path);
        run(&campaign, &offer()).expect_err("no list")
    };
    let missing = fault(world.path("none.csv"));
    assert_eq!(missing.exit_code(), 10);
    assert!(
        missing.to_string().ends_with("none.csv: no such file; paths in a campaign file are relative to it")
    );
    let folder = fault(world.path(""));
    assert_eq!(folder.exit_code(), 2, "57 directory");
    assert!(folder.to_string().contains("this is a directory, not a file"), "{folder}");
    #[cfg(unix)]
    assert!(fault(PathBuf::from("/dev/null")).to_string().contains("this is a device"), "57 device");
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

fn conserved(preview: &Preview) -> bool {
    preview.rows == preview.accepted + preview.duplicates + preview.suppressed + preview.rejected_total()
}

/// Bytes that look like a list with anything at all in it.
fn any_list() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"0491570006".to_vec()),
        Just(b"+61491570156".to_vec()),
        Just(b"n/a".to_vec()),
        Just(b",".to_vec()),
        Just(b",Ann".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\"".to_vec()),
        Just("ชื่อ".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    let rest = proptest::collection::vec(piece, 0..60);
    (prop_oneof![Just("phone,name\n"), Just("name;phone\r\n"), Just("")], rest).prop_map(
        |(header, pieces)| {
            let mut bytes = header.as_bytes().to_vec();
            bytes.extend(pieces.into_iter().flatten());
            bytes
        },
    )
}

proptest! {
    #[test]
    fn counts_are_conserved_for_any_bytes(
        list in any_list(),
        duplicates in proptest::sample::select(vec!["first", "last", "fail"]),
    ) {
        let extra = format!("duplicates = \"{duplicates}\"\n");
        match World::pass(&list, "Hi {{name}}{{phone}}", &extra) {
            Ok((preview, _)) => prop_assert!(conserved(&preview)),
            Err(error) => prop_assert_eq!(error.exit_code(), 2, "{}", error),
        }
    }

    #[test]
    fn rows_of_sound_lists_are_all_there(
        names in proptest::collection::vec("[a-zA-Z \",\n;é]{0,12}", 0..30),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["phone", "name"]).expect("in memory");
        for (name, index) in names.iter().zip(0..) {
            writer.write_record([&format!("+6149157{:04}", 6 + index), name]).expect("in memory");
        }
        let list = writer.into_inner().expect("in memory");
        let (preview, taken) = World::pass(list, TEXT, "").expect("sound");
        prop_assert_eq!(preview.rows, names.len() as u64);
        for (row, _, text) in &taken.messages {
            prop_assert_eq!(text, &format!("Hi {}", names[*row as usize - 1]));
        }
        let blank = names.iter().filter(|name| name.trim().is_empty()).count();
        prop_assert_eq!(taken.rejects.len(), blank);
    }
}
