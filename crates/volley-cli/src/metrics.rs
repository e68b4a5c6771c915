//! Where a run stands, for Prometheus: one page in its text format, on this machine alone.
//!
//! What the journal counts is read from the journal's totals at the moment of asking and counted
//! nowhere else. Beside it stand what a process alone knows: requests under way, how long exchanges
//! take, and why nothing is sent. Labels have few values: no number, no id, no text. `docs/metrics.md`
//! is the page of them.

use crate::{listen, observe::Watched};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header::HeaderValue};
use std::{
    convert::Infallible,
    fmt::Write as _,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, time::Instant};
use volley_core::{Micros, Totals};
use volley_engine::{Observed, Pause, Port, Progress, Transport};
use volley_journal::{FrozenPlan, Standing};
use volley_provider::http::HttpRequest;

/// The path of the page.
pub(crate) const PATH: &str = "/metrics";

/// What the text format calls itself (version 0.0.4).
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The upper ends of the histogram's buckets, in microseconds, with the text of each in seconds.
const BUCKETS: [(u64, &str); 13] = [
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
    (30_000_000, "30"),
    (60_000_000, "60"),
];

/// An address to listen on, which others on the network cannot reach.
pub(crate) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:9464".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("metrics are shown on this machine alone; write 127.0.0.1:PORT or [::1]:PORT".to_owned())
    }
}

/// Requests of this process: how many are under way, and how long those before took.
#[derive(Default)]
pub(crate) struct Flights {
    under_way: AtomicU32,
    /// By bucket, not added up; the last is for what took longer than them all.
    took: [AtomicU64; BUCKETS.len() + 1],
    took_micros: AtomicU64,
}

impl Flights {
    fn took(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.partition_point(|(end, _)| *end < micros);
        self.took[bucket].fetch_add(1, Ordering::Relaxed);
        self.took_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// One request under way, also where it is given up.
struct Flight<'a>(&'a Flights);

impl<'a> Flight<'a> {
    fn begins(flights: &'a Flights) -> Self {
        flights.under_way.fetch_add(1, Ordering::Relaxed);
        Self(flights)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A transport whose exchanges are timed, where somebody asks for that.
pub(crate) struct Timed<T> {
    transport: T,
    flights: Option<Arc<Flights>>,
}

impl<T> Timed<T> {
    pub(crate) fn new(transport: T, flights: Option<Arc<Flights>>) -> Self {
        Self { transport, flights }
    }
}

impl<T: Transport> Transport for Timed<T> {
    async fn send(&self, request: HttpRequest) -> Observed {
        let Some(flights) = &self.flights else { return self.transport.send(request).await };
        let flight = Flight::begins(flights);
        let begun = Instant::now();
        let observed = self.transport.send(request).await;
        flights.took(begun.elapsed());
        drop(flight);
        observed
    }
}

/// What a page is made of.
pub(crate) struct View {
    pub(crate) plan: FrozenPlan,
    pub(crate) journal: Watched,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) flights: Arc<Flights>,
}

/// Shows `view` to whoever asks on `listener`, until `stop` is ready.
pub(crate) async fn serve(listener: TcpListener, view: View, stop: impl Future<Output = ()> + Send) {
    let view = Arc::new(view);
    listen::answer_all(listener, stop, move |request| {
        let answer = answer(&view, &request);
        async move { Ok::<_, Infallible>(answer) }
    })
    .await;
}

fn answer(view: &View, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, page) = if request.uri().path() != PATH {
        (StatusCode::NOT_FOUND, format!("the page is {PATH}\n"))
    } else if request.method() != Method::GET && request.method() != Method::HEAD {
        (StatusCode::METHOD_NOT_ALLOWED, String::new())
    } else {
        let progress = view.progress.borrow().clone();
        (StatusCode::OK, page(&view.plan, &view.journal.standing(), progress.pause.as_ref(), &view.flights))
    };
    let mut response = Response::new(Full::new(Bytes::from(page)));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static(CONTENT_TYPE));
    response
}

/// The page in the text format.
fn page(plan: &FrozenPlan, standing: &Standing, pause: Option<&Pause>, flights: &Flights) -> String {
    let mut page = Page::default();
    let campaign = &plan.terms.campaign;
    page.about("volley_run_info", "gauge", "What is sent: always 1.");
    page.line(
        &format!(
            "volley_run_info{{campaign=\"{campaign}\",plan_hash=\"{}\",provider=\"{}\",version=\"{}\"}}",
            plan.hash.whole,
            plan.terms.provider,
            env!("CARGO_PKG_VERSION")
        ),
        1,
    );

    let Totals { pending, accepted, refused, in_doubt } = standing.recipients;
    page.about("volley_recipients", "gauge", "Recipients of the plan by state, as the journal has it.");
    for (state, count) in
        [("pending", pending), ("accepted", accepted), ("refused", refused), ("in_doubt", in_doubt)]
    {
        page.line(&format!("volley_recipients{{state=\"{state}\"}}"), count);
    }
    for (name, help, count) in [
        ("volley_requests_total", "Requests whose intent is in the journal.", standing.requests_sent),
        (
            "volley_requests_throttled_total",
            "Of these, answered with \"too fast\".",
            standing.requests_throttled,
        ),
        (
            "volley_requests_retried_total",
            "Of these, for recipients that had been tried before.",
            standing.requests_retried,
        ),
        ("volley_commits_total", "Commits of the journal.", standing.commits),
    ] {
        page.about(name, "counter", help);
        page.line(name, count);
    }
    page.money(plan, standing);

    page.about("volley_requests_in_flight", "gauge", "Requests of this process that wait for an answer.");
    page.line("volley_requests_in_flight", flights.under_way.load(Ordering::Relaxed));
    page.about("volley_paused", "gauge", "Why nothing is sent at this moment: 1 at its cause.");
    for cause in Pause::CAUSES {
        let holds = pause.is_some_and(|pause| pause.cause() == cause);
        page.line(&format!("volley_paused{{cause=\"{cause}\"}}"), u8::from(holds));
    }
    page.histogram(flights);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn about(&mut self, name: &str, kind: &str, help: &str) {
        self.0.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        writeln!(self.0, "{name} {value}").expect("a string has room");
    }

    /// What it is to cost, what counts against the cap, and what was billed; nothing that is not
    /// known.
    fn money(&mut self, plan: &FrozenPlan, standing: &Standing) {
        let currency = plan.terms.currency.as_deref();
        let spent = plan.estimated.map(|_| standing.spent);
        let amounts: [(&str, &str, Option<Micros>); 3] = [
            ("volley_cost_estimated", "What the plan costs.", plan.estimated),
            (
                "volley_cost_spent",
                "What counts against the cap: billed where known, else the plan's price.",
                spent,
            ),
            ("volley_cost_billed", "What the provider's answers billed.", standing.billed),
        ];
        for (name, help, amount) in amounts {
            if let Some((amount, currency)) = amount.zip(currency) {
                self.about(name, "gauge", help);
                self.line(&format!("{name}{{currency=\"{currency}\"}}"), amount);
            }
        }
        if let Some(amount) = standing.billed_units {
            self.about("volley_cost_billed_units", "gauge", "The same in the provider's own unit.");
            self.line("volley_cost_billed_units", amount);
        }
    }

    fn histogram(&mut self, flights: &Flights) {
        let name = "volley_request_duration_seconds";
        self.about(name, "histogram", "How long exchanges of this process took, answered or not.");
        // The count is that of the last bucket, whatever comes in between.
        let mut count = 0;
        for (took, (_, end)) in flights.took.iter().zip(BUCKETS.iter().chain([&(0, "+Inf")])) {
            count += took.load(Ordering::Relaxed);
            self.line(&format!("{name}_bucket{{le=\"{end}\"}}"), count);
        }
        let micros = flights.took_micros.load(Ordering::Relaxed);
        self.line(&format!("{name}_sum"), Duration::from_micros(micros).as_secs_f64());
        self.line(&format!("{name}_count"), count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use volley_core::{Batch, PlanHasher, PlanTerms, Profile, Rounding, UnixMillis};
    use volley_journal::RowCounts;

    fn plan() -> FrozenPlan {
        let terms = PlanTerms {
            campaign: "spring-sale".to_owned(),
            provider: "transmitsms".to_owned(),
            currency: Some("AUD".to_owned()),
            sender: None,
            send_at: None,
            batch: Batch::PerItem { max: 500 },
            chunk: 500,
        };
        FrozenPlan {
            hash: PlanHasher::new(Rounding::Exact).finish(&terms),
            terms,
            created_at: UnixMillis(0),
            rows: RowCounts { rows: 11, accepted: 11, ..RowCounts::default() },
            segments: 11,
            estimated: Some(Micros(550_000)),
            prices: Vec::new(),
            rounding: Rounding::Exact,
            profile: Profile::STANDARD,
            provider: "{}".to_owned(),
        }
    }

    #[test]
    fn every_figure_of_the_journal_stands_on_the_page_to_the_last_digit() {
        let standing = Standing {
            recipients: Totals { pending: 1, accepted: 7, refused: 1, in_doubt: 2 },
            requests_sent: 6,
            requests_throttled: 2,
            requests_retried: 1,
            billed: Some(Micros(350_000)),
            billed_units: Some(Micros(7_000_000)),
            spent: Micros(450_000),
            commits: 12,
            ..Standing::default()
        };
        let flights = Flights::default();
        let under_way = Flight::begins(&flights);
        for millis in [4, 5, 6, 600, 61_000] {
            flights.took(Duration::from_millis(millis));
        }
        let page = page(&plan(), &standing, Some(&Pause::Throttled(Duration::ZERO)), &flights);
        drop(under_way);
        assert_eq!(flights.under_way.load(Ordering::Relaxed), 0, "it is over though it was given up");
        for line in [
            "volley_recipients{state=\"pending\"} 1",
            "volley_recipients{state=\"accepted\"} 7",
            "volley_recipients{state=\"refused\"} 1",
            "volley_recipients{state=\"in_doubt\"} 2",
            "volley_requests_total 6",
            "volley_requests_throttled_total 2",
            "volley_requests_retried_total 1",
            "volley_commits_total 12",
            "volley_cost_estimated{currency=\"AUD\"} 0.5500",
            "volley_cost_spent{currency=\"AUD\"} 0.4500",
            "volley_cost_billed{currency=\"AUD\"} 0.3500",
            "volley_cost_billed_units 7.0000",
            "volley_requests_in_flight 1",
            "volley_paused{cause=\"throttled\"} 1",
            "volley_paused{cause=\"journal\"} 0",
            "volley_request_duration_seconds_bucket{le=\"0.005\"} 2",
            "volley_request_duration_seconds_bucket{le=\"0.01\"} 3",
            "volley_request_duration_seconds_bucket{le=\"0.5\"} 3",
            "volley_request_duration_seconds_bucket{le=\"1\"} 4",
            "volley_request_duration_seconds_bucket{le=\"60\"} 4",
            "volley_request_duration_seconds_bucket{le=\"+Inf\"} 5",
            "volley_request_duration_seconds_sum 61.615",
            "volley_request_duration_seconds_count 5",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not on the page:\n{page}");
        }
    }

    #[test]
    fn the_page_of_metrics_names_every_family_with_its_type_and_labels() {
        let standing =
            Standing { billed: Some(Micros(1)), billed_units: Some(Micros(1)), ..Standing::default() };
        let page = page(&plan(), &standing, None, &Flights::default());
        let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let shown: Vec<(&str, &str, BTreeSet<&str>)> = types
            .map(|(name, kind)| {
                let of_it = page.lines().filter(|line| line.starts_with(name));
                let labels = of_it.filter_map(|line| line.split_once('{')?.1.split_once('}'));
                let labels = labels.flat_map(|(labels, _)| labels.split(','));
                (name, kind, labels.filter_map(|label| Some(label.split_once('=')?.0)).collect())
            })
            .collect();
        let rows =
            include_str!("../../../docs/metrics.md").lines().filter(|line| line.starts_with("| `volley_"));
        let told: Vec<(&str, &str, BTreeSet<&str>)> = rows
            .map(|row| {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                let labels = cells[3].split(", ").filter(|label| !label.is_empty());
                (cells[1].trim_matches('`'), cells[2], labels.map(|label| label.trim_matches('`')).collect())
            })
            .collect();
        assert_eq!(shown, told);
    }

    #[test]
    fn every_pause_has_a_cause_of_the_list() {
        let (until, detail) = (Duration::ZERO, volley_core::Reason::from("x"));
        let broken = |reason| Pause::Broken { until, reason, detail: detail.clone() };
        let opens = volley_core::Opens { at: UnixMillis(0), zone: "Asia/Bangkok" };
        let pauses = [
            Pause::Scheduled(until),
            Pause::Rate(until),
            Pause::Throttled(until),
            Pause::Retry(until),
            broken(volley_core::StopReason::Unreachable),
            broken(volley_core::StopReason::Breaker),
            Pause::Journal { until, detail: detail.clone() },
            Pause::Window { until, opens },
            Pause::InFlight,
            Pause::Draining,
        ];
        assert_eq!(pauses.map(|pause| pause.cause()), Pause::CAUSES);
    }

    #[test]
    fn what_is_not_known_is_not_on_the_page() {
        let mut plan = plan();
        (plan.terms.currency, plan.estimated) = (None, None);
        let page = page(&plan, &Standing::default(), None, &Flights::default());
        assert!(!page.contains("volley_cost"), "{page}");
        assert!(!page.lines().any(|line| line.starts_with("volley_paused") && line.ends_with('1')), "{page}");
    }

    #[test]
    fn nobody_but_this_machine_is_listened_to() {
        for (text, is_taken) in [
            ("127.0.0.1:9464", true),
            ("127.8.0.1:0", true),
            ("[::1]:9464", true),
            ("0.0.0.0:9464", false),
            ("[::]:9464", false),
            ("192.0.2.1:9464", false),
            ("localhost:9464", false),
            ("9464", false),
        ] {
            assert_eq!(loopback(text).is_ok(), is_taken, "{text}");
        }
    }
}
