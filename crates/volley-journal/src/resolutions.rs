//! Decisions about recipients in doubt, from and to their tables.

use crate::{
    CommitError, Decision, Resolution,
    checksums::{Checksums, Fact, Kind},
    schema::Fault,
    stored::{count, int},
};
use rusqlite::{Connection, params};
use std::collections::{HashMap, VecDeque};
use volley_core::Micros;

/// Neighbours who were resolved alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    /// The attempt that had left them in doubt.
    pub(crate) attempt: u64,
    pub(crate) first: u32,
    pub(crate) recipients: u32,
    /// Of a single message, where it was found.
    provider_id: Option<&'a str>,
}

/// Whom `resolution` is about, as few runs as they make; `resolve` is told of each and says which
/// attempt had left them in doubt.
pub(crate) fn runs_of<'a>(
    resolution: &'a Resolution,
    mut resolve: impl FnMut(u32) -> Result<u64, CommitError>,
) -> Result<Vec<Run<'a>>, CommitError> {
    let mut ids: HashMap<u32, &str> =
        resolution.message_ids.iter().map(|(position, id)| (position.0, id.as_str())).collect();
    let has_ids = resolution.request_id.is_some() || !ids.is_empty();
    if has_ids && resolution.decision != Decision::Accepted {
        return Err(CommitError::Contradiction("found them, and has them sent to again"));
    }
    let mut positions: Vec<u32> = resolution.positions.iter().map(|position| position.0).collect();
    positions.sort_unstable();
    let mut runs: Vec<Run<'a>> = Vec::new();
    for position in positions {
        let attempt = resolve(position)?;
        let provider_id = ids.remove(&position);
        match runs.last_mut() {
            Some(run)
                if run.attempt == attempt
                    && run.first + run.recipients == position
                    && run.provider_id.is_none()
                    && provider_id.is_none() =>
            {
                run.recipients += 1;
            }
            _ => runs.push(Run { attempt, first: position, recipients: 1, provider_id }),
        }
    }
    let Some(one) = runs.first() else { return Err(CommitError::Contradiction("is about nobody")) };
    if !ids.is_empty() {
        return Err(CommitError::Contradiction("found the message of somebody whom it is not about"));
    }
    if resolution.request_id.is_some() && runs.iter().any(|run| run.attempt != one.attempt) {
        return Err(CommitError::Contradiction("found one request for several"));
    }
    Ok(runs)
}

/// Writes a resolution that was made in `run` when attempt `after` was the last.
pub(crate) fn store_resolution(
    connection: &Connection,
    checksums: &mut Checksums,
    resolution: &Resolution,
    runs: &[Run<'_>],
    released: Micros,
    after: u64,
    run: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO resolution (after, run, decision, evidence, note, request_id, released, at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            int(after),
            run,
            resolution.decision.word(),
            resolution.evidence.word(),
            resolution.note,
            resolution.request_id,
            released.0,
            resolution.at.0
        ])?;
    let id = connection.last_insert_rowid();
    Fact::found(connection, Kind::Resolution, id)?.into_iter().for_each(|fact| checksums.add(fact));
    let mut insert = connection.prepare_cached(
        "INSERT INTO resolved (attempt, first, recipients, resolution, provider_id) VALUES (?, ?, ?, ?, ?)",
    )?;
    for run in runs {
        let row = params![int(run.attempt), run.first, run.recipients, id, run.provider_id];
        insert.execute(row)?;
        checksums.add(Fact::bound(Kind::Resolved, row)?);
    }
    if let (Some(request_id), Some(run)) = (&resolution.request_id, runs.first()) {
        let sql = "UPDATE attempt SET request_id = ? WHERE id = ? AND request_id IS NULL";
        let attempt = int(run.attempt);
        checksums.follow(connection, (Kind::End, attempt), sql, params![request_id, attempt])?;
    }
    Ok(())
}

/// A stored resolution.
pub(crate) struct Stored {
    pub(crate) id: u64,
    /// The last attempt that was claimed before it.
    pub(crate) after: u64,
    pub(crate) decision: Decision,
    pub(crate) released: Micros,
    /// Attempt, first recipient and how many: runs of those it is about, in plan order.
    pub(crate) runs: Vec<(u64, u32, u32)>,
}

/// The resolutions behind the one with the number `behind`, in their order.
pub(crate) fn load_resolutions(connection: &Connection, behind: u64) -> Result<VecDeque<Stored>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT id, after, decision, released, attempt, first, recipients
         FROM resolution LEFT JOIN resolved ON resolution = id WHERE id > ? ORDER BY id, first",
    )?;
    let mut rows = select.query([int(behind)])?;
    let mut all: VecDeque<Stored> = VecDeque::new();
    while let Some(row) = rows.next()? {
        let id = count(row, 0)?;
        if row.get_ref(4)? == rusqlite::types::ValueRef::Null {
            return Err(Fault::Damaged(format!("resolution {id} is about nobody")));
        }
        let run = (count(row, 4)?, row.get(5)?, row.get(6)?);
        if let Some(last) = all.back_mut().filter(|last| last.id == id) {
            last.runs.push(run);
            continue;
        }
        let word = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        let decision = Decision::ALL.into_iter().find(|decision| decision.word() == word);
        all.push_back(Stored {
            id,
            after: count(row, 1)?,
            decision: decision.ok_or_else(|| Fault::Damaged(format!("a decision is `{word}`")))?,
            released: Micros(row.get(3)?),
            runs: vec![run],
        });
    }
    Ok(all)
}
