//! `volley init`: what it writes is taken by every other command, and nothing is overwritten.

use crate::volley::{Folder, Ran, read_ledger, volley};
use std::{fs, process::Command};

const KINDS: [&str; 7] = ["sim", "transmitsms", "mesms", "maxotel", "fonedynamics", "multitel", "http"];

/// Runs in `folder`, with credentials under the names that `init` writes if `with_secrets`.
fn ran(folder: &Folder, arguments: &[&str], with_secrets: bool) -> Ran {
    let mut command: Command = volley(arguments);
    command.current_dir(folder.directory.path());
    for kind in KINDS.into_iter().chain(["twilio"]).filter(|_| with_secrets) {
        for part in ["key", "secret", "account", "token", "username", "password"] {
            command.env(format!("{kind}_{part}").to_uppercase(), "nobodys");
        }
    }
    Ran::of(&command.output().expect("the binary runs"))
}

#[test]
fn a_new_campaign_is_sent_at_once_to_the_built_in_gateway() {
    let folder = Folder::new();
    let begun = ran(&folder, &["init", "spring"], false).exits(0);
    assert!(begun.stderr.contains("next: volley preview spring/campaign.toml"), "{begun:#?}");
    let checked = ran(&folder, &["check", "spring/campaign.toml", "--json"], false).exits(0).json();
    assert_eq!((&checked["rows"], &checked["accepted"]), (&10.into(), &10.into()), "{checked}");
    assert_eq!(checked["warnings"].as_array().map(Vec::len), Some(0), "{checked}");
    let ledger = ["--set", "provider.ledger=ledger.jsonl", "--yes", "--json"];
    let sent = ran(&folder, &[&["send", "spring/campaign.toml"][..], &ledger].concat(), false).exits(0);
    assert_eq!(sent.json()["recipients"]["accepted"], 10);
    assert_eq!(read_ledger(&folder.path("ledger.jsonl")).len(), 10);
    assert!(folder.path("spring/spring.volley").exists(), "the journal has the directory's name");
}

#[test]
fn a_campaign_for_every_provider_passes_check_once_its_credentials_are_there() {
    for kind in KINDS {
        let folder = Folder::new();
        let begun =
            ran(&folder, &["init", "autumn.toml", "--provider", kind, "--json"], false).exits(0).json();
        assert_eq!((&begun["schema"], &begun["provider"]), (&1.into(), &kind.into()), "{begun}");
        let needs = begun["credentials"].as_array().expect("a list");
        assert_eq!(needs.is_empty(), kind == "sim", "{begun}");
        let bare = ran(&folder, &["check", "autumn.toml"], false).exits(if kind == "sim" { 0 } else { 2 });
        if let Some(first) = needs.first() {
            assert!(bare.stderr.contains(first.as_str().expect("a name")), "{kind}: {bare:#?}");
        }
        let checked = ran(&folder, &["check", "autumn.toml", "--json"], true).exits(0).json();
        assert_eq!((&checked["campaign"], &checked["accepted"]), (&"autumn".into(), &10.into()), "{checked}");
        let preview = ran(&folder, &["preview", "autumn.toml", "--json"], true).exits(0).json();
        assert_ne!(preview["cost"]["total"], "0.0000", "{kind}: the rate card has their prefix");
    }
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let folder = Folder::new();
    folder.write("campaign.toml", "mine");
    let refused = ran(&folder, &["init"], false).exits(2);
    assert!(refused.stderr.contains("campaign.toml is there already"), "{refused:#?}");
    assert_eq!(fs::read_to_string(folder.path("campaign.toml")).expect("a file"), "mine");
    assert!(!folder.path("recipients.csv").exists(), "a refusal writes nothing");

    // A list that is there is used.
    folder.write("recipients.csv", "name,mobile\nMine,0491 570 006\n");
    let begun = ran(&folder, &["init", "second.toml", "--json"], false).exits(0).json();
    assert_eq!(begun["kept"], serde_json::json!(["recipients.csv"]), "{begun}");
    let checked = ran(&folder, &["check", "second.toml", "--json"], false).exits(0).json();
    assert_eq!(checked["rows"], 1, "{checked}");

    // Nor through a link that leads nowhere yet.
    std::os::unix::fs::symlink(folder.path("elsewhere.toml"), folder.path("third.toml")).expect("a link");
    ran(&folder, &["init", "third.toml"], false).exits(2);
    assert!(!folder.path("elsewhere.toml").exists());
}

#[test]
fn an_unknown_provider_is_told_the_nearest_one() {
    let folder = Folder::new();
    let refused = ran(&folder, &["init", "--provider", "transmitsm"], false).exits(2);
    assert!(refused.stderr.contains("transmitsms"), "{refused:#?}");
    assert!(!folder.path("campaign.toml").exists());
}

#[test]
fn a_directory_that_cannot_be_is_named() {
    let folder = Folder::new();
    folder.write("taken", "");
    let refused = ran(&folder, &["init", "taken/below"], false).exits(1);
    assert!(refused.stderr.contains("taken/below"), "{refused:#?}");
}
