//! `kill -9` at moments drawn from a seed, over every provider and all that goes wrong with one.

use super::referee::{Random, Running, Trial, seed, size};
use crate::providers::Provider;
use std::time::Duration;

/// Kills of one provider's campaigns; a thousand in the long run, `cargo xtask torture`.
fn kills() -> usize {
    size("VOLLEY_RANDOM_KILLS", 10)
}

/// Of one campaign; 20,000 in the long run.
fn recipients() -> u64 {
    size("VOLLEY_RANDOM_RECIPIENTS", 3_000) as u64
}

/// Answers take a while, so that much is under way; now and then something leaves doubt or has to
/// be sent again.
const FAULTS: &str = "
latency_ms = [1, 40]
[limiter]
kind = \"none\"
[[fault]]
chance = 0.0005
kind = \"throttle\"
retry_after = \"1\"
[[fault]]
chance = 0.001
kind = \"error_before\"
[[fault]]
chance = 0.001
kind = \"error_after\"
status = 502
[[fault]]
chance = 0.001
kind = \"commit_then_drop\"
[[fault]]
chance = 0.0005
kind = \"truncate\"
bytes = 9
[[fault]]
chance = 0.0005
kind = \"reset\"
";

const IN_FLIGHT: usize = 16;

/// What the kills of one provider left.
#[derive(Default)]
struct Score {
    kills: usize,
    campaigns: usize,
    most_open: usize,
    by_kill: usize,
    by_kill_taken: usize,
}

fn kill_and_resume(kind: &str, chunk: usize) {
    let (mut random, mut score) = (Random(seed()), Score::default());
    while score.kills < kills() {
        let seed = random.0;
        let flight = (IN_FLIGHT, chunk);
        // Four in nine of the American numbers are of areas that do not exist: the plan rejects them.
        let rows = if kind == "multitel" { recipients() * 9 / 5 } else { recipients() };
        let mut trial = Trial::new(Provider::of(kind), rows, flight, FAULTS, seed);
        campaign(&mut trial, &mut random, &mut score);
        let end = trial.finish();
        score.by_kill += end.by_kill;
        score.by_kill_taken += end.by_kill_taken;
        score.campaigns += 1;
    }
    let Score { kills, campaigns, most_open, by_kill, by_kill_taken } = score;
    eprintln!(
        "{kind}: {kills} kills over {campaigns} campaigns of {}: nobody lost, nobody twice; at most \
         {most_open} in doubt by one kill; {by_kill} in doubt by all, {by_kill_taken} of them taken ({} %)",
        recipients(),
        by_kill_taken * 100 / by_kill.max(1)
    );
    assert!(by_kill > 0, "{kind}: no kill struck while anything was under way");
    // Doubt that says nothing would be doubt about requests that never left. Of few it proves little.
    assert!(by_kill < 500 || by_kill_taken * 10 >= by_kill * 7, "{kind}: less than 70 % were taken");
}

/// Kills and resumes until nobody is pending, or there were kills enough.
fn campaign(trial: &mut Trial, random: &mut Random, score: &mut Score) {
    let mut endings = 0;
    while score.kills < kills() {
        let sender = Running::start(&mut trial.resume());
        std::thread::sleep(Duration::from_millis(5 + random.below(496)));
        let was_killed = sender.kill();
        let sight = trial.judge(&format!("kill {}", score.kills));
        score.most_open = score.most_open.max(sight.open);
        if was_killed {
            score.kills += 1;
        } else if sight.pending == 0 {
            return;
        } else {
            // A lane that stopped by itself goes on with the next start, and not for ever.
            endings += 1;
            assert!(endings < 1_000, "{}: it stops by itself again and again", trial.what);
        }
    }
}

#[test]
fn kills_at_random_moments_of_maxotel_lose_nobody_and_text_nobody_twice() {
    kill_and_resume("maxotel", 1);
}

#[test]
fn kills_at_random_moments_of_fonedynamics_lose_nobody_and_text_nobody_twice() {
    kill_and_resume("fonedynamics", 3);
}

#[test]
fn kills_at_random_moments_of_transmitsms_lose_nobody_and_text_nobody_twice() {
    kill_and_resume("transmitsms", 5);
}

#[test]
fn kills_at_random_moments_of_multitel_lose_nobody_and_text_nobody_twice() {
    kill_and_resume("multitel", 1);
}

#[test]
fn kills_at_random_moments_of_mesms_lose_nobody_and_text_nobody_twice() {
    kill_and_resume("mesms", 4);
}
