//! The plan, its prices and its hash, from and to their tables.

use crate::{FrozenPlan, RowCounts, schema::Fault};
use rusqlite::{Connection, Row, RowIndex, params};
use std::{collections::BTreeMap, fmt::Display, iter, sync::LazyLock};
use volley_core::{
    Batch, Class, Digest, Micros, Msisdn, PlanHash, PlanTerms, Price, ProfileFault, Rounding, UnixMillis,
};

/// A count as SQLite keeps it.
pub(crate) fn int(count: u64) -> i64 {
    i64::try_from(count).expect("counts are far below 2⁶³")
}

/// A count as SQLite kept it; in a loop over many rows, a column's place is found faster than
/// its name.
pub(crate) fn count(row: &Row<'_>, column: impl RowIndex + Display) -> Result<u64, Fault> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Fault::Damaged(format!("column {column} is {value}")))
}

/// A class's word in the journal: its name, the same from version to version.
pub(crate) fn class_word(class: Class) -> &'static str {
    let known = CLASS_WORDS.iter().find(|(known, _)| *known == class);
    known.map(|(_, word)| word.as_str()).expect("`Class::ALL` has every class")
}

/// The class that `word` was written for.
pub(crate) fn class_of(word: &str) -> Option<Class> {
    CLASS_WORDS.iter().find(|(_, known)| known == word).map(|(class, _)| *class)
}

/// Every class with its word, the commonest first.
static CLASS_WORDS: LazyLock<Vec<(Class, String)>> = LazyLock::new(|| {
    let commonest_first = iter::once(Class::Answered).chain(Class::ALL);
    commonest_first.map(|class| (class, format!("{class:?}"))).collect()
});

/// A rounding's words in the journal.
fn rounding_words(rounding: Rounding) -> String {
    match rounding {
        Rounding::Exact => "exact".to_owned(),
        Rounding::PerMessage(decimals) => format!("per_message {decimals}"),
        Rounding::Total(decimals) => format!("total {decimals}"),
    }
}

/// The rounding that `words` were written for.
fn rounding_of(words: &str) -> Option<Rounding> {
    let to_decimals =
        (0..=6).flat_map(|decimals| [Rounding::PerMessage(decimals), Rounding::Total(decimals)]);
    iter::once(Rounding::Exact).chain(to_decimals).find(|rounding| rounding_words(*rounding) == words)
}

/// Writes everything of a plan but its recipients and their texts.
pub(crate) fn store_plan(connection: &Connection, plan: &FrozenPlan) -> rusqlite::Result<()> {
    let terms = &plan.terms;
    let batch = match terms.batch {
        Batch::One => "one",
        Batch::SharedText { .. } => "shared_text",
        Batch::PerItem { .. } => "per_item",
    };
    connection.execute(
        "INSERT INTO plan VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            terms.campaign,
            terms.sender,
            terms.provider,
            plan.provider,
            terms.send_at.map(|at| at.0),
            terms.currency,
            rounding_words(plan.rounding),
            plan.profile.to_string(),
            batch,
            terms.batch.ceiling(),
            terms.chunk,
            plan.created_at.0,
            int(plan.rows.rows),
            int(plan.rows.accepted),
            int(plan.rows.duplicates),
            int(plan.rows.suppressed),
            int(plan.segments),
            plan.estimated.map(|cost| cost.0),
            plan.hash.whole.to_string(),
            plan.hash.recipients.to_string(),
            plan.hash.texts.to_string(),
            plan.hash.prices.to_string(),
            plan.hash.terms.to_string(),
        ],
    )?;
    for (reason, rows) in &plan.rows.rejected {
        connection.execute("INSERT INTO reject VALUES (?, ?)", params![reason, int(*rows)])?;
    }
    for (id, price) in plan.prices.iter().enumerate() {
        connection.execute(
            "INSERT INTO price VALUES (?, ?, ?, ?)",
            params![int(id as u64), price.prefix, price.per_segment.0, price.per_message.0],
        )?;
    }
    Ok(())
}

/// Reads back what [`store_plan`] wrote.
pub(crate) fn load_plan(connection: &Connection) -> Result<FrozenPlan, Fault> {
    let missing = || Fault::Damaged("the plan's row is missing".to_owned());
    let mut statement = connection.prepare("SELECT * FROM plan")?;
    let mut rows = statement.query([])?;
    let row = rows.next()?.ok_or_else(missing)?;
    let batch_max = row.get("batch_max")?;
    let batch = match row.get::<_, String>("batch")?.as_str() {
        "one" => Batch::One,
        "shared_text" => Batch::SharedText { max: batch_max },
        "per_item" => Batch::PerItem { max: batch_max },
        other => return Err(Fault::Damaged(format!("batch is `{other}`"))),
    };
    let rounding: String = row.get("rounding")?;
    let rounding =
        rounding_of(&rounding).ok_or_else(|| Fault::Damaged(format!("rounding is `{rounding}`")))?;
    let profile: String = row.get("profile")?;
    let profile =
        profile.parse().map_err(|fault: ProfileFault| Fault::Damaged(format!("profile: {fault}")))?;
    let digest = |column: &str| {
        let text: String = row.get(column)?;
        text.parse::<Digest>().map_err(|fault| Fault::Damaged(format!("{column}: {fault}")))
    };
    Ok(FrozenPlan {
        terms: PlanTerms {
            campaign: row.get("campaign")?,
            sender: row.get("sender")?,
            provider: row.get("provider")?,
            send_at: row.get::<_, Option<i64>>("send_at")?.map(UnixMillis),
            currency: row.get("currency")?,
            batch,
            chunk: row.get("chunk")?,
        },
        hash: PlanHash {
            whole: digest("hash")?,
            recipients: digest("hash_recipients")?,
            texts: digest("hash_texts")?,
            prices: digest("hash_prices")?,
            terms: digest("hash_terms")?,
        },
        created_at: UnixMillis(row.get("created_at")?),
        rows: RowCounts {
            rows: count(row, "rows")?,
            accepted: count(row, "accepted")?,
            duplicates: count(row, "duplicates")?,
            suppressed: count(row, "suppressed")?,
            rejected: load_rejects(connection)?,
        },
        segments: count(row, "segments")?,
        estimated: row.get::<_, Option<i64>>("estimated")?.map(Micros),
        prices: load_prices(connection)?,
        rounding,
        profile,
        provider: row.get("settings")?,
    })
}

fn load_rejects(connection: &Connection) -> Result<BTreeMap<String, u64>, Fault> {
    let mut statement = connection.prepare("SELECT reason, rows FROM reject")?;
    let mut rows = statement.query([])?;
    let mut rejected = BTreeMap::new();
    while let Some(row) = rows.next()? {
        rejected.insert(row.get("reason")?, count(row, "rows")?);
    }
    Ok(rejected)
}

fn load_prices(connection: &Connection) -> Result<Vec<Price>, Fault> {
    let mut statement =
        connection.prepare("SELECT prefix, per_segment, per_message FROM price ORDER BY id")?;
    let price = |row: &Row<'_>| {
        let (per_segment, per_message) = (Micros(row.get(1)?), Micros(row.get(2)?));
        Ok(Price { prefix: row.get(0)?, per_segment, per_message })
    };
    Ok(statement.query_map([], price)?.collect::<Result<_, _>>()?)
}

/// The number stored as `digits`.
pub(crate) fn msisdn(digits: i64) -> Result<Msisdn, Fault> {
    let number = u64::try_from(digits).ok().and_then(Msisdn::from_digits);
    number.ok_or_else(|| Fault::Damaged("a recipient's number is no phone number".to_owned()))
}

/// The price of place `id`, `None` without a rate card.
pub(crate) fn price(plan: &FrozenPlan, id: Option<u16>) -> Result<Option<&Price>, Fault> {
    let Some(id) = id else { return Ok(None) };
    let price = plan.prices.get(usize::from(id));
    price.map(Some).ok_or_else(|| Fault::Damaged(format!("price {id} is missing")))
}

/// What a text of `segments` costs at the price of place `id`, `None` without a rate card.
pub(crate) fn cost(plan: &FrozenPlan, id: Option<u16>, segments: u16) -> Result<Option<Micros>, Fault> {
    let Some(price) = price(plan, id)? else { return Ok(None) };
    let cost = price.of(u32::from(segments), plan.rounding);
    let too_large = || Fault::Damaged(format!("the price of prefix {} is too large", price.prefix));
    cost.map(Some).ok_or_else(too_large)
}

/// How many recipients the plan has, all of them there.
pub(crate) fn planned_recipients(connection: &Connection, plan: &FrozenPlan) -> Result<u32, Fault> {
    let planned = u32::try_from(plan.rows.accepted);
    let planned = planned.map_err(|_| Fault::Damaged("it has more than 2³² recipients".to_owned()))?;
    let (stored, last): (i64, i64) =
        connection.query_row("SELECT count(*), ifnull(max(position), -1) FROM recipient", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if (stored, last) == (i64::from(planned), i64::from(planned) - 1) {
        Ok(planned)
    } else {
        Err(Fault::Damaged(format!("it has {stored} of {planned} recipients")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_roundings_stay_as_stored_journals_have_them() {
        for (rounding, words) in [
            (Rounding::Exact, "exact"),
            (Rounding::PerMessage(0), "per_message 0"),
            (Rounding::PerMessage(6), "per_message 6"),
            (Rounding::Total(2), "total 2"),
        ] {
            assert_eq!(rounding_words(rounding), words);
            assert_eq!(rounding_of(words), Some(rounding));
        }
        for words in ["", "Exact", "exact 2", "total", "total 7", "total +2", "total 02", "per_message  2"] {
            assert_eq!(rounding_of(words), None, "{words}");
        }
    }

    #[test]
    fn the_words_of_classes_stay_as_stored_journals_have_them() {
        let words: Vec<&str> = Class::ALL.into_iter().map(class_word).collect();
        assert_eq!(
            words.join(" "),
            "NameResolution ConnectRefused ConnectTimeout TlsFailed ProxyRefused NoDescriptor Unbuildable \
             HeldBack Unwritten OptedOut WriteFailed ReplyLost TimedOut BadHead BodyCut ProcessGone Abandoned \
             WrongReply Answered Unmatched UnlistedCode NotTheApi NoId MovedMaybe MovedUntaken BadRequest \
             Credentials NoFunds WrongAddress RequestTimeout Conflict TooLarge Misdirected Throttled \
             Unavailable UnavailableUntaken ServerError OtherRefusal"
        );
        for class in Class::ALL {
            assert_eq!(class_of(class_word(class)), Some(class));
        }
    }
}
