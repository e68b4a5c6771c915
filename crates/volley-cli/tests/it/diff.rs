//! Two plans side by side.

use crate::volley::{Folder, run};
use serde_json::json;
use std::fs;

const LIST: &str = "phone,name\n0491570006,Ann\n0491570156,Bo\n0491570157,Chai\n0491570158,Dao\n";

fn campaign(text: &str) -> String {
    format!(
        "name = \"test\"\nsender = \"Volley\"\n[message]\ntext = \"{text}\"\n[recipients]\n\
         file = \"list.csv\"\nregion = \"AU\"\n[provider]\nkind = \"sim\"\n[rates]\nfile = \"rates.csv\"\n"
    )
}

/// Plans what stands in `folder` into `journal`.
fn plan(folder: &Folder, journal: &str) -> String {
    let journal = folder.text(journal);
    run(&["plan", &folder.text("campaign.toml"), "-o", &journal, "-q"]).exits(0);
    journal
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder
        .write("list.csv", LIST)
        .write("campaign.toml", campaign("Hi {{name}}"))
        .write("rates.csv", "prefix,price,currency\n61,0.05,AUD\n614915701,0.04,AUD\n");
    folder
}

#[test]
fn who_is_added_removed_reworded_and_repriced_is_counted_and_listed() {
    let folder = folder();
    let before = plan(&folder, "before.volley");
    // Row 1 goes, and with it everybody moves up; Chai is spelt anew; Eve is new; two cost more.
    folder
        .write("list.csv", "phone,name\n0491570156,Bo\n0491570157,Chay\n0491570158,Dao\n0491570159,Eve\n")
        .write(
            "rates.csv",
            "prefix,price,currency\n61,0.05,AUD\n6149157015,0.06,AUD\n61491570158,0.04,AUD\n",
        );
    let after = plan(&folder, "after.volley");
    let list = folder.text("changes.csv");
    let diff = run(&["diff", &before, &after, "--json", "--csv", &list]).exits(7).json();
    for (key, expected) in [
        ("same", json!(false)),
        ("differs", json!(["recipients", "texts", "prices"])),
        ("added", json!({ "recipients": 1, "segments": 1, "cost": "0.0600" })),
        ("removed", json!({ "recipients": 1, "segments": 1, "cost": "0.0500" })),
        ("reworded", json!({ "recipients": 1, "segments": 0, "cost": "0.0200" })),
        ("repriced", json!({ "recipients": 2, "segments": 0, "cost": "0.0400" })),
        ("moved", json!(3)),
    ] {
        assert_eq!(diff[key], expected, "{key}");
    }
    assert_eq!(
        fs::read_to_string(&list).expect("a list"),
        "number,change,row_before,row_after,cost_before,cost_after\n\
         +61491570006,removed,1,,0.0500,\n\
         +61491570156,repriced,2,1,0.0400,0.0600\n\
         +61491570157,reworded and repriced,3,2,0.0400,0.0600\n\
         +61491570158,moved,4,3,0.0400,0.0400\n\
         +61491570159,added,,4,,0.0600\n"
    );
    let shown = run(&["diff", &before, &after]).exits(7);
    assert!(shown.stdout.contains("They differ in: recipients; texts; prices."), "{shown:?}");
}

#[test]
fn the_same_list_in_another_form_is_the_same_plan() {
    let folder = folder();
    let before = plan(&folder, "before.volley");
    let utf16: Vec<u8> =
        std::iter::once(0xFEFF).chain(LIST.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    folder.write("list.csv", utf16).write("campaign.toml", campaign("Hi {{ name | trim }}"));
    let after = plan(&folder, "after.volley");
    let same = run(&["diff", &before, &after, "--json"]).exits(0).json();
    assert_eq!((&same["same"], &same["moved"]), (&json!(true), &json!(0)));
    assert!(run(&["diff", &before, &before]).exits(0).stdout.contains("The same plan: 4 recipients."));
}

#[test]
fn what_is_no_journal_is_named() {
    let folder = folder();
    let before = plan(&folder, "before.volley");
    run(&["diff", &before, &folder.text("none.volley")]).exits(10);
    run(&["diff", &before, &folder.text("list.csv")]).exits(12);
    // Somebody's own file is never written over.
    run(&["diff", &before, &before, "--csv", &folder.text("list.csv")]).exits(2);
    assert_eq!(fs::read_to_string(folder.path("list.csv")).expect("still there"), LIST);
}
