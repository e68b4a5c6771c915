//! The long runs: the same tests as every day, over far more cases.

use crate::{Failure, cargo, run};
use std::path::Path;

/// One test, and how much of it.
struct Long {
    package: &'static str,
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
}

/// Together some ten minutes on two cores, after the build.
const LONG: [Long; 4] = [
    // Phone numbers of every region, by the tables and by the library they were compiled from.
    Long { package: "volley-core", name: "number_twin", variables: &[("VOLLEY_NUMBER_CASES", "10000000")] },
    // Lists whose counts are known, five seeds.
    Long { package: "volley-cli", name: "generated", variables: &[("VOLLEY_GENERATED_ROWS", "2000000")] },
    // Plans killed while they are made.
    Long { package: "volley-cli", name: "plan_crash", variables: &[("VOLLEY_KILLS", "500")] },
    // What became of the messages of one request, asked for while it changes.
    Long {
        package: "volley-cli",
        name: "a_large_request_is_asked_about",
        variables: &[("VOLLEY_POLLED_RECIPIENTS", "1000000")],
    },
];

pub(crate) fn torture(root: &Path) -> Result<(), Failure> {
    LONG.iter().try_for_each(|long| {
        let test = ["test", "--release", "--locked", "-p", long.package, "--test", "it", long.name];
        let mut test = cargo(root, &test);
        test.envs(long.variables.iter().copied());
        run(test)
    })
}
