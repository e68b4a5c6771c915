//! A journal as a text file that is only ever added to, a line for each change.
//!
//! The first line says of which plan it is. Opening reads all others, and applies them by the same
//! code that writes them.

use std::{
    error::Error,
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Write as _},
    path::Path,
    str::{FromStr, SplitWhitespace},
    sync::Arc,
    time::Duration,
};
use volley_core::{
    Answer, Billed, Chunk, Event, Failure, Fate, LaneEffect, Micros, Outcome, Planned, Position, State,
    UnixMillis, Verdict, Verdicts,
};
use volley_journal::{
    Attempt, AttemptId, CommitError, FrozenPlan, Journal, Recovered, Standing, Write, Written,
};

/// Who gets what: a plan that this program holds itself.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) frozen: FrozenPlan,
    pub(crate) text: Arc<str>,
    pub(crate) people: Vec<Planned>,
}

/// A line of the file.
enum Line {
    /// A process opened the journal.
    Start(UnixMillis),
    /// The intent to send to so many recipients from the first on, and what is held back for them.
    Claim { first: u32, recipients: u32, reserved: Micros, at: UnixMillis },
    /// What became of an attempt, recipient by recipient; what it cost, and until when the provider
    /// wants silence.
    End { attempt: u64, at: UnixMillis, spent: Micros, silent_until: UnixMillis, events: Vec<Event> },
}

/// Each event of a [`Line::End`] as a letter.
const LETTERS: [(Event, char); 4] =
    [(Event::Accept, 'a'), (Event::Refuse, 'r'), (Event::NotTaken, 'n'), (Event::Ambiguous, 'd')];

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(at) => writeln!(f, "start {}", at.0),
            Self::Claim { first, recipients, reserved, at } => {
                writeln!(f, "claim {first} {recipients} {} {}", reserved.0, at.0)
            }
            Self::End { attempt, at, spent, silent_until, events } => {
                let letter = |event| LETTERS.iter().find(|(one, _)| one == event).map(|(_, letter)| *letter);
                let letters: String = events.iter().filter_map(letter).collect();
                writeln!(f, "end {attempt} {} {} {} {letters}", at.0, spent.0, silent_until.0)
            }
        }
    }
}

impl Line {
    /// Reads a line back; `None` for one that was not written here.
    fn read(line: &str) -> Option<Self> {
        fn next<T: FromStr>(words: &mut SplitWhitespace<'_>) -> Option<T> {
            words.next()?.parse().ok()
        }
        let mut words = line.split_whitespace();
        Some(match words.next()? {
            "start" => Self::Start(UnixMillis(next(&mut words)?)),
            "claim" => Self::Claim {
                first: next(&mut words)?,
                recipients: next(&mut words)?,
                reserved: Micros(next(&mut words)?),
                at: UnixMillis(next(&mut words)?),
            },
            "end" => Self::End {
                attempt: next(&mut words)?,
                at: UnixMillis(next(&mut words)?),
                spent: Micros(next(&mut words)?),
                silent_until: UnixMillis(next(&mut words)?),
                events: words.next()?.chars().map(event_of).collect::<Option<_>>()?,
            },
            _ => return None,
        })
    }
}

fn event_of(letter: char) -> Option<Event> {
    LETTERS.iter().find(|(_, one)| *one == letter).map(|(event, _)| *event)
}

/// Where everybody stands behind some lines.
#[derive(Clone, Default)]
struct Books {
    states: Vec<State>,
    attempts: Vec<Try>,
    standing: Standing,
    recovered: Recovered,
    silent_until: UnixMillis,
}

/// One request.
#[derive(Clone)]
struct Try {
    first: u32,
    recipients: u32,
    reserved: Micros,
    ended_at: Option<UnixMillis>,
}

impl Books {
    fn new(recipients: usize) -> Self {
        let mut books = Self { states: vec![State::START; recipients], ..Self::default() };
        books.states.iter().for_each(|state| books.standing.recipients.add(*state));
        books
    }

    /// The only code that changes anything, for lines that are written and for those read back.
    fn apply(&mut self, line: &Line) -> Result<Written, CommitError> {
        match line {
            Line::Start(at) => {
                self.recovered = Recovered::default();
                for index in 0..self.attempts.len() {
                    let Try { recipients, reserved, ended_at: None, .. } = self.attempts[index] else {
                        continue;
                    };
                    self.recovered.attempts += 1;
                    self.recovered.recipients += u64::from(recipients);
                    self.end(index, *at, reserved, &vec![Event::Restart; recipients as usize])?;
                }
                Ok(Written::Recorded)
            }
            Line::Claim { first, recipients, reserved, .. } => {
                let (first, recipients, reserved) = (*first, *recipients, *reserved);
                if recipients == 0 || (first + recipients) as usize > self.states.len() {
                    return Err(CommitError::OutOfPlan { first, recipients });
                }
                let mut number = 1;
                for position in first..first + recipients {
                    if let State::Claimed { attempt } = self.step(position, Event::Claim)? {
                        number = number.max(attempt);
                    }
                }
                self.attempts.push(Try { first, recipients, reserved, ended_at: None });
                self.standing.requests_sent += 1;
                self.standing.requests_retried += u64::from(number > 1);
                self.standing.spent = self.standing.spent.checked_add(reserved).unwrap_or(Micros(i64::MAX));
                Ok(Written::Claimed(Attempt { id: AttemptId(self.attempts.len() as u64), number }))
            }
            Line::End { attempt, at, spent, silent_until, events } => {
                let index = usize::try_from(*attempt).ok().and_then(|id| id.checked_sub(1));
                let is_open = |index: &usize| {
                    let open = self.attempts.get(*index).filter(|one| one.ended_at.is_none());
                    open.is_some_and(|one| one.recipients as usize == events.len())
                };
                let index = index.filter(is_open).ok_or(CommitError::NotOpen(*attempt))?;
                self.standing.requests_throttled += u64::from(*silent_until > *at);
                self.silent_until = self.silent_until.max(*silent_until);
                self.end(index, *at, *spent, events)?;
                Ok(Written::Recorded)
            }
        }
    }

    fn end(
        &mut self,
        index: usize,
        at: UnixMillis,
        spent: Micros,
        events: &[Event],
    ) -> Result<(), CommitError> {
        let Try { first, recipients, reserved, .. } = self.attempts[index];
        self.attempts[index].ended_at = Some(at);
        let before = self.standing.spent.checked_sub(reserved).unwrap_or(Micros::ZERO);
        self.standing.spent = before.checked_add(spent).unwrap_or(Micros(i64::MAX));
        for (position, event) in (first..first + recipients).zip(events) {
            self.step(position, *event)?;
        }
        Ok(())
    }

    fn step(&mut self, position: u32, event: Event) -> Result<State, CommitError> {
        let before = self.states[position as usize];
        let after = before.on(event).map_err(|source| CommitError::Illegal { position, source })?;
        self.states[position as usize] = after;
        self.standing.recipients.shift(before, after);
        Ok(after)
    }
}

/// The journal: a file that is only ever added to, and what it says.
pub(crate) struct TextJournal {
    file: File,
    /// The bytes of whole commits.
    length: u64,
    plan: Plan,
    books: Books,
}

impl TextJournal {
    /// Opens the journal of `plan`, or begins it. What a process that is gone left open is in doubt.
    pub(crate) fn open(path: &Path, plan: Plan, now: UnixMillis) -> Result<Self, Box<dyn Error>> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        file.try_lock()?; // one sender at a time
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // A line without its end is of a commit that never returned: it never happened.
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        let heading = format!("plan {}\n", plan.frozen.hash.whole);
        let mut books = Books::new(plan.people.len());
        match text.strip_prefix(&heading) {
            None if text.is_empty() => {}
            None => return Err("the file is the journal of another plan".into()),
            Some(lines) => {
                for line in lines.lines() {
                    books.apply(&Line::read(line).ok_or("the file has a line that is no journal's")?)?;
                    books.standing.commits += 1;
                }
            }
        }
        let length = text.len() as u64;
        file.set_len(length)?;
        let mut journal = Self { file, length, plan, books };
        if length == 0 {
            journal.add(&heading)?;
            // Its name has to survive a power cut as well.
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        journal.write(&[Line::Start(now)])?;
        Ok(journal)
    }

    /// All of `lines` or none. A power cut in between may keep the first of them: intents that nobody
    /// acted on, who are in doubt then, and outcomes, which are true.
    fn write(&mut self, lines: &[Line]) -> Result<Vec<Written>, CommitError> {
        let mut books = self.books.clone();
        let written = lines.iter().map(|line| books.apply(line)).collect::<Result<_, _>>()?;
        books.standing.commits += 1;
        let text: String = lines.iter().map(Line::to_string).collect();
        self.add(&text).map_err(|error| CommitError::Storage(error.to_string()))?;
        self.books = books;
        Ok(written)
    }

    /// Returns when `text` is on the disk; where that fails, the file is as it was.
    fn add(&mut self, text: &str) -> io::Result<()> {
        let added = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        match added {
            Ok(()) => self.length += text.len() as u64,
            Err(_) => self.file.set_len(self.length)?,
        }
        added
    }

    /// The line for `write`; none where there is nothing to keep.
    fn line_of(&self, write: &Write) -> Result<Option<Line>, CommitError> {
        Ok(match write {
            Write::Claim(claim) => Some(Line::Claim {
                first: claim.first.0,
                recipients: claim.recipients,
                reserved: claim.reserved,
                at: claim.at,
            }),
            Write::Record(record) => {
                let index = usize::try_from(record.attempt.0).unwrap_or(0).wrapping_sub(1);
                let open = self.books.attempts.get(index).ok_or(CommitError::NotOpen(record.attempt.0))?;
                Some(Line::End {
                    attempt: record.attempt.0,
                    at: record.at,
                    spent: spent(&record.outcome, open.reserved),
                    silent_until: silent_until(&record.outcome, record.at),
                    events: events(&record.outcome, open.recipients),
                })
            }
            Write::Trial => None,
            // The engine writes none of these by itself.
            Write::Resolve(_)
            | Write::Cancelled { .. }
            | Write::Cap { .. }
            | Write::Canary { .. }
            | Write::RunEnded { .. } => {
                return Err(CommitError::Contradiction("is of a kind that this journal does not keep"));
            }
        })
    }
}

impl Journal for TextJournal {
    fn plan(&self) -> &FrozenPlan {
        &self.plan.frozen
    }

    fn standing(&self) -> &Standing {
        &self.books.standing
    }

    fn recovered(&self) -> Recovered {
        self.books.recovered
    }

    fn next_chunks(&mut self, from: Position, most: usize) -> Result<Vec<Chunk>, CommitError> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for (position, one) in (0..).zip(&self.plan.people).skip(from.0 as usize) {
            if !matches!(self.books.states[position as usize], State::Pending { .. }) {
                continue;
            }
            let joins = |chunk: &&mut Chunk| {
                let is_next = chunk.first.0 + chunk.len() == position;
                is_next && chunk.len() < self.plan.frozen.terms.chunk
            };
            if let Some(chunk) = chunks.last_mut().filter(joins) {
                chunk.recipients.push(*one);
            } else if chunks.len() == most {
                break;
            } else {
                let texts = vec![Arc::clone(&self.plan.text)];
                chunks.push(Chunk { first: Position(position), texts, recipients: vec![*one] });
            }
        }
        Ok(chunks)
    }

    fn recent_requests(&mut self, since: UnixMillis, most: usize) -> Result<Vec<UnixMillis>, CommitError> {
        let mut ends: Vec<UnixMillis> = self.books.attempts.iter().filter_map(|one| one.ended_at).collect();
        ends.retain(|at| *at >= since);
        ends.sort_by(|one, other| other.cmp(one));
        ends.truncate(most);
        Ok(ends)
    }

    fn silence(&self, now: UnixMillis) -> Duration {
        Duration::from_millis(u64::try_from(self.books.silent_until.0 - now.0).unwrap_or(0))
    }

    fn commit(&mut self, batch: &[Write]) -> Result<Vec<Written>, CommitError> {
        let lines: Vec<Option<Line>> =
            batch.iter().map(|write| self.line_of(write)).collect::<Result<_, _>>()?;
        let kept: Vec<bool> = lines.iter().map(Option::is_some).collect();
        let lines: Vec<Line> = lines.into_iter().flatten().collect();
        let mut written = self.write(&lines)?.into_iter();
        Ok(kept
            .into_iter()
            .filter_map(|is_kept| if is_kept { written.next() } else { Some(Written::Recorded) })
            .collect())
    }
}

/// What `outcome` does to each of the recipients.
fn events(outcome: &Outcome, recipients: u32) -> Vec<Event> {
    let all = |event| vec![event; recipients as usize];
    match outcome {
        Outcome::Answered(Answer { verdicts, .. }) => match verdicts {
            Verdicts::AllAccepted => all(Event::Accept),
            Verdicts::AllInDoubt { .. } => all(Event::Ambiguous),
            Verdicts::Each(verdicts) => verdicts
                .iter()
                .map(|verdict| match verdict {
                    Verdict::Accepted { .. } => Event::Accept,
                    Verdict::Refused { .. } => Event::Refuse,
                    Verdict::NotTaken { .. } => Event::NotTaken,
                    Verdict::InDoubt { .. } => Event::Ambiguous,
                })
                .collect(),
        },
        Outcome::Failed(Failure { class, .. }) => all(match class.rule().fate {
            Fate::Retry | Fate::Back | Fate::Split => Event::NotTaken,
            Fate::Refuse => Event::Refuse,
            Fate::Doubt | Fate::AsAnswered => Event::Ambiguous,
        }),
    }
}

/// What counts against a cap: the bill; else what was held back wherever somebody may have been taken.
fn spent(outcome: &Outcome, reserved: Micros) -> Micros {
    match outcome {
        Outcome::Answered(Answer { billed: Billed::Money(amount), .. }) => *amount,
        Outcome::Answered(_) => reserved,
        Outcome::Failed(Failure { class, .. }) => match class.rule().fate {
            Fate::Doubt | Fate::AsAnswered => reserved,
            Fate::Retry | Fate::Back | Fate::Split | Fate::Refuse => Micros::ZERO,
        },
    }
}

/// Until when the provider wants silence; `at` where it asks for none.
fn silent_until(outcome: &Outcome, at: UnixMillis) -> UnixMillis {
    match outcome {
        Outcome::Failed(failure) if failure.class.rule().lane == LaneEffect::Throttle => {
            let asked = failure.retry_after.unwrap_or_default().max(Duration::from_secs(1));
            at.plus_millis(i64::try_from(asked.as_millis()).unwrap_or(i64::MAX))
        }
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use volley_core::Totals;
    use volley_journal::Claim;
    use volley_provider::{credentials::Credentials, registry};

    fn opened(path: &Path) -> TextJournal {
        let settings = registry::Settings {
            credentials: Credentials {
                key: Some("k".into()),
                secret: Some("s".into()),
                ..Credentials::default()
            },
            ..registry::Settings::default()
        };
        let adapter = registry::adapter("transmitsms", settings).expect("an adapter");
        TextJournal::open(path, crate::plan(adapter.as_ref()), UnixMillis(9)).expect("the journal opens")
    }

    fn claim(first: u32) -> Write {
        let (first, body_hash) = (Position(first), [0; 32]);
        Write::Claim(Claim { first, recipients: 2, body_hash, reserved: Micros(7), at: UnixMillis(5) })
    }

    #[test]
    fn an_open_attempt_is_in_doubt_at_the_next_start_and_a_torn_line_never_happened() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("sale.journal");
        let mut journal = opened(&path);
        journal.commit(&[claim(0)]).expect("room");
        let whole = fs::read(&path).expect("the file").len() as u64;
        journal.commit(&[claim(2)]).expect("room");
        journal.file.set_len(whole + 4).expect("a power cut");
        drop(journal);
        let mut journal = opened(&path);
        assert_eq!(journal.recovered(), Recovered { attempts: 1, recipients: 2 });
        assert_eq!(journal.standing().recipients, Totals { pending: 3, in_doubt: 2, ..Totals::default() });
        assert_eq!(journal.standing().spent, Micros(7));
        let chunks = journal.next_chunks(Position(0), 9).expect("chunks");
        let places: Vec<(u32, u32)> = chunks.iter().map(|chunk| (chunk.first.0, chunk.len())).collect();
        assert_eq!(places, [(2, 3)]);
    }

    #[test]
    fn nobody_is_claimed_twice_and_a_refused_batch_leaves_no_trace() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("sale.journal");
        let mut journal = opened(&path);
        let before = fs::read(&path).expect("the file");
        let refused = journal.commit(&[claim(0), claim(1)]).expect_err("the second recipient twice");
        assert!(matches!(refused, CommitError::Illegal { position: 1, .. }), "{refused}");
        assert_eq!(fs::read(&path).expect("the file"), before);
        assert_eq!(journal.standing().recipients.pending, 5);
    }
}
