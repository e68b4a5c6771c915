//! `limits.per_recipient`: what the history is asked before a plan, and told around a run.

use crate::{account::Account, cmd::plan::now, fault::Fault, output};
use std::path::Path;
use volley_core::FrequencyCap;
use volley_journal::{Absorbed, FrozenPlan, History, HistoryError, Moment};
use volley_plan::{Campaign, Capped};

/// A history as a plan finds it: what it decides by, and whom that leaves out.
pub(crate) struct Known {
    history: History,
    moment: Moment,
    pub(crate) capped: Capped,
}

impl Known {
    /// Whom `cap` leaves out at `moment`.
    fn of(history: History, cap: FrequencyCap, moment: Moment) -> Result<Self, Fault> {
        let mut capped = Capped::new(history.key().clone());
        history.for_each_capped(cap, moment, |pseudonym| capped.insert(pseudonym))?;
        Ok(Self { history, moment, capped })
    }

    /// Keeps what `plan` was decided by, so that it can be planned again as it was. To be called
    /// before the plan can be found on disk.
    pub(crate) fn remember(mut self, plan: &FrozenPlan) -> Result<(), Fault> {
        Ok(self.history.remember(plan, self.moment)?)
    }
}

/// What there is to know now; `None` where the campaign has no cap, or there is no history yet.
pub(crate) fn known(campaign: &Campaign) -> Result<Option<Known>, Fault> {
    look(campaign, History::open)
}

/// The same for a plan that is to be frozen, which begins the history that it is noted in.
pub(crate) fn known_for_plan(campaign: &Campaign) -> Result<Option<Known>, Fault> {
    look(campaign, |path| History::open_or_begin(path).map(Some))
}

/// What was known when `plan` was frozen; what there is to know now where nobody noted it.
pub(crate) fn known_then(campaign: &Campaign, plan: &FrozenPlan) -> Result<Option<Known>, Fault> {
    let Some((path, cap)) = cap_of(campaign) else { return Ok(None) };
    let Some(history) = History::open(path)? else { return Ok(None) };
    match history.moment_of(plan)? {
        Some(moment) => Known::of(history, cap, moment).map(Some),
        None => known(campaign),
    }
}

fn look(
    campaign: &Campaign,
    open: impl FnOnce(&Path) -> Result<Option<History>, HistoryError>,
) -> Result<Option<Known>, Fault> {
    let Some((path, cap)) = cap_of(campaign) else { return Ok(None) };
    let Some(mut history) = open(path)? else { return Ok(None) };
    let now = now();
    tell_gone(&history.absorb(now)?);
    let moment = history.moment(campaign.send_at.map_or(now, |at| at.max(now)))?;
    Known::of(history, cap, moment).map(Some)
}

/// The campaign's cap and the history that it is kept by.
fn cap_of(campaign: &Campaign) -> Option<(&Path, FrequencyCap)> {
    let limits = &campaign.limits;
    limits.history.as_deref().zip(limits.per_recipient)
}

/// Tells the account's history that sending from the journal begins; `None` where nobody keeps
/// one.
pub(crate) fn watch(account: &Account, journal: &Path, plan: &FrozenPlan) -> Result<Option<History>, Fault> {
    let Some(path) = &account.history else { return Ok(None) };
    let mut history = History::open_or_begin(Path::new(path))?;
    history.watch(journal, plan)?;
    Ok(Some(history))
}

/// Takes in what a run sent. A fault here is told and changes nothing: the journal has it all,
/// and the next plan tries again.
pub(crate) fn absorb(mut history: History) {
    match history.absorb(now()) {
        Ok(absorbed) => tell_gone(&absorbed),
        Err(fault) => output::talk(false, &format!("warning: {fault}")),
    }
}

fn tell_gone(absorbed: &Absorbed) {
    for journal in &absorbed.gone {
        output::talk(
            false,
            &format!(
                "warning: {} is gone; texts that it sent since it was last looked into do not count for limits.per_recipient",
                journal.display()
            ),
        );
    }
}
