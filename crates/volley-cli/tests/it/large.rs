//! The ceiling: 2,000,000 numbers in one request.

use crate::volley::{Folder, Gateway, run, volley};
use std::{fs, process::Stdio};

/// The most that the sender may hold at any moment, in KiB.
const MOST_KIB: u64 = 400 * 1024;

#[test]
fn two_million_recipients_leave_in_one_request_within_400_mib() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 2_000_000, "chunk = 2000000\n");
    let mut sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "--json", "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("it runs");
    let mut peak_kib = 0;
    while sender.try_wait().expect("it is ours").is_none() {
        peak_kib = peak_kib.max(high_water_kib(sender.id()).unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let output = sender.wait_with_output().expect("it ended");
    let ended = crate::volley::Ran::of(&output).exits(0).json();
    assert_eq!(
        (&ended["recipients"]["accepted"], &ended["requests"]["sent"]),
        (&2_000_000.into(), &1.into())
    );
    assert!(peak_kib > 10 * 1024, "its memory was never seen");
    assert!(peak_kib < MOST_KIB, "{} MiB", peak_kib / 1024);
    let ledger = fs::read_to_string(&gateway.ledger).expect("a ledger");
    assert_eq!(ledger.lines().count(), 2_000_000);
    run(&["verify", &folder.text("test.volley")]).exits(0);
}

/// The most memory that a process has held so far; `None` where the system does not say.
pub(crate) fn high_water_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
