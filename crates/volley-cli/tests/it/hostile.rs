//! Providers and surroundings that mean harm, from outside of the process: how much memory it takes,
//! and whom it talks to.

use crate::{
    large::high_water_kib,
    providers::{PROVIDERS, Provider},
    volley::{Folder, Gateway, Ran, run, volley},
};
use std::{
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

/// What replies that mean harm may cost beyond a good one, in KiB.
const MORE_KIB: u64 = 8 * 1024;

/// Runs to the end, and tells the most memory that was seen, in KiB.
fn measured(mut command: Command) -> (Ran, u64) {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut peak_kib = 0;
    while process.try_wait().expect("it is ours").is_none() {
        peak_kib = peak_kib.max(high_water_kib(process.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    (Ran::of(&process.wait_with_output().expect("it ended")), peak_kib)
}

/// Sends one text through `provider`, and tells what stands in the list of doubt then.
fn send_one(provider: &Provider, address: &str) -> (Ran, u64, String) {
    let folder = Folder::new();
    provider.campaign(&folder, address, 1, "", "timeout = \"1s\"\n");
    let (ran, peak_kib) = measured(volley(&["send", &folder.text("campaign.toml"), "--yes", "--json", "-q"]));
    let doubt = run(&["doubt", "list", &folder.text("test.volley"), "--json"]);
    (ran, peak_kib, doubt.stdout)
}

#[test]
fn replies_that_mean_harm_leave_doubt_and_take_eight_mebibytes_at_most() {
    let cases = [
        ("kind = \"padded\"\n", "larger than 256 KiB"),
        ("kind = \"bomb\"\nencoding = \"gzip\"\n", "compressed, which was not asked for"),
        ("kind = \"bomb\"\nencoding = \"zstd\"\n", "compressed, which was not asked for"),
        ("kind = \"header_flood\"\nheaders = 1\nbytes = 1048576\n", "head cannot be read"),
        ("kind = \"header_flood\"\n", "head cannot be read"),
        ("kind = \"two_lengths\"\n", "head cannot be read"),
    ];
    let mut faults = String::from("[limiter]\nkind = \"none\"\n");
    let mut request = 0;
    for _ in &PROVIDERS {
        request += 1; // a good one first
        for (what, _) in cases {
            request += 1;
            faults.push_str(&format!("[[fault]]\nrequest = {request}\n{what}"));
        }
    }
    // Once is enough for what no adapter ever sees.
    faults.push_str(&format!("[[fault]]\nrequest = {}\nkind = \"continues\"\n", request + 1));
    let home = Folder::new();
    let gateway = Gateway::start(home.directory.path(), &faults);
    let mut usual_kib = 0;
    for provider in &PROVIDERS {
        let (ran, good_kib, doubt) = send_one(provider, &gateway.address);
        ran.exits(0);
        assert!(good_kib > 4 * 1024 && doubt.is_empty(), "{}: {good_kib} KiB, {doubt}", provider.kind);
        usual_kib = good_kib;
        for (what, reason) in cases {
            let (ran, peak_kib, doubt) = send_one(provider, &gateway.address);
            ran.exits(6);
            assert!(doubt.contains(reason), "{}: {what}: {doubt}", provider.kind);
            let limit_kib = good_kib + MORE_KIB;
            assert!(peak_kib < limit_kib, "{}: {what}: {peak_kib} of {limit_kib} KiB", provider.kind);
        }
    }
    let (ran, peak_kib, doubt) = send_one(&PROVIDERS[0], &gateway.address);
    ran.exits(6);
    assert!(doubt.contains("no answer within 1 s"), "{doubt}");
    assert!(peak_kib < usual_kib + MORE_KIB, "continues: {peak_kib} beyond {usual_kib} KiB");
    assert_eq!(gateway.taken().len(), PROVIDERS.len() * (cases.len() + 1) + 1, "each was taken once");
}

#[test]
fn no_proxy_of_the_environment_hears_a_byte() {
    let trap = TcpListener::bind("127.0.0.1:0").expect("a port");
    trap.set_nonblocking(true).expect("a socket");
    let proxy = format!("http://{}", trap.local_addr().expect("an address"));
    let home = Folder::new();
    let gateway = Gateway::start(home.directory.path(), "[limiter]\nkind = \"none\"\n");
    let trapped = |arguments: &[&str]| {
        let mut command = volley(arguments);
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env(name, &proxy).env(name.to_uppercase(), &proxy);
        }
        command.env_remove("no_proxy").env_remove("NO_PROXY");
        Ran::of(&command.output().expect("it runs"))
    };
    for provider in &PROVIDERS {
        let folder = Folder::new();
        provider.campaign(&folder, &gateway.address, 1, "", "");
        trapped(&["send", &folder.text("campaign.toml"), "--yes", "--json", "-q"]).exits(0);
    }
    let folder = Folder::new();
    Provider::of("mesms").campaign(&folder, &gateway.address, 1, "", "");
    trapped(&["provider", "balance", &folder.text("campaign.toml")]).exits(0);
    assert_eq!(gateway.taken().len(), PROVIDERS.len());
    assert!(trap.accept().is_err(), "nobody came by the proxy");
}
