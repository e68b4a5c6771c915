//! On a terminal nothing is sent before somebody typed how many it is, and no half of a yes counts. A
//! pipe is nobody: see `opting_out.rs`.

use crate::volley::{FAST, Folder, Gateway, Ran, volley};
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// A campaign of 1,200 people who all wait.
fn office() -> (Folder, Gateway) {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "[limiter]\nkind = \"none\"\n");
    folder.campaign("mesms", &gateway.address, 1_200, FAST);
    folder.write("rates.csv", "prefix,price,currency\n66,1,CREDIT\n");
    (folder, gateway)
}

/// Runs the binary on a terminal of its own, where `typed` is typed; what it says is in `stdout`.
/// `None` where there is no `script` to make one.
fn typed(arguments: &[&str], typed: &str) -> Option<Ran> {
    let binary = volley(arguments);
    let words: Vec<String> = [binary.get_program()]
        .into_iter()
        .chain(binary.get_args())
        .map(|word| format!("'{}'", word.to_str().expect("UTF-8")))
        .collect();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &words.join(" "), "/dev/null"]);
    for (name, value) in binary.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    let child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        println!("skipped: there is no `script` here");
        return None;
    };
    let mut keyboard = child.stdin.take().expect("a pipe");
    keyboard.write_all(typed.as_bytes()).expect("it is there");
    // It stays open: an end of the input is another thing than a wrong answer.
    let ended = child.wait_with_output().expect("it ends");
    drop(keyboard);
    Some(Ran::of(&ended))
}

#[test]
fn on_a_terminal_only_the_number_itself_sends() {
    let (folder, gateway) = office();
    let campaign = folder.text("campaign.toml");
    for answer in ["\n", "y\n", "yes\n", "1199\n", "12000\n", "120\n", "-1200\n", "1200 yes\n", "\u{4}"] {
        let Some(refused) = typed(&["send", &campaign], answer) else { return };
        let refused = refused.exits(2);
        assert!(refused.stdout.contains("Type 1200 to send: "), "{answer:?}: {refused:#?}");
        assert!(refused.stdout.contains("not confirmed; nothing was sent"), "{answer:?}: {refused:#?}");
        assert_eq!(gateway.taken().len(), 0, "{answer:?}");
        assert!(!folder.path("test.volley").exists(), "{answer:?}: its plan is in nobody's way");
    }
    // As people write it, and with the canary said aloud.
    let sent = typed(&["send", &campaign, "--canary", "5"], "1,200\n").expect("as before").exits(0);
    assert!(sent.stdout.contains("1,200 recipients are pending"), "{sent:#?}");
    assert!(sent.stdout.contains("The first 5 are sent to and judged before the others."), "{sent:#?}");
    assert_eq!(gateway.taken().len(), 1_200);
}
