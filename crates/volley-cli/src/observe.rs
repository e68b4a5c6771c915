//! Those who watch a run from outside: `--events` and `--metrics`. Without them nothing is done.
//!
//! They stand around the journal and the transport, which the engine uses as it always does, and
//! look at what goes in and what comes out.

use crate::{
    args::Watching,
    cmd::{
        Voice,
        status::{Recipients, Status},
    },
    events::Events,
    fault::Fault,
    metrics::{self, Flights, Timed, View},
    output,
};
use std::{future::Future, net, sync::Arc};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};
use volley_core::{Chunk, Position};
use volley_engine::{Ending, HttpTransport, Port, Progress, Threaded};
use volley_journal::{CommitError, FrozenPlan, Recovered, Standing, Write, Written};

/// The watchers of one run.
pub(crate) struct Observers {
    events: Option<Arc<Events>>,
    metrics: Option<(net::TcpListener, Arc<Flights>)>,
}

impl Observers {
    /// Opens what was asked for, before anything else is done.
    pub(crate) fn open(asked: &Watching) -> Result<Self, Fault> {
        let listen = |address: net::SocketAddr| {
            let listener = net::TcpListener::bind(address).and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            listener.map_err(|error| {
                Fault::usage(format!("--metrics {address}: {error}")).hint("choose another port")
            })
        };
        let metrics = asked.metrics.map(listen).transpose()?.map(|listener| (listener, Arc::default()));
        let events = asked.events.as_deref().map(Events::open).transpose()?.map(Arc::new);
        Ok(Self { events, metrics })
    }

    /// The same journal, watched.
    pub(crate) fn port(&self, journal: Threaded) -> Watched {
        Watched { journal, events: self.events.clone() }
    }

    /// The same transport, watched.
    pub(crate) fn transport(&self, transport: HttpTransport) -> Timed<HttpTransport> {
        Timed::new(transport, self.metrics.as_ref().map(|(_, flights)| Arc::clone(flights)))
    }

    /// From here on a run is watched, which begins where `journal` stands.
    pub(crate) fn start(
        self,
        plan: &FrozenPlan,
        recovered: Recovered,
        journal: &Watched,
        progress: &watch::Sender<Progress>,
        voice: Voice,
    ) -> Result<Watch, Fault> {
        let standing = journal.standing();
        tracing::info!(
            target: "run",
            campaign = plan.terms.campaign,
            plan_hash = %plan.hash.whole,
            provider = plan.terms.provider,
            pending = standing.recipients.pending,
            "sending begins"
        );
        let following = self.events.as_ref().map(|events| {
            events.run_started(plan, &standing, recovered);
            tokio::spawn(Arc::clone(events).follow(progress.subscribe()))
        });
        let serving = self.metrics.map(|(listener, flights)| {
            let listener = TcpListener::from_std(listener)?;
            output::talk(
                voice.quiet,
                &format!("metrics on http://{}{}", listener.local_addr()?, metrics::PATH),
            );
            let view = View {
                plan: plan.clone(),
                journal: journal.clone(),
                progress: progress.subscribe(),
                flights,
            };
            let (stop, stopped) = oneshot::channel::<()>();
            // Whoever lets go of it stops it too.
            let stopped = async { drop(stopped.await) };
            Ok::<_, Fault>((stop, tokio::spawn(metrics::serve(listener, view, stopped))))
        });
        Ok(Watch { events: self.events, following, serving: serving.transpose()? })
    }
}

/// A run that is watched.
pub(crate) struct Watch {
    events: Option<Arc<Events>>,
    following: Option<JoinHandle<()>>,
    serving: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Watch {
    /// The run ended, `None` where the journal could not be read, and `status` is what is true then.
    /// Nobody holds the journal for them any more when it returns.
    pub(crate) async fn end(self, ending: Option<&Ending>, status: &Status) {
        let Recipients { pending, accepted, refused, in_doubt } = status.recipients;
        let exit_code = status.exit_code;
        tracing::info!(target: "run", pending, accepted, refused, in_doubt, exit_code, "sending ends");
        if let Some((stop, serving)) = self.serving {
            drop(stop);
            drop(serving.await);
        }
        if let Some(following) = self.following {
            // It ends with the run, having told the last of it.
            drop(following.await);
        }
        if let Some(events) = self.events {
            events.run_ended(ending, status);
        }
    }
}

/// A journal whose outcomes are told once they are durable, where somebody asks for that.
#[derive(Clone)]
pub(crate) struct Watched {
    journal: Threaded,
    events: Option<Arc<Events>>,
}

impl Watched {
    /// See [`Threaded::close`].
    pub(crate) fn close(self) {
        self.journal.close();
    }
}

impl Port for Watched {
    /// The end of a run, a cap or a trial: nobody's attempt.
    fn write(&self, write: Write) -> impl Future<Output = Result<Written, Arc<CommitError>>> + Send {
        self.journal.write(write)
    }

    async fn write_all(&self, writes: Arc<Vec<Write>>) -> Vec<Result<Written, Arc<CommitError>>> {
        let written = self.journal.write_all(Arc::clone(&writes)).await;
        if let Some(events) = &self.events {
            events.committed(&writes, &written);
        }
        written
    }

    fn next_chunks(
        &self,
        from: Position,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Chunk>, Arc<CommitError>>> + Send {
        self.journal.next_chunks(from, most)
    }

    fn plan(&self) -> FrozenPlan {
        self.journal.plan()
    }

    fn standing(&self) -> Standing {
        self.journal.standing()
    }
}
