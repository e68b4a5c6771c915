//! The long runs: the same tests as every day, over far more cases.

use crate::{Failure, cargo, run};
use std::path::Path;

/// One test, and how much of it.
struct Long {
    package: &'static str,
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
}

/// Together some fifty minutes on two cores, after the build: the kills take half an hour of it, plans,
/// lists and phone numbers the rest.
const LONG: [Long; 13] = [
    // Phone numbers of every region, by the tables and by the library they were compiled from.
    Long { package: "volley-core", name: "number_twin", variables: &[("VOLLEY_NUMBER_CASES", "10000000")] },
    // Lists whose counts are known, five seeds.
    Long { package: "volley-cli", name: "generated", variables: &[("VOLLEY_GENERATED_ROWS", "2000000")] },
    // Plans killed while they are made.
    Long { package: "volley-cli", name: "plan_crash", variables: &[("VOLLEY_KILLS", "500")] },
    // A thousand kills at random moments of sending, over each provider.
    Long {
        package: "volley-cli",
        name: "crash::random",
        variables: &[("VOLLEY_RANDOM_KILLS", "1000"), ("VOLLEY_RANDOM_RECIPIENTS", "20000")],
    },
    // A kill at each named place, and while what it left is recovered.
    Long {
        package: "volley-cli",
        name: "crash::points",
        variables: &[("VOLLEY_POINT_TIMES", "3"), ("VOLLEY_NESTED_KILLS", "200")],
    },
    // Kills of what comes after sending.
    Long {
        package: "volley-cli",
        name: "crash::afterwards",
        variables: &[("VOLLEY_AFTERWARDS_KILLS", "50")],
    },
    // One journal, started a hundred times together.
    Long { package: "volley-cli", name: "crash::owners", variables: &[("VOLLEY_STARTS", "100")] },
    // Each signal a hundred times.
    Long { package: "volley-cli", name: "signal", variables: &[("VOLLEY_SIGNALS", "100")] },
    // Bits that flip in a journal and in its log.
    Long { package: "volley-journal", name: "flips", variables: &[("VOLLEY_FLIPS", "2000")] },
    // What became of the messages of one request, asked for while it changes.
    Long {
        package: "volley-cli",
        name: "a_large_request_is_asked_about",
        variables: &[("VOLLEY_POLLED_RECIPIENTS", "1000000")],
    },
    // Posts over connections that close in a race with them.
    Long { package: "volley-engine", name: "closes_in_a_race", variables: &[("VOLLEY_POSTS", "200000")] },
    // Whole campaigns with every fault there is, on virtual time.
    Long {
        package: "volley-engine",
        name: "whole_campaigns",
        variables: &[("VOLLEY_SIMULATION_SEEDS", "100000")],
    },
    // Send windows, whatever happens meanwhile.
    Long {
        package: "volley-engine",
        name: "nobody_is_texted_outside_their_hours",
        variables: &[("VOLLEY_WINDOW_SEEDS", "20000")],
    },
];

pub(crate) fn torture(root: &Path) -> Result<(), Failure> {
    LONG.iter().try_for_each(|long| {
        let test = ["test", "--release", "--locked", "-p", long.package, "--test", "it", long.name];
        let mut test = cargo(root, &test);
        if long.package == "volley-cli" {
            test.args(["--features", "kill-points"]); // one build for all of its tests
        }
        // The kills say what they left.
        test.args(["--", "--nocapture"]).envs(long.variables.iter().copied());
        run(test)
    })
}
