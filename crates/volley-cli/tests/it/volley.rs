//! Running the binary, a gateway in a process of its own, and reading what they leave behind.

use serde_json::Value;
use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// The binary, without the environment's own overrides, without patience, and not as a terminal.
pub(crate) fn volley(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_volley"));
    command.args(arguments).stdin(Stdio::null()).env("NO_COLOR", "1");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VOLLEY_")) {
        command.env_remove(name);
    }
    // Nobody waits for a provider in trouble here.
    command.env("VOLLEY_LIMITS_PATIENCE", "0s");
    for part in ["key", "secret", "account", "token", "user", "password"] {
        command.env(format!("SIM_{}", part.to_uppercase()), format!("sim-{part}"));
    }
    command
}

/// Runs to the end.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    Ran::of(&volley(arguments).output().expect("the binary runs"))
}

/// What a finished process left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its exit code, with everything it said in the failure.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The last line of stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A gateway in a process of its own, killed when dropped.
pub(crate) struct Gateway {
    process: Child,
    pub(crate) address: String,
    pub(crate) ledger: PathBuf,
}

impl Gateway {
    /// Starts one whose ledger lies in `directory`; `faults` is the text of its `--faults` file.
    pub(crate) fn start(directory: &Path, faults: &str) -> Self {
        Self::start_with(directory, faults, &[])
    }

    /// The same with more `flags`.
    pub(crate) fn start_with(directory: &Path, faults: &str, flags: &[&str]) -> Self {
        let (ledger, fault_file) = (directory.join("ledger.jsonl"), directory.join("faults.toml"));
        fs::write(&fault_file, faults).expect("a file");
        let mut process = volley(&["sim", "--listen", "127.0.0.1:0", "--json", "-q", "--ledger"])
            .arg(&ledger)
            .arg("--faults")
            .arg(&fault_file)
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the gateway starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("its address");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        let address = format!("http://{}", told["listening"].as_str().expect("an address"));
        Self { process, address, ledger }
    }

    /// What it really took.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        read_ledger(&self.ledger)
    }

    /// The requests that were taken back, in order.
    pub(crate) fn cancelled(&self) -> Vec<u64> {
        let text = fs::read_to_string(self.ledger.with_extension("jsonl.cancelled")).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.map(|line| line["request"].as_u64().expect("a request")).collect()
    }

    /// Asks it as somebody who is not Volley: the status and the body of its answer.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &str) -> (u16, String) {
        http(&self.address, method, target, headers, "")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// One line of a ledger.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) request: u64,
    pub(crate) to: String,
    pub(crate) parts: u64,
}

pub(crate) fn read_ledger(path: &Path) -> Vec<Taken> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The gateway may be in the middle of a line.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("a JSON object a line");
            let to = line["to"].as_str().expect("a number").to_owned();
            let number = |name: &str| line[name].as_u64().expect("a number");
            Taken { request: number("request"), to, parts: number("parts") }
        })
        .collect()
}

/// One request over a connection of its own to `address`, which may begin with `http://`: the
/// status and the body of the answer. `headers` are whole lines.
pub(crate) fn http(address: &str, method: &str, target: &str, headers: &str, body: &str) -> (u16, String) {
    let host = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    stream.write_all(body.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("an answer: {answer}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("a status: {head}")), body.to_owned())
}

/// How often each number was taken.
pub(crate) fn times(taken: &[Taken]) -> HashMap<&str, usize> {
    let mut times = HashMap::new();
    for one in taken {
        *times.entry(one.to.as_str()).or_default() += 1;
    }
    times
}

/// A directory with a campaign of `recipients` people, sent through a gateway at `address`.
pub(crate) struct Folder {
    pub(crate) directory: TempDir,
}

/// What stands in `[provider]` beside kind, address and credentials.
pub(crate) const FAST: &str = "rate = \"1000/s\"\nmax_in_flight = 8\n";

impl Folder {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).expect("a file");
        self
    }

    /// Writes campaign.toml, recipients.csv and rates.csv. The numbers are Thai mobiles from
    /// +66 80 000 0001 on; the text is one for all.
    pub(crate) fn campaign(&self, kind: &str, address: &str, recipients: u32, provider: &str) -> &Self {
        let mut list = String::from("mobile\n");
        for number in 1..=recipients {
            list.push_str(&format!("+{}\n", 66_800_000_000_u64 + u64::from(number)));
        }
        let auth = match kind {
            "mesms" => "key_env = \"SIM_KEY\"\n",
            _ => "key_env = \"SIM_KEY\"\nsecret_env = \"SIM_SECRET\"\n",
        };
        let campaign = format!(
            "name = \"test\"\nsender = \"Volley\"\n[message]\ntext = \"Sale ends today\"\n\
             [recipients]\nfile = \"recipients.csv\"\nregion = \"TH\"\n\
             [provider]\nkind = \"{kind}\"\nbase_url = \"{address}\"\n{provider}\
             [provider.auth]\n{auth}[rates]\nfile = \"rates.csv\"\n"
        );
        self.write("recipients.csv", list)
            .write("rates.csv", "prefix,price,currency\n66,0.05,THB\n")
            .write("campaign.toml", campaign)
    }

    #[track_caller]
    pub(crate) fn verified(&self) {
        run(&["verify", &self.text("test.volley")]).exits(0);
    }
}
