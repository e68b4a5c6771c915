//! The same kinds in a suppression list: whatever stands beside it, a number that opted out is
//! never sent to.

use super::{
    forms::{FORMS, Form},
    rows::{SOUND, rows},
};
use crate::world::{World, offer, run};

/// A list of three people of whom the first and the last are on a suppression list with these bytes.
fn only_the_second_is_sent_to(world: &World, list: &[u8], what: &str) {
    world.write("optouts.csv", list);
    let campaign = world.campaign("Hi {{name}}", "suppress = [\"optouts.csv\"]\n");
    let (preview, taken) = run(&campaign, &offer()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let numbers: Vec<u64> = taken.messages.iter().map(|message| message.1).collect();
    assert_eq!((preview.suppressed, &numbers[..]), (2, &[61_491_570_156][..]), "{what}");
}

fn world() -> World {
    let world = World::new();
    let lines: Vec<&[u8]> = SOUND.iter().map(|row| &*row.line).collect();
    world.write("list.csv", Form::default().write(b"phone,name", &lines).bytes);
    world
}

#[test]
fn no_row_of_a_suppression_list_hides_another() {
    let world = world();
    for row in &rows() {
        let lines: [&[u8]; 3] = [&SOUND[0].line, &row.line, &SOUND[2].line];
        let list = Form::default().write(b"phone,name", &lines).bytes;
        only_the_second_is_sent_to(&world, &list, row.kind);
    }
}

#[test]
fn a_suppression_list_of_any_form_suppresses_the_same() {
    let world = world();
    for (index, (one, feature)) in FORMS.iter().enumerate() {
        for (other, second) in &FORMS[index..] {
            let Some(form) = Form::of(&[*feature, *second]) else { continue };
            let rows = form.rows(&[&SOUND[0], &SOUND[2]]);
            let lines: Vec<&[u8]> = rows.iter().map(|row| &*row.line).collect();
            let list = form.write(form.header(), &lines).bytes;
            only_the_second_is_sent_to(&world, &list, &format!("{one} and {other}"));
        }
    }
}
