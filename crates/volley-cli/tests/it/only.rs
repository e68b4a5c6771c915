//! `--only FILE`: the people who try a campaign out, and nobody else.

use crate::volley::{FAST, Folder, Gateway, run};

/// A campaign of forty people, three of whom are in seeds.csv with somebody who is not in the list.
fn office() -> (Folder, Gateway) {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "[limiter]\nkind = \"none\"\n");
    folder.campaign("transmitsms", &gateway.address, 40, FAST);
    folder.write(
        "seeds.csv",
        "name,mobile\nme,+66800000007\nyou,0800000001\nthem,+66800000040\nBo,+66899999999\n",
    );
    (folder, gateway)
}

#[test]
fn the_preview_says_who_is_left_out_and_whom_of_the_seeds_nobody_finds() {
    let (folder, _gateway) = office();
    let (campaign, seeds) = (folder.text("campaign.toml"), folder.text("seeds.csv"));
    let shown = run(&["preview", &campaign, "--only", &seeds]).exits(0);
    for words in [
        "to be sent     ",
        "rejected: not_in_only",
        "not on the list of --only",
        "nothing is sent to 1 of its 4 numbers",
    ] {
        assert!(shown.stdout.contains(words), "{words}: {shown:#?}");
    }
    assert!(shown.stdout.contains("•••999"), "{shown:#?}");
    let preview = run(&["preview", &campaign, "--only", &seeds, "--json"]).exits(0).json();
    assert_eq!((&preview["rows"], &preview["accepted"]), (&40.into(), &3.into()));
    assert_eq!(preview["rejected"], serde_json::json!({ "not_in_only": 37 }));
    let all = run(&["preview", &campaign, "--json"]).exits(0).json();
    assert_ne!(preview["plan_hash"], all["plan_hash"]);
}

#[test]
fn only_the_seeds_are_sent_to_and_the_campaign_itself_is_as_untouched_as_before() {
    let (folder, gateway) = office();
    let (campaign, seeds) = (folder.text("campaign.toml"), folder.text("seeds.csv"));
    let sent = run(&["send", &campaign, "--only", &seeds, "--yes", "--json"]).exits(0).json();
    assert_eq!(sent["recipients"]["accepted"], 3);
    let mut taken: Vec<String> = gateway.taken().into_iter().map(|one| one.to).collect();
    taken.sort();
    assert_eq!(taken, ["+66800000001", "+66800000007", "+66800000040"]);
    assert!(folder.path("test.only.volley").exists() && !folder.path("test.volley").exists());
    // Once more is no second text, and other seeds are another plan.
    run(&["send", &campaign, "--only", &seeds, "--yes"]).exits(0);
    assert_eq!(gateway.taken().len(), 3);
    folder.write("seeds.csv", "+66800000002\n");
    let changed = run(&["send", &campaign, "--only", &seeds, "--yes"]).exits(7);
    assert!(changed.stderr.contains("test.only.volley"), "{changed:#?}");

    let sent = run(&["send", &campaign, "--yes", "--json"]).exits(0).json();
    assert_eq!(sent["recipients"]["accepted"], 40);
    assert_eq!(gateway.taken().len(), 43);
    folder.verified();
}

#[test]
fn a_plan_of_seeds_is_frozen_under_its_own_name_or_the_one_that_is_asked_for() {
    let (folder, gateway) = office();
    let (campaign, seeds) = (folder.text("campaign.toml"), folder.text("seeds.csv"));
    run(&["plan", &campaign, "--only", &seeds]).exits(0);
    run(&["plan", &campaign, "--only", &seeds, "-o", &folder.text("mine.volley")]).exits(0);
    for journal in ["test.only.volley", "mine.volley"] {
        let status = run(&["status", &folder.text(journal), "--json"]).exits(0).json();
        assert_eq!(status["recipients"]["pending"], 3, "{journal}");
    }
    // Of a journal it is decided already.
    let refused = run(&["send", &folder.text("mine.volley"), "--only", &seeds, "--yes"]).exits(2);
    assert!(refused.stderr.contains("--only"), "{refused:#?}");
    assert_eq!(gateway.taken().len(), 0);
}

#[test]
fn seeds_that_are_not_in_the_list_are_nothing_to_send() {
    let (folder, gateway) = office();
    let campaign = folder.text("campaign.toml");
    folder.write("strangers.csv", "+66899999999\n");
    for (seeds, code) in [("strangers.csv", 9), ("none.csv", 10)] {
        for command in ["preview", "plan", "send"] {
            run(&[command, &campaign, "--only", &folder.text(seeds), "--yes"]).exits(code);
        }
    }
    assert_eq!(gateway.taken().len(), 0);
    assert!(!folder.path("test.only.volley").exists());
}
