//! The log: what happens underneath, one event a line, for people or for machines.
//!
//! There is none unless a file is named, and then only the layers below speak: what a dependency
//! would say is not heard, since it may repeat addresses and answers. Events carry counts, times,
//! classes and reasons that are safe to show; no event carries a number, a text or a secret.
//! A span would tie the lines of one attempt together; the attempt's number does that here.
//!
//! A line that cannot be written is lost and changes nothing else: the journal is the record.

use crate::{args::Args, fault::Fault, output::inert};
use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

/// Who speaks, by the target of their events: the command, the engine, the journal, what carries
/// requests, and what reads answers.
const LAYERS: [&str; 5] = ["run", "engine", "journal", "transport", "provider"];

/// Sets levels, in the words of [`Levels::read`].
const VARIABLE: &str = "VOLLEY_LOG";

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Time, level and layer, what happened, and then KEY=VALUE.
    Human,
    /// One JSON object a line.
    Json,
}

/// Starts the log that was asked for, for the rest of the process.
pub(crate) fn start(args: &Args) -> Result<(), Fault> {
    let Some(path) = &args.log else { return Ok(()) };
    if path.as_os_str() == "-" {
        return Err(Fault::usage("--log -: stdout is for data").hint("name a file, or /dev/stderr"));
    }
    let usual = if args.verbose { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let levels = match std::env::var(VARIABLE) {
        Ok(words) if !words.trim().is_empty() => Levels::read(&words, usual)?,
        _ => Levels { usual, layers: BTreeMap::new() },
    };
    let file = append(path, is_log).map_err(|error| {
        Fault::usage(format!("--log {}: {error}", path.display()))
            .hint("name a new file, or a log to go on in")
    })?;
    let log = Log { file: Mutex::new(file), levels, format: args.log_format };
    tracing::subscriber::set_global_default(log).map_err(|error| Fault::new(1, error))?;
    tracing::info!(target: "run", version = env!("CARGO_PKG_VERSION"), process = std::process::id(), "volley starts");
    Ok(())
}

/// Whether a log begins so.
fn is_log(start: &[u8]) -> bool {
    start.starts_with(b"{\"at\":")
        || start.first().is_some_and(u8::is_ascii_digit) && start.get(10) == Some(&b'T')
}

/// Opens `path` to write behind what it holds; a new file is for its owner alone. A file that
/// `is_ours` does not know by its first bytes is left alone.
pub(crate) fn append(path: &Path, is_ours: fn(&[u8]) -> bool) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > 0) {
        let mut start = Vec::new();
        File::open(path)?.take(16).read_to_end(&mut start)?;
        if !is_ours(&start) {
            let what = "there is a file already that is something else";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// From which level on each layer is heard.
#[derive(Debug, PartialEq, Eq)]
struct Levels {
    usual: LevelFilter,
    layers: BTreeMap<&'static str, LevelFilter>,
}

impl Levels {
    /// Reads `debug`, `journal=trace`, or several with commas between them; a layer that is not
    /// named has the level that stands alone, and `usual` without one.
    fn read(words: &str, usual: LevelFilter) -> Result<Self, Fault> {
        let mut levels = Self { usual, layers: BTreeMap::new() };
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (layer, level) = match word.split_once('=') {
                Some((layer, level)) => (Some(layer.trim()), level.trim()),
                None => (None, word),
            };
            let level = level.parse::<LevelFilter>().map_err(|_| {
                Fault::usage(format!("{VARIABLE}: {level:?} is no level"))
                    .hint("they are error, warn, info, debug, trace and off")
            })?;
            match layer {
                None => levels.usual = level,
                Some(layer) => {
                    let known = LAYERS.into_iter().find(|known| *known == layer).ok_or_else(|| {
                        Fault::usage(format!("{VARIABLE}: {layer:?} is no layer"))
                            .hint(format!("they are {}", LAYERS.join(", ")))
                    })?;
                    levels.layers.insert(known, level);
                }
            }
        }
        Ok(levels)
    }

    /// Of a layer that exists; nobody else is heard.
    fn of(&self, target: &str) -> LevelFilter {
        if LAYERS.contains(&target) {
            self.layers.get(target).copied().unwrap_or(self.usual)
        } else {
            LevelFilter::OFF
        }
    }

    fn most(&self) -> LevelFilter {
        self.layers.values().copied().fold(self.usual, LevelFilter::max)
    }
}

/// Writes down what it hears.
struct Log {
    file: Mutex<File>,
    levels: Levels,
    format: Format,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.levels.of(metadata.target())
    }

    /// With it, an event that nobody hears costs one comparison.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.levels.most())
    }

    fn event(&self, event: &Event<'_>) {
        let mut said = Said::default();
        event.record(&mut said);
        let (level, layer) = (event.metadata().level(), event.metadata().target());
        let line = match self.format {
            Format::Human => said.for_people(Timestamp::now(), *level, layer),
            Format::Json => said.for_machines(Timestamp::now(), *level, layer),
        };
        // In one piece, so that lines stay whole where two processes share a file.
        drop(self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes()));
    }

    // There are no spans.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// What one event says.
#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Said {
    /// `2026-12-01T09:00:00.250Z WARN  engine: attempt ended attempt=3 reason="reset after write"`.
    fn for_people(&self, at: Timestamp, level: Level, layer: &str) -> String {
        let mut line = format!("{at:.3} {level:5} {layer}: {}", self.message);
        for (name, value) in &self.fields {
            match value {
                Value::String(text) if is_word(text) => line.push_str(&format!(" {name}={text}")),
                value => line.push_str(&format!(" {name}={value}")),
            }
        }
        line.push('\n');
        line
    }

    /// `{"at":…,"level":"warn","layer":"engine","message":"attempt ended","attempt":3,…}`.
    fn for_machines(self, at: Timestamp, level: Level, layer: &str) -> String {
        let mut line = Map::new();
        line.insert("at".to_owned(), format!("{at:.3}").into());
        line.insert("level".to_owned(), level.as_str().to_ascii_lowercase().into());
        line.insert("layer".to_owned(), layer.into());
        line.insert("message".to_owned(), self.message.into());
        line.extend(self.fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        format!("{}\n", Value::Object(line))
    }

    fn keep(&mut self, field: &Field, value: Value) {
        self.fields.push((field.name(), value));
    }
}

/// Whether a value needs no quotes around it.
fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|sign: char| sign.is_whitespace() || matches!(sign, '"' | '=' | '\\'))
}

impl Visit for Said {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value.into());
    }

    /// To a thousandth: they are times.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, ((value * 1_000.0).round() / 1_000.0).into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, inert(value).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = inert(&format!("{value:?}"));
        if field.name() == "message" {
            self.message = text;
        } else {
            self.keep(field, text.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_set_for_all_layers_and_for_each() {
        use LevelFilter as L;
        for (words, engine, journal, most) in [
            ("trace", L::TRACE, L::TRACE, L::TRACE),
            ("journal=debug", L::INFO, L::DEBUG, L::DEBUG),
            ("warn, journal = TRACE", L::WARN, L::TRACE, L::TRACE),
            ("off,engine=error", L::ERROR, L::OFF, L::ERROR),
            (",", L::INFO, L::INFO, L::INFO),
        ] {
            let levels = Levels::read(words, L::INFO).expect(words);
            assert_eq!(
                (levels.of("engine"), levels.of("journal"), levels.most()),
                (engine, journal, most),
                "{words}"
            );
            assert_eq!(levels.of("hyper_util::client"), L::OFF, "a dependency is never heard");
        }
        for (words, named) in [("loud", "\"loud\" is no level"), ("disk=debug", "\"disk\" is no layer")] {
            let fault = Levels::read(words, L::INFO).expect_err(words);
            assert!(format!("{fault:?}").contains(&named.replace('"', "\\\"")), "{fault:?}");
        }
    }

    #[test]
    fn a_line_is_one_line_whatever_its_values_hold() {
        let at: Timestamp = "2026-12-01T09:00:00.25Z".parse().expect("a time");
        let fields = || {
            vec![
                ("attempt", 3.into()),
                ("row", "B2".into()),
                ("reason", inert("reset\n\u{1b}[2J \"x\"").into()),
            ]
        };
        let said = || Said { message: "attempt ended".to_owned(), fields: fields() };
        assert_eq!(
            said().for_people(at, Level::WARN, "engine"),
            "2026-12-01T09:00:00.250Z WARN  engine: attempt ended attempt=3 row=B2 \
             reason=\"reset⏎\\\\u{1b}[2J \\\"x\\\"\"\n"
        );
        let line: Value =
            serde_json::from_str(&said().for_machines(at, Level::WARN, "engine")).expect("JSON");
        let expected = serde_json::json!({
            "at": "2026-12-01T09:00:00.250Z", "level": "warn", "layer": "engine", "message": "attempt ended",
            "attempt": 3, "row": "B2", "reason": "reset⏎\\u{1b}[2J \"x\""
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn both_formats_are_known_again_and_nothing_else_is() {
        for (start, known) in [
            (&b"2026-12-01T09:00"[..], true),
            (b"{\"at\":\"2026-12-", true),
            (b"SQLite format 3\0", false),
            (b"mobile\n+6680000", false),
            (b"{\"schema\":1,\"eve", false),
            (b"2", false),
        ] {
            assert_eq!(is_log(start), known, "{start:?}");
        }
    }

    /// What a log with these levels holds when `speak` was called.
    fn heard(levels: &str, speak: fn()) -> String {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("log");
        let file = append(&path, is_log).expect("room");
        let levels = Levels::read(levels, LevelFilter::OFF).expect("levels");
        let log = Log { file: Mutex::new(file), levels, format: Format::Human };
        tracing::subscriber::with_default(log, speak);
        fs::read_to_string(path).expect("a log")
    }

    #[test]
    fn what_nobody_hears_is_not_even_made() {
        // Without a log nothing is asked for.
        assert_eq!(LevelFilter::current(), LevelFilter::OFF);
        tracing::error!(target: "engine", value = unheard(), "nobody listens");
        let heard = heard("info,journal=debug", || {
            tracing::debug!(target: "engine", value = unheard(), "too quiet");
            tracing::info!(target: "hyper_util::client", value = unheard(), "somebody else");
            tracing::debug!(target: "journal", intents = 3, took_ms = 1.23456, "commit");
        });
        assert_eq!(heard.lines().count(), 1, "{heard}");
        assert!(heard.ends_with(" DEBUG journal: commit intents=3 took_ms=1.235\n"), "{heard}");
    }

    fn unheard() -> u64 {
        panic!("a value was made for nobody")
    }
}
