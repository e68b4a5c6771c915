//! Every exit code of the contract, provoked through the binary: the code, what is said, what to do,
//! and the same for scripts.

use crate::{
    signals::{signal, under_way},
    volley::{FAST, Folder, Gateway, Ran, run, volley},
};
use serde_json::Value;
use std::{fs, process::Stdio};

/// Runs a command to an end.
type Provoke = fn() -> Ran;

/// A way to end, and how it shows.
struct Ending {
    code: i32,
    what: &'static str,
    /// What of the sentence says what is wrong, and where.
    message: &'static str,
    /// What of it says what to do, which stands behind the other.
    hint: &'static str,
    /// Runs a command that ends so, with `--json`.
    provoke: Provoke,
}

#[rustfmt::skip]
const ENDINGS: &[Ending] = &[
    Ending { code: 1, what: "a directory that is a file",
        message: "could not be written", hint: "choose another place", provoke: not_a_directory },
    Ending { code: 2, what: "a misspelt key",
        message: "campaign.toml, line 4: there is no key `message.txt`", hint: "did you mean `message.text`?", provoke: misspelt },
    Ending { code: 2, what: "a misspelt flag",
        message: "unexpected argument '--rejcts' found", hint: "--rejects", provoke: misspelt_flag },
    Ending { code: 2, what: "a secret that is not there",
        message: "the environment variable SIM_KEY (provider.auth.key_env) is not set", hint: "export it", provoke: no_secret },
    Ending { code: 3, what: "somebody who asked not to be texted",
        message: "1 recipient was refused", hint: "volley report", provoke: refused },
    Ending { code: 4, what: "a wrong key",
        message: "the provider refused the credentials", hint: "correct them", provoke: wrong_key },
    Ending { code: 5, what: "nobody listens",
        message: "the provider cannot be reached", hint: "volley resume", provoke: unreachable },
    Ending { code: 6, what: "a lost answer",
        message: "10 recipients may or may not have been texted", hint: "volley doubt list", provoke: in_doubt },
    Ending { code: 7, what: "other prices than planned",
        message: "campaign.toml: prices changed since", hint: "volley resume", provoke: edited },
    Ending { code: 8, what: "a campaign above its cap",
        message: "the campaign costs THB 0.5000, above the cap of 0.1000", hint: "raise --max-cost", provoke: above_cap },
    Ending { code: 8, what: "a cap that is reached while sending",
        message: "the next request could pass the cost cap", hint: "higher --max-cost", provoke: cap_reached },
    Ending { code: 9, what: "a list without rows",
        message: "recipients.csv: nothing to send: it has a header and no rows", hint: "add a row", provoke: nobody },
    Ending { code: 10, what: "no campaign file",
        message: "campaign.toml: no such campaign file", hint: "check the name", provoke: missing },
    Ending { code: 10, what: "no journal",
        message: "there is no journal", hint: "volley plan", provoke: no_journal },
    Ending { code: 11, what: "a journal that is being sent",
        message: "is in use by process", hint: "volley status", provoke: in_use },
    Ending { code: 12, what: "a letter instead of a journal",
        message: "letter.volley is not a Volley journal", hint: "name the .volley file", provoke: no_letter },
    Ending { code: 12, what: "an older copy",
        message: "is an older copy", hint: "bring the newest journal back", provoke: older_copy },
    Ending { code: 13, what: "an older copy that is verified",
        message: "test.volley: an invariant does not hold", hint: "keep the file", provoke: verified_copy },
    Ending { code: 130, what: "Ctrl-C",
        message: "interrupted", hint: "volley resume", provoke: interrupted },
];

/// Several apply: 12, 13, 7, 8, 4, 5, 6, 3.
const BOTH: &[(i32, &str, Provoke)] = &[
    (12, "an older copy of an edited campaign above its cap", || {
        let (folder, _gateway) = copied();
        reprice(&folder);
        json(&["send", &folder.text("campaign.toml"), "--yes", "--max-cost", "0.10"])
    }),
    (13, "an older copy with doubt in it", || {
        let (folder, gateway) = lost();
        run(&["send", &folder.text("campaign.toml"), "--yes", "-q"]).exits(6);
        put_back_an_older_copy(&folder, |folder| {
            run(&[
                "doubt",
                "resolve",
                &folder.text("test.volley"),
                "--accepted",
                "--all",
                "--note",
                "seen",
                "-q",
            ])
            .exits(0);
        });
        drop(gateway);
        json(&["verify", &folder.text("test.volley")])
    }),
    (7, "an edited campaign above its cap with a wrong key", || {
        let (folder, _gateway) = planned(10, FAST);
        reprice(&folder);
        keyless(&["send", &folder.text("campaign.toml"), "--yes", "--max-cost", "0.10"])
    }),
    (8, "a campaign above its cap with a wrong key", || {
        let (folder, _gateway) = planned(10, FAST);
        fs::remove_file(folder.path("test.volley")).expect("a journal");
        keyless(&["send", &folder.text("campaign.toml"), "--yes", "--max-cost", "0.10"])
    }),
    (4, "a wrong key where some are in doubt", || {
        let (folder, _gateway) = half_lost();
        keyless(&["resume", &folder.text("test.volley"), "--yes", "--max-cost", "100"])
    }),
    (5, "nobody listens where some are in doubt", || {
        let (folder, gateway) = half_lost();
        drop(gateway);
        json(&["resume", &folder.text("test.volley"), "--yes", "--max-cost", "100"])
    }),
    (6, "some in doubt and one refused", || {
        let (folder, _gateway) = half_lost();
        folder.write("test.optouts.csv", "number\n+66800000030\n");
        json(&["resume", &folder.text("test.volley"), "--yes", "--max-cost", "100"])
    }),
];

#[test]
fn every_exit_code_comes_with_what_is_wrong_and_what_to_do() {
    for Ending { code, what, message, hint, provoke } in ENDINGS {
        let ran = provoke();
        assert_eq!(ran.code, Some(*code), "{what}: {ran:#?}");
        let said = ran.stderr.lines().rfind(|line| line.contains(message));
        let said = said.unwrap_or_else(|| panic!("{what}: no `{message}`: {ran:#?}"));
        // One object, which says the same as the sentence.
        let answer: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
        let error = &answer["error"];
        let of =
            |member: &str| error[member].as_str().unwrap_or_else(|| panic!("{what}: no {member}: {ran:#?}"));
        assert_eq!(
            (&answer["schema"], &error["exit_code"]),
            (&1.into(), &(*code).into()),
            "{what}: {ran:#?}"
        );
        assert!(of("message").contains(message) && of("hint").contains(hint), "{what}: {ran:#?}");
        if !said.starts_with("error: ") {
            assert!(said.ends_with(&format!("{}; {}", of("message"), of("hint"))), "{what}: {ran:#?}");
        }
    }
}

#[test]
fn what_goes_well_is_exit_code_0_and_says_nothing() {
    let (folder, _gateway) = sound(10, FAST, "");
    let campaign = folder.text("campaign.toml");
    for arguments in [&["check", &campaign][..], &["preview", &campaign], &["send", &campaign, "--yes"]] {
        let ran = json(&[arguments, &["-q"]].concat()).exits(0);
        assert_eq!(ran.stderr, "", "{arguments:?}");
        let answer: Value = serde_json::from_str(&ran.stdout).expect("one object");
        assert!(answer.get("error").is_none(), "{arguments:?}: {ran:#?}");
    }
}

#[test]
fn of_several_endings_the_one_that_the_contract_puts_first_counts() {
    for (code, what, provoke) in BOTH {
        let ran = provoke();
        assert_eq!(ran.code, Some(*code), "{what}: {ran:#?}");
        assert_eq!(ran.json()["error"]["exit_code"], *code, "{what}: {ran:#?}");
    }
}

/// Runs to the end, for a script.
fn json(arguments: &[&str]) -> Ran {
    run(&[arguments, &["--json"]].concat())
}

/// The same with a key that is not the account's.
fn keyless(arguments: &[&str]) -> Ran {
    let mut command = volley(&[arguments, &["--json"]].concat());
    Ran::of(&command.env("SIM_KEY", "another-key").output().expect("it runs"))
}

/// A campaign that nothing is wrong with, and its gateway with `faults`.
fn sound(recipients: u32, provider: &str, faults: &str) -> (Folder, Gateway) {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), &format!("[limiter]\nkind = \"none\"\n{faults}"));
    folder.campaign("mesms", &gateway.address, recipients, provider);
    (folder, gateway)
}

/// The same, planned.
fn planned(recipients: u32, provider: &str) -> (Folder, Gateway) {
    let (folder, gateway) = sound(recipients, provider, "");
    run(&["plan", &folder.text("campaign.toml"), "-q"]).exits(0);
    (folder, gateway)
}

/// One whose only answer is lost.
fn lost() -> (Folder, Gateway) {
    sound(10, FAST, "[[fault]]\nrequest = 1\nkind = \"commit_then_drop\"\n")
}

/// One of thirty people of whom ten are in doubt, ten were sent to, and ten are not yet.
fn half_lost() -> (Folder, Gateway) {
    let one_by_one = "rate = \"1000/s\"\nmax_in_flight = 1\nchunk = 10\n";
    let (folder, gateway) = sound(30, one_by_one, "[[fault]]\nrequest = 1\nkind = \"commit_then_drop\"\n");
    run(&["plan", &folder.text("campaign.toml"), "-q"]).exits(0);
    run(&["resume", &folder.text("test.volley"), "--yes", "-q", "--max-cost", "1.00"]).exits(8);
    (folder, gateway)
}

/// One that was sent, with its journal as it was before.
fn copied() -> (Folder, Gateway) {
    let (folder, gateway) = planned(10, FAST);
    put_back_an_older_copy(&folder, |folder| {
        run(&["resume", &folder.text("test.volley"), "--yes", "-q"]).exits(0);
    });
    (folder, gateway)
}

fn put_back_an_older_copy(folder: &Folder, meanwhile: impl FnOnce(&Folder)) {
    fs::copy(folder.path("test.volley"), folder.path("copy")).expect("a copy");
    meanwhile(folder);
    fs::copy(folder.path("copy"), folder.path("test.volley")).expect("put back");
}

fn reprice(folder: &Folder) {
    folder.write("rates.csv", "prefix,price,currency\n66,0.06,THB\n");
}

fn not_a_directory() -> Ran {
    let folder = Folder::new();
    folder.write("file", "");
    json(&["init", &format!("{}/spring", folder.text("file"))])
}

fn misspelt() -> Ran {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 1, FAST);
    let text = fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
    folder.write("campaign.toml", text.replace("text =", "txt ="));
    json(&["check", &folder.text("campaign.toml")])
}

fn misspelt_flag() -> Ran {
    json(&["preview", "campaign.toml", "--rejcts", "left-out.csv"])
}

fn no_secret() -> Ran {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 1, FAST);
    let mut check = volley(&["check", &folder.text("campaign.toml"), "--json"]);
    Ran::of(&check.env_remove("SIM_KEY").output().expect("it runs"))
}

fn refused() -> Ran {
    let (folder, _gateway) = planned(10, FAST);
    folder.write("test.optouts.csv", "number\n+66800000003\n");
    json(&["resume", &folder.text("test.volley"), "--yes"])
}

fn wrong_key() -> Ran {
    let (folder, _gateway) = sound(10, FAST, "");
    keyless(&["send", &folder.text("campaign.toml"), "--yes"])
}

fn unreachable() -> Ran {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 10, FAST);
    json(&["send", &folder.text("campaign.toml"), "--yes"])
}

fn in_doubt() -> Ran {
    let (folder, _gateway) = lost();
    json(&["send", &folder.text("campaign.toml"), "--yes"])
}

fn edited() -> Ran {
    let (folder, _gateway) = planned(10, FAST);
    reprice(&folder);
    json(&["send", &folder.text("campaign.toml"), "--yes"])
}

fn above_cap() -> Ran {
    let (folder, _gateway) = sound(10, FAST, "");
    json(&["send", &folder.text("campaign.toml"), "--yes", "--max-cost", "0.10"])
}

fn cap_reached() -> Ran {
    let (folder, _gateway) = planned(10, &format!("{FAST}chunk = 1\n"));
    json(&["resume", &folder.text("test.volley"), "--yes", "--max-cost", "0.10"])
}

fn nobody() -> Ran {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 0, FAST);
    json(&["preview", &folder.text("campaign.toml")])
}

fn missing() -> Ran {
    json(&["check", &Folder::new().text("campaign.toml")])
}

fn no_journal() -> Ran {
    json(&["status", &Folder::new().text("test.volley")])
}

fn in_use() -> Ran {
    let (folder, gateway) = sound(10, FAST, "[[fault]]\nrequests = [1, 9]\nkind = \"stall\"\n");
    let mut sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    while gateway.taken().is_empty() {
        std::thread::yield_now();
    }
    let ran = json(&["resume", &folder.text("test.volley"), "--yes"]);
    sender.kill().expect("killed");
    sender.wait().expect("gone");
    ran
}

fn no_letter() -> Ran {
    let folder = Folder::new();
    folder
        .write("letter.volley", "A letter to the editor, and longer than a header of SQLite is. ".repeat(4));
    json(&["status", &folder.text("letter.volley")])
}

fn older_copy() -> Ran {
    let (folder, _gateway) = copied();
    json(&["resume", &folder.text("test.volley"), "--yes"])
}

fn verified_copy() -> Ran {
    let (folder, _gateway) = copied();
    json(&["verify", &folder.text("test.volley")])
}

fn interrupted() -> Ran {
    let folder = Folder::new();
    let slow = "latency_ms = [5, 20]\n[limiter]\nkind = \"sliding_log\"\nrequests = 100\nwindow_ms = 1000\n";
    let gateway = Gateway::start(folder.directory.path(), slow);
    let sender = under_way(&folder, &gateway);
    signal(&sender, "INT");
    Ran::of(&sender.wait_with_output().expect("it ends"))
}
