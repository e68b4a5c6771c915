//! `volley verify`: recomputes every total from the journal; read-only.

use crate::{cmd::Voice, fault::Fault, output};
use serde::Serialize;
use std::path::Path;

/// The exit code of a journal whose invariants do not hold.
const FAILED: u8 = 13;

#[derive(Serialize)]
struct Report {
    schema: u8,
    campaign: String,
    plan_hash: String,
    holds: bool,
    recipients: u64,
    attempts: u64,
    waiting_for_recovery: u64,
    broken: Vec<Broken>,
}

#[derive(Serialize)]
struct Broken {
    invariant: &'static str,
    sentence: String,
    times: u64,
    rows: Vec<u32>,
}

pub(crate) fn run(path: &Path, voice: Voice) -> Result<u8, Fault> {
    let verified = volley_journal::verify(path)?;
    let broken = verified.broken.iter().map(|broken| Broken {
        invariant: broken.invariant,
        sentence: broken.sentence.clone(),
        times: broken.times,
        rows: broken.rows.iter().map(|row| row.0).collect(),
    });
    let report = Report {
        schema: 1,
        campaign: verified.plan.terms.campaign.clone(),
        plan_hash: verified.plan.hash.whole.to_string(),
        holds: verified.holds(),
        recipients: verified.recipients.sum(),
        attempts: verified.attempts,
        waiting_for_recovery: verified.waiting_for_recovery(),
        broken: broken.collect(),
    };
    let fault = (!report.holds).then(|| {
        let what = match report.broken.len() {
            1 => "an invariant does not hold".to_owned(),
            many => format!("{many} invariants do not hold"),
        };
        let hint = "keep the file, send nothing from it, and bring back what is missing or was changed";
        Fault::new(FAILED, format!("{}: {what}", path.display())).hint(hint)
    });
    if voice.json {
        output::answer(&report, fault.as_ref())?;
    } else {
        show(&report, voice);
    }
    fault.map_or(Ok(0), |fault| Err(fault.in_answer()))
}

fn show(report: &Report, voice: Voice) {
    for broken in &report.broken {
        let rows: Vec<String> = broken.rows.iter().map(u32::to_string).collect();
        let rows = if rows.is_empty() { String::new() } else { format!(" (rows {})", rows.join(", ")) };
        output::talk(
            false,
            &format!("broken: {}: {}, {} times{rows}", broken.invariant, broken.sentence, broken.times),
        );
    }
    if report.holds {
        let (recipients, attempts) = (output::count(report.recipients), output::count(report.attempts));
        output::talk(
            voice.quiet,
            &format!("verified: {recipients} recipients, {attempts} attempts, every total recomputed"),
        );
    }
    if report.waiting_for_recovery > 0 {
        let open = report.waiting_for_recovery;
        output::talk(
            voice.quiet,
            &format!("{open} attempts were cut short; the next resume puts them in doubt"),
        );
    }
}
