//! Killed while planning: a journal that is whole, or none; a list of rejects that is whole, or
//! none; and nothing left behind that stands in the way.

use crate::volley::{Folder, run, volley};
use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, SystemTime},
};

const RECIPIENTS: u32 = 100_000;

/// How often a run is killed; more in the long run, `cargo xtask torture`.
fn kills() -> u32 {
    std::env::var("VOLLEY_KILLS").map_or(50, |text| text.parse().expect("VOLLEY_KILLS is a number"))
}

/// A campaign with a text of their own for 100,000 people, and a row that is rejected after every
/// fourth.
fn campaign() -> Folder {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 0, "");
    let toml = fs::read_to_string(folder.path("campaign.toml")).expect("a file");
    let mut list = String::from("mobile,name,city\n");
    for index in 0..RECIPIENTS {
        list.push_str(&format!(
            "+{},Reader {index},City {}\n",
            66_800_000_000 + u64::from(index),
            index % 977
        ));
        if index % 4 == 0 {
            list.push_str(&format!("n/a,Nobody {index},Nowhere\n"));
        }
    }
    folder
        .write("campaign.toml", toml.replace("Sale ends today", "Hi {{name}} of {{city}}, sale ends today"))
        .write("recipients.csv", list);
    folder
}

fn start(arguments: &[&str]) -> Child {
    volley(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
}

fn kill(mut process: Child) {
    process.kill().expect("killed");
    process.wait().expect("gone");
}

/// How long `work` takes here and now.
pub(crate) fn duration_of(work: impl FnOnce()) -> Duration {
    let now = || SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let start = now();
    work();
    now().saturating_sub(start)
}

/// What a kill left under the journal's name is whole, of this plan, and removed again; `false`
/// where there was nothing, which no command sends.
fn left_a_whole_journal(folder: &Folder, plan_hash: &str, what: &str) -> bool {
    let journal = folder.text("test.volley");
    if !folder.path("test.volley").exists() {
        for command in ["send", "resume"] {
            let refused = run(&[command, &journal, "--yes"]);
            assert_eq!(refused.code, Some(10), "{what}: {command}: {refused:#?}");
        }
        return false;
    }
    let verified = run(&["verify", &journal, "--json"]);
    assert_eq!(verified.code, Some(0), "{what}: {verified:#?}");
    let verified = verified.json();
    assert_eq!((&verified["plan_hash"], &verified["recipients"]), (&plan_hash.into(), &RECIPIENTS.into()));
    let again = run(&["plan", &folder.text("campaign.toml")]);
    assert_eq!(again.code, Some(2), "{what}: a journal is never written over: {again:#?}");
    fs::remove_file(&journal).expect("removed");
    true
}

/// A plan in the making is under a name of its own. Whoever opens it all the same finds it whole
/// or damaged.
fn what_is_half_written_is_never_sent(folder: &Folder, what: &str) {
    let planning = folder.text("test.volley.planning");
    if !folder.path("test.volley.planning").exists() {
        return;
    }
    let verified = run(&["verify", &planning, "--json"]);
    if verified.code == Some(0) {
        assert_eq!(verified.json()["recipients"], RECIPIENTS, "{what}");
    } else {
        let resumed = run(&["resume", &planning, "--yes"]);
        assert_eq!(resumed.code, Some(12), "{what}: {resumed:#?}");
        // A file of nothing is taken for a campaign.
        let sent = run(&["send", &planning, "--yes"]);
        assert!(matches!(sent.code, Some(2 | 12)), "{what}: {sent:#?}");
        // Looking at it must not have made a journal of it. One that is there, is there by its own
        // name: the kill came between the two, and by this name it is refused.
        let is_named = folder.path("test.volley").exists();
        assert!(!is_named || resumed.stderr.contains("hard links"), "{what}: {resumed:#?}");
    }
}

/// Plans to the end, whatever was left behind.
fn plans_as_if_nothing_had_been(folder: &Folder, plan_hash: &str, what: &str) {
    let planned = run(&["plan", &folder.text("campaign.toml"), "--json"]);
    assert_eq!(planned.code, Some(0), "{what}: {planned:#?}");
    assert_eq!(planned.json()["plan_hash"], plan_hash, "{what}");
    assert!(!folder.path("test.volley.planning").exists(), "{what}: something is left in the making");
    assert!(left_a_whole_journal(folder, plan_hash, what), "{what}");
}

/// Fifty moments from the start to the end of a run, as long as the first one took.
#[test]
fn a_plan_killed_at_any_moment_is_whole_or_not_there_and_the_next_one_starts_clean() {
    let folder = campaign();
    let arguments = ["plan", &folder.text("campaign.toml"), "-q"];
    let whole = duration_of(|| assert!(start(&arguments).wait().expect("it ends").success()));
    let plan_hash = run(&["status", &folder.text("test.volley"), "--json"]).exits(0).json()["plan_hash"]
        .as_str()
        .expect("a hash")
        .to_owned();
    fs::remove_file(folder.path("test.volley")).expect("removed");
    let mut without = 0;
    let kills = kills();
    for moment in 0..kills {
        let what = format!("killed at {moment} of {kills}");
        let planner = start(&arguments);
        std::thread::sleep(whole * moment / kills);
        kill(planner);
        without += u32::from(!left_a_whole_journal(&folder, &plan_hash, &what));
        if moment % 10 == 5 {
            what_is_half_written_is_never_sent(&folder, &what);
            plans_as_if_nothing_had_been(&folder, &plan_hash, &what);
        }
    }
    assert!(without >= 5, "only {without} of the kills came before the end");
    plans_as_if_nothing_had_been(&folder, &plan_hash, "at the end");
}

/// Waits until `process` made a file, or ended.
fn appears(folder: &Folder, name: &str, process: &mut Child) {
    while !folder.path(name).exists() && process.try_wait().expect("it is ours").is_none() {
        std::thread::yield_now();
    }
}

/// The two moments that matter most are seen from outside: the plan in the making appears, and
/// the journal does, which for an instant has two names.
#[test]
fn a_plan_killed_as_its_files_appear_is_whole_or_not_there() {
    let folder = campaign();
    let campaign = folder.text("campaign.toml");
    let plan_hash = run(&["plan", &campaign, "--json"]).exits(0).json()["plan_hash"].clone();
    let plan_hash = plan_hash.as_str().expect("a hash");
    fs::remove_file(folder.path("test.volley")).expect("removed");
    for name in ["test.volley.lock", "test.volley.planning", "test.volley"] {
        let mut whole = 0;
        for time in 0..4 {
            let what = format!("killed as {name} appeared, {time}");
            for left in ["test.volley.lock", "test.volley.planning"] {
                fs::remove_file(folder.path(left)).ok();
            }
            let mut planner = start(&["plan", &campaign, "-q"]);
            appears(&folder, name, &mut planner);
            kill(planner);
            what_is_half_written_is_never_sent(&folder, &what);
            whole += u32::from(left_a_whole_journal(&folder, plan_hash, &what));
        }
        let is_journal = name == "test.volley";
        assert!(if is_journal { whole == 4 } else { whole < 4 }, "{name}: {whole} whole ones");
        plans_as_if_nothing_had_been(&folder, plan_hash, name);
    }
}

/// An earlier list is there in every other run, and stays until the new one is whole.
#[test]
fn a_list_of_rejects_is_whole_or_the_earlier_one_or_not_there() {
    const EARLIER: &str = "row,column,reason,original\n7,mobile,invalid_number,x\n";
    let folder = campaign();
    let rejects = folder.text("rejects.csv");
    let arguments = ["preview", &folder.text("campaign.toml"), "-q", "--rejects", &rejects];
    let whole = duration_of(|| assert!(start(&arguments).wait().expect("it ends").success()));
    let wanted = fs::read_to_string(&rejects).expect("a list");
    assert_eq!(wanted.lines().count(), 1 + RECIPIENTS as usize / 4);
    let mut before_the_end = 0;
    let kills = kills();
    for moment in 0..kills {
        let earlier = (moment % 2 == 0).then(|| EARLIER.to_owned());
        match &earlier {
            Some(list) => fs::write(&rejects, list).expect("written"),
            None => drop(fs::remove_file(&rejects)),
        }
        let previewer = start(&arguments);
        std::thread::sleep(whole * moment / kills);
        kill(previewer);
        let found = fs::read_to_string(&rejects).ok();
        let is_new = found.as_ref() == Some(&wanted);
        assert!(
            is_new || found == earlier,
            "killed at {moment} of {kills}: {} bytes",
            found.map_or(0, |list| list.len())
        );
        before_the_end += u32::from(!is_new);
        assert!(!folder.path("test.volley").exists(), "a preview plans nothing");
    }
    assert!(before_the_end >= 5, "only {before_the_end} of the kills came before the end");
    run(&arguments).exits(0);
    assert_eq!(fs::read_to_string(&rejects).ok(), Some(wanted));
    assert_eq!(fs::read_dir(folder.directory.path()).expect("a folder").count(), 4, "nothing else is left");
}
