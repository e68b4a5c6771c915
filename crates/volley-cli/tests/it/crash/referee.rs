//! What must hold after every kill, judged from outside: the journal's own words (`verify`,
//! `report`) against the ledger of a gateway that outlived the kill.
//!
//! Knows nothing of the engine. The invariants are those of `docs/failures.md`; `verify` recounts
//! what the journal can know by itself, and what follows here is what only the provider knows.

use crate::{
    providers::Provider,
    volley::{Folder, Gateway, Ran, run, volley},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{Read, Seek, SeekFrom},
    process::{Child, Command, Stdio},
    time::SystemTime,
};

/// Recovery's word for the doubt that a kill leaves.
const BY_KILL: &str = "the process ended before the answer was stored";

/// The most recipients that one kill may leave in doubt: those of every request in flight, and
/// those of the intents of one commit, which may be durable before their requests start and are
/// no more than are in flight.
pub(super) const fn most_in_doubt(in_flight: usize, chunk: usize) -> usize {
    (in_flight + in_flight) * chunk
}

/// The seed that the environment variable SEED has, or another one every time. A failure names it.
pub(super) fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        SystemTime::UNIX_EPOCH.elapsed().map_or(1, |elapsed| u64::from(elapsed.subsec_nanos()))
    })
}

/// The size that the environment variable `name` gives a long run.
pub(super) fn size(name: &str, otherwise: usize) -> usize {
    std::env::var(name)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

/// Numbers without end that depend on a seed alone.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// The next one below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A process that is killed when the test is done with it, however that ends.
pub(super) struct Running(pub(super) Child);

impl Running {
    /// Starts `command`, which nobody listens to.
    pub(super) fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs"))
    }

    /// SIGKILL. Whether it was still running.
    pub(super) fn kill(mut self) -> bool {
        let was_running = self.0.try_wait().expect("it is ours").is_none();
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
        was_running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// One line of a report.
struct Line {
    number: String,
    state: String,
    provider_id: String,
    code: String,
    attempts: u32,
    /// Empty before the first attempt's end, and while the last one is open.
    time: String,
}

impl Line {
    fn of(text: &str) -> Self {
        let cells = cells(text);
        let [_, number, state, provider_id, code, _, _, _, attempts, time, _] = cells.as_slice() else {
            panic!("a line of eleven cells: {text}")
        };
        Self {
            number: number.clone(),
            state: state.clone(),
            provider_id: provider_id.clone(),
            code: code.clone(),
            attempts: attempts.parse().expect("a count"),
            time: time.clone(),
        }
    }

    fn is_open(&self) -> bool {
        self.state == "pending" && self.attempts > 0 && self.time.is_empty()
    }
}

/// The cells of a line of CSV.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut is_quoted) = (vec![String::new()], false);
    for character in line.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            other => cells.last_mut().expect("there is a first one").push(other),
        }
    }
    cells
}

/// What a provider took, read on from where it was read last.
#[derive(Default)]
struct Ledger {
    read: u64,
    /// The requests that took each number.
    by: HashMap<String, Vec<u64>>,
}

impl Ledger {
    fn read_on(&mut self, gateway: &Gateway) {
        let Ok(mut file) = File::open(&gateway.ledger) else { return };
        let mut text = String::new();
        file.seek(SeekFrom::Start(self.read)).expect("a file");
        file.read_to_string(&mut text).expect("UTF-8");
        // The gateway may be in the middle of a line.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        self.read += whole.len() as u64;
        for line in whole.lines() {
            let line: Value = serde_json::from_str(line).expect("a JSON object a line");
            let to = line["to"].as_str().expect("a number").to_owned();
            self.by.entry(to).or_default().push(line["request"].as_u64().expect("a request"));
        }
    }

    fn times(&self, number: &str) -> usize {
        self.by.get(number).map_or(0, Vec::len)
    }
}

/// What a journal said of everybody at one moment.
#[derive(Debug, Default)]
pub(super) struct Sight {
    pub(super) pending: usize,
    pub(super) in_doubt: usize,
    /// Recipients of open attempts: what the kill before leaves in doubt.
    pub(super) open: usize,
    /// In doubt because of kills, and how many of them the provider took.
    pub(super) by_kill: usize,
    pub(super) by_kill_taken: usize,
}

/// A planned campaign, its provider, and whoever watches both.
pub(super) struct Trial {
    pub(super) folder: Folder,
    pub(super) gateway: Gateway,
    pub(super) journal: String,
    /// What a failure says first.
    pub(super) what: String,
    in_flight: usize,
    chunk: usize,
    ids_are_of_messages: bool,
    ledger: Ledger,
    /// States that never go back, and open attempts, as they were seen last.
    before: HashMap<String, (String, String)>,
}

impl Trial {
    /// Plans a campaign of `provider`'s for `recipients`; `faults` is what its gateway does.
    pub(super) fn new(
        provider: &Provider,
        recipients: u64,
        (in_flight, chunk): (usize, usize),
        faults: &str,
        seed: u64,
    ) -> Self {
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), &format!("seed = {}\n{faults}", seed % 1_000));
        let settings = format!("max_in_flight = {in_flight}\nchunk = {chunk}\n");
        provider.campaign(&folder, &gateway.address, recipients, "", &settings);
        let planned = run(&["plan", &folder.text("campaign.toml"), "-q"]);
        assert_eq!(planned.code, Some(0), "{planned:#?}");
        Self {
            journal: folder.text("test.volley"),
            what: format!("{}, SEED={seed}", provider.kind),
            ids_are_of_messages: !matches!(provider.kind, "transmitsms" | "mesms"),
            folder,
            gateway,
            in_flight,
            chunk,
            ledger: Ledger::default(),
            before: HashMap::new(),
        }
    }

    /// `volley resume` of this campaign, not started yet.
    pub(super) fn resume(&self) -> Command {
        volley(&["resume", &self.journal, "--yes", "-q"])
    }

    /// How many the provider took so far.
    pub(super) fn taken(&mut self) -> usize {
        self.ledger.read_on(&self.gateway);
        self.ledger.by.values().map(Vec::len).sum()
    }

    /// Judges everything, while nobody sends.
    pub(super) fn judge(&mut self, moment: &str) -> Sight {
        let what = format!("{}, {moment}", self.what);
        let verified = run(&["verify", &self.journal, "--json"]);
        assert_eq!(verified.code, Some(0), "{what}: {verified:#?}");
        let csv = self.folder.text("judged.csv");
        let reported = run(&["report", &self.journal, "--csv", &csv, "--json"]);
        assert_eq!(reported.code, Some(0), "{what}: {reported:#?}");
        let report = std::fs::read_to_string(&csv).expect("a report");
        let lines: Vec<Line> = report.lines().skip(1).map(Line::of).collect();
        self.ledger.read_on(&self.gateway);
        let sight = self.compare(&lines, &what);
        self.count(&lines, &sight, &verified.json(), &reported, &what);
        self.remember(&lines);
        sight
    }

    /// Everybody's state against what the provider took, and against what it was before.
    fn compare(&self, lines: &[Line], what: &str) -> Sight {
        let mut sight = Sight::default();
        for line in lines {
            let Line { number, state, code, .. } = line;
            let times = self.ledger.times(number);
            assert!(times <= 1, "{what}: {number} was texted {times} times");
            // An intent is durable before its request.
            assert!(times == 0 || line.attempts > 0, "{what}: {number} was texted without an intent");
            match state.as_str() {
                "accepted" => assert_eq!(times, 1, "{what}: {number} is accepted and was never texted"),
                "refused" => assert_eq!(times, 0, "{what}: {number} is refused and was texted"),
                "pending" if line.is_open() => {
                    sight.pending += 1;
                    sight.open += 1;
                }
                "pending" => {
                    sight.pending += 1;
                    assert_eq!(times, 0, "{what}: {number} would be texted again");
                }
                "in_doubt" => {
                    sight.in_doubt += 1;
                    sight.by_kill += usize::from(code == BY_KILL);
                    sight.by_kill_taken += usize::from(code == BY_KILL && times == 1);
                }
                other => panic!("{what}: {number} is {other}"),
            }
            // What was settled stays, and what was open becomes doubt and nothing else.
            if let Some((earlier, id)) = self.before.get(number) {
                let is_same = earlier == state && *id == line.provider_id;
                let is_recovered = earlier == "open" && (line.is_open() || state == "in_doubt");
                assert!(is_same || is_recovered, "{what}: {number} was {earlier} and is {state} ({code})");
            }
        }
        let most = most_in_doubt(self.in_flight, self.chunk);
        assert!(sight.open <= most, "{what}: {} in doubt by one kill, at most {most}", sight.open);
        sight
    }

    /// Sums and ids: nobody is missing, no id serves two.
    fn count(&self, lines: &[Line], sight: &Sight, verified: &Value, reported: &Ran, what: &str) {
        let numbers: HashSet<&str> = lines.iter().map(|line| line.number.as_str()).collect();
        assert_eq!(verified["recipients"], numbers.len(), "{what}: everybody has one line");
        let strangers = self.ledger.by.keys().find(|number| !numbers.contains(number.as_str()));
        assert_eq!(strangers, None, "{what}: somebody who was not planned was texted");
        let told = reported.json();
        assert_eq!(told["recipients"]["pending"], sight.pending, "{what}: {told}");
        assert_eq!(told["recipients"]["in_doubt"], sight.in_doubt, "{what}: {told}");
        let requests: HashSet<u64> = self.ledger.by.values().flatten().copied().collect();
        let attempts = verified["attempts"].as_u64().expect("a count");
        assert!(requests.len() as u64 <= attempts, "{what}: more requests than intents");
        let (mut request_of, mut accepted) = (HashMap::new(), 0);
        for line in lines.iter().filter(|line| line.state == "accepted") {
            let request = self.ledger.by[&line.number][0];
            assert!(!line.provider_id.is_empty(), "{what}: {} is accepted without evidence", line.number);
            let first = *request_of.entry(line.provider_id.as_str()).or_insert(request);
            assert_eq!(first, request, "{what}: {} serves two requests", line.provider_id);
            accepted += 1;
        }
        if self.ids_are_of_messages {
            assert_eq!(request_of.len(), accepted, "{what}: an id serves two messages");
        }
    }

    fn remember(&mut self, lines: &[Line]) {
        for line in lines {
            let kept = match line.state.as_str() {
                "pending" if line.is_open() => ("open".to_owned(), String::new()),
                "pending" => continue,
                settled => (settled.to_owned(), line.provider_id.clone()),
            };
            self.before.insert(line.number.clone(), kept);
        }
    }

    /// Sends until nobody is pending. A lane that stops by itself is started again, as a person
    /// would.
    pub(super) fn finish(&mut self) -> Sight {
        for _ in 0..200 {
            let ended = Ran::of(&self.resume().arg("--json").output().expect("it runs"));
            let state = ended.json();
            if state["recipients"]["pending"] == 0 {
                assert!(matches!(ended.code, Some(0 | 3 | 6)), "{}: {ended:#?}", self.what);
                let sight = self.judge("at the end");
                assert_eq!((sight.pending, sight.open), (0, 0), "{}", self.what);
                return sight;
            }
            assert_eq!(ended.code, Some(5), "{}: {ended:#?}", self.what);
        }
        panic!("{}: two hundred starts did not finish it", self.what)
    }
}

/// What a person does about doubt; it is killed at named places alone.
#[cfg(feature = "kill-points")]
impl Trial {
    /// The rows that are in doubt, by whether the provider took them: what a person finds out in
    /// its web app.
    pub(super) fn doubtful_rows(&mut self) -> (Vec<String>, Vec<String>) {
        self.ledger.read_on(&self.gateway);
        let listed = run(&["doubt", "list", &self.journal, "--json"]).exits(0).stdout;
        let lines = listed.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let (taken, lost): (Vec<Value>, Vec<Value>) =
            lines.partition(|line| self.ledger.times(line["number"].as_str().expect("a number")) > 0);
        let rows = |lines: Vec<Value>| lines.iter().map(|line| line["row"].to_string()).collect();
        (rows(taken), rows(lost))
    }

    /// A person decided about doubt: it need not be seen again.
    pub(super) fn doubt_was_decided(&mut self) {
        self.before.retain(|_, (state, _)| state != "in_doubt");
    }
}
