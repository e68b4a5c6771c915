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
    Batch, Chunk, Class, Failure, Message, Micros, Msisdn, PlanHasher, PlanTerms, Position, Price, PriceId,
    Profile, Rate, RowNumber, UnixMillis,
};
use volley_engine::{
    Control, Ending, HeldBack, Inline, LaneSettings, Observed, Port, Progress, Run, Settings, Transport,
    earlier_requests,
};
use volley_journal::{
    CommitError, FrozenPlan, PlanWriter, RowCounts, SqliteJournal, Standing, Write, Written,
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
}

/// What one run of the engine keeps to.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) rates: &'static str,
    pub(crate) strict: bool,
    pub(crate) max_in_flight: u32,
    pub(crate) max_cost: Option<Micros>,
    pub(crate) timeout: Duration,
    /// Who asked not to be texted.
    pub(crate) held_back: Option<HeldBack>,
    /// When sending starts.
    pub(crate) not_before: Duration,
    /// When the first and the second Ctrl-C come.
    pub(crate) interrupts: [Option<Duration>; 2],
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rates: "50/s",
            strict: true,
            max_in_flight: 4,
            max_cost: None,
            timeout: Duration::from_secs(30),
            held_back: None,
            not_before: Duration::ZERO,
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
        (currency, price): (&'static str, Micros),
    ) -> Self {
        let adapter = adapter(kind);
        let world = Self {
            directory: TempDir::new().expect("a directory"),
            adapter,
            gateway: Arc::new(Mutex::new(Gateway::new(config).expect("a gateway"))),
            arrivals: Arc::default(),
            start: Instant::now(),
            recipients,
            chunk,
            currency,
            price,
        };
        world.plan();
        world
    }

    fn plan(&self) {
        let batch = self.adapter.capabilities().batch;
        assert!(matches!(batch, Batch::SharedText { .. }));
        let mut writer = PlanWriter::create(&self.journal_path(), batch).expect("a plan");
        let mut hasher = PlanHasher::new(volley_core::Rounding::Exact);
        let text = "Sale ends today";
        for row in 1..=self.recipients {
            let to = Msisdn::from_digits(66_800_000_000 + u64::from(row)).expect("eleven digits");
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
            sender: Some("Volley".to_owned()),
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
                prefix: "66".to_owned(),
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
        let (port, earlier_requests) = self.open(limits);
        self.execute(limits, port, earlier_requests).await
    }

    pub(crate) fn open(&self, limits: &Limits) -> (Inline, Vec<Duration>) {
        let now = UnixMillis(i64::try_from(self.elapsed().as_millis()).expect("short"));
        let mut journal = SqliteJournal::open(&self.journal_path(), now).expect("the journal opens");
        let earlier = earlier_requests(&mut journal, &rates(limits), now).expect("the journal can be read");
        (Inline::new(Box::new(journal)), earlier)
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
                strict: limits.strict,
                max_in_flight: limits.max_in_flight,
                chunk: self.chunk,
                planned: u64::from(self.recipients),
                max_cost: limits.max_cost,
                probe: false,
                not_before: limits.not_before,
            },
            sender: Some(Arc::from("Volley")),
            send_at: None,
            held_back: limits.held_back.clone(),
            earlier_requests,
            seed: 7,
        };
        let (gateway, arrivals) = (Arc::clone(&self.gateway), Arc::clone(&self.arrivals));
        let transport = Wireless { gateway, arrivals, start: self.start, timeout: limits.timeout };
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

fn adapter(kind: &str) -> Arc<dyn Adapter> {
    let credentials = Credentials {
        key: Some("sim-key".into()),
        secret: Some("sim-secret".into()),
        ..Credentials::default()
    };
    let settings = ProviderSettings {
        base_url: Some("http://127.0.0.1:1".to_owned()),
        options: std::collections::BTreeMap::new(),
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
    start: Instant,
    timeout: Duration,
}

impl Transport for Wireless {
    async fn send(&self, request: HttpRequest) -> Observed {
        let heard = plain(&request);
        self.arrivals.lock().expect("no panic").push(self.start.elapsed());
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
            Wire::LoseReply | Wire::ResetBeforeReading => {
                Observed::Failed(Failure::new(Class::ReplyLost, "the connection ended before the answer"))
            }
            Wire::Stall => unreachable!("handled above"),
        }
    }
}

/// The request as the gateway hears it.
fn plain(request: &HttpRequest) -> Request {
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
