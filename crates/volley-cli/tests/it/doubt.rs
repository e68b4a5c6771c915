//! A lost reply: kept apart, shown, never sent again by itself.

use crate::volley::{FAST, Folder, Gateway, run};

#[test]
fn a_lost_reply_leaves_doubt_and_exit_6_and_resume_does_not_send_it_again() {
    for kind in ["transmitsms", "mesms"] {
        let folder = Folder::new();
        let faults = "[limiter]\nkind = \"sliding_log\"\nrequests = 1000\nwindow_ms = 1000\n[[fault]]\nrequest = 2\nkind = \"commit_then_drop\"\n";
        let gateway = Gateway::start(folder.directory.path(), faults);
        folder.campaign(kind, &gateway.address, 30, &format!("{FAST}chunk = 10\n").replace("= 8", "= 1"));
        let sent = run(&["send", &folder.text("campaign.toml"), "--yes", "--json"]).exits(6).json();
        assert_eq!(
            sent["recipients"],
            serde_json::json!({ "pending": 0, "accepted": 20, "refused": 0, "in_doubt": 10 }),
            "{kind}"
        );
        assert_eq!((&sent["state"], &sent["exit_code"]), (&"done".into(), &6.into()), "{kind}");
        assert_eq!(gateway.taken().len(), 30, "{kind}: the lost request was taken");

        let journal = folder.text("test.volley");
        run(&["resume", &journal, "--yes"]).exits(6);
        assert_eq!(gateway.taken().len(), 30, "{kind}: nobody in doubt is sent again");

        let listed = run(&["doubt", "list", &journal, "--json"]).exits(0);
        assert_eq!(listed.stdout.lines().count(), 10, "{kind}");
        let line = listed.json();
        assert_eq!((&line["attempt"], &line["cost"]), (&1.into(), &"0.0500".into()), "{kind}: {line}");
        for key in ["row", "number", "since", "reason", "request"] {
            assert!(!line[key].is_null(), "{kind}: {key} in {line}");
        }
        folder.verified();
    }
}

#[test]
fn a_storm_of_errors_does_not_put_the_campaign_in_doubt() {
    let folder = Folder::new();
    let faults = "[limiter]\nkind = \"sliding_log\"\nrequests = 1000\nwindow_ms = 1000\n[[fault]]\nrequests = [4, 60]\nkind = \"error_before\"\nstatus = 502\n";
    let gateway = Gateway::start(folder.directory.path(), faults);
    folder.campaign(
        "transmitsms",
        &gateway.address,
        2_000,
        &format!("{FAST}chunk = 10\n").replace("= 8", "= 2"),
    );
    let stopped = run(&["send", &folder.text("campaign.toml"), "--yes", "--json"]).exits(5);
    let in_doubt = stopped.json()["recipients"]["in_doubt"].as_u64().expect("a count");
    assert!((10..=70).contains(&in_doubt), "{in_doubt}");
    // Each resume probes with one recipient until the provider answers.
    let journal = folder.text("test.volley");
    let again = run(&["resume", &journal, "--yes", "--json"]).exits(5).json();
    assert_eq!(again["recipients"]["in_doubt"], in_doubt + 1);
    folder.verified();
}

#[test]
fn doubt_about_the_last_chunks_is_exit_6_though_the_breaker_opened() {
    let folder = Folder::new();
    let gateway = Gateway::start(
        folder.directory.path(),
        "[[fault]]\nrequests = [1, 9]\nkind = \"commit_then_drop\"\n",
    );
    folder.campaign("mesms", &gateway.address, 3, &format!("{FAST}chunk = 1\n").replace("= 8", "= 1"));
    let sent = run(&["send", &folder.text("campaign.toml"), "--yes", "--json"]).exits(6).json();
    assert_eq!((&sent["state"], &sent["recipients"]["in_doubt"]), (&"done".into(), &3.into()));
}
