//! `volley doubt`: recipients whose last request may or may not have been accepted. Who they are,
//! what the provider knows of them, and what a person decides. Nothing else ever moves them.

use crate::{
    account::Account,
    cmd::{self, Voice, plan::now},
    desk::{Desk, until_stopped},
    fault::Fault,
    output,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::Write,
    path::Path,
    sync::Arc,
};
use volley_core::{Position, Schedule};
use volley_journal::{
    Decision, Doubt, DoubtfulAttempt, Evidence, Journal, JournalReader, ReceiptBook, RequestFate, Resolution,
    SqliteJournal, Standing, Write as Change, kill_point,
};
use volley_provider::{
    adapter::SendCall,
    inquiry::{Cursor, Lost, Next},
};

#[derive(Serialize)]
struct Line {
    row: u32,
    number: String,
    attempt: u16,
    since: String,
    reason: String,
    request: String,
    cost: Option<String>,
}

impl Line {
    fn of(doubt: &Doubt) -> Self {
        let request = match &doubt.request_id {
            Some(id) => format!("{} ({id})", doubt.attempt.0),
            None => doubt.attempt.0.to_string(),
        };
        Self {
            row: doubt.row.0,
            number: doubt.to.to_string(),
            attempt: doubt.number,
            since: cmd::rfc_3339(doubt.since),
            reason: doubt.reason.clone(),
            request,
            cost: doubt.cost.map(|cost| cost.to_string()),
        }
    }
}

pub(crate) fn list(path: &Path, voice: Voice) -> Result<u8, Fault> {
    let doubts = JournalReader::open(path)?.in_doubt()?;
    let mut out = std::io::BufWriter::new(output::stdout());
    for doubt in &doubts {
        let line = Line::of(doubt);
        if voice.json {
            serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            let reason = output::inert(&line.reason);
            writeln!(
                out,
                "row {:<8} {:<16} since {}  request {}: {reason}",
                line.row, line.number, line.since, line.request
            )?;
        }
    }
    out.flush()?;
    if doubts.is_empty() && !voice.json {
        output::talk(voice.quiet, "nobody is in doubt");
    }
    Ok(0)
}

/// Records a person's decision about rows in doubt.
pub(crate) fn resolve(
    path: &Path,
    decision: Decision,
    rows: &[u32],
    note: &str,
    voice: Voice,
) -> Result<u8, Fault> {
    if note.trim().is_empty() {
        return Err(Fault::usage("--note is empty")
            .hint("say in a few words how this is known; it is kept in the journal"));
    }
    // Under the lock, so that nobody else resolves the same doubt meanwhile.
    let mut journal = SqliteJournal::open(path, now())?;
    let doubts = JournalReader::open(path)?.in_doubt()?;
    let asked: BTreeSet<u32> = rows.iter().copied().collect();
    let positions: Vec<Position> = doubts
        .iter()
        .filter(|doubt| asked.is_empty() || asked.contains(&doubt.row.0))
        .map(|doubt| doubt.position)
        .collect();
    let known: BTreeSet<u32> = doubts.iter().map(|doubt| doubt.row.0).collect();
    if let Some(row) = asked.difference(&known).next() {
        return Err(
            Fault::usage(format!("row {row} is not in doubt")).hint("`volley doubt list` shows who is")
        );
    }
    if decision == Decision::Resend {
        let reported: BTreeSet<Position> =
            ReceiptBook::open(path)?.doubts_with_receipts()?.into_iter().collect();
        let is_reported =
            |doubt: &&Doubt| reported.contains(&doubt.position) && positions.contains(&doubt.position);
        if let Some(doubt) = doubts.iter().find(is_reported) {
            return Err(Fault::usage(format!("row {} got a delivery report, so it was taken", doubt.row.0))
                .hint("`volley receipts` says so to the journal, nothing was decided"));
        }
    }
    let resolved = positions.len() as u64;
    if resolved > 0 {
        commit(&mut journal, decision, Evidence::Person, note, positions)?;
    }
    rest(&mut journal);
    tell(&journal, voice, |left| {
        let word = match decision {
            Decision::Accepted => "counted as accepted",
            Decision::Resend => "pending again; `volley resume` sends to them",
        };
        format!(
            "{} {word}; {} in doubt",
            output::some(resolved, "recipient"),
            output::count(left.recipients.in_doubt)
        )
    })?;
    Ok(0)
}

fn commit(
    journal: &mut SqliteJournal,
    decision: Decision,
    evidence: Evidence,
    note: &str,
    positions: Vec<Position>,
) -> Result<(), Fault> {
    let resolution = Resolution {
        positions,
        decision,
        evidence,
        note: note.to_owned(),
        request_id: None,
        message_ids: Vec::new(),
        at: now(),
    };
    kill_point!("before-resolution");
    journal
        .commit(&[Change::Resolve(resolution)])
        .map_err(|error| Fault::explained(5, &error, error.hint()))?;
    kill_point!("after-resolution");
    Ok(())
}

/// The end of a run that sent nothing, for `status` alone.
fn rest(journal: &mut SqliteJournal) {
    drop(journal.commit(&[Change::RunEnded { exit_code: cmd::status::resting(journal), at: now() }]));
}

fn tell(journal: &SqliteJournal, voice: Voice, line: impl FnOnce(&Standing) -> String) -> Result<(), Fault> {
    let status = cmd::status::Status::of(journal.plan(), journal.standing(), false);
    if voice.json {
        output::json(&status)?;
    }
    output::talk(voice.quiet, &line(journal.standing()));
    Ok(())
}

/// What the provider knows of one lost request.
#[derive(Serialize)]
struct Probed {
    request: u64,
    in_doubt: u64,
    found: u64,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Asks the provider whether it took what is in doubt. Whoever it took is accepted; whoever is
/// absent stays in doubt, because nobody knows when a message would show.
pub(crate) fn probe(path: &Path, voice: Voice) -> Result<u8, Fault> {
    let reader = JournalReader::open(path)?;
    // What a process that is gone left open becomes doubt when the journal is opened for sending.
    let is_open = reader.request_bills()?.iter().any(|request| request.fate == RequestFate::Open);
    if !is_open && reader.doubtful_attempts()?.is_empty() {
        output::talk(voice.quiet, "nobody is in doubt");
        return Ok(0);
    }
    let mut journal = SqliteJournal::open(path, now())?;
    let reader = JournalReader::open(path)?;
    let plan = reader.plan().clone();
    let account = Account::of_journal(path, &plan)?;
    let capabilities = account.capabilities()?;
    let mut desk = Desk::open(&account, &cmd::send::earlier(&mut journal, &account, &capabilities)?)?;
    let send_at = plan.terms.send_at.filter(|_| capabilities.schedule != Schedule::Never);
    let answered = ReceiptBook::open(path)?.requests()?;
    let known: HashSet<String> = answered.into_iter().filter_map(|one| one.request_id).collect();
    // One that was answered in part is looked for as well.
    let others = |own: Option<&str>| {
        let is_other = |id: &&String| own != Some(id.as_str());
        Arc::new(known.iter().filter(is_other).cloned().collect())
    };
    let probed = until_stopped(async {
        for attempt in reader.doubtful_attempts()? {
            let call = SendCall {
                chunk: Arc::new(reader.chunk_of(attempt.first, attempt.recipients)?),
                sender: plan.terms.sender.as_deref().map(Arc::from),
                // A time that had passed was not handed over.
                send_at: send_at.filter(|at| *at > attempt.claimed_at),
                reference: plan.reference(),
            };
            let lost = Lost {
                call,
                from: attempt.claimed_at,
                until: attempt.ended_at,
                known: others(attempt.request_id.as_deref()),
            };
            let line = look(&mut desk, &mut journal, &account, &attempt, &lost).await?;
            show(&line, voice)?;
        }
        Ok::<_, Fault>(())
    });
    rest(&mut journal);
    probed?;
    let left = journal.standing().recipients.in_doubt;
    output::talk(
        voice.quiet,
        &match left {
            0 => "nobody is in doubt".to_owned(),
            left => format!(
                "{} in doubt; look again in a few minutes, or decide with: volley doubt resolve {}",
                output::some(left, "recipient"),
                path.display()
            ),
        },
    );
    Ok(cmd::status::resting(&journal))
}

/// Looks for one request to the end of what there is to see, and keeps what was found.
async fn look(
    desk: &mut Desk,
    journal: &mut SqliteJournal,
    account: &Account,
    attempt: &DoubtfulAttempt,
    lost: &Lost,
) -> Result<Probed, Fault> {
    let (mut request_id, mut taken) = (attempt.request_id.clone(), BTreeMap::new());
    let (mut cursor, mut undecidable) = (Cursor::default(), None);
    loop {
        let asked = desk.ask(|adapter| adapter.lookup(lost, &cursor)).await.ok_or_else(|| {
            Fault::usage(format!("{} has no call that tells what became of a lost request", account.protocol))
                .hint("look in its web app, then decide with `volley doubt resolve`")
        })?;
        let sighting = asked.map_err(|failure| crate::desk::unanswered("doubt probe", &failure))?;
        request_id = sighting.request_id.or(request_id);
        taken.extend(sighting.taken);
        match sighting.next {
            Next::Ask(next) if next != cursor => cursor = next,
            Next::Ask(_) | Next::Done => break,
            Next::Undecidable(reason) => {
                undecidable = Some(reason);
                break;
            }
        }
    }
    let found: Vec<(Position, Option<String>)> = taken
        .into_iter()
        .map(|(index, id)| (Position(attempt.first.0 + index), id))
        .filter(|(position, _)| attempt.in_doubt.contains(position))
        .collect();
    let in_doubt = attempt.in_doubt.len() as u64;
    let line = Probed {
        request: attempt.attempt.0,
        in_doubt,
        found: found.len() as u64,
        verdict: match found.len() as u64 {
            found if found == in_doubt => "found",
            _ if undecidable.is_some() => "undecidable",
            0 => "absent_so_far",
            _ => "found_in_part",
        },
        reason: undecidable.map(|reason| reason.to_string()),
    };
    if !found.is_empty() {
        let resolution = Resolution {
            positions: found.iter().map(|(position, _)| *position).collect(),
            decision: Decision::Accepted,
            evidence: Evidence::Lookup,
            note: "found at the provider".to_owned(),
            request_id,
            message_ids: found.into_iter().filter_map(|(position, id)| Some((position, id?))).collect(),
            at: now(),
        };
        journal
            .commit(&[Change::Resolve(resolution)])
            .map_err(|error| Fault::explained(5, &error, error.hint()))?;
    }
    Ok(line)
}

fn show(line: &Probed, voice: Voice) -> Result<(), Fault> {
    if voice.json {
        output::json(line)?;
        return Ok(());
    }
    let Probed { request, in_doubt, found, verdict, reason } = line;
    let what = match *verdict {
        "found" => "was taken".to_owned(),
        "found_in_part" => format!("was taken for {}; the others are absent so far", output::count(*found)),
        "absent_so_far" => "is absent so far, which proves nothing yet".to_owned(),
        _ => format!("cannot be decided: {}", reason.as_deref().map(output::inert).unwrap_or_default()),
    };
    cmd::status::print(&format!("request {request} ({}): {what}\n", output::some(*in_doubt, "recipient")))?;
    Ok(())
}
