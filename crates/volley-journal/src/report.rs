//! What a report says of a journal: everybody's line, deliveries, cancellations.

use crate::{
    AttemptId, CancelResult, JournalReader, ReadError,
    deliveries::count_deliveries,
    reading::Stands,
    schema::{self, Fault},
    stored::{cost, count},
};
use volley_core::{Deliveries, Delivery, Encoding, Micros, Msisdn, Position, RowNumber, State, UnixMillis};

/// The version of the tables in the journals that this Volley writes and reads.
pub const JOURNAL_SCHEMA: i32 = schema::VERSION;

/// One recipient's line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// Their place in the plan.
    pub position: Position,
    /// Where in the input they came from.
    pub row: RowNumber,
    /// Who.
    pub to: Msisdn,
    /// The contract's word: pending, accepted, refused or `in_doubt`.
    pub state: &'static str,
    /// The provider's id of the message, or of its request where it gives one a request; also
    /// where a lookup found it.
    pub provider_id: Option<String>,
    /// Why it was refused, is in doubt or was put off, in the provider's words or ours; for an
    /// accepted one the provider's word in the receipt.
    pub code: Option<String>,
    /// Segments of the text, as the plan counts them.
    pub segments: u16,
    /// How the network carries the text.
    pub encoding: Encoding,
    /// What the plan says the message costs; `None` without a rate card.
    pub price: Option<Micros>,
    /// What the provider billed, where it priced this message.
    pub billed: Option<Micros>,
    /// How many attempts there were.
    pub attempts: u16,
    /// When the last of them ended; `None` before the first, and while it is open.
    pub time: Option<UnixMillis>,
    /// What became of the message; `None` without a receipt.
    pub delivery: Option<Delivery>,
    /// When that happened, as the provider says.
    pub delivered_at: Option<UnixMillis>,
}

/// What the provider said when a request was to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// Which attempt.
    pub attempt: AttemptId,
    /// How many of its recipients it took.
    pub recipients: u32,
    /// What was said.
    pub result: CancelResult,
    /// When.
    pub at: UnixMillis,
}

impl JournalReader {
    /// Tells `each` of every recipient, in plan order. Holds some 16 bytes for each of them, and
    /// nobody's line.
    pub fn for_each_report_row(&self, mut each: impl FnMut(ReportRow)) -> Result<(), ReadError> {
        let told = self.walk(|one, answers| {
            let said = answers.about(one.position, one.last)?;
            let known = answers.delivery(one.position)?;
            let (segments, encoding) = (answers.segments(one.text)?, answers.encoding(one.text)?);
            let (is_pending, is_accepted) = (one.state.word() == "pending", one.state == State::Accepted);
            each(ReportRow {
                position: one.position,
                row: one.row,
                to: one.to,
                state: one.state.word(),
                provider_id: said.message_id.or(said.request_id).filter(|_| !is_pending),
                segments,
                encoding,
                price: cost(self.plan(), one.price, segments)?,
                billed: said.billed.filter(|_| !is_pending),
                attempts: one.tries,
                time: said.ended_at,
                delivery: known.as_ref().map(|known| known.delivery),
                delivered_at: known.as_ref().and_then(|known| known.at).map(UnixMillis),
                code: if is_accepted { known.and_then(|known| known.code) } else { said.why },
            });
            Ok(())
        });
        self.answered(told)
    }

    /// Those accepted by what became of their messages; `None` as long as there was no receipt
    /// and nobody asked for any.
    pub fn deliveries(&self) -> Result<Option<Deliveries>, ReadError> {
        let read = || {
            let moment = self.connection.unchecked_transaction()?;
            let sql = "SELECT EXISTS (SELECT 1 FROM delivery) OR EXISTS (SELECT 1 FROM poll)";
            if !moment.query_row(sql, [], |row| row.get(0))? {
                return Ok(None);
            }
            let Stands { ledger, .. } = Stands::at(&moment, self.plan())?;
            count_deliveries(&moment, ledger.states()).map(Some)
        };
        self.answered(read())
    }

    /// What the provider said of each request that was to be taken back, in the order of their
    /// intents.
    pub fn cancellations(&self) -> Result<Vec<Cancellation>, ReadError> {
        let read = || {
            let mut select = self.connection.prepare(
                "SELECT cancellation.attempt, result, at, iif(fate = 'accepted', recipients,
                    (SELECT count(*) FROM verdict WHERE verdict.attempt = id AND state = 'accepted')
                    + (SELECT ifnull(sum(resolved.recipients), 0) FROM resolved JOIN resolution
                       ON resolution.id = resolution WHERE resolved.attempt = attempt.id AND decision = 'accepted'))
                 FROM cancellation JOIN attempt ON attempt.id = cancellation.attempt
                 ORDER BY cancellation.attempt",
            )?;
            let mut rows = select.query([])?;
            let mut cancellations = Vec::new();
            while let Some(row) = rows.next()? {
                let word = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
                let result = CancelResult::ALL.into_iter().find(|result| result.word() == word);
                let result = result.ok_or_else(|| Fault::Damaged(format!("a cancellation is `{word}`")))?;
                let attempt = AttemptId(count(row, 0)?);
                let (at, recipients) = (UnixMillis(row.get(2)?), row.get(3)?);
                cancellations.push(Cancellation { attempt, recipients, result, at });
            }
            Ok(cancellations)
        };
        self.answered(read())
    }
}
