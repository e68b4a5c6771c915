//! Planted credentials, numbers and a text, and every command at its most talkative over a provider
//! that repeats all it hears: none of them comes out where it was not asked for.

use crate::{
    providers::Provider,
    volley::{Folder, Gateway, Ran, volley},
};
use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, ErrorKind, Read, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// Every part of the credentials by the variable that holds it, with signs that change when they
/// are encoded.
const SECRETS: [(&str, &str); 6] = [
    ("SIM_KEY", "cnKey7/q2+x&Zr=9wLmT4"),
    ("SIM_SECRET", "cnSec4/Hd+p&Qv=1sYbN8"),
    ("SIM_ACCOUNT", "cnAcc9-Tg.w_Jm~6kEuR3"),
    ("SIM_TOKEN", "cnTok2/Bf+r&Xc=5zGnV7"),
    ("SIM_USER", "cnUsr8/Mk+d&Wt=3jPhC6"),
    ("SIM_PASSWORD", "cnPwd5/Ys+n&Lg=2vDqF9"),
];

/// The pairs that travel together in one header.
const PAIRS: [[usize; 2]; 3] = [[0, 1], [2, 3], [4, 5]];

const TEXT: &str = "Wren & kite; tomorrow's 7+5 at \"Lune\"";

/// What a terminal or a log would obey: colours, a title, the direction of writing, a line of its own.
const STEERING: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{2066}\r\nforged: line\u{9b}31m ";

/// How many people are texted.
const RECIPIENTS: u64 = 24;

/// What a place may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Nothing,
    /// The first message of a plan, its number masked, is what a preview shows before anything is sent.
    Texts,
    Numbers,
    NumbersAndTexts,
}

/// What is looked for, each with its name.
struct Canaries {
    secrets: Vec<(String, Vec<u8>)>,
    numbers: Vec<(String, Vec<u8>)>,
    texts: Vec<(String, Vec<u8>)>,
}

impl Canaries {
    /// Those of the campaign in `folder`.
    fn of(folder: &Folder) -> Self {
        let mut secrets = Vec::new();
        for (name, value) in SECRETS {
            secrets.extend(encoded(name, value));
        }
        for pair in PAIRS {
            let [(_, user), (_, password)] = pair.map(|index| SECRETS[index]);
            secrets.extend(encoded("a pair", &format!("{user}:{password}")));
        }
        let list = fs::read_to_string(folder.path("recipients.csv")).expect("a list");
        let numbers = list.lines().skip(1).map(|line| line.split(',').next().expect("a number"));
        // The last nine digits stand in every way to write one.
        let digits =
            numbers.map(|number| (number.to_owned(), number.as_bytes()[number.len() - 9..].to_vec()));
        Self { secrets, numbers: digits.collect(), texts: encoded("the text", TEXT) }
    }

    /// That `bytes`, which are `what`, hold no more than they may.
    fn look(&self, what: &str, bytes: &[u8], holds: Holds) {
        let mut unwanted = vec![&self.secrets];
        unwanted.extend(matches!(holds, Holds::Nothing | Holds::Texts).then_some(&self.numbers));
        unwanted.extend(matches!(holds, Holds::Nothing | Holds::Numbers).then_some(&self.texts));
        for (name, canary) in unwanted.into_iter().flatten() {
            if let Some(at) = position(bytes, canary) {
                let around = &bytes[at.saturating_sub(120)..(at + canary.len() + 40).min(bytes.len())];
                panic!("{name} stands in {what}: …{}…", String::from_utf8_lossy(around));
            }
        }
    }

    /// That a command was silent about them; numbers are what it was asked for where it says so.
    #[track_caller]
    fn hear(&self, what: &str, ran: Ran, holds: Holds) -> Ran {
        self.look(&format!("the data of {what}"), ran.stdout.as_bytes(), holds);
        let said = if holds == Holds::Texts { Holds::Texts } else { Holds::Nothing };
        self.look(&format!("what {what} says"), ran.stderr.as_bytes(), said);
        for text in [&ran.stdout, &ran.stderr] {
            let steers =
                ["\u{1b}", "\u{7}", "\u{202e}", "\u{2066}", "\u{9b}", "\r", "\nforged", "\\u001b", "\\u202e"];
            assert!(!steers.iter().any(|sign| text.contains(sign)), "{what} repeats what steers: {text:?}");
        }
        ran
    }
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// The ways in which `value` travels and could be kept.
fn encoded(name: &str, value: &str) -> Vec<(String, Vec<u8>)> {
    let percent = |plus: bool| {
        value.bytes().fold(String::new(), |mut text, byte| {
            match byte {
                b' ' if plus => text.push('+'),
                b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => text.push(byte.into()),
                _ => write!(text, "%{byte:02X}").expect("a string"),
            }
            text
        })
    };
    let hex = value.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    });
    let wide: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let json = serde_json::to_string(value).expect("a string");
    let json = json.trim_matches('"').to_owned();
    let slashed = json.replace('/', "\\/");
    let forms = [
        ("as it is", value.as_bytes().to_vec()),
        ("as in a form", percent(true).into_bytes()),
        ("as in an address", percent(false).into_bytes()),
        ("in base64", base64(value.as_bytes(), b'+', b'/').into_bytes()),
        ("in base64 for addresses", base64(value.as_bytes(), b'-', b'_').into_bytes()),
        ("in hexadecimal", hex.into_bytes()),
        ("in JSON", json.into_bytes()),
        ("in JSON with slashes", slashed.into_bytes()),
        ("in UTF-16", wide),
    ];
    forms.into_iter().map(|(form, bytes)| (format!("{name} {form}"), bytes)).collect()
}

/// The beginning that does not depend on what follows (RFC 4648 section 4).
fn base64(bytes: &[u8], plus: u8, slash: u8) -> String {
    let letter = |six: u8| match six {
        0..=25 => b'A' + six,
        26..=51 => b'a' + six - 26,
        52..=61 => b'0' + six - 52,
        62 => plus,
        _ => slash,
    };
    let whole = bytes.as_chunks::<3>().0.iter();
    let letters = whole.flat_map(|[a, b, c]| [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63]);
    letters.map(|six| char::from(letter(six))).collect()
}

/// How many commands were loud so far.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// The binary with the planted credentials, saying all it can, with a log of all there is beside
/// the file that it works on.
fn loud(arguments: &[&str]) -> Command {
    let mut command = volley(arguments);
    let file = arguments.iter().map(Path::new).find(|argument| argument.is_absolute());
    if let Some(folder) = file.and_then(Path::parent) {
        // Both formats in one file: what stands in it is looked through as it is.
        let format = ["human", "json"][TURN.fetch_add(1, Ordering::Relaxed) % 2];
        command.arg("--log").arg(folder.join("volley.log")).args(["--log-format", format]);
        if matches!(arguments[0], "send" | "resume") {
            command.arg("--events").arg(folder.join("events.jsonl"));
        }
    }
    command.env("VOLLEY_LOG", "trace");
    command.arg("-v").envs(SECRETS).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    // Nobody waits for a provider in trouble.
    command.env("VOLLEY_LIMITS_PATIENCE", "0s");
    command
}

fn ran(mut command: Command) -> Ran {
    Ran::of(&command.output().expect("it runs"))
}

/// What the system shows everybody of a process.
fn shown(process: &Child) -> Vec<u8> {
    fs::read(format!("/proc/{}/cmdline", process.id())).unwrap_or_default()
}

/// A provider that answers whatever it is asked with all it heard, each time in another way.
struct Echo {
    address: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Echo {
    fn start(kind: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = Arc::clone(&heard);
        thread::spawn(move || {
            for (turn, stream) in listener.incoming().enumerate() {
                let Ok(mut stream) = stream else { return };
                let Some(request) = read_request(&mut stream) else { continue };
                kept.lock().expect("no panic").extend_from_slice(&request);
                // Whoever hung up heard enough.
                stream.write_all(&answer(kind, turn, &String::from_utf8_lossy(&request))).ok();
            }
        });
        Self { address, heard }
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut request, mut length) = (Vec::new(), 0);
    loop {
        let start = request.len();
        reader.read_until(b'\n', &mut request).ok()?;
        let line = String::from_utf8_lossy(&request[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let start = request.len();
    request.resize(start + length, 0);
    reader.read_exact(&mut request[start..]).ok()?;
    Some(request)
}

/// All that was heard, as the words of an error, as a page, in a head, as no HTTP at all.
fn answer(kind: &str, turn: usize, heard: &str) -> Vec<u8> {
    let line = heard.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, body) = heard.split_once("\r\n\r\n").unwrap_or_default();
    let said = |heard: &str| {
        let words = format!("{STEERING}{heard}");
        let body = match kind {
            "transmitsms" => serde_json::json!({ "error": { "code": words, "description": words } }),
            "maxotel" => serde_json::json!({ "status": 0, "error": words, "reason": words }),
            "fonedynamics" => {
                serde_json::json!({ "ResponseStatus": { "ErrorCode": words, "Message": words } })
            }
            "multitel" | "http" => serde_json::json!({
                "status": { "code": 400, "msg": words }, "response": { "message": words, "causecode": 21 }
            }),
            _ => serde_json::json!({ "error": words, "code": words }),
        };
        ("application/json".to_owned(), body.to_string())
    };
    let page = || (format!("text/html; heard=\"{line}\""), format!("<html>{line}</html>"));
    let (status, (content_type, body)) = match turn % 14 {
        0 => (400, said(&line)),
        1 => (500, said(body)),
        2 => (400, said(body)),
        3 => (200, said(&line)),
        4 => (401, said(&line)),
        5 => (409, page()),
        6 => (200, page()),
        7 => (302, page()),
        8 => (429, said(&line)),
        9 => (402, said(body)),
        10 => (503, page()),
        11 => (404, page()),
        12 => return format!("{line}\r\n\r\n").into_bytes(),
        _ => (403, said(body)),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} {line}\r\nlocation: /elsewhere?{line}\r\nretry-after: 1\r\nx-heard: {line}\r\n\
         content-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A campaign of `kind` in a folder of its own, by way of a provider at `address`.
fn campaign(kind: &str, address: &str) -> Folder {
    let folder = Folder::new();
    let described = kind == "http";
    let provider = Provider::of(if described { "multitel" } else { kind });
    provider.campaign(&folder, address, RECIPIENTS, "", "max_in_flight = 1\nchunk = 1\n");
    let text = fs::read_to_string(folder.path("campaign.toml")).expect("a file");
    let mut text = text.replace("\"Sale ends today\"", &format!("'''{TEXT}'''"));
    if described {
        text = text
            .replace("kind = \"multitel\"", "kind = \"http\"\ndefinition = \"somebody.toml\"")
            .replace("bulk_allowed = true\n", "");
        folder.write("somebody.toml", crate::providers::DESCRIBED);
    }
    folder.write("campaign.toml", text);
    // Somebody who cannot be texted, for the list of rejects.
    let list = fs::read_to_string(folder.path("recipients.csv")).expect("a file");
    folder.write("recipients.csv", format!("{list}+61 call me,Nobody\n"));
    folder
}

/// Looks through every file of the folder.
fn look_through(canaries: &Canaries, folder: &Folder) {
    let mut journals = 0;
    for entry in fs::read_dir(folder.directory.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let holds = match &*name {
            // What we were given, and what belongs to the gateway.
            "campaign.toml" | "recipients.csv" | "rates.csv" | "somebody.toml" => continue,
            "accounts.toml" | "faults.toml" => continue,
            name if name.starts_with("ledger.jsonl") => continue,
            "report.csv" | "rejects.csv" => {
                let list = fs::read_to_string(&path).expect("a list");
                assert!(
                    !list.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{2066}', '\r']),
                    "{name}: {list:?}"
                );
                Holds::Numbers
            }
            name if name.ends_with(".volley") || name.ends_with("-wal") || name.ends_with("-shm") => {
                journals += 1;
                Holds::NumbersAndTexts
            }
            _ => Holds::Nothing,
        };
        match fs::read(&path) {
            Ok(bytes) => canaries.look(&format!("the file {name}"), &bytes, holds),
            // A neighbour of a journal that is opened and closed meanwhile.
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error}"),
        }
    }
    assert!(journals > 0, "there was a journal to look through");
    let mut log = fs::read_to_string(folder.path("volley.log")).expect("a log");
    log.push_str(&fs::read_to_string(folder.path("events.jsonl")).expect("events"));
    for steering in ["\u{1b}", "\u{7}", "\u{202e}", "\u{2066}", "\u{9b}", "\r", "\nforged", "\\u001b"] {
        assert!(!log.contains(steering), "the log repeats {steering:?}");
    }
}

/// Reading a journal in use needs its neighbours, so they are looked through while it is written.
fn journal_holds(folder: &Folder, canary: &[u8]) -> bool {
    ["test.volley", "test.volley-wal"]
        .iter()
        .any(|name| fs::read(folder.path(name)).is_ok_and(|bytes| position(&bytes, canary).is_some()))
}

const KINDS: [&str; 6] = ["maxotel", "fonedynamics", "transmitsms", "multitel", "mesms", "http"];

/// One thread a kind: most of the time each waits for a process.
fn with_every_kind(test: fn(&'static str)) {
    thread::scope(|scope| {
        for kind in KINDS {
            scope.spawn(move || test(kind));
        }
    });
}

#[test]
fn a_provider_that_repeats_all_it_hears_makes_nobody_repeat_it() {
    with_every_kind(|kind| {
        let echo = Echo::start(kind);
        let folder = campaign(kind, &echo.address);
        let canaries = Canaries::of(&folder);
        let (file, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
        let what = |command: &str| format!("{kind}: {command}");
        for action in ["check", "balance", "senders"] {
            canaries.hear(&what(action), ran(loud(&["provider", action, &file])), Holds::Nothing);
        }
        canaries.hear(&what("plan"), ran(loud(&["plan", &file])).exits(0), Holds::Texts);
        let mut stops = Vec::new();
        for _ in 0..10 {
            let sent =
                canaries.hear(&what("resume"), ran(loud(&["resume", &journal, "--yes"])), Holds::Nothing);
            look_through(&canaries, &folder);
            stops.push(sent.code);
            canaries.hear(&what("status"), ran(loud(&["status", &journal])).exits(0), Holds::Nothing);
        }
        assert!(stops.iter().any(|stop| *stop != stops[0]), "{kind}: always {:?}", stops[0]);
        for json in [&["--json"][..], &[]] {
            let listed = ran(loud(&[&["doubt", "list", &journal], json].concat())).exits(0);
            assert!(listed.stdout.lines().count() > 1, "{kind}: somebody is in doubt: {listed:#?}");
            canaries.hear(&what("doubt list"), listed, Holds::Numbers);
        }
        for command in
            [&["doubt", "probe", &journal][..], &["receipts", &journal, "--poll"], &["cancel", &journal]]
        {
            for _ in 0..2 {
                canaries.hear(&what(command[0]), ran(loud(command)), Holds::Nothing);
            }
        }
        let report = folder.text("report.csv");
        let told = ran(loud(&["report", &journal, "--csv", &report, "--json"])).exits(0);
        canaries.hear(&what("report"), told, Holds::Nothing);
        let resolve = ["doubt", "resolve", &journal, "--resend", "--all", "--note", "nobody has it"];
        canaries.hear(&what("resolve"), ran(loud(&resolve)).exits(0), Holds::Nothing);
        canaries.hear(&what("verify"), ran(loud(&["verify", &journal])).exits(0), Holds::Nothing);
        look_through(&canaries, &folder);

        // What was looked for was there to be found.
        let log = fs::read_to_string(folder.path("volley.log")).expect("a log");
        for layer in ["run", "engine", "journal", "transport"] {
            let (human, json) = (format!(" {layer}: "), format!("\"layer\":\"{layer}\""));
            assert!(log.contains(&human) || log.contains(&json), "{kind}: {layer} is silent");
        }
        let heard = echo.heard.lock().expect("no panic").clone();
        let repeated = |part: &&(String, Vec<u8>)| position(&heard, &part.1).is_some();
        assert!(canaries.secrets.iter().any(|part| repeated(&part)), "{kind}: no secret was sent");
        assert!(canaries.texts.iter().any(|part| repeated(&part)), "{kind}: no text was sent");
        assert!(journal_holds(&folder, TEXT.as_bytes()), "{kind}: the journal holds the text");
    });
}

#[test]
fn no_command_shows_what_it_was_not_asked_for_whatever_goes_wrong() {
    with_every_kind(|kind| {
        let gateway_folder = Folder::new();
        let [key, secret, account, token, user, password] = SECRETS.map(|(_, value)| value);
        gateway_folder.write(
            "accounts.toml",
            format!(
                "[[account]]\nface = \"maxotel\"\nkey = \"{key}\"\nrate = \"none\"\n\
                 [[account]]\nface = \"mesms\"\nkey = \"{key}\"\nrate = \"none\"\n\
                 [[account]]\nface = \"transmitsms\"\nkey = \"{key}\"\nsecret = \"{secret}\"\nrate = \"none\"\n\
                 [[account]]\nface = \"fonedynamics\"\naccount = \"{account}\"\ntoken = \"{token}\"\n\
                 property = \"sim-property\"\nrate = \"none\"\n\
                 [[account]]\nface = \"multitel\"\nusername = \"{user}\"\npassword = \"{password}\"\nrate = \"none\"\n"
            ),
        );
        let faults = "latency_ms = [20, 30]\n[[fault]]\nrequest = 2\nkind = \"commit_then_drop\"\n\
                      [[fault]]\nrequest = 4\nkind = \"error_before\"\nstatus = 500\n\
                      [[fault]]\nrequest = 6\nkind = \"error_before\"\nstatus = 401\n";
        let accounts = gateway_folder.text("accounts.toml");
        let gateway =
            Gateway::start_with(gateway_folder.directory.path(), faults, &["--accounts", &accounts]);
        let folder = campaign(kind, &gateway.address);
        let canaries = Canaries::of(&folder);
        let (file, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
        let what = |command: &str| format!("{kind}: {command}");
        let rejects = folder.text("rejects.csv");

        canaries.hear(&what("check"), ran(loud(&["check", &file])).exits(0), Holds::Nothing);
        let preview = ran(loud(&["preview", &file, "--rejects", &rejects, "--json"])).exits(0);
        canaries.hear(&what("preview as JSON"), preview, Holds::Nothing);
        canaries.hear(&what("preview"), ran(loud(&["preview", &file])).exits(0), Holds::Texts);
        canaries.hear(&what("plan"), ran(loud(&["plan", &file])).exits(0), Holds::Texts);
        for action in ["check", "balance", "senders"] {
            canaries.hear(&what(action), ran(loud(&["provider", action, &file])), Holds::Nothing);
        }
        canaries.hear(&what("doctor"), ran(loud(&["doctor", &file])), Holds::Nothing);
        // A wrong key, one that is missing, and a variable in the place of its name.
        let wrong = loud(&["send", &file, "--yes"]).env("SIM_KEY", "wrong").output().expect("it runs");
        canaries.hear(&what("send with a wrong key"), Ran::of(&wrong), Holds::Texts);
        let wrong = loud(&["doctor", &file]).env("SIM_KEY", "wrong").output().expect("it runs");
        canaries.hear(&what("doctor with a wrong key"), Ran::of(&wrong), Holds::Nothing);
        let missing = loud(&["check", &file]).env_remove("SIM_KEY").output().expect("it runs");
        canaries.hear(&what("check without a key"), Ran::of(&missing), Holds::Nothing);

        // Killed while it sends; then the doubt of that, a lost answer, and two refusals of the server.
        let mut sender = loud(&["resume", &journal, "--yes"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        while gateway.taken().len() < 3 && sender.try_wait().expect("ours").is_none() {
            canaries.look(&what("the process list"), &shown(&sender), Holds::Nothing);
            look_through(&canaries, &folder);
            thread::sleep(Duration::from_millis(10));
        }
        sender.kill().expect("killed");
        let killed = Ran::of(&sender.wait_with_output().expect("gone"));
        canaries.hear(&what("resume, killed"), killed, Holds::Nothing);
        look_through(&canaries, &folder);
        for _ in 0..4 {
            let sent = ran(loud(&["resume", &journal, "--yes", "--json"]));
            canaries.hear(&what("resume"), sent, Holds::Nothing);
        }
        let listed = ran(loud(&["doubt", "list", &journal, "--json"])).exits(0);
        assert!(!listed.stdout.is_empty(), "{kind}: somebody is in doubt");
        canaries.hear(&what("doubt list"), listed, Holds::Numbers);
        canaries.hear(&what("doubt probe"), ran(loud(&["doubt", "probe", &journal])), Holds::Nothing);
        let resolve = ["doubt", "resolve", &journal, "--accepted", "--all", "--note", "looked"];
        canaries.hear(&what("doubt resolve"), ran(loud(&resolve)), Holds::Nothing);
        canaries.hear(&what("receipts"), ran(loud(&["receipts", &journal, "--poll"])), Holds::Nothing);
        let report = folder.text("report.csv");
        let told = ran(loud(&["report", &journal, "--csv", &report])).exits(0);
        canaries.hear(&what("report"), told, Holds::Nothing);
        for command in ["status", "verify", "cancel", "doctor"] {
            canaries.hear(&what(command), ran(loud(&[command, &journal])), Holds::Nothing);
        }
        // Errors of what is typed repeat what was typed and nothing else.
        for command in [&["send", "nowhere.toml", "--yes"][..], &["resume", &file], &["status", &file]] {
            canaries.hear(&what("a mistake"), ran(loud(command)), Holds::Nothing);
        }
        look_through(&canaries, &folder);
        let log = fs::read_to_string(folder.path("volley.log")).expect("a log");
        assert!(log.contains("answer read") && log.contains("request leaves"), "{kind}: it has all levels");
        let list = fs::read_to_string(&report).expect("a report");
        let number = String::from_utf8(canaries.numbers[0].1.clone()).expect("digits");
        assert!(list.contains(&number), "{kind}: the report is where numbers belong");
        assert!(journal_holds(&folder, TEXT.as_bytes()), "{kind}: the journal holds the text");
    });
}

/// Every file that some command writes, under both masks that a shell may have: its mode.
#[test]
fn every_file_that_any_command_writes_is_for_its_owner_alone() {
    for umask in ["000", "022"] {
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), "[[fault]]\nrequest = 2\nkind = \"reset\"\n");
        Provider::of("mesms").campaign(&folder, &gateway.address, 6, "", "chunk = 2\n");
        let text = fs::read_to_string(folder.path("campaign.toml")).expect("a file");
        let text = text.replace("[recipients]", "[limits]\nhistory = \"history.db\"\n[recipients]");
        let list = fs::read_to_string(folder.path("recipients.csv")).expect("a file");
        folder.write("campaign.toml", text).write("recipients.csv", format!("{list}nobody,x\n"));
        let given: Vec<_> = files(folder.directory.path());
        let under = |arguments: &[&str]| {
            let command = volley(arguments);
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]).arg(command.get_program());
            shell.args(command.get_args()).stdin(Stdio::null());
            for (name, value) in command.get_envs() {
                match value {
                    Some(value) => shell.env(name, value),
                    None => shell.env_remove(name),
                };
            }
            ran(shell)
        };
        let (file, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
        let at = |name: &str| folder.text(name);
        under(&["preview", &file, "--rejects", &at("rejects.csv")]).exits(0);
        under(&["plan", &file, "-o", &at("other.volley")]).exits(0);
        let (log, events) = (at("send.log"), at("events.jsonl"));
        let watched = ["--log", &log, "--events", &events];
        let send = ["send", &file, "--yes", "--rejects", &at("sent-rejects.csv")];
        under(&[&send[..], &watched].concat()).exits(6);
        under(&["report", &journal, "--csv", &at("report.csv")]).exits(0);
        under(&["receipts", &journal, "--poll"]);
        under(&["diff", &at("other.volley"), &journal, "--csv", &at("diff.csv")]);
        under(&["reconcile", &journal, "--csv", &at("differences.csv")]);
        under(&["doubt", "resolve", &journal, "--accepted", "--all", "--note", "looked"]).exits(0);
        // While one is under way its neighbours are there too.
        let seen: Vec<_> =
            files(folder.directory.path()).into_iter().filter(|one| !given.contains(one)).collect();
        for name in [
            "test.volley",
            "test.volley.witness",
            "test.volley.lock",
            "rejects.csv",
            "report.csv",
            "history.db",
            "send.log",
            "events.jsonl",
        ] {
            assert!(seen.iter().any(|(seen, _)| seen == name), "{name} is not among {seen:?}");
        }
        for (name, mode) in seen {
            assert_eq!(mode & 0o777, 0o600, "{name} under umask {umask}");
        }
    }
}

/// The names and modes of what lies in a folder.
fn files(folder: &Path) -> Vec<(String, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mode = |entry: &fs::DirEntry| entry.metadata().expect("it is there").permissions().mode();
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), mode(&entry))).collect()
}
