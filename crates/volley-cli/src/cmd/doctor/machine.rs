//! What holds whatever is sent: SQLite, time zones, the clock, room on the disk, descriptors.

use super::Finding;
use crate::output;
use jiff::{Timestamp, tz::TimeZone};
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};
use std::path::Path;

/// No clock that is right shows an earlier time: 2026 began then.
const EARLIEST: i64 = 1_767_225_600;

/// Files that are open beside one socket for each request in flight.
const OTHER_DESCRIPTORS: u64 = 64;

/// What is in flight where nothing is known of a campaign.
const USUAL_IN_FLIGHT: u32 = 16;

pub(super) fn findings() -> Vec<Finding> {
    vec![sqlite(), time_zones(), clock(Timestamp::now().as_second())]
}

fn sqlite() -> Finding {
    let (version, keeps_commits) = volley_journal::sqlite();
    if keeps_commits {
        return Finding::fine("sqlite", format!("SQLite {version} is built in"));
    }
    Finding::problem(
        "sqlite",
        "sqlite_loses_commits",
        12,
        format!("SQLite {version} can lose commits"),
        "build volley with the SQLite that it brings along",
    )
}

/// Whether zones are known: those of recipients come with the binary, ours with the machine.
fn time_zones() -> Finding {
    if let Err(error) = TimeZone::get("Australia/Lord_Howe") {
        return Finding::problem(
            "time_zones",
            "time_zones_missing",
            2,
            format!("recipients' time zones are not known: {error}"),
            "build volley with the time zone database that it brings along",
        );
    }
    match TimeZone::try_system() {
        Ok(zone) => {
            let name = zone.iana_name().unwrap_or("without a name").to_owned();
            Finding::fine(
                "time_zones",
                format!("recipients' time zones are built in; this machine's is {name}"),
            )
        }
        Err(error) => Finding::warning(
            "time_zones",
            "own_time_zone_unknown",
            format!("this machine's time zone is not known: {error}"),
            "set TZ or /etc/localtime; until then times are shown in UTC",
        ),
    }
}

/// Whether the clock shows a time at which this program can be run, in seconds since 1970.
fn clock(now: i64) -> Finding {
    let shown = Timestamp::from_second(now).map_or_else(|_| now.to_string(), |now| now.to_string());
    if now >= EARLIEST {
        return Finding::fine("clock", format!("it is {shown}"));
    }
    Finding::problem(
        "clock",
        "clock_in_the_past",
        2,
        format!("the clock says {shown}"),
        "set it: schedules, send windows and rates go by it",
    )
}

/// Whether there is room for `needed` bytes in `directory`.
pub(super) fn disk(directory: &Path, needed: u64) -> Finding {
    match statvfs(directory) {
        Ok(found) => room(directory, found.f_bavail.saturating_mul(found.f_frsize), needed),
        Err(error) => Finding::problem(
            "disk",
            "disk_unreadable",
            10,
            format!("{}: {error}", directory.display()),
            "name a directory that is there",
        ),
    }
}

fn room(directory: &Path, free: u64, needed: u64) -> Finding {
    let says = format!("{} free in {}", mebibytes(free), directory.display());
    if free < needed {
        return Finding::problem(
            "disk",
            "disk_full",
            5,
            format!("{says}, and a run takes up to {}", mebibytes(needed)),
            "free space there, or put the journal elsewhere",
        );
    }
    if free / 4 < needed {
        return Finding::warning(
            "disk",
            "disk_nearly_full",
            says,
            "see that nothing else fills it meanwhile",
        );
    }
    Finding::fine("disk", says)
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", output::count(bytes.div_ceil(1 << 20)))
}

/// Whether so many requests in flight find a descriptor each.
pub(super) fn descriptors(in_flight: Option<u32>) -> Finding {
    enough(getrlimit(Resource::Nofile).current, in_flight.unwrap_or(USUAL_IN_FLIGHT))
}

fn enough(limit: Option<u64>, in_flight: u32) -> Finding {
    let needed = u64::from(in_flight) + OTHER_DESCRIPTORS;
    match limit {
        Some(limit) if limit < needed => Finding::problem(
            "descriptors",
            "descriptors_few",
            2,
            format!("{limit} files may be open at a time, and {in_flight} requests in flight take {needed}"),
            format!("run `ulimit -n {needed}` before, or lower provider.max_in_flight"),
        ),
        Some(limit) => Finding::fine(
            "descriptors",
            format!("{} files may be open, {needed} are needed", output::count(limit)),
        ),
        None => Finding::fine("descriptors", "any number of files may be open"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_needed_and_some_more_is_better() {
        for (free, code, exit_code) in [
            (0, "disk_full", 5),
            (999, "disk_full", 5),
            (1_000, "disk_nearly_full", 0),
            (3_999, "disk_nearly_full", 0),
            (4_000, "ok", 0),
        ] {
            let found = room(Path::new("."), free, 1_000);
            assert_eq!((found.code, found.exit_code), (code, exit_code), "{free} free");
        }
    }

    #[test]
    fn each_request_in_flight_takes_a_descriptor() {
        for (limit, in_flight, code) in [
            (Some(79), 16, "descriptors_few"),
            (Some(80), 16, "ok"),
            (Some(1_024), 1_000, "descriptors_few"),
            (None, 1_000, "ok"),
        ] {
            assert_eq!(enough(limit, in_flight).code, code, "{limit:?}, {in_flight}");
        }
    }

    #[test]
    fn a_clock_that_was_never_set_is_a_problem() {
        assert_eq!((clock(0).code, clock(EARLIEST - 1).code), ("clock_in_the_past", "clock_in_the_past"));
        assert_eq!(clock(EARLIEST).code, "ok");
    }
}
