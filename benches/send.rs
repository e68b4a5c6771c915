//! Sending, everything durable, against yardsticks of the same run.
//!
//! Not by criterion: what is measured are whole processes, one core each where `taskset` is there.
//! A provider on loopback that answers at once or after a wait, a bare client loop that knows no
//! journal, the engine with a journal that only remembers, with the real one, and with a plain
//! SQLite writer with and without a sync at each commit. The ratios are medians of interleaved
//! rounds; everything else is this machine's.

#[path = "send/sink.rs"]
mod sink; // the provider
#[path = "send/writers.rs"]
mod writers; // journals to compare with

use bytes::Bytes;
use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use volley_benches::{temporary, write_shared_plan};
use volley_core::{Chunk, Pacing, Position, Rate, Reference};
use volley_engine::{
    Control, Ending, Go, HttpTransport, LaneSettings, Pacer, Port, Progress, Run, Settings, Threaded,
};
use volley_journal::{Journal, SqliteJournal};
use volley_provider::{
    adapter::{Adapter, SendCall},
    credentials::Credentials,
    registry,
};
use writers::{Memory, Plain};

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sink", delay_ms] => sink::serve(Duration::from_millis(number(delay_ms))),
        ["bare", port, flights, messages] => tell(bare(port, number(flights), number(messages))),
        ["engine", port, flights, messages, chunk, writer] => {
            tell(engine(port, number(flights), number(messages), number(chunk), writer));
        }
        ["pace", rate, seconds] => tell(pace(rate, number(seconds))),
        // Without the word that `cargo bench` adds, only whether it works is asked.
        _ if words.iter().any(|word| word == "--bench") => measure(Size { messages: 60_000, rounds: 5 }),
        _ => measure(Size { messages: 300, rounds: 1 }),
    }
}

fn number<T: std::str::FromStr>(word: &str) -> T {
    word.parse().unwrap_or_else(|_| panic!("`{word}` is no number"))
}

/// How much is sent in one run, and how often each is run.
#[derive(Clone, Copy)]
struct Size {
    messages: u32,
    rounds: usize,
}

/// What one run came to.
#[derive(Clone, Copy, Debug)]
struct Figures {
    count: f64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Figures {
    fn per_second(self) -> f64 {
        self.count / self.seconds
    }

    fn cpu_micros(self) -> f64 {
        self.cpu_seconds / self.count * 1e6
    }
}

fn measure(size: Size) {
    at_once(size);
    after_a_wait(size);
    batches(size);
    pacing(size);
}

/// Goal 1: an answer at once, 64 in flight.
fn at_once(Size { messages, rounds }: Size) {
    let provider = Provider::start(0);
    let (mut rates, mut cpu, mut journal) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let bare = child(&["bare", &provider.port, "64", &messages.to_string()], 1);
        let remembered = provider.engine(64, messages, 1, "memory");
        let durable = provider.engine(64, messages, 1, "journal");
        rates.push(durable.per_second() / bare.per_second());
        cpu.push(durable.cpu_micros() / bare.cpu_micros());
        journal.push(durable.cpu_micros() - remembered.cpu_micros());
        println!(
            "at once, 64 in flight: bare client {}, journal that remembers {}, journal {}",
            show(bare),
            show(remembered),
            show(durable)
        );
    }
    println!("  requests a second, of the bare client's: {:.2} (goal: at least 0.80)", median(rates));
    println!("  CPU a message, of the bare client's: {:.2} (goal: at most 1.25)", median(cpu));
    println!("  CPU that the journal adds: {:.1} µs a message (goal: at most 2)", median(journal));
}

/// Goal 2: answers that take their time.
fn after_a_wait(Size { messages, rounds }: Size) {
    for (delay_ms, flights, goal) in [(20, 256, 5_000.0), (20, 1_024, 20_000.0), (50, 1_024, 16_384.0)] {
        let provider = Provider::start(delay_ms);
        let runs = (0..rounds).map(|_| provider.engine(flights, messages, 1, "journal"));
        let rates: Vec<f64> = runs.map(Figures::per_second).collect();
        let (rate, most) = (median(rates), f64::from(flights) * 1_000.0 / f64::from(delay_ms));
        println!(
            "after {delay_ms} ms, {flights} in flight: {rate:.0} messages a second (goal: at least {goal:.0}), {:.2} of what latency allows",
            rate / most
        );
    }
    let provider = Provider::start(20);
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let lax = provider.engine(256, messages, 1, "normal");
        let full = provider.engine(256, messages, 1, "full");
        ratios.push(full.per_second() / lax.per_second());
    }
    println!("  a sync at each commit, of a writer without: {:.2} (goal: at least 0.85)", median(ratios));
}

/// Goal 3: 10,000 recipients a request.
fn batches(Size { messages, rounds }: Size) {
    let provider = Provider::start(0);
    let recipients = messages.saturating_mul(33).min(2_000_000);
    let runs = (0..rounds).map(|_| provider.engine(8, recipients, 10_000, "journal"));
    let rates = runs.map(Figures::per_second).collect();
    println!("10,000 a request: {:.0} recipients a second (goal: at least 1,000,000)", median(rates));
}

/// Goal 6: what a permit costs.
fn pacing(Size { rounds, .. }: Size) {
    for (rate, seconds) in [("100/s", 3), ("10000/s", 3)] {
        let run = |_| child(&["pace", rate, &if rounds > 1 { seconds } else { 1 }.to_string()], 1);
        let runs: Vec<Figures> = (0..rounds).map(run).collect();
        let cpu = median(runs.iter().map(|run| run.cpu_micros()).collect());
        let reached = median(runs.iter().map(|run| run.per_second()).collect());
        println!(
            "pacing {rate}: {cpu:.1} µs of CPU a permit (goal at 10,000/s: at most 3), {reached:.1}/s reached"
        );
    }
}

fn show(run: Figures) -> String {
    format!("{:.0}/s and {:.1} µs", run.per_second(), run.cpu_micros())
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all[all.len() / 2]
}

/// The provider in a process of its own, on the first core.
struct Provider {
    process: Child,
    port: String,
    /// It ends when this is closed.
    _open: ChildStdin,
}

impl Provider {
    fn start(delay_ms: u32) -> Self {
        let mut process = command(&["sink", &delay_ms.to_string()], 0).spawn().expect("it starts");
        let open = process.stdin.take().expect("piped");
        let mut port = String::new();
        let said = process.stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut port).expect("it says its port");
        Self { process, port: port.trim().to_owned(), _open: open }
    }

    fn engine(&self, flights: u32, messages: u32, chunk: u32, writer: &str) -> Figures {
        let (flights, messages, chunk) = (flights.to_string(), messages.to_string(), chunk.to_string());
        child(&["engine", &self.port, &flights, &messages, &chunk, writer], 1)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It holds nothing that an end could harm.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// This program with other words, on one core where that can be asked for.
fn command(words: &[&str], core: usize) -> Command {
    let own = env::current_exe().expect("a path");
    let mut command = if Command::new("taskset").arg("-V").stdout(Stdio::null()).status().is_ok() {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(core.to_string()).arg(own);
        command
    } else {
        Command::new(own)
    };
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn child(words: &[&str], core: usize) -> Figures {
    let output = command(words, core).output().expect("it runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let figures: Vec<f64> = text.split_whitespace().map(number).collect();
    let [count, seconds, cpu_seconds] = figures[..] else { panic!("{words:?} said `{text}`") };
    Figures { count, seconds, cpu_seconds }
}

fn tell(Figures { count, seconds, cpu_seconds }: Figures) {
    println!("{count} {seconds} {cpu_seconds}");
}

/// What the wall and this process's processors say of `work`, which does `count` things.
fn timed(count: u32, work: impl FnOnce()) -> Figures {
    let (start, before) = (Instant::now(), processor_seconds());
    work();
    let cpu_seconds = processor_seconds() - before;
    Figures { count: f64::from(count), seconds: start.elapsed().as_secs_f64(), cpu_seconds }
}

/// Of all threads, those included that have ended: user and system time, in hundredths.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = behind_name.split(' ').skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn adapter(port: &str) -> Arc<dyn Adapter> {
    let settings = registry::Settings {
        base_url: Some(format!("http://127.0.0.1:{port}")),
        options: std::collections::BTreeMap::new(),
        credentials: Credentials { key: Some("sim-key".into()), ..Credentials::default() },
        max_characters: None,
    };
    registry::adapter("mesms", settings).expect("an adapter")
}

/// A loop of reqwest's over the bodies that the engine would send, made before.
fn bare(port: &str, flights: u32, messages: u32) -> Figures {
    let folder = temporary();
    let path = folder.path().join("bare.volley");
    write_shared_plan(&path, messages, 1).expect("room");
    let mut journal = SqliteJournal::open(&path, volley_benches::NOW).expect("a journal");
    let (adapter, reference) = (adapter(port), journal.plan().reference());
    let chunks = all_chunks(&mut journal).into_iter();
    let bodies: Arc<Vec<Bytes>> = Arc::new(chunks.map(|chunk| body(&*adapter, chunk, &reference)).collect());
    let address = format!("http://127.0.0.1:{port}/api/v2/sms/send");
    // Makes known what TLS is done with: no client is made without, even for plain HTTP.
    HttpTransport::new(Duration::from_secs(30), 1).expect("a client");
    let client = reqwest::Client::builder()
        .http1_only()
        .pool_max_idle_per_host(flights as usize)
        .tcp_nodelay(true)
        .build()
        .expect("a client");
    let next = Arc::new(AtomicU32::new(0));
    timed(messages, || {
        runtime().block_on(async {
            let mut workers = JoinSet::new();
            for _ in 0..flights {
                let (client, address, bodies, next) =
                    (client.clone(), address.clone(), Arc::clone(&bodies), Arc::clone(&next));
                workers.spawn(async move {
                    while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                        let request = client
                            .post(&address)
                            .header("x-api-key", "sim-key")
                            .header("content-type", "application/json")
                            .header("accept", "application/json")
                            .timeout(Duration::from_secs(30))
                            .body(body.clone());
                        let answer = request.send().await.expect("an answer");
                        assert!(answer.status().is_success());
                        answer.bytes().await.expect("a body");
                    }
                });
            }
            while let Some(worker) = workers.join_next().await {
                worker.expect("it ends");
            }
        });
    })
}

fn body(adapter: &dyn Adapter, chunk: Chunk, reference: &Reference) -> Bytes {
    let (sender, reference) = (Some(Arc::from("ShopAlert")), reference.clone());
    let call = SendCall { chunk: Arc::new(chunk), sender, send_at: None, reference };
    adapter.encode(&call).expect("a request").body.frames().flatten().collect()
}

fn all_chunks(journal: &mut dyn Journal) -> Vec<Chunk> {
    journal.next_chunks(Position(0), usize::MAX).expect("a plan")
}

/// The engine over one of several journals.
fn engine(port: &str, flights: u32, messages: u32, chunk: u32, writer: &str) -> Figures {
    let folder = temporary();
    let path = folder.path().join("send.volley");
    write_shared_plan(&path, messages, chunk).expect("room");
    let mut journal = SqliteJournal::open(&path, volley_benches::NOW).expect("a journal");
    let lane = LaneSettings {
        rates: Vec::new(),
        pacing: Pacing::Spaced,
        least_round_trip: Duration::ZERO,
        max_in_flight: flights,
        chunk,
        planned: u64::from(messages),
        max_cost: None,
        probe: false,
        patience: Duration::ZERO,
        silent_for: Duration::ZERO,
        not_before: Duration::ZERO,
        canary: None,
    };
    let adapter = adapter(port);
    match writer {
        "journal" => send(adapter, lane, messages, &Threaded::new(Box::new(journal))),
        "memory" => {
            let memory = Memory::new(journal.plan().clone(), all_chunks(&mut journal));
            send(adapter, lane, messages, &memory)
        }
        "full" | "normal" => {
            let memory = Memory::new(journal.plan().clone(), all_chunks(&mut journal));
            send(adapter, lane, messages, &Plain::new(memory, &folder.path().join("plain"), writer))
        }
        other => panic!("there is no writer {other}"),
    }
}

fn send<P: Port>(adapter: Arc<dyn Adapter>, lane: LaneSettings, messages: u32, port: &P) -> Figures {
    let transport = HttpTransport::new(Duration::from_secs(30), lane.max_in_flight).expect("a client");
    let settings = Settings {
        lane,
        sender: Some(Arc::from("ShopAlert")),
        send_at: None,
        held_back: None,
        windows: None,
        earlier_requests: Vec::new(),
        seed: 1,
    };
    let run = Run { adapter, transport, port: port.clone(), settings };
    let (_keep, stop) = watch::channel(0);
    let control = Control { stop, progress: watch::channel(Progress::default()).0 };
    let figures = timed(messages, || {
        let ending = runtime().block_on(run.execute(control)).expect("the journal can be read");
        assert_eq!(ending, Ending::Finished);
    });
    assert_eq!(port.standing().recipients.accepted, u64::from(messages));
    figures
}

/// Takes what a pacer permits for so many seconds.
fn pace(rate: &str, seconds: u64) -> Figures {
    let rate: Rate = rate.parse().expect("a rate");
    let mut pacer = Pacer::new(&[rate], Pacing::Spaced, Duration::ZERO, u32::MAX);
    let mut permits = 0;
    let mut figures = timed(0, || {
        runtime().block_on(async {
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(seconds) {
                match pacer.poll(start.elapsed()) {
                    Go::Now => permits += 1,
                    Go::At(at) => tokio::time::sleep_until(start + at).await,
                    Go::AfterReply => unreachable!("nothing limits what is in flight"),
                }
            }
        });
    });
    figures.count = f64::from(permits);
    figures
}
