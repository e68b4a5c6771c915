//! `volley plan`: freezes a campaign into a journal.

use crate::{
    account::Account,
    args,
    cmd::{self, Voice, history, preview::Pass},
    fault::Fault,
    output, signals,
};
use std::path::{Path, PathBuf};
use volley_core::{Message, PriceId, UnixMillis};
use volley_journal::{FrozenPlan, JournalLock, PlanWriter, RowCounts};
use volley_plan::{Campaign, Preview, Reject, Sink, SinkError};

/// The contract's exit code where nobody is left to send to.
const NOTHING_TO_SEND: u8 = 9;

pub(crate) fn run(
    campaign: &args::Campaign,
    rejects: Option<&Path>,
    only: Option<PathBuf>,
    to: Option<&Path>,
    voice: Voice,
) -> Result<u8, Fault> {
    if output::is_stdout(to) {
        return Err(Fault::usage(
            "-o -: a journal is written in many places and cannot go to stdout; give it a file",
        ));
    }
    output::only_one_on_stdout(&[("--rejects", rejects)], voice.json)?;
    signals::stop_between_blocks()?;
    let mut campaign = cmd::load(&campaign.path, &campaign.overrides, None)?;
    campaign.recipients.only = only;
    let journal = journal_of(&campaign, to);
    let (preview, _) = freeze(&campaign, &Account::of(&campaign)?, rejects, &journal, voice)?;
    if preview.accepted == 0 {
        return Err(nobody(&campaign, preview.rows));
    }
    if voice.json {
        output::json(&preview)?;
    } else {
        output::answer_beside(&format!("{}\n", preview.plan_hash), output::is_stdout(rejects), voice.quiet)?;
    }
    let (recipients, place) = (output::count(preview.accepted), journal.display());
    output::talk(voice.quiet, &format!("{recipients} recipients planned into {place}; nothing was sent"));
    Ok(0)
}

/// Nobody is left to send to.
pub(crate) fn nobody(campaign: &Campaign, rows: u64) -> Fault {
    let list = &campaign.recipients.input;
    let (why, hint) = match rows {
        0 => ("it has a header and no rows".to_owned(), "add a row for each recipient"),
        rows => (format!("none of its {rows} rows can be sent"), "the preview says why of each"),
    };
    Fault::new(NOTHING_TO_SEND, format!("{list}: nothing to send: {why}")).hint(hint)
}

/// Plans `campaign` into `journal`, which must not exist, and holds its name. Without recipients
/// nothing is left on disk and nothing is held.
pub(crate) fn freeze(
    campaign: &Campaign,
    account: &Account,
    rejects: Option<&Path>,
    journal: &Path,
    voice: Voice,
) -> Result<(Preview, Option<JournalLock>), Fault> {
    let known = history::known_for_plan(campaign)?;
    let capped = known.as_ref().map(|known| &known.capped);
    let writer = PlanWriter::create(journal, account.capabilities()?.batch)?;
    let mut sink = IntoJournal { writer };
    let passed = Pass { campaign, account, rejects, capped, voice }.run(&mut sink);
    let preview = match passed {
        Ok(preview) if preview.accepted > 0 => preview,
        other => {
            sink.writer.abandon()?;
            return Ok((other?, None));
        }
    };
    let plan = frozen(&preview, account);
    if let Some(fault) = known.and_then(|known| known.remember(&plan).err()) {
        sink.writer.abandon()?;
        return Err(fault);
    }
    let lock = sink.writer.finish(&plan)?;
    Ok((preview, Some(lock)))
}

/// The plan as the journal keeps it.
fn frozen(preview: &Preview, account: &Account) -> FrozenPlan {
    FrozenPlan {
        terms: preview.terms.clone(),
        hash: preview.hash,
        created_at: now(),
        rows: RowCounts {
            rows: preview.rows,
            accepted: preview.accepted,
            duplicates: preview.duplicates,
            suppressed: preview.suppressed,
            rejected: preview.rejected.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
        },
        segments: preview.segments,
        estimated: preview.estimated,
        rounding: preview.rounding,
        profile: preview.profile.clone(),
        prices: preview.prices.clone(),
        provider: serde_json::to_string(account).expect("texts and numbers"),
    }
}

/// The wall clock.
pub(crate) fn now() -> UnixMillis {
    UnixMillis(jiff::Timestamp::now().as_millisecond())
}

struct IntoJournal {
    writer: PlanWriter,
}

impl Sink for IntoJournal {
    fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), SinkError> {
        self.writer.message(message, price).map_err(SinkError::new)
    }

    fn reject(&mut self, _: &Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A journal's place as the user named it, or beside the campaign.
pub(crate) fn journal_of(campaign: &Campaign, named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| campaign.journal_path(), Path::to_owned)
}
