//! Receipts that name nobody whom the journal knows, or not yet.
//!
//! A receipt may be here before the answer to its request, and one that was asked for may be
//! about another campaign's message. Nothing tells the two apart, so both are kept by their names
//! until an answer or a lookup brings one of these.

use super::names::{Named, Names};
use crate::{
    deliveries::{Known, take_in},
    schema::Fault,
    stored::{count, int},
};
use rusqlite::{Connection, params};

/// The most that are kept; further ones are only counted.
const MOST: u64 = 100_000;

/// Their tables.
pub(super) struct Early<'a>(pub(super) &'a Connection);

impl Early<'_> {
    /// Keeps what `known` says of whom `named` names; whether there was room. `room` is how many
    /// more can be kept, once it was counted.
    pub(super) fn keep(&self, named: &Named, known: &Known, room: &mut Option<u64>) -> Result<bool, Fault> {
        let mut select = self.0.prepare_cached(
            "SELECT state, code, at FROM early
             WHERE message_id = ? AND request_id = ? AND msisdn = ? AND reference = ?",
        )?;
        let mut rows =
            select.query(params![named.message_id, named.request_id, int(named.msisdn), named.reference])?;
        let before = rows.next()?.map(|row| Known::read(row, 0)).transpose()?;
        let room = match room {
            Some(room) => room,
            None => room.insert(MOST.saturating_sub(self.kept()?)),
        };
        if before.is_none() && *room == 0 {
            let sql =
                "INSERT INTO unkept VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET receipts = receipts + 1";
            self.0.prepare_cached(sql)?.execute([])?;
            return Ok(false);
        }
        *room -= u64::from(before.is_none());
        let after = before.map_or_else(|| known.clone(), |before| before.merged(known.clone()));
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO early (message_id, request_id, msisdn, reference, state, code, at)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                named.message_id,
                named.request_id,
                int(named.msisdn),
                named.reference,
                after.delivery.word(),
                after.code,
                after.at
            ])?;
        Ok(true)
    }

    /// Gives those whom `names` knows by now their deliveries, and has it wait for the others.
    pub(super) fn merge(&self, names: &mut Names) -> Result<(), Fault> {
        names.await_nothing();
        let mut found = Vec::new();
        let mut select = self
            .0
            .prepare_cached("SELECT message_id, request_id, msisdn, reference, state, code, at FROM early")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let who = Named::read(row)?;
            match names.find(self.0, &who)? {
                Some(position) => found.push((position, who, Known::read(row, 4)?)),
                None => names.await_for(&who),
            }
        }
        drop(rows);
        let mut delete = self.0.prepare_cached(
            "DELETE FROM early WHERE message_id = ? AND request_id = ? AND msisdn = ? AND reference = ?",
        )?;
        for (position, who, known) in found {
            take_in(self.0, position, &known)?;
            delete.execute(params![who.message_id, who.request_id, int(who.msisdn), who.reference])?;
        }
        Ok(())
    }

    /// How many there are, kept and counted.
    pub(super) fn count(&self) -> Result<u64, Fault> {
        let mut unkept = self.0.prepare_cached("SELECT receipts FROM unkept")?;
        let mut rows = unkept.query([])?;
        let unkept = rows.next()?.map_or(Ok(0), |row| count(row, 0))?;
        Ok(self.kept()? + unkept)
    }

    /// How many are kept.
    pub(super) fn kept(&self) -> Result<u64, Fault> {
        let kept: i64 =
            self.0.prepare_cached("SELECT count(*) FROM early")?.query_row([], |row| row.get(0))?;
        Ok(kept.unsigned_abs())
    }
}
