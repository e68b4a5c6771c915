//! Every two kinds that can stand in one file, and any number of them.

use super::{
    Reader,
    forms::{FORMS, Feature, Form},
    rows::{Row, SOUND, rows},
};
use proptest::prelude::*;

/// Behind each other, the one first and the other last, with a sound row between.
#[test]
fn any_two_rows_in_one_file_come_to_what_each_comes_to_alone() {
    let reader = Reader::new();
    let rows = rows();
    for (one, other) in rows.iter().flat_map(|one| rows.iter().map(move |other| (one, other))) {
        let what = format!("{} and {}", one.kind, other.kind);
        reader.gives_what_is_expected(&Form::default(), &[one, other, &SOUND[1], other], &what);
    }
}

#[test]
fn any_row_in_a_file_of_any_two_forms_comes_to_what_it_comes_to_alone() {
    let reader = Reader::new();
    let rows = rows();
    for (index, (one, feature)) in FORMS.iter().enumerate() {
        for (other, second) in &FORMS[index + 1..] {
            let Some(form) = Form::of(&[*feature, *second]) else { continue };
            for row in rows.iter().filter(|row| form.holds(&row.line, false)) {
                let what = format!("{} in {one} and {other}", row.kind);
                reader.gives_what_is_expected(&form, &[&SOUND[0], row, &SOUND[1]], &what);
            }
        }
    }
}

/// Features of one file, none of which excludes another.
fn any_form() -> impl Strategy<Value = Form> {
    let features: Vec<Feature> = FORMS.iter().map(|(_, feature)| *feature).collect();
    proptest::sample::subsequence(features, 0..6)
        .prop_filter_map("features that exclude each other", |features| Form::of(&features))
}

proptest! {
    #[test]
    fn any_rows_in_a_file_of_any_form_come_to_what_each_comes_to_alone(
        form in any_form(),
        rows in proptest::collection::vec(proptest::sample::select(rows()), 0..20),
    ) {
        let held: Vec<&Row> = rows.iter().filter(|row| form.holds(&row.line, true)).collect();
        Reader::new().gives_what_is_expected(&form, &held, "any");
    }
}
