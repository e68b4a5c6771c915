//! Plans for nobody but those of a list of their own.

use crate::world::{World, offer, run};

const LIST: &str = "phone,name\n0491570006,Ann\n0491570156,Bo\n0491570006,Ann again\n0491570157,\n\
                    0491570158,Cy\nx,Di\n";

/// The campaign of [`LIST`] for those in `seeds` alone.
fn only(seeds: &str, extra: &str) -> (World, volley_plan::Campaign) {
    let world = World::new();
    world.write("list.csv", LIST);
    world.write("seeds.csv", seeds);
    let mut campaign = world.campaign("Hi {{name}}", extra);
    campaign.recipients.only = Some(world.path("seeds.csv"));
    (world, campaign)
}

#[test]
fn nobody_else_is_planned_and_every_row_is_counted() {
    let (_world, campaign) = only("name,mobile\nme,+61 491 570 006\nyou,0491570158\n", "");
    let (preview, taken) = run(&campaign, &offer()).expect("a plan");
    let numbers: Vec<u64> = taken.messages.iter().map(|message| message.1).collect();
    assert_eq!(numbers, [61_491_570_006, 61_491_570_158]);
    assert_eq!((preview.rows, preview.accepted, preview.duplicates), (6, 2, 1));
    assert_eq!(preview.rejected["not_in_only"], 2);
    assert_eq!(preview.rejected["invalid_number"], 1);
    assert_eq!(preview.rejected_total() + preview.accepted + preview.duplicates, preview.rows);
    let left_out = [(2, "phone", "not_in_only"), (4, "phone", "not_in_only"), (6, "phone", "invalid_number")];
    assert_eq!(taken.rejects, left_out.map(|(row, column, word)| (row, column.to_owned(), word)));
    assert_eq!(preview.warnings, Vec::<String>::new());
}

#[test]
fn the_plan_is_another_one_and_its_journal_has_another_name() {
    let (world, campaign) = only("0491570006\n", "");
    let (few, _) = run(&campaign, &offer()).expect("a plan");
    let mut everybody = campaign.clone();
    everybody.recipients.only = None;
    let (all, _) = run(&everybody, &offer()).expect("a plan");
    assert_ne!(few.plan_hash, all.plan_hash);
    assert_eq!(campaign.journal_path(), world.path(&format!("{}.only.volley", campaign.name)));
    assert_eq!(everybody.journal_path(), world.path(&format!("{}.volley", campaign.name)));
}

#[test]
fn a_number_that_gets_nothing_is_said_aloud_whatever_the_reason() {
    let seeds = "0491570006\n0491570157\n0491570156\n0491570159\nask Bob\n";
    let (world, campaign) = only(seeds, "suppress = [\"optouts.csv\"]\n");
    world.write("optouts.csv", "0491570156\n");
    let (preview, _) = run(&campaign, &offer()).expect("a plan");
    // One has no name for the text, one is suppressed, one is not in the list.
    assert_eq!((preview.accepted, preview.suppressed), (1, 1));
    let [unreadable, missing] = &preview.warnings[..] else { panic!("{:?}", preview.warnings) };
    assert!(
        unreadable.contains("entries of this list of --only that are not numbers and let nobody through: 1")
    );
    assert!(missing.contains("nothing is sent to 3 of its 4 numbers (•••156, •••157, •••159):"), "{missing}");
}

#[test]
fn many_numbers_that_get_nothing_are_counted() {
    let seeds: Vec<String> = (0..8).map(|last| format!("049157016{last}")).collect();
    let (_world, campaign) = only(&seeds.join("\n"), "");
    let (preview, _) = run(&campaign, &offer()).expect("a plan");
    assert_eq!(preview.accepted, 0);
    let [missing] = &preview.warnings[..] else { panic!("{:?}", preview.warnings) };
    assert!(missing.contains("nothing is sent to 8 of its 8 numbers"), "{missing}");
    assert!(missing.contains("•••164, 3 more):"), "{missing}");
}

#[test]
fn a_list_that_lets_nobody_through_is_for_nobody() {
    let (world, mut campaign) = only("", "");
    let (preview, _) = run(&campaign, &offer()).expect("a plan");
    assert_eq!((preview.accepted, preview.rejected["not_in_only"]), (0, 5));
    assert!(
        preview.warnings[0].ends_with("seeds.csv: the list of --only is empty"),
        "{:?}",
        preview.warnings
    );
    for (name, content, code) in [("none.csv", None, 10), ("odd.csv", Some("name,city\nAnn,Perth\n"), 2)] {
        if let Some(content) = content {
            world.write(name, content);
        }
        campaign.recipients.only = Some(world.path(name));
        assert_eq!(run(&campaign, &offer()).expect_err("no list").exit_code(), code, "{name}");
    }
}
