//! Each kind of row by itself: at every place of a list, in every form of file.

use super::{
    Comes, Reader,
    forms::{FORMS, Form},
    rows::{Row, SOUND, rows},
};

/// The sound rows with `row` before the one at `place`.
fn with(row: &Row, place: usize) -> Vec<&Row> {
    let mut rows: Vec<&Row> = SOUND.iter().collect();
    rows.insert(place, row);
    rows
}

#[test]
fn one_bad_row_is_rejected_with_its_number_and_hides_no_other() {
    let reader = Reader::new();
    for row in &rows() {
        for place in 0..=SOUND.len() {
            let what = format!("{} at {place}", row.kind);
            reader.gives_what_is_expected(&Form::default(), &with(row, place), &what);
        }
    }
}

#[test]
fn a_row_of_any_kind_comes_to_the_same_in_every_form_of_file() {
    let reader = Reader::new();
    for (name, feature) in FORMS {
        let form = Form::of(&[feature]).expect("one feature excludes nothing");
        for row in &rows() {
            for place in 0..=SOUND.len() {
                if form.holds(&row.line, place == SOUND.len()) {
                    let what = format!("{} at {place}, {name}", row.kind);
                    reader.gives_what_is_expected(&form, &with(row, place), &what);
                }
            }
        }
    }
}

#[test]
fn a_list_of_one_row_is_that_row() {
    let reader = Reader::new();
    for row in &rows() {
        reader.gives_what_is_expected(&Form::default(), &[row], row.kind);
    }
}

#[test]
fn a_list_of_every_kind_gives_every_row_once_and_shows_three_rejects_of_a_word() {
    let reader = Reader::new();
    let rows = rows();
    let mut order: Vec<&Row> = rows.iter().collect();
    for what in ["in the table's order", "the other way round"] {
        reader.gives_what_is_expected(&Form::default(), &order, what);
        order.reverse();
    }
    let lines: Vec<&[u8]> = rows.iter().map(|row| &*row.line).collect();
    let written = Form::default().write(b"phone,name", &lines);
    let (preview, _) = reader.read(&written.bytes).expect("rows, not the file");
    for (word, count) in &preview.rejected {
        let shown = preview.first_rejects[word].len() as u64;
        assert_eq!(shown, 3.min(*count), "{word}");
    }
    let no_rows = rows.iter().filter(|row| matches!(row.comes, Comes::Skipped)).count();
    assert_eq!(preview.rows, (rows.len() - no_rows) as u64);
}

#[test]
fn what_is_certain_is_read_as_it_was_meant() {
    let reader = Reader::new();
    for (kind, list, text) in [
        ("13 a comma in a list of semicolons", "phone;name\n0491570006;Ann, B.\n", "Hi Ann, B."),
        ("13 a semicolon in a list of commas", "phone,name\n0491570006,Ann; B.\n", "Hi Ann; B."),
        ("14 sep= in quotes and capitals", "\"SEP=|\"\r\nphone|name\r\n0491570006|Ann\r\n", "Hi Ann"),
        ("14 sep= of a delimiter that is not tried", "sep=~\nphone~name\n0491570006~Ann\n", "Hi Ann"),
        ("27 two empty names above values", "phone,name,,\n0491570006,Ann,x,y\n", "Hi Ann"),
        ("28 invisible marks around a name", "\u{200B}phone\u{FEFF},\u{A0}name\n0491570006,Ann\n", "Hi Ann"),
        ("28 quotes around a name", "\"phone\",\" NAME \"\n0491570006,Ann\n", "Hi Ann"),
        ("28 columns the other way round", "name,phone\nAnn,0491570006\n", "Hi Ann"),
    ] {
        let (preview, taken) = reader.read(list.as_bytes()).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(taken.messages, [(1, 61_491_570_006, text.to_owned())], "{kind}");
        assert_eq!((preview.rows, &preview.warnings[..]), (1, &[][..]), "{kind}");
    }
}

#[test]
fn half_a_character_of_utf_16_is_rejected_in_its_row() {
    let units = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
    let high = [0xD800];
    let list = [
        &units("\u{FEFF}phone,name\n0491570006,Ann\n0491570158,D")[..],
        &high,
        &units("ao\n049157"),
        &high,
        &units("0158,Dao\n0491570156,Bo\n0491570158,Dao"),
    ]
    .concat();
    let mut bytes: Vec<u8> = list.into_iter().flat_map(u16::to_be_bytes).collect();
    bytes.pop(); // 30: the last character is cut in the middle
    let (preview, taken) = Reader::new().read(&bytes).expect("rows, not the file");
    let rejects: Vec<(u32, &str)> = taken.rejects.iter().map(|reject| (reject.0, reject.2)).collect();
    assert_eq!(rejects, [(2, "bad_utf8"), (3, "invalid_number"), (5, "bad_utf8")]);
    assert_eq!((preview.rows, taken.messages.len()), (5, 2));
}
