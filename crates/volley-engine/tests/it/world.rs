//! A campaign, a journal on disk, the gateway, and virtual time: no socket, no thread.

use std::{
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{sync::watch, time::Instant};
use volley_core::{
    Chunk, Class, Failure, Message, Micros, Msisdn, Pacing, PlanHasher, PlanTerms, Position, Price, PriceId,
    Profile, Rate, RowNumber, Totals, UnixMillis,
};
use volley_engine::{
    Canary, Control, Ending, HeldBack, Inline, LaneSettings, Observed, Port, Progress, Run, Seen, Settings,
    Transport, Windows, earlier_requests,
};
use volley_journal::{
    CommitError, FrozenPlan, Journal, PlanWriter, RowCounts, SqliteJournal, Standing, Write, Written,
};
use volley_provider::{
    adapter::Adapter,
    credentials::Credentials,
    http::{HeaderValue, HttpRequest, Reply},
    registry::{self, Settings as ProviderSettings},
};
use volley_sim::{Config, Gateway, Request, Wire};

/// What one recipient costs where a test says nothing else.
pub(crate) const PRICE: Micros = Micros(50_000);

/// Everything that outlives a run of the engine.
pub(crate) struct World {
    directory: TempDir,
    pub(crate) adapter: Arc<dyn Adapter>,
    gateway: Arc<Mutex<Gateway>>,
    arrivals: Arc<Mutex<Vec<Duration>>>,
    start: Instant,
    recipients: u32,
    chunk: u32,
    currency: &'static str,
    price: Micros,
    reach: Reach,
}

/// Whom a provider's campaigns reach, and as whom.
#[derive(Clone, Copy)]
struct Reach {
    sender: &'static str,
    prefix: &'static str,
    /// The number of a row, from 1, with its country code.
    number: fn(u32) -> u64,
}

impl Reach {
    fn of(kind: &str) -> Self {
        let thai = |row| 66_800_000_000 + u64::from(row);
        // Around the numbers that Australia keeps for fiction, and the hundred of each area code.
        let australian = |row| 61_491_570_000 + u64::from(row);
        let american = |row| 12_015_550_100 + u64::from(row / 100) * 10_000_000 + u64::from(row % 100);
        match kind {
            "maxotel" | "fonedynamics" => Self { sender: "Volley", prefix: "61", number: australian },
            "multitel" | "http" => Self { sender: "12025550100", prefix: "1", number: american },
            _ => Self { sender: "Volley", prefix: "66", number: thai },
        }
    }
}

/// What becomes of a request that is sent at this time; `None`, and the gateway hears of it.
pub(crate) type OnTheWay = Arc<dyn Fn(Duration) -> Option<Observed> + Send + Sync>;

/// What one run of the engine keeps to.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) rates: &'static str,
    pub(crate) pacing: Pacing,
    pub(crate) least_round_trip: Duration,
    pub(crate) max_in_flight: u32,
    pub(crate) max_cost: Option<Micros>,
    pub(crate) timeout: Duration,
    /// Who asked not to be texted.
    pub(crate) held_back: Option<HeldBack>,
    /// The hours in which texts may be sent.
    pub(crate) windows: Option<Windows>,
    /// When sending starts.
    pub(crate) not_before: Duration,
    /// How many recipients are judged before the others are sent to.
    pub(crate) canary: Option<u64>,
    /// How long a lane that broke off tries one recipient at a time.
    pub(crate) patience: Duration,
    /// For how long an earlier process was asked for silence.
    pub(crate) silent_for: Duration,
    /// What stands between us and the gateway.
    pub(crate) on_the_way: Option<OnTheWay>,
    /// When the first and the second Ctrl-C come.
    pub(crate) interrupts: [Option<Duration>; 2],
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rates: "50/s",
            pacing: Pacing::Strict,
            least_round_trip: Duration::ZERO,
            max_in_flight: 4,
            max_cost: None,
            timeout: Duration::from_secs(30),
            held_back: None,
            windows: None,
            not_before: Duration::ZERO,
            canary: None,
            patience: Duration::ZERO,
            silent_for: Duration::ZERO,
            on_the_way: None,
            interrupts: [None, None],
        }
    }
}

impl World {
    /// A plan of one text to `recipients` people, in chunks of `chunk`.
    pub(crate) fn new(kind: &str, recipients: u32, chunk: u32, config: Config) -> Self {
        Self::priced(kind, recipients, chunk, config, ("THB", PRICE))
    }

    /// The same by a rate card that says so much of a currency for each of them.
    pub(crate) fn priced(
        kind: &str,
        recipients: u32,
        chunk: u32,
        config: Config,
        price: (&'static str, Micros),
    ) -> Self {
        Self::reaching(kind, recipients, chunk, config, price, Reach::of(kind))
    }

    /// A plan for these numbers, by rows from 1.
    pub(crate) fn to_numbers(
        kind: &str,
        recipients: u32,
        chunk: u32,
        config: Config,
        number: fn(u32) -> u64,
    ) -> Self {
        let reach = Reach { number, ..Reach::of(kind) };
        Self::reaching(kind, recipients, chunk, config, ("THB", PRICE), reach)
    }

    fn reaching(
        kind: &str,
        recipients: u32,
        chunk: u32,
        config: Config,
        (currency, price): (&'static str, Micros),
        reach: Reach,
    ) -> Self {
        let adapter = adapter(kind);
        let world = Self {
            directory: directory(),
            adapter,
            gateway: Arc::new(Mutex::new(Gateway::new(config).expect("a gateway"))),
            arrivals: Arc::default(),
            start: Instant::now(),
            recipients,
            chunk,
            currency,
            price,
            reach,
        };
        world.plan();
        world
    }

    fn plan(&self) {
        let batch = self.adapter.capabilities().batch;
        assert!(self.chunk <= batch.ceiling(), "{}: {} a request", self.adapter.kind(), self.chunk);
        let mut writer = PlanWriter::create(&self.journal_path(), batch).expect("a plan");
        let mut hasher = PlanHasher::new(volley_core::Rounding::Exact);
        let text = "Sale ends today";
        for row in 1..=self.recipients {
            let to = Msisdn::from_digits((self.reach.number)(row)).expect("eleven digits");
            let message = Message {
                row: RowNumber(row),
                to,
                text,
                segments: Profile::STANDARD.count(text),
                cost: Some(self.price),
            };
            hasher.message(&message);
            writer.message(&message, Some(PriceId(0))).expect("a message");
        }
        let terms = PlanTerms {
            campaign: "scenario".to_owned(),
            sender: Some(self.reach.sender.to_owned()),
            provider: self.adapter.kind().to_owned(),
            send_at: None,
            currency: Some(self.currency.to_owned()),
            batch,
            chunk: self.chunk,
        };
        let accepted = u64::from(self.recipients);
        let plan = FrozenPlan {
            hash: hasher.finish(&terms),
            terms,
            created_at: UnixMillis(0),
            rows: RowCounts { rows: accepted, accepted, ..RowCounts::default() },
            segments: accepted,
            estimated: self.price.checked_mul(self.recipients),
            rounding: volley_core::Rounding::Exact,
            profile: volley_core::Profile::STANDARD,
            prices: vec![Price {
                prefix: self.reach.prefix.to_owned(),
                per_segment: self.price,
                per_message: Micros::ZERO,
            }],
            provider: "{}".to_owned(),
        };
        writer.finish(&plan).expect("a plan");
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.directory.path().join("scenario.volley")
    }

    pub(crate) fn gateway(&self) -> MutexGuard<'_, Gateway> {
        self.gateway.lock().expect("no test panics while it holds the gateway")
    }

    /// When each request reached the gateway.
    pub(crate) fn arrivals(&self) -> Vec<Duration> {
        self.arrivals.lock().expect("no panic").clone()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// One process whose journal cannot be written for a while: from `full.start` to `full.end`.
    pub(crate) async fn run_with_a_full_disk(
        &self,
        limits: &Limits,
        full: Range<Duration>,
    ) -> (Ending, Standing) {
        let (start, port) = (self.start, self.open(limits).0);
        self.execute(limits, Full { inner: port, start, during: full }, Vec::new()).await
    }

    /// One process: opens the journal, sends until it ends, closes.
    pub(crate) async fn run(&self, limits: &Limits) -> (Ending, Standing) {
        let (port, earlier_requests, silence) = self.open(limits);
        let limits = Limits { silent_for: limits.silent_for.max(silence), ..limits.clone() };
        self.execute(&limits, port, earlier_requests).await
    }

    pub(crate) fn open(&self, limits: &Limits) -> (Inline, Vec<Duration>, Duration) {
        let now = UnixMillis(i64::try_from(self.elapsed().as_millis()).expect("short"));
        let mut journal = SqliteJournal::open(&self.journal_path(), now).expect("the journal opens");
        let earlier = earlier_requests(&mut journal, &rates(limits), now).expect("the journal can be read");
        let silence = journal.silence(now);
        (Inline::new(Box::new(journal)), earlier, silence)
    }

    pub(crate) async fn execute<P: Port>(
        &self,
        limits: &Limits,
        port: P,
        earlier_requests: Vec<Duration>,
    ) -> (Ending, Standing) {
        let settings = Settings {
            lane: LaneSettings {
                rates: rates(limits),
                pacing: limits.pacing,
                least_round_trip: limits.least_round_trip,
                max_in_flight: limits.max_in_flight,
                chunk: self.chunk,
                planned: u64::from(self.recipients),
                max_cost: limits.max_cost,
                probe: false,
                not_before: limits.not_before,
                patience: limits.patience,
                silent_for: limits.silent_for,
                canary: limits.canary.map(|recipients| self.canary(recipients, &port.standing())),
            },
            sender: Some(Arc::from(self.reach.sender)),
            send_at: None,
            held_back: limits.held_back.clone(),
            windows: limits.windows.clone(),
            earlier_requests,
            seed: 7,
        };
        let (gateway, arrivals) = (Arc::clone(&self.gateway), Arc::clone(&self.arrivals));
        let on_the_way = limits.on_the_way.clone();
        let transport =
            Wireless { gateway, arrivals, on_the_way, start: self.start, timeout: limits.timeout };
        let (level, stop) = watch::channel(0);
        let interrupts = limits.interrupts;
        tokio::spawn(async move {
            for (wait, next) in interrupts.into_iter().flatten().zip(1..) {
                tokio::time::sleep(wait).await;
                level.send_replace(next);
            }
            std::future::pending::<()>().await;
        });
        let control = Control { stop, progress: watch::channel(Progress::default()).0 };
        let run = Run { adapter: Arc::clone(&self.adapter), transport, port: port.clone(), settings };
        let ending = run.execute(control).await.expect("the journal can be read");
        let standing = port.standing();
        (ending, standing)
    }

    /// The first of them, with what earlier runs made of them.
    fn canary(&self, recipients: u64, standing: &Standing) -> Canary {
        let Totals { pending, accepted, refused, in_doubt } = standing.recipients;
        let seen = Seen {
            settled: u64::from(self.recipients) - pending,
            refused,
            in_doubt,
            bills: standing.requests_sent,
            billed: standing.spent,
            planned: Micros(self.price.0 * i64::try_from(accepted + in_doubt).expect("few")),
        };
        Canary { recipients, seen, tolerance: Some(Micros::ZERO) }
    }

    /// Nobody twice, nobody lost, and every total recomputed: the law of every scenario.
    pub(crate) fn judge(&self, standing: &Standing, what: &str) {
        let gateway = self.gateway();
        assert_eq!(gateway.taken_more_than_once(), [], "{what}: someone was texted twice");
        let taken = gateway.recipients_taken();
        let totals = standing.recipients;
        assert_eq!(totals.sum(), u64::from(self.recipients), "{what}: the sum");
        assert!(totals.accepted <= taken, "{what}: {} accepted, {taken} taken", totals.accepted);
        assert!(taken <= totals.accepted + totals.in_doubt, "{what}: {taken} taken, {totals:?}");
        drop(gateway);
        let verified = volley_journal::verify(&self.journal_path()).expect("the journal can be read");
        assert!(verified.holds(), "{what}: {:?}", verified.broken);
    }
}

/// In memory where the machine has such a place: nothing here depends on a disk, and its flushes
/// would take most of the time.
fn directory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory")
}

/// A provider that only a file describes: MultiTEL's send call, whose face the gateway shows.
const DESCRIBED: &str = r#"
name = "somebody"
endpoint = "/v3/sendsms"
[auth]
basic = ["username", "password"]
[request]
sender_numbers = "digits"
[request.fields]
from = "{from}"
to = "{to}"
text = "{text}"
[reply]
id = "/response/uniqueid"
code = "/status/code"
[reply.accepted]
codes = [200]
[reply.no_funds]
codes = [402]
[limits]
rate = "5/s"
prefixes = ["1"]
"#;

pub(crate) fn adapter(kind: &str) -> Arc<dyn Adapter> {
    let credentials = Credentials {
        key: Some("sim-key".into()),
        secret: Some("sim-secret".into()),
        account: Some("sim-account".into()),
        token: Some("sim-token".into()),
        username: Some("sim-user".into()),
        password: Some("sim-password".into()),
    };
    let needed: &[(&str, &str)] = match kind {
        "fonedynamics" => &[("property_sid", "sim-property")],
        "multitel" => &[("bulk_allowed", "true")],
        "http" => &[("definition", DESCRIBED)],
        _ => &[],
    };
    let settings = ProviderSettings {
        base_url: Some("http://127.0.0.1:1".to_owned()),
        options: needed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        credentials,
        max_characters: None,
    };
    registry::adapter(kind, settings).expect("an adapter")
}

fn rates(limits: &Limits) -> Vec<Rate> {
    limits.rates.split_whitespace().map(|rate| rate.parse().expect("a rate")).collect()
}

/// A journal on a disk that is full for a while.
#[derive(Clone)]
struct Full {
    inner: Inline,
    start: Instant,
    during: Range<Duration>,
}

impl Port for Full {
    async fn write(&self, write: Write) -> Result<Written, Arc<CommitError>> {
        if self.during.contains(&self.start.elapsed()) {
            return Err(Arc::new(CommitError::Storage("the disk is full".to_owned())));
        }
        self.inner.write(write).await
    }

    async fn next_chunks(&self, from: Position, most: usize) -> Result<Vec<Chunk>, Arc<CommitError>> {
        self.inner.next_chunks(from, most).await
    }

    fn plan(&self) -> FrozenPlan {
        self.inner.plan()
    }

    fn standing(&self) -> Standing {
        self.inner.standing()
    }
}

/// Carries requests to the gateway by calling it.
struct Wireless {
    gateway: Arc<Mutex<Gateway>>,
    arrivals: Arc<Mutex<Vec<Duration>>>,
    on_the_way: Option<OnTheWay>,
    start: Instant,
    timeout: Duration,
}

impl Transport for Wireless {
    async fn send(&self, request: HttpRequest) -> Observed {
        let heard = plain(&request);
        self.arrivals.lock().expect("no panic").push(self.start.elapsed());
        if let Some(observed) = self.on_the_way.as_ref().and_then(|way| way(self.start.elapsed())) {
            return observed;
        }
        let answer = self.gateway.lock().expect("no panic").answer(self.start.elapsed(), &heard);
        if answer.wire == Wire::Stall || answer.delay > self.timeout {
            tokio::time::sleep(self.timeout).await;
            return Observed::Failed(Failure::new(Class::TimedOut, "no answer in time"));
        }
        tokio::time::sleep(answer.delay).await;
        match answer.wire {
            Wire::Whole => Observed::Reply(Reply {
                status: answer.reply.status,
                headers: answer
                    .reply
                    .headers
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
                body: answer.reply.body,
                at: UnixMillis(i64::try_from(self.start.elapsed().as_millis()).expect("short")),
            }),
            Wire::CutAfter(_) => Observed::Failed(Failure::new(Class::BodyCut, "the answer was cut")),
            // What is broken below HTTP is told from what is lost on real sockets alone.
            Wire::Broken(_) | Wire::LoseReply | Wire::ResetBeforeReading => {
                Observed::Failed(Failure::new(Class::ReplyLost, "the connection ended before the answer"))
            }
            Wire::Stall => unreachable!("handled above"),
        }
    }
}

/// The request as the gateway hears it.
pub(crate) fn plain(request: &HttpRequest) -> Request {
    use secrecy::ExposeSecret;
    let address = request.address();
    let after_scheme = address.split_once("://").expect("absolute").1;
    let target = after_scheme.find('/').map_or("/", |slash| &after_scheme[slash..]);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let value = |value: &HeaderValue| match value {
        HeaderValue::Plain(text) => text.clone(),
        HeaderValue::Secret(text) => text.expose_secret().to_owned(),
    };
    Request {
        method: request.method.word().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: request
            .headers
            .iter()
            .map(|header| (header.name.to_string(), value(&header.value)))
            .collect(),
        body: request.body.frames().flatten().collect(),
    }
}
