//! Whoever asks not to be texted while a campaign is on its way.

use crate::{
    providers::{Provider, count},
    volley::{Folder, Gateway, Ran, run, volley},
};
use std::{fs, process::Stdio, time::Duration};

#[test]
fn whoever_joins_a_list_while_a_campaign_is_sent_is_in_no_request_from_then_on() {
    for list in ["test.optouts.csv", "never.csv"] {
        let folder = Folder::new();
        // Forty requests, one after the other: four seconds at least.
        let gateway =
            Gateway::start(folder.directory.path(), "latency_ms = [100, 100]\n[limiter]\nkind = \"none\"\n");
        Provider::of("mesms").campaign(&folder, &gateway.address, 400, "", "max_in_flight = 1\nchunk = 10\n");
        let campaign = fs::read_to_string(folder.path("campaign.toml")).expect("a file");
        let campaign = campaign.replace("region =", "suppress = [\"never.csv\"]\nregion =");
        folder.write("campaign.toml", campaign).write("never.csv", "number\n+66899999999\n");
        let sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        while gateway.taken().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        // A whole request near the end, and two of the last one, as `receipts` would add them.
        let asked: Vec<String> =
            (380..390).chain([394, 399]).map(|row| format!("+{}", 66_800_000_000_u64 + row)).collect();
        let known = fs::read_to_string(folder.path(list)).unwrap_or_else(|_| "number\n".to_owned());
        folder.write(list, format!("{known}{}\n", asked.join("\n")));
        let sent = Ran::of(&sender.wait_with_output().expect("it ends")).exits(3);
        let status = sent.json();
        assert_eq!(count(&status, "/recipients/refused"), 12, "{list}: {sent:#?}");
        assert_eq!(count(&status, "/recipients/accepted"), 388, "{list}: {sent:#?}");
        assert!(!gateway.taken().iter().any(|one| asked.contains(&one.to)), "{list}: somebody was texted");
        folder.verified();
        let report = folder.text("report.csv");
        run(&["report", &folder.text("test.volley"), "--csv", &report]).exits(0);
        let report = fs::read_to_string(report).expect("a report");
        assert_eq!(report.matches("they asked not to be texted again").count(), 12, "{list}");
    }
}

/// A pipe is nobody who can be asked, whatever it says: also the right number.
#[test]
fn nothing_is_sent_on_the_word_of_a_pipe() {
    use std::io::Write;
    for said in ["y\n", "yes\n", "20\n", "anyway\n", ""] {
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), "");
        Provider::of("mesms").campaign(&folder, &gateway.address, 20, "", "");
        for plans_first in [false, true] {
            let mut target = folder.text("campaign.toml");
            if plans_first {
                run(&["plan", &target]).exits(0);
                target = folder.text("test.volley");
            }
            let command = if plans_first { "resume" } else { "send" };
            let mut sender = volley(&[command, &target])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it runs");
            // It may have gone before it was told anything.
            sender.stdin.take().expect("a pipe").write_all(said.as_bytes()).ok();
            let refused = Ran::of(&sender.wait_with_output().expect("it ends")).exits(2);
            assert!(refused.stderr.contains("without a terminal; add --yes"), "{said:?}: {refused:#?}");
            assert_eq!(gateway.taken().len(), 0, "{said:?}");
        }
    }
}
