//! `volley doctor`: each thing that can be wrong, broken in turn, is found and told from the others.

use crate::volley::{FAST, Folder, Gateway, Ran, run, volley};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::{FileExt, PermissionsExt},
    path::Path,
    process::Command,
    thread,
};

/// A campaign of ten people that is sent and done, through a gateway that goes on listening.
struct Office {
    folder: Folder,
    gateway: Gateway,
}

impl Office {
    fn new() -> Self {
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), "[limiter]\nkind = \"none\"\n");
        folder.campaign("transmitsms", &gateway.address, 10, FAST);
        Self { folder, gateway }
    }

    /// The same, sent.
    fn sent() -> Self {
        let office = Self::new();
        run(&["send", &office.folder.text("campaign.toml"), "--yes", "-q"]).exits(0);
        office
    }

    /// Writes `new` for `old` in the campaign file.
    fn edit(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.folder.path("campaign.toml")).expect("a campaign");
        assert!(text.contains(old), "{old}: {text}");
        self.folder.write("campaign.toml", text.replace(old, new));
    }

    /// Names a file with the secret key instead of a variable.
    fn with_key_file(&self, content: &str, mode: u32) {
        self.edit("key_env = \"SIM_KEY\"", "key_file = \"key.txt\"");
        self.folder.write("key.txt", content);
        set_mode(&self.folder.path("key.txt"), mode);
    }

    fn examined(&self, target: &str) -> Examined {
        Examined::of(&run(&["doctor", &self.folder.text(target), "--json"]))
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// Breaks one thing.
type Break = fn(&Office);

/// What was found: code and state of everything that is not fine, with the exit code.
#[derive(Debug, PartialEq, Eq)]
struct Examined {
    found: BTreeSet<(String, String)>,
    code: i32,
}

impl Examined {
    #[track_caller]
    fn of(ran: &Ran) -> Self {
        let report = ran.json();
        let findings = report["findings"].as_array().unwrap_or_else(|| panic!("findings: {ran:#?}"));
        let word = |finding: &Value, name: &str| finding[name].as_str().expect("a word").to_owned();
        let found = findings.iter().map(|finding| (word(finding, "code"), word(finding, "state")));
        for finding in findings {
            assert!(!word(finding, "says").is_empty(), "{finding}");
            let is_fine = finding["state"] == "ok";
            assert_eq!(is_fine, finding["code"] == "ok", "{finding}");
        }
        assert_eq!(report["exit_code"], ran.code.expect("it ends"), "{ran:#?}");
        Self { found: found.filter(|(code, _)| code != "ok").collect(), code: ran.code.expect("it ends") }
    }

    /// Nothing else is found; what a machine's disk is like is no affair of a test's.
    #[track_caller]
    fn is(&self, code: i32, findings: &[(&str, &str)]) {
        let found: Vec<(&str, &str)> = self
            .found
            .iter()
            .map(|(code, state)| (code.as_str(), state.as_str()))
            .filter(|(code, _)| *code != "disk_nearly_full")
            .collect();
        assert_eq!((found.as_slice(), self.code), (findings, code));
    }
}

#[test]
fn a_machine_a_campaign_and_a_journal_that_are_well_pass_every_check() {
    Examined::of(&run(&["doctor", "--json"])).is(0, &[]);
    let office = Office::new();
    office.examined("campaign.toml").is(0, &[]);
    assert_eq!(office.gateway.taken().len(), 0, "nothing was sent");
    let office = Office::sent();
    for target in ["campaign.toml", "test.volley"] {
        office.examined(target).is(0, &[]);
        let shown = run(&["doctor", &office.folder.text(target)]).exits(0);
        for words in [
            "ok       credentials  2 secrets found",
            "ok       provider     transmitsms answers and takes the credentials",
            "ok       clock        as the provider's, within seconds",
            "ok       journal      10 recipients,",
            "ok       lock         nobody has the journal open",
            "ok       modes ",
            "ok       descriptors ",
            "ok       sqlite ",
            "ok       time_zones ",
        ] {
            assert!(shown.stdout.contains(words), "{target}: {words}: {shown:#?}");
        }
    }
    assert_eq!(office.gateway.taken().len(), 10);
    // The built-in gateway needs nothing.
    let folder = Folder::new();
    run(&["init", &folder.text("new")]).exits(0);
    Examined::of(&run(&["doctor", &folder.text("new/campaign.toml"), "--json"])).is(0, &[]);
}

#[test]
fn each_fault_of_a_campaign_or_its_account_is_told_from_the_others() {
    let asks_nobody = ("provider_not_asked", "warning");
    let cases: [(&str, i32, Break, bool); 9] = [
        ("campaign_unusable", 2, |office| office.edit("sender =", "sendr ="), false),
        (
            "list_unreadable",
            10,
            |office| fs::remove_file(office.folder.path("recipients.csv")).expect("a list"),
            false,
        ),
        ("secret_not_set", 2, |office| office.edit("\"SIM_KEY\"", "\"NOBODY_SET_THIS\""), true),
        (
            "secret_file_missing",
            10,
            |office| office.edit("key_env = \"SIM_KEY\"", "key_file = \"none.txt\""),
            true,
        ),
        ("secret_file_open_to_others", 2, |office| office.with_key_file("sim-key\n", 0o644), true),
        ("secret_empty", 2, |office| office.with_key_file("", 0o600), true),
        ("account_unusable", 2, |office| office.edit("key_env = \"SIM_KEY\"\n", ""), true),
        ("credentials_refused", 4, |office| office.edit("\"SIM_SECRET\"", "\"SIM_TOKEN\""), false),
        (
            "provider_unreachable",
            5,
            |office| {
                let address = office.gateway.address.clone();
                office.edit(&address, "http://127.0.0.1:1");
            },
            false,
        ),
    ];
    for (code, exit_code, break_it, is_alone) in cases {
        let office = Office::new();
        break_it(&office);
        let mut expected = vec![(code, "problem")];
        if is_alone {
            expected.push(asks_nobody);
            expected.sort_unstable();
        }
        office.examined("campaign.toml").is(exit_code, &expected);
    }
    // Of a journal likewise, and all that is wrong is told at once, with the gravest code.
    let office = Office::new();
    office.with_key_file("sim-key\n", 0o600);
    run(&["plan", &office.folder.text("campaign.toml"), "-q"]).exits(0);
    set_mode(&office.folder.path("key.txt"), 0o640);
    set_mode(&office.folder.path("test.volley"), 0o644);
    office.examined("test.volley").is(
        2,
        &[("journal_open_to_others", "problem"), asks_nobody, ("secret_file_open_to_others", "problem")],
    );
}

/// A provider that answers every request with `head` and `body`; gives its address.
fn answering(head: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let length = body.len();
            // Whoever goes away is the other end's affair.
            drop(write!(stream, "{head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"));
        }
    });
    address
}

#[test]
fn a_provider_that_is_another_one_or_in_trouble_or_of_another_time_is_told() {
    const BALANCE: &str =
        "{\"balance\":10,\"currency\":\"AUD\",\"error\":{\"code\":\"SUCCESS\",\"description\":\"OK\"}}";
    for (head, body, code, exit_code) in [
        ("HTTP/1.1 200 OK\r\ncontent-type: text/html", "<html>Log in</html>", "provider_is_not_there", 2),
        ("HTTP/1.1 404 Not Found\r\ncontent-type: text/html", "no", "provider_is_not_there", 2),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html", "no", "provider_in_trouble", 5),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT",
            BALANCE,
            "clock_far_apart",
            2,
        ),
    ] {
        let office = Office::new();
        let address = office.gateway.address.clone();
        office.edit(&address, &answering(head, body));
        office.examined("campaign.toml").is(exit_code, &[(code, "problem")]);
    }
}

/// Flips a bit where `text` stands last in the file at `path`.
fn flip(path: &Path, text: &[u8]) {
    let mut bytes = fs::read(path).expect("a file");
    let place = bytes.windows(text.len()).rposition(|window| window == text).expect("it has that");
    bytes[place] ^= 1;
    fs::write(path, bytes).expect("room");
}

#[test]
fn each_fault_of_a_journal_is_told_from_the_others() {
    let cases: [(&str, &str, i32, Break); 8] = [
        ("journal_open_to_others", "problem", 2, |office| {
            set_mode(&office.folder.path("test.volley"), 0o640);
        }),
        ("journal_open_to_others", "problem", 2, |office| {
            set_mode(&office.folder.path("test.volley.witness"), 0o604);
        }),
        ("plan_unfinished", "warning", 0, |office| {
            office.folder.write("test.volley.planning", "half a plan");
        }),
        ("left_by_a_killed_process", "warning", 0, |office| {
            office.folder.write("test.volley.reserve", "kept");
            set_mode(&office.folder.path("test.volley.reserve"), 0o600);
        }),
        ("journal_unusable", "problem", 12, |office| {
            office.folder.write("test.volley", "not a journal at all");
            set_mode(&office.folder.path("test.volley"), 0o600);
        }),
        ("journal_older_copy", "problem", 12, |office| {
            // The witness knows of more commits than the journal has.
            let witness = OpenOptions::new().write(true).open(office.folder.path("test.volley.witness"));
            witness.expect("a witness").write_all_at(&9_999_u64.to_le_bytes(), 8).expect("room");
        }),
        ("journal_damaged", "problem", 12, |office| {
            let csv = office.folder.text("report.csv");
            run(&["report", &office.folder.text("test.volley"), "--csv", &csv, "-q"]).exits(0);
            let report = fs::read_to_string(csv).expect("a report");
            let id = report.lines().nth(1).and_then(|line| line.split(',').nth(3)).expect("an id").to_owned();
            flip(&office.folder.path("test.volley"), id.as_bytes());
        }),
        ("plan_altered", "problem", 7, |office| flip(&office.folder.path("test.volley"), b"Sale ends")),
    ];
    for (code, state, exit_code, break_it) in cases {
        let office = Office::sent();
        break_it(&office);
        let examined = office.examined("test.volley");
        let is_found = examined.found.contains(&(code.to_owned(), state.to_owned()));
        assert!(is_found && examined.code == exit_code, "{code}: {examined:?}");
        let others: Vec<_> =
            examined.found.iter().filter(|one| one.0 != code && one.0 != "disk_nearly_full").collect();
        assert!(others.is_empty(), "{code}: {others:?}");
    }
}

#[test]
fn a_journal_that_is_missing_or_in_use_is_told() {
    let office = Office::sent();
    office.examined("none.volley").is(10, &[("journal_missing", "problem")]);
    office.examined("none.toml").is(10, &[("campaign_unusable", "problem")]);
    let lock = File::open(office.folder.path("test.volley.lock")).expect("a lock");
    lock.lock().expect("nobody holds it");
    office.examined("test.volley").is(11, &[("journal_in_use", "problem")]);
    lock.unlock().expect("it is ours");
    office.examined("test.volley").is(0, &[]);
    // What a journal that was taken away leaves: its lock is nothing, its log is not.
    let away = |name: &str| fs::rename(office.folder.path(name), office.folder.path("away")).expect("a file");
    away("test.volley");
    office.examined("campaign.toml").is(0, &[]);
    office.folder.write("test.volley-wal", "what was sent last");
    office.examined("campaign.toml").is(12, &[("log_without_journal", "problem")]);
}

#[test]
fn what_a_killed_sender_left_is_told() {
    let office = Office::new();
    let killed = volley(&["send", &office.folder.text("campaign.toml"), "--yes"])
        .env("VOLLEY_KILL_POINT", "after-intent:1:kill")
        .output()
        .expect("it runs");
    assert_eq!(killed.status.code(), None, "{killed:?}");
    for target in ["campaign.toml", "test.volley"] {
        office
            .examined(target)
            .is(0, &[("attempts_cut_short", "warning"), ("left_by_a_killed_process", "warning")]);
    }
    run(&["resume", &office.folder.text("test.volley"), "--yes", "-q"]).exits(6);
    office.examined("test.volley").is(0, &[]);
}

#[test]
fn a_history_that_others_can_read_or_that_is_none_is_told() {
    let office = Office::new();
    let campaign = fs::read_to_string(office.folder.path("campaign.toml")).expect("a campaign");
    let limits = "[limits]\nper_recipient = \"3/7d\"\nhistory = \"who.history\"\n";
    office.folder.write("campaign.toml", format!("{campaign}{limits}"));
    office.examined("campaign.toml").is(0, &[]);
    run(&["plan", &office.folder.text("campaign.toml"), "-q"]).exits(0);
    office.examined("campaign.toml").is(0, &[]);
    set_mode(&office.folder.path("who.history"), 0o644);
    office.examined("test.volley").is(2, &[("history_open_to_others", "problem")]);
    office.folder.write("who.history", "Dear diary, they got a text each.");
    set_mode(&office.folder.path("who.history"), 0o600);
    office.examined("test.volley").is(12, &[("history_unusable", "problem")]);
}

/// Runs the binary behind a line of shell.
fn behind(line: &str, arguments: &[&str]) -> Ran {
    let binary = volley(arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{line}; exec \"$0\" \"$@\"")]).arg(binary.get_program()).args(arguments);
    for (name, value) in binary.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    Ran::of(&shell.output().expect("a shell"))
}

#[test]
fn few_descriptors_and_an_unknown_time_zone_are_told() {
    let office = Office::new();
    let campaign = office.folder.text("campaign.toml");
    let few = Examined::of(&behind("ulimit -n 60", &["doctor", &campaign, "--json"]));
    few.is(2, &[("descriptors_few", "problem")]);
    let unknown = Examined::of(&behind("export TZ=Nowhere/Atlantis", &["doctor", "--json"]));
    unknown.is(0, &[("own_time_zone_unknown", "warning")]);
}

#[test]
fn a_disk_without_room_is_told() {
    let folder = Folder::new();
    folder.write("run.sh", "mount -t tmpfs -o size=4m none /mnt && cd /mnt && exec \"$@\"\n");
    let binary = volley(&["doctor", "--json"]);
    let mut shell = Command::new("unshare");
    shell.args(["-rm", "sh", &folder.text("run.sh")]).arg(binary.get_program()).args(binary.get_args());
    let ran = shell.output().map(|output| Ran::of(&output));
    match ran {
        Ok(ran) if ran.stdout.contains("findings") => Examined::of(&ran).is(5, &[("disk_full", "problem")]),
        _ => println!("skipped: no mount namespace can be made here"),
    }
}
