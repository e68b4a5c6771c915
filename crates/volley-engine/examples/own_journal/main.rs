//! The engine with a journal of one's own: a text file, a line for each change.
//!
//! `cargo run -p volley-engine --example own_journal`
//!
//! Sends to a simulated gateway on this machine that takes its second request and loses the answer.
//! Whoever that request was for is in doubt, which the journal knows, and a second run texts nobody
//! twice. It keeps what the engine asks of every journal ([`Journal`]): what a commit returned for
//! survives a power cut, an intent is there before its request leaves, and what a process that is
//! gone left open is in doubt. Not kept here: prices, decisions about doubt, the plan's own rows.

mod text_journal; // the journal

use std::{env, error::Error, path::Path, path::PathBuf, sync::Arc, time::Duration};
use text_journal::{Plan, TextJournal};
use tokio::sync::watch;
use volley_core::{
    Message, Micros, Msisdn, Pacing, PlanHasher, PlanTerms, Planned, Profile, Rounding, RowNumber, UnixMillis,
};
use volley_engine::{
    Control, Ending, HttpTransport, LaneSettings, Progress, Run, Settings, Threaded, earlier_requests,
};
use volley_journal::{FrozenPlan, Journal, RowCounts, Standing};
use volley_provider::{
    adapter::Adapter,
    credentials::Credentials,
    registry::{self, Settings as Account},
};
use volley_sim::{Among, Config, Fault, Mischief, Server, When};

/// One text to five people, three a request.
pub(crate) fn plan(adapter: &dyn Adapter) -> Plan {
    let text = "Sale ends today";
    let segments = Profile::STANDARD.count(text);
    let mut hasher = PlanHasher::new(Rounding::Exact);
    let mut people = Vec::new();
    for (row, digits) in
        (1..).zip([61_491_570_006, 61_491_570_156, 61_491_570_157, 61_491_570_158, 61_491_570_159])
    {
        let (row, to) = (RowNumber(row), Msisdn::from_digits(digits).expect("eleven digits"));
        hasher.message(&Message { row, to, text, segments, cost: None });
        people.push(Planned { row, to, text: 0, segments: 1, cost: Micros::ZERO });
    }
    let terms = PlanTerms {
        campaign: "own-journal".to_owned(),
        sender: Some("Harbour".to_owned()),
        provider: adapter.kind().to_owned(),
        send_at: None,
        currency: None,
        batch: adapter.capabilities().batch,
        chunk: 3,
    };
    let accepted = people.len() as u64;
    let frozen = FrozenPlan {
        hash: hasher.finish(&terms),
        terms,
        created_at: UnixMillis(0),
        rows: RowCounts { rows: accepted, accepted, ..RowCounts::default() },
        segments: accepted,
        estimated: None,
        prices: Vec::new(),
        rounding: Rounding::Exact,
        profile: Profile::STANDARD,
        provider: "{}".to_owned(),
    };
    Plan { frozen, text: text.into(), people }
}

/// One process: opens the journal, sends until nobody is pending or something stops it.
async fn send(path: &Path, server: &Server) -> Result<(Ending, Standing), Box<dyn Error>> {
    let account = Account {
        base_url: Some(format!("http://{}", server.address)),
        credentials: Credentials {
            key: Some("sim-key".into()),
            secret: Some("sim-secret".into()),
            ..Credentials::default()
        },
        ..Account::default()
    };
    let adapter = registry::adapter("transmitsms", account)?;
    let now = UnixMillis(jiff::Timestamp::now().as_millisecond());
    let plan = plan(adapter.as_ref());
    let mut journal = TextJournal::open(path, plan.clone(), now)?;
    let can = adapter.capabilities();
    let rates = vec![can.rate];
    let settings = Settings {
        earlier_requests: earlier_requests(&mut journal, &rates, now)?,
        lane: LaneSettings {
            pacing: Pacing::usual(&rates, can.counts_strictly),
            rates,
            least_round_trip: Duration::ZERO,
            max_in_flight: can.max_in_flight,
            chunk: plan.frozen.terms.chunk,
            planned: plan.people.len() as u64,
            max_cost: None,
            probe: false,
            patience: Duration::from_mins(1),
            silent_for: journal.silence(now),
            not_before: Duration::ZERO,
            canary: None,
        },
        sender: plan.frozen.terms.sender.as_deref().map(Arc::from),
        send_at: None,
        held_back: None,
        windows: None,
        seed: 7,
    };
    let transport = HttpTransport::new(can.timeout, can.max_in_flight)?;
    // A program that stops runs keeps the sender: 1 lets what is in flight finish, 2 does not.
    let (_go_on, stop) = watch::channel(0);
    let (progress, seen) = watch::channel(Progress::default());
    let port = Threaded::new(Box::new(journal));
    let run = Run { adapter, transport, port: port.clone(), settings };
    let ending = run.execute(Control { stop, progress }).await?;
    port.close();
    let standing = seen.borrow().standing.clone();
    Ok((ending, standing))
}

/// A gateway that takes the second request and loses its answer.
async fn gateway() -> Result<Server, Box<dyn Error>> {
    let fault = Fault { when: When::Request(2), what: Mischief::CommitThenDrop, among: Among::Sends };
    let config = Config { faults: vec![fault], ..Config::default() };
    Ok(Server::start(config, ([127, 0, 0, 1], 0).into()).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = env::args().nth(1).map_or_else(|| directory.path().join("sale.journal"), PathBuf::from);
    let server = gateway().await?;
    for process in 1..=2 {
        let (ending, standing) = send(&path, &server).await?;
        println!("process {process}: {ending:?}, {:?}", standing.recipients);
    }
    let taken = server.gateway.lock().expect("nothing panics while it holds the gateway").recipients_taken();
    println!("the gateway took {taken} messages");
    print!("{}", std::fs::read_to_string(&path)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use volley_core::Totals;

    #[tokio::test]
    async fn a_lost_answer_leaves_doubt_and_a_second_process_texts_nobody_twice() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, server) = (directory.path().join("sale.journal"), gateway().await.expect("a gateway"));
        for _ in 1..=2 {
            let (ending, standing) = send(&path, &server).await.expect("a run");
            assert_eq!(ending, Ending::Finished);
            assert_eq!(standing.recipients, Totals { pending: 0, accepted: 3, refused: 0, in_doubt: 2 });
        }
        let gateway = server.gateway.lock().expect("no panic");
        assert_eq!((gateway.recipients_taken(), gateway.taken_more_than_once()), (5, Vec::new()));
    }
}
