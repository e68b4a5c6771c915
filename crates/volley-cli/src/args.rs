//! What was typed. Meaning is given to it in `cmd`.

use crate::output;
use clap::{Args as ClapArgs, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::{ffi::OsString, net::SocketAddr, num::NonZeroU32, path::PathBuf, sync::LazyLock, time::Duration};

/// Bulk SMS: priced to the cent before anything is sent, sent exactly as fast as the provider
/// allows, and never to anyone twice.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags are bools")]
#[command(name = "volley", version, long_version = long_version(), propagate_version = true, max_term_width = 100)]
#[command(after_help = "Try it on the built-in gateway:\n  volley send data/demo/campaign.toml\n\n\
    Exit codes: 0 done, 2 usage, 3 some refused, 4 credentials, 5 resume later, 6 in doubt,\n\
    7 plan changed, 8 cap reached, 9 nothing to send, 10 no such file, 11 in use, 12 damaged,\n\
    13 verification failed, 130 interrupted.")]
pub(crate) struct Args {
    /// Print data as JSON on stdout.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say less on stderr.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more on stderr.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// No colours; the environment variable `NO_COLOR` does the same.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Do not ask.
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Append a log of what happens underneath, one event a line, without numbers, texts and secrets.
    ///
    /// From the level info on; -v adds debug. The environment variable `VOLLEY_LOG` says it more
    /// closely: `trace`, or by layer, `info,journal=debug`. The layers are run, engine, journal,
    /// transport and provider.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Log")]
    pub(crate) log: Option<PathBuf>,
    /// How the log is written.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human", help_heading = "Log")]
    pub(crate) log_format: crate::log::Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// What was typed, or clap's own words about it: help, version, or an error.
    pub(crate) fn read(typed: impl Iterator<Item = OsString>) -> Result<Self, clap::Error> {
        let typed: Vec<OsString> = typed.collect();
        let plain = typed.iter().take_while(|word| *word != "--").any(|word| word == "--no-color");
        // The words about a wrong command line are there before the flag is understood.
        let colours = output::clap_colours(plain);
        Self::from_arg_matches_mut(&mut Self::command().color(colours).try_get_matches_from(typed)?)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Begin a campaign: a file with every key there is, a list and a rate card to try it on.
    ///
    /// Nothing that is there is overwritten.
    #[command(after_help = "Examples:\n  \
        volley init spring\n  \
        volley init autumn-sale.toml --provider transmitsms")]
    Init {
        /// A directory for campaign.toml, or the campaign file itself.
        #[arg(value_name = "DIR|FILE.toml", default_value = ".")]
        target: PathBuf,
        /// Through whom it is sent; sim is the built-in gateway.
        #[arg(long, value_name = "KIND", default_value = "sim", value_parser = crate::cmd::init::kinds())]
        provider: String,
    },
    /// Read and validate everything; send and write nothing.
    #[command(after_help = "Example:\n  volley check spring-sale.toml")]
    Check(Campaign),
    /// What would keep a campaign from being sent from here, now; sends nothing.
    ///
    /// Looks at credentials, the provider, the journal and the files beside it, the history, the
    /// disk, the clock and this machine's limits; without an argument at this machine alone. The
    /// exit code is 0 where nothing is a problem, otherwise that of the gravest.
    #[command(after_help = "Examples:\n  \
        volley doctor\n  \
        volley doctor spring-sale.toml\n  \
        volley doctor spring-sale.volley --json")]
    Doctor {
        /// A campaign file, or a journal.
        #[arg(value_name = "CAMPAIGN|FILE.volley")]
        target: Option<PathBuf>,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Dry run: who gets what, what is left out and why, and what it costs.
    #[command(after_help = "Examples:\n  \
        volley preview spring-sale.toml\n  \
        volley preview spring-sale.toml --rejects left-out.csv --json\n  \
        volley preview spring-sale.toml --only seeds.csv\n  \
        volley preview spring-sale.toml --advise")]
    Preview {
        #[command(flatten)]
        campaign: Campaign,
        #[command(flatten)]
        rejects: Rejects,
        #[command(flatten)]
        only: Only,
        /// List edits of the text that would save money, and by how much; none is applied.
        #[arg(long)]
        advise: bool,
    },
    /// Freeze a campaign into a journal and print its plan hash; send nothing.
    #[command(after_help = "Example:\n  volley plan spring-sale.toml -o monday.volley")]
    Plan {
        #[command(flatten)]
        campaign: Campaign,
        #[command(flatten)]
        rejects: Rejects,
        #[command(flatten)]
        only: Only,
        /// Where the journal goes; beside the campaign file as NAME.volley unless given, and as
        /// NAME.only.volley with --only.
        #[arg(short, long, value_name = "FILE.volley")]
        output: Option<PathBuf>,
    },
    /// Plan if needed, confirm, send.
    #[command(after_help = "Examples:\n  \
        volley send spring-sale.toml\n  \
        volley send spring-sale.toml --only seeds.csv --yes\n  \
        volley send spring-sale.toml --yes --max-cost 150.00\n  \
        volley send spring-sale.toml --yes --log send.log --log-format json -v\n  \
        volley send monday.volley --canary 10 --yes")]
    Send(Send),
    /// Go on where a campaign stopped.
    #[command(after_help = "Examples:\n  \
        volley resume spring-sale.volley --yes\n  \
        volley resume spring-sale.volley --yes --events events.jsonl --metrics 127.0.0.1:9464")]
    Resume {
        #[command(flatten)]
        journal: Journal,
        #[command(flatten)]
        sending: Sending,
    },
    /// Counts by state, cost and requests.
    #[command(after_help = "Examples:\n  \
        volley status spring-sale.volley\n  \
        volley status spring-sale.volley --json\n  \
        volley status spring-sale.volley --watch --interval 5s")]
    Status {
        #[command(flatten)]
        journal: Journal,
        /// Look again and again until nobody is pending, from a second terminal while it is sent;
        /// Ctrl-C ends it and stops nothing else.
        #[arg(long)]
        watch: bool,
        /// From one look to the next, 100ms to 1d.
        #[arg(long, value_name = "TIME", default_value = "2s", requires = "watch", value_parser = interval)]
        interval: Duration,
    },
    /// Recipients whose last request may or may not have been accepted.
    Doubt {
        #[command(subcommand)]
        action: Doubt,
    },
    /// What became of messages after the provider took them, into the journal.
    #[command(after_help = "Examples:\n  \
        volley receipts spring-sale.volley --poll\n  \
        volley receipts spring-sale.volley --listen 127.0.0.1:8026")]
    Receipts {
        #[command(flatten)]
        journal: Journal,
        /// Ask the provider, going on where the last time ended.
        #[arg(long, conflicts_with = "listen")]
        poll: bool,
        /// Wait for the provider's calls on this address, until Ctrl-C.
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
        /// The environment variable with the secret that ends the listening address; a new one is
        /// made unless given.
        #[arg(long, value_name = "NAME", requires = "listen")]
        token_env: Option<String>,
    },
    /// What became of everybody, what it was to cost, and what was billed.
    #[command(after_help = "Examples:\n  \
        volley report spring-sale.volley\n  \
        volley report spring-sale.volley --csv results.csv\n  \
        volley report spring-sale.volley --html report.html")]
    Report {
        #[command(flatten)]
        journal: Journal,
        /// Write every recipient with state, price, bill and delivery; `-` writes it to stdout.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
        /// Write a page with charts, costs, reasons and doubts to show and to print, all in one file;
        /// `-` writes it to stdout.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Show whole phone numbers on the page instead of their last digits.
        #[arg(long, requires = "html")]
        full_numbers: bool,
    },
    /// Take back what the provider was handed with a schedule and has not sent yet.
    #[command(after_help = "Example:\n  volley cancel spring-sale.volley")]
    Cancel(Journal),
    /// Recompute every total from the journal; read-only.
    #[command(after_help = "Example:\n  volley verify spring-sale.volley")]
    Verify(Journal),
    /// What one plan would send otherwise than another: who is added, removed, reworded, repriced.
    ///
    /// The exit code is 0 when both are the same plan, and 7 when they differ.
    #[command(after_help = "Example:\n  \
        volley diff monday.volley spring-sale.volley --csv differences.csv")]
    Diff {
        /// The earlier plan.
        #[arg(value_name = "A.volley")]
        before: PathBuf,
        /// The later plan.
        #[arg(value_name = "B.volley")]
        after: PathBuf,
        /// Write every recipient who is not the same in both, with rows and costs; `-` is stdout.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// Compare what was planned, answered and billed, and name the cause of every difference.
    ///
    /// The exit code is 0 when every difference has a cause, and 13 when a remainder is left.
    #[command(after_help = "Examples:\n  \
        volley reconcile spring-sale.volley\n  \
        volley reconcile spring-sale.volley --bill bill.csv --csv bill-differences.csv")]
    Reconcile {
        #[command(flatten)]
        journal: Journal,
        /// The provider's bill (CSV): a line a message with number and cost; parts, id and currency
        /// where it has them.
        #[arg(long, value_name = "FILE.csv")]
        bill: Option<PathBuf>,
        /// Write every message that differs, with its rows, segments, amounts and cause; `-` is
        /// stdout.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// Segment count and split of one text, or of many.
    #[command(after_help = "Examples:\n  \
        volley segments 'Hi “Ann”'\n  \
        volley segments - --json < message.txt\n  \
        volley segments --jsonl < texts.jsonl")]
    Segments {
        /// The text; `-` reads it from stdin.
        text: Option<String>,
        /// One JSON object a line in and out: {"id": …, "text": …, "options": {…}}, the last where needed.
        #[arg(long, conflicts_with = "text")]
        jsonl: bool,
        #[command(flatten)]
        counting: crate::cmd::segments::Counting,
    },
    /// What providers can do, and what an account says of itself.
    Provider {
        #[command(subcommand)]
        action: Provider,
    },
    /// The simulated gateway, in a process of its own.
    #[command(after_help = "Example:\n  volley sim --listen 127.0.0.1:8025 --ledger ledger.jsonl --seed 7")]
    Sim {
        /// Loopback address to listen on; port 0 picks a free one.
        #[arg(long, default_value = "127.0.0.1:8025")]
        listen: SocketAddr,
        /// Write one JSON line for each message that is really taken, with what was charged for it.
        #[arg(long, value_name = "FILE")]
        ledger: Option<PathBuf>,
        /// Latency, limiter, faults and false bills (TOML).
        #[arg(long, value_name = "FILE")]
        faults: Option<PathBuf>,
        /// Seed of everything random.
        #[arg(long)]
        seed: Option<u64>,
        /// Accounts other than the built-in ones, and how each counts and rounds (TOML).
        #[arg(long, value_name = "FILE")]
        accounts: Option<PathBuf>,
        /// What it bills: a rate card like a campaign's; 0.05 a segment unless given.
        #[arg(long, value_name = "FILE")]
        rates: Option<PathBuf>,
    },
    /// Completions for a shell, on stdout.
    #[command(after_help = "Example:\n  volley completions bash > volley.bash")]
    Completions {
        /// Whose.
        shell: clap_complete::Shell,
    },
    /// The manual page, on stdout.
    #[command(after_help = "Examples:\n  \
        volley man > volley.1\n  \
        volley man --output man1")]
    Man {
        /// Write a page for each command into this directory instead.
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Provider {
    /// Every provider with its limits; asks nobody.
    #[command(after_help = "Example:\n  volley provider list")]
    List,
    /// Whether the account's credentials are taken; sends nothing.
    #[command(after_help = "Example:\n  volley provider check spring-sale.toml")]
    Check(Campaign),
    /// What the account has left.
    #[command(after_help = "Example:\n  volley provider balance spring-sale.toml")]
    Balance(Campaign),
    /// Which senders the account has.
    #[command(after_help = "Example:\n  volley provider senders spring-sale.toml")]
    Senders(Campaign),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Doubt {
    /// One line each; with --json one object a line.
    #[command(after_help = "Example:\n  volley doubt list spring-sale.volley --json")]
    List(Journal),
    /// Ask the provider which of them it took; whoever is found is accepted, nobody is sent again.
    #[command(after_help = "Example:\n  volley doubt probe spring-sale.volley")]
    Probe(Journal),
    /// Record a person's decision. Nothing else ever sends to somebody in doubt again.
    #[command(after_help = "Examples:\n  \
        volley doubt resolve spring-sale.volley --accepted --row 17 --note \"he called: it came\"\n  \
        volley doubt resolve spring-sale.volley --resend --all --note \"their log has none of them\"")]
    Resolve {
        #[command(flatten)]
        journal: Journal,
        #[command(flatten)]
        decision: Decided,
        #[command(flatten)]
        whom: Whom,
        /// How this is known; kept in the journal.
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

/// What was decided about recipients in doubt.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub(crate) struct Decided {
    /// The provider took them; they are not sent to again.
    #[arg(long)]
    pub(crate) accepted: bool,
    /// They are to be sent to again, which texts them twice if the provider had taken them.
    #[arg(long)]
    pub(crate) resend: bool,
}

/// About whom it was decided.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub(crate) struct Whom {
    /// A row of the list; may be repeated.
    #[arg(long = "row", value_name = "N", num_args = 1..)]
    pub(crate) rows: Vec<u32>,
    /// Everybody in doubt.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Campaign {
    /// The campaign file (TOML).
    #[arg(value_name = "CAMPAIGN")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

/// Settings of the campaign file that a flag overrides.
#[derive(Debug, ClapArgs)]
pub(crate) struct Overrides {
    /// Override a key of the campaign file, such as provider.rate=5/s; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) set: Vec<(String, String)>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Journal {
    /// The journal.
    #[arg(value_name = "FILE.volley")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rejects {
    /// Write the rows that are left out, with row, column, reason and original; `-` is stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Only {
    /// Plan nobody but those of the campaign's list whose number is in FILE too (CSV, or a number a
    /// line): yourself and your colleagues, before everybody else.
    #[arg(long, value_name = "FILE")]
    pub(crate) only: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Send {
    /// A campaign file, or a journal that `plan` made.
    #[arg(value_name = "CAMPAIGN|FILE.volley")]
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    #[command(flatten)]
    pub(crate) rejects: Rejects,
    #[command(flatten)]
    pub(crate) only: Only,
    /// Where the journal is; beside the campaign file as NAME.volley unless given, and as
    /// NAME.only.volley with --only.
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Send to the first N recipients, and to the others only if no more than a tenth of these is
    /// refused or in doubt and every bill is as planned.
    #[arg(long, value_name = "N")]
    pub(crate) canary: Option<NonZeroU32>,
    #[command(flatten)]
    pub(crate) sending: Sending,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Sending {
    /// The most the campaign may cost in all, in the rate card's currency.
    #[arg(long, value_name = "N")]
    pub(crate) max_cost: Option<String>,
    /// Send though the campaign's schedule is more than an hour past.
    #[arg(long)]
    pub(crate) late: bool,
    #[command(flatten)]
    pub(crate) watching: Watching,
}

/// Who watches a run from outside.
#[derive(Debug, ClapArgs)]
pub(crate) struct Watching {
    /// Append what happens as JSON lines, each attempt once its outcome is durable; `-` writes to
    /// stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// Show where the run stands to Prometheus, on this machine alone, such as 127.0.0.1:9464.
    #[arg(long, value_name = "ADDR", value_parser = crate::metrics::loopback)]
    pub(crate) metrics: Option<SocketAddr>,
}

/// What this build is made of.
fn long_version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{}\ncommit: {}\nphone metadata: {}\njournal schema: {}",
            env!("CARGO_PKG_VERSION"),
            option_env!("VOLLEY_COMMIT").unwrap_or("not recorded (a build for development)"),
            volley_core::NUMBER_METADATA,
            volley_journal::JOURNAL_SCHEMA,
        )
    });
    &VERSION
}

fn interval(text: &str) -> Result<Duration, String> {
    let sensible = Duration::from_millis(100)..=Duration::from_hours(24);
    let interval = volley_plan::patience(text).filter(|interval| sensible.contains(interval));
    interval.ok_or_else(|| "write a time such as 2s or 5m, from 100ms to 1d".to_owned())
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write it as KEY=VALUE, such as provider.rate=5/s".to_owned()),
    }
}
