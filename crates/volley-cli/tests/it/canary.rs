//! `send --canary N`: the first recipients are judged before the others are sent to.

use crate::volley::{Folder, Gateway, run, times, volley};
use std::os::unix::process::ExitStatusExt;

const NO_LIMIT: &str = "[limiter]\nkind = \"none\"\n";
/// One recipient a request, so that request 3 is recipient 3.
const ONE_BY_ONE: &str = "rate = \"1000/s\"\nmax_in_flight = 1\nchunk = 1\n";

/// A campaign of a hundred people through a gateway with these faults.
fn office(kind: &str, faults: &str) -> (Folder, Gateway) {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), &format!("{NO_LIMIT}{faults}"));
    folder.campaign(kind, &gateway.address, 100, ONE_BY_ONE);
    (folder, gateway)
}

#[test]
fn nobody_beyond_a_canary_that_went_wrong_is_sent_to_and_a_resume_goes_on() {
    for kind in ["transmitsms", "mesms"] {
        for (faults, says, taken, resumed) in [
            (
                "[[fault]]\nrequests = [2, 3]\nkind = \"error_before\"\nstatus = 400\n",
                "of the first 10 recipients 2 refused, 0 in doubt",
                1,
                3,
            ),
            (
                "[[fault]]\nrequests = [5, 6]\nkind = \"commit_then_drop\"\n",
                "of the first 10 recipients 0 refused, 2 in doubt",
                6,
                6,
            ),
            ("[[fault]]\nkind = \"extra_part\"\nevery = 4\n", "", 4, 0),
        ] {
            let (folder, gateway) = office(kind, faults);
            if kind == "mesms" {
                // What ME-SMS bills are credits.
                folder.write("rates.csv", "prefix,price,currency\n66,1,CREDIT\n");
            }
            let stopped = run(&["send", &folder.text("campaign.toml"), "--yes", "--json", "--canary", "10"]);
            let stopped = stopped.exits(5);
            for words in ["stopped: the canary went wrong", says, "volley resume"] {
                assert!(stopped.stderr.contains(words), "{kind}: {words}: {stopped:#?}");
            }
            let status = stopped.json();
            assert_eq!((&status["state"], &status["exit_code"]), (&"paused".into(), &5.into()), "{kind}");
            assert!(status["recipients"]["pending"].as_u64() >= Some(90), "{kind}: {status}");
            assert_eq!(gateway.taken().len(), taken, "{kind}: {faults}");

            // It was told of: the same flag is too late now, and going on is a decision.
            let late = run(&["send", &folder.text("campaign.toml"), "--yes", "--canary", "1"]).exits(2);
            assert!(late.stderr.contains("--canary 1 is too late"), "{late:#?}");
            assert_eq!(gateway.taken().len(), taken, "{kind}: {faults}");
            let done = run(&["resume", &folder.text("test.volley"), "--yes", "--json"]).exits(resumed).json();
            assert_eq!(done["recipients"]["pending"], 0, "{kind}: {faults}");
            assert!(times(&gateway.taken()).values().all(|times| *times == 1), "{kind}: {faults}");
            folder.verified();
        }
    }
}

#[test]
fn a_canary_that_went_well_is_followed_by_all_others_without_a_word_from_anybody() {
    for (canary, faults, exits) in [
        ("10", "", 0),
        ("100", "", 0),
        ("1000", "", 0),
        ("10", "[[fault]]\nrequest = 4\nkind = \"error_before\"\nstatus = 400\n", 3),
        ("10", "[[fault]]\nrequests = [11, 30]\nkind = \"error_before\"\nstatus = 400\n", 3),
    ] {
        let (folder, gateway) = office("transmitsms", faults);
        let sent = run(&["send", &folder.text("campaign.toml"), "--yes", "--json", "--canary", canary]);
        let sent = sent.exits(exits);
        assert!(sent.stderr.contains("canary: ") && sent.stderr.contains("first; the others"), "{sent:#?}");
        let is_all = canary != "10";
        assert_eq!(sent.stderr.contains("canary: the first 10 recipients went well"), !is_all, "{sent:#?}");
        let refused = sent.json()["recipients"]["refused"].as_u64().expect("a number");
        assert_eq!(gateway.taken().len() as u64, 100 - refused, "--canary {canary}");
        folder.verified();
    }
}

#[test]
fn a_process_that_dies_in_its_canary_leaves_the_rest_of_it_to_the_next() {
    let (folder, gateway) =
        office("transmitsms", "[[fault]]\nrequests = [8, 9]\nkind = \"error_before\"\nstatus = 400\n");
    let journal = folder.text("test.volley");
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    let killed = volley(&["send", &journal, "--yes", "--canary", "10"])
        .env("VOLLEY_KILL_POINT", "after-outcome:5:kill")
        .output()
        .expect("it runs");
    assert_eq!(killed.status.signal(), Some(9), "{killed:?}");
    let stopped = run(&["resume", &journal, "--yes", "--json"]).exits(5);
    assert!(stopped.stderr.contains("the canary went wrong"), "{stopped:#?}");
    assert!(gateway.taken().len() <= 8, "{} taken", gateway.taken().len());
    assert!(stopped.json()["recipients"]["pending"].as_u64() >= Some(90), "{stopped:#?}");
    folder.verified();
    run(&["resume", &journal, "--yes"]).exits(3);
    assert!(times(&gateway.taken()).values().all(|times| *times == 1));
    folder.verified();
}

#[test]
fn a_canary_of_nobody_is_refused() {
    let (folder, gateway) = office("transmitsms", "");
    run(&["send", &folder.text("campaign.toml"), "--yes", "--canary", "0"]).exits(2);
    assert_eq!(gateway.taken().len(), 0);
}
