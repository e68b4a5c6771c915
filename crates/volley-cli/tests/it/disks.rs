//! Disks that are full or cannot be written, for real: a file system in memory of a few MiB, in a
//! mount namespace of its own, which needs no right but to make one.

use crate::volley::{Folder, Gateway, Ran, run, volley};
use std::process::Command;

/// What every script begins with: `disk` is a file system of its own in the folder, with the plan
/// on it. The arguments are the folder, the binary, and the ledger of the gateway.
const PRELUDE: &str = r#"
    set -u
    folder=$1 volley=$2 ledger=$3
    mkdir "$folder/disk" && mount -t tmpfs -o size=10m none "$folder/disk" && cd "$folder/disk" || exit 99
    "$volley" plan ../campaign.toml -o test.volley -q || exit 98
    taken() { wc -l < "$ledger" 2> /dev/null || echo 0; }
    # Waits, at most some twenty seconds, until the command succeeds.
    until_true() { for i in $(seq 400); do "$@" && return 0; sleep 0.05; done; return 1; }
"#;

/// Runs `script` behind the prelude; `None`, with a word about it, where no such file system can
/// be made.
pub(crate) fn on_a_small_disk(folder: &Folder, gateway: &Gateway, script: &str) -> Option<Ran> {
    let can = Command::new("unshare")
        .args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"])
        .output()
        .is_ok_and(|tried| tried.status.success());
    if !can {
        println!("skipped: no mount namespace can be made here");
        return None;
    }
    // The binary's own environment, for another program.
    let binary = volley(&[]);
    let mut shell = Command::new("unshare");
    shell.args(["-rm", "sh", "-c", &format!("{PRELUDE}{script}"), "script"]);
    shell.arg(folder.directory.path()).arg(binary.get_program()).arg(&gateway.ledger);
    for (name, value) in binary.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    Some(Ran::of(&shell.output().expect("a shell")))
}

#[test]
fn a_disk_that_fills_up_pauses_the_run_and_room_lets_it_go_on() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 120, "rate = \"20/s\"\nchunk = 5\nmax_in_flight = 4\n");
    let script = r#"
        "$volley" resume test.volley --yes --json > ../said.json 2> ../said.txt &
        sender=$!
        some() { [ "$(taken)" -ge 30 ]; }
        until_true some || exit 97
        cat /dev/zero > filler 2> /dev/null
        told() { grep -q 'the journal cannot be written' ../said.txt; }
        until_true told || exit 96
        sleep 1
        full=$(taken)
        sleep 2.5
        [ "$(taken)" = "$full" ] || exit 95
        kill -0 $sender || exit 94
        rm filler
        wait $sender
        echo "resume: $?, $full taken while it was full"
        "$volley" verify test.volley -q
        echo "verify: $?"
        ls
    "#;
    let Some(ran) = on_a_small_disk(&folder, &gateway, script) else { return };
    let told = std::fs::read_to_string(folder.path("said.txt")).unwrap_or_default();
    let ran = ran.exits(0);
    assert!(ran.stdout.contains("resume: 0") && ran.stdout.contains("verify: 0"), "{ran:#?}\n{told}");
    assert!(told.contains("sending goes on"), "{told}");
    assert!(!ran.stdout.contains(".reserve"), "closed: {ran:#?}");
    assert_eq!(gateway.taken().len(), 120, "nobody was lost");
    let mut numbers: Vec<_> = gateway.taken().into_iter().map(|taken| taken.to).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 120, "nobody was texted twice");
}

#[test]
fn a_disk_that_is_full_at_the_start_sends_nothing() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 20, "rate = \"1000/s\"\n");
    let script = r#"
        cat /dev/zero > filler 2> /dev/null
        truncate -s -2M filler
        "$volley" resume test.volley --yes -q
        echo "full: $?, $(taken) taken"
        ls
        rm filler
        "$volley" resume test.volley --yes -q
        echo "room: $?, $(taken) taken"
    "#;
    let Some(ran) = on_a_small_disk(&folder, &gateway, script) else { return };
    let ran = ran.exits(0);
    assert!(ran.stdout.contains("full: 5, 0 taken"), "{ran:#?}");
    assert!(ran.stderr.contains("no room to keep for the outcomes"), "{ran:#?}");
    assert!(!ran.stdout.contains(".reserve"), "what did not fit is gone: {ran:#?}");
    assert!(ran.stdout.contains("room: 0, 20 taken"), "{ran:#?}");
}

#[test]
fn a_journal_that_cannot_be_written_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 20, "rate = \"1000/s\"\n");
    // A file that is read-only in a directory that is not, and a read-only file system.
    let script = r#"
        mount --bind test.volley test.volley && mount -o remount,bind,ro test.volley || exit 97
        "$volley" resume test.volley --yes -q
        echo "file: $?, $(taken) taken"
        umount test.volley
        mount -o remount,ro "$folder/disk" || exit 96
        cd "$folder/disk"
        "$volley" resume test.volley --yes -q
        echo "file system: $?, $(taken) taken"
        mount -o remount,rw "$folder/disk"
        "$volley" resume test.volley --yes -q
        echo "writable: $?, $(taken) taken"
    "#;
    let Some(ran) = on_a_small_disk(&folder, &gateway, script) else { return };
    let ran = ran.exits(0);
    for refused in ["file: 5, 0 taken", "file system: 1, 0 taken", "writable: 0, 20 taken"] {
        assert!(ran.stdout.contains(refused), "{refused}: {ran:#?}");
    }
    assert_eq!(ran.stderr.matches("test.volley").count(), 2, "each says which file: {ran:#?}");
}

#[test]
fn a_journal_of_somebody_else_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 20, "rate = \"1000/s\"\n");
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    let resume = |shell: &str| {
        let binary = volley(&[]);
        let mut command = Command::new("sh");
        command.args(["-c", shell, "script"]).arg(folder.directory.path()).arg(binary.get_program());
        command.envs(binary.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Ran::of(&command.output().expect("a shell"))
    };
    // The owner of everything may do everything, so somebody else has to try.
    let somebody_else = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    if !resume(&format!("chmod 755 \"$1\"; {somebody_else} \"$2\" --version")).stdout.contains("volley") {
        println!("skipped: nobody else can run the binary here");
        return;
    }
    let refused = resume(&format!("{somebody_else} \"$2\" resume \"$1/test.volley\" --yes -q"));
    assert!(matches!(refused.code, Some(1 | 5)), "{refused:#?}");
    assert!(refused.stderr.contains("test.volley"), "{refused:#?}");
    assert_eq!(gateway.taken().len(), 0);
}
