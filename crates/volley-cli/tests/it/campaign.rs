//! Planning and sending over real HTTP, on a healthy provider.

use crate::volley::{FAST, Folder, Gateway, run, times, volley};

#[test]
fn plan_send_and_send_again() {
    for kind in ["transmitsms", "mesms"] {
        let folder = Folder::new();
        let gateway = Gateway::start(
            folder.directory.path(),
            "[limiter]\nkind = \"sliding_log\"\nrequests = 1000\nwindow_ms = 1000\n",
        );
        folder.campaign(kind, &gateway.address, 250, &format!("{FAST}chunk = 20\n"));
        let planned = run(&["plan", &folder.text("campaign.toml"), "--json"]).exits(0).json();
        let status = run(&["status", &folder.text("test.volley"), "--json"]).exits(0).json();
        assert_eq!(
            (&status["state"], &status["recipients"]["pending"]),
            (&"planned".into(), &250.into()),
            "{kind}"
        );

        let sent = run(&["send", &folder.text("campaign.toml"), "--yes", "--json"]).exits(0).json();
        assert_eq!(sent["plan_hash"], planned["plan_hash"], "{kind}");
        assert_eq!(
            (&sent["state"], &sent["recipients"]["accepted"]),
            (&"done".into(), &250.into()),
            "{kind}"
        );
        assert_eq!(sent["requests"]["sent"], planned["requests"], "{kind}");
        let taken = gateway.taken();
        assert_eq!((taken.len(), times(&taken).len()), (250, 250), "{kind}");

        // Again, under either name: nothing is left to send.
        for target in ["campaign.toml", "test.volley"] {
            run(&["send", &folder.text(target), "--yes"]).exits(0);
        }
        run(&["resume", &folder.text("test.volley"), "--yes"]).exits(0);
        assert_eq!(gateway.taken().len(), 250, "{kind}");
        folder.verified();
    }
}

#[test]
fn the_bill_is_in_the_providers_own_unit() {
    for (kind, billed, units) in [("transmitsms", Some("2.0000"), None), ("mesms", None, Some("40"))] {
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), "");
        folder.campaign(kind, &gateway.address, 40, FAST);
        let sent = run(&["send", &folder.text("campaign.toml"), "--yes", "--json"]).exits(0).json();
        assert_eq!(sent["cost"]["estimated"], "2.0000", "{kind}");
        assert_eq!(sent["cost"]["billed"].as_str(), billed, "{kind}");
        assert_eq!(sent["cost"]["billed_units"]["amount"].as_str(), units, "{kind}");
    }
}

#[test]
fn an_edited_campaign_is_refused_and_its_frozen_plan_still_goes() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 10, FAST);
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    folder.write("rates.csv", "prefix,price,currency\n66,0.06,THB\n");
    let refused = run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(7);
    assert!(refused.stderr.contains("prices changed"), "{refused:#?}");
    folder.write("recipients.csv", "mobile\n+66800000099\n");
    let refused = run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(7);
    assert!(refused.stderr.contains("recipients"), "{refused:#?}");
    assert_eq!(gateway.taken().len(), 0);
    let sent = run(&["send", &folder.text("test.volley"), "--yes", "--json"]).exits(0).json();
    assert_eq!((&sent["recipients"]["accepted"], &sent["cost"]["estimated"]), (&10.into(), &"0.5000".into()));
}

#[test]
fn nothing_is_sent_without_a_yes_and_the_plan_goes_again() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 10, FAST);
    let refused = run(&["send", &folder.text("campaign.toml")]).exits(2);
    assert!(refused.stderr.contains("--yes"), "{refused:#?}");
    assert!(!folder.path("test.volley").exists());
    assert_eq!(gateway.taken().len(), 0);
}

#[test]
fn the_cost_cap_is_kept_before_and_while_sending() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("transmitsms", &gateway.address, 100, &format!("{FAST}chunk = 10\n"));
    let campaign = folder.text("campaign.toml");
    let refused = run(&["send", &campaign, "--yes", "--max-cost", "4.99"]).exits(8);
    assert!(refused.stderr.contains("5.0000"), "{refused:#?}");
    assert!(!folder.path("test.volley").exists());

    run(&["plan", &campaign]).exits(0);
    let journal = folder.text("test.volley");
    let stopped = run(&["resume", &journal, "--yes", "--max-cost", "2.70", "--json"]).exits(8).json();
    assert_eq!((&stopped["recipients"]["accepted"], &stopped["state"]), (&50.into(), &"paused".into()));
    // A cap that was set stays set, until a person sets another.
    run(&["resume", &journal, "--yes"]).exits(8);
    assert_eq!(gateway.taken().len(), 50);
    run(&["resume", &journal, "--yes", "--max-cost", "5"]).exits(0);
    assert_eq!(gateway.taken().len(), 100);
    folder.verified();
}

#[test]
fn no_credentials_no_request() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("transmitsms", &gateway.address, 10, FAST);
    let missing = volley(&["send", &folder.text("campaign.toml"), "--yes"]).env_remove("SIM_KEY").output();
    let missing = crate::volley::Ran::of(&missing.expect("it runs")).exits(2);
    assert!(missing.stderr.contains("SIM_KEY"), "{missing:#?}");
    let wrong = volley(&["send", &folder.text("campaign.toml"), "--yes", "--json"])
        .env("SIM_KEY", "not-the-key")
        .output();
    let wrong = crate::volley::Ran::of(&wrong.expect("it runs")).exits(4);
    assert_eq!(wrong.json()["recipients"]["pending"], 10);
    assert!(!format!("{wrong:?}").contains("not-the-key"), "{wrong:#?}");
    assert_eq!(gateway.taken().len(), 0);
    // With the right key the same journal goes on.
    run(&["resume", &folder.text("test.volley"), "--yes"]).exits(0);
    assert_eq!(gateway.taken().len(), 10);
}

#[test]
fn every_file_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 10, FAST);
    let rejects = folder.text("rejects.csv");
    run(&["send", &folder.text("campaign.toml"), "--yes", "--rejects", &rejects]).exits(0);
    for name in ["test.volley", "test.volley.lock", "rejects.csv", "ledger.jsonl"] {
        let mode = std::fs::metadata(folder.path(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_flags_of_every_command_are_taken_by_every_command() {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 10, FAST);
    let (campaign, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
    for arguments in [
        &["check", &campaign][..],
        &["preview", &campaign],
        &["plan", &campaign],
        &["status", &journal],
        &["doubt", "list", &journal],
        &["verify", &journal],
        &["segments", "Hi"],
    ] {
        run(&[arguments, &["-q", "--json", "--no-color", "--yes"]].concat()).exits(0);
    }
}

#[test]
fn stdin_is_a_list_too() {
    use std::{io::Write, process::Stdio};
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 10, FAST);
    let mut preview =
        volley(&["preview", &folder.text("campaign.toml"), "--json", "--set", "recipients.file=-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
    preview.stdin.take().expect("a pipe").write_all(b"mobile\n0800000001\n0800000002\n").expect("written");
    let output = preview.wait_with_output().expect("it ends");
    assert_eq!(crate::volley::Ran::of(&output).exits(0).json()["accepted"], 2);
}
