//! One journal, one process: whoever comes second is told who was first, by whatever name it comes.

use super::referee::{Running, Trial, seed, size};
use crate::{
    providers::Provider,
    volley::{Ran, run, volley},
};
use std::{
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// How many are started together; a hundred in the long run.
fn starts() -> usize {
    size("VOLLEY_STARTS", 20)
}

/// The first requests are never answered, so that whoever sends goes on sending.
const STALLED: &str = "[limiter]\nkind = \"none\"\n[[fault]]\nrequests = [1, 4]\nkind = \"stall\"\n";

fn stalled(seed: u64) -> Trial {
    Trial::new(Provider::of("mesms"), 400, (4, 10), STALLED, seed)
}

/// Sends until its first four requests are stalled.
fn owner_of(trial: &mut Trial) -> Running {
    let owner = Running::start(&mut trial.resume());
    while trial.taken() < 40 {
        std::thread::sleep(Duration::from_millis(2));
    }
    owner
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs")
}

#[test]
fn of_many_started_together_one_sends_and_the_others_name_it() {
    let seed = seed();
    let mut trial = stalled(seed);
    let link = trial.folder.text("link.volley");
    symlink(&trial.journal, &link).expect("a link");
    // By its name, by a path from where it lies, and through a symbolic link.
    let resume = |index: usize| {
        let name = [trial.journal.as_str(), "test.volley", link.as_str()][index % 3];
        let mut command = volley(&["resume", name, "--yes", "-q"]);
        start(command.current_dir(trial.folder.directory.path()))
    };
    let mut senders: Vec<Running> = (0..starts()).map(|index| Running(resume(index))).collect();
    // Of those who come second, each has ended; the first cannot.
    while senders.iter_mut().filter_map(|one| one.0.try_wait().expect("ours")).count() < starts() - 1 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let is_running = |one: &mut Running| one.0.try_wait().expect("ours").is_none();
    let first = senders.iter_mut().position(is_running).expect("one of them sends");
    let owner = senders.swap_remove(first);
    let pid = owner.0.id().to_string();
    for mut refused in senders {
        let mut told = String::new();
        let mut stderr = refused.0.stderr.take().expect("a pipe");
        std::io::Read::read_to_string(&mut stderr, &mut told).expect("UTF-8");
        let code = refused.0.wait().expect("it ended").code();
        assert_eq!(code, Some(11), "SEED={seed}: {told}");
        assert!(told.split_whitespace().any(|word| word.trim_end_matches(';') == pid), "{pid}: {told}");
    }
    while trial.taken() < 40 {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(owner.kill());
    // A dead owner holds nothing.
    let sight = trial.judge("the owner was killed");
    assert_eq!(sight.open, 40, "SEED={seed}");
    let ended = Ran::of(&trial.resume().arg("--json").output().expect("it runs"));
    assert_eq!(ended.code, Some(6), "{ended:#?}");
    let end = trial.finish();
    assert_eq!((end.in_doubt, end.by_kill_taken), (40, 40), "SEED={seed}");
}

#[test]
fn a_second_name_of_a_journal_sends_nothing_and_nobody_sends_while_it_is_there() {
    let seed = seed();
    let mut trial = stalled(seed);
    let link = trial.folder.text("link.volley");
    let refused = |name: &str| {
        for command in ["resume", "send"] {
            let refused = run(&[command, name, "--yes"]).exits(12);
            assert!(refused.stderr.contains("hard links"), "{refused:#?}");
        }
    };
    // While somebody sends, who does not notice.
    let owner = owner_of(&mut trial);
    std::fs::hard_link(&trial.journal, &link).expect("a link");
    refused(&link);
    assert!(owner.kill());
    // And afterwards, when the journal has a log that lies beside one of the names.
    refused(&link);
    refused(&trial.journal);
    assert!(!Path::new(&format!("{link}-wal")).exists(), "it was not even opened");
    std::fs::remove_file(&link).expect("removed");
    trial.judge("the second name is gone");
    let end = trial.finish();
    assert_eq!((end.in_doubt, end.by_kill_taken), (40, 40), "SEED={seed}");
}
