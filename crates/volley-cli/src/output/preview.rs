//! A preview as people read it: where the rows went, what it costs and why.

use super::{bare_table, count, duration, inert, pairs, some, table};
use comfy_table::Table;
use std::time::Duration;
use volley_plan::{Example, Extra, Forcing, OpensNext, Preview, Reject, Share, WindowFall};

/// How many characters are listed.
const SHOWN: usize = 8;

/// What a campaign would send and cost, as tables of at most 80 columns.
///
/// `falls` is how its send window does.
pub(crate) fn preview(preview: &Preview, falls: Option<&WindowFall>) -> String {
    let mut text = format!("{}  {}\n\n", preview.campaign, preview.plan_hash);
    text.push_str(&rows_table(preview).trim_fmt());
    text.push_str("\n\n");
    text.push_str(&hints(preview));
    if let Some(table) = cost_table(preview) {
        text.push_str(&table.trim_fmt());
        text.push_str("\n\n");
    }
    text.push_str(&forcing(preview));
    text.push_str(&smart(preview));
    let window = falls.map(|falls| ("Send window", window(falls)));
    text.push_str(&pairs(facts(preview).into_iter().chain(window)).trim_fmt());
    text.push('\n');
    for warning in &preview.warnings {
        text.push_str(wrapped(&format!("warning: {}", inert(warning))).trim_start_matches('\n'));
        text.pop();
    }
    text
}

/// Where the rows of the input went, with the first rows of each reason.
fn rows_table(preview: &Preview) -> Table {
    let mut table = table(&["Rows", "", "first at row"], &[1]);
    table.add_row(["to be sent".to_owned(), count(preview.accepted), String::new()]);
    table.add_row(["duplicates".to_owned(), count(preview.duplicates), String::new()]);
    table.add_row(["suppressed".to_owned(), count(preview.suppressed), String::new()]);
    for (reason, number) in &preview.rejected {
        let first = preview.first_rejects.get(reason).map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<String> = first.iter().map(|reject| reject.row.0.to_string()).collect();
        table.add_row([format!("rejected: {reason}"), count(*number), rows.join(", ")]);
    }
    table.add_row(["in the file".to_owned(), count(preview.rows), String::new()]);
    table
}

/// What to do about each reason that occurs.
fn hints(preview: &Preview) -> String {
    let hint = |(reason, rejects): (&&'static str, &Vec<Reject>)| {
        rejects.first().map(|reject| (*reason, reject.reason.hint().to_owned()))
    };
    let hints = pairs(preview.first_rejects.iter().filter_map(hint));
    if hints.is_empty() {
        return String::new();
    }
    format!("Why, and what to do (--rejects FILE lists every row):\n{}\n\n", hints.trim_fmt())
}

/// What it costs, by prefix.
fn cost_table(preview: &Preview) -> Option<Table> {
    let cost = preview.cost.as_ref()?;
    let mut table = table(&["Prefix", "Recipients", "Segments", &cost.currency], &[1, 2, 3]);
    for line in &cost.by_prefix {
        table.add_row([
            format!("+{}", line.prefix),
            count(line.share.recipients),
            count(line.share.segments),
            line.share.cost.to_string(),
        ]);
    }
    table.add_row([
        "total".to_owned(),
        count(preview.accepted),
        count(preview.segments),
        cost.total.to_string(),
    ]);
    Some(table)
}

fn facts(preview: &Preview) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Segments", by_segments(preview)),
        ("Encodings", by_encoding(preview)),
        ("Text", template(preview)),
        ("Prices", preview.prices_of.map_or_else(|| "none".to_owned(), |day| format!("of {day}"))),
        ("Requests", count(preview.requests)),
        ("Time at the limit", duration(Duration::from_secs_f64(preview.seconds_at_rate))),
        (
            "Worst case of doubt",
            format!(
                "{} recipients, if the process is killed at the worst moment",
                count(preview.worst_doubt)
            ),
        ),
    ];
    if !preview.repairs.is_empty() {
        let repairs: Vec<String> =
            preview.repairs.iter().map(|(word, number)| format!("{word} {number}")).collect();
        facts.push(("Numbers mended", repairs.join(", ")));
    }
    if preview.blank_lines > 0 {
        facts.push(("Blank lines", format!("{} skipped", count(preview.blank_lines))));
    }
    let columns = &preview.columns;
    facts.push((
        "Columns",
        format!("number from {}, text from {}", listed(&columns.number), listed(&columns.variables)),
    ));
    if !columns.unused.is_empty() {
        facts.push(("Columns not used", listed(&columns.unused)));
    }
    facts.extend(preview.first_message.as_ref().map(|example| ("First message", shown(example))));
    facts.extend(preview.longest_message.as_ref().map(|example| ("Longest message", shown(example))));
    let dearer = preview.dearest_message.as_ref().filter(|one| preview.longest_message.as_ref() != Some(one));
    facts.extend(dearer.map(|example| ("Dearest message", shown(example))));
    facts
}

/// How many texts have how many segments, and what they cost.
fn by_segments(preview: &Preview) -> String {
    let total = count(preview.segments);
    if preview.recipients_by_segments.is_empty() {
        return total;
    }
    let Some(cost) = &preview.cost else {
        let each = preview.recipients_by_segments.iter();
        let each = each.map(|(segments, recipients)| format!("{} of {segments}", count(*recipients)));
        return format!("{total} ({})", each.collect::<Vec<_>>().join(", "));
    };
    let each = cost
        .by_segments
        .iter()
        .map(|line| format!("{} of {} for {}", count(line.share.recipients), line.each, line.share.cost));
    format!("{total} ({})", each.collect::<Vec<_>>().join(", "))
}

fn by_encoding(preview: &Preview) -> String {
    let Some(cost) = &preview.cost else {
        return format!("GSM-7 {}, UCS-2 {}", count(preview.encodings.gsm7), count(preview.encodings.ucs2));
    };
    let share = |name: &str, share: &Share| {
        format!("{name} {} ({} segments, {})", count(share.recipients), count(share.segments), share.cost)
    };
    format!("{}, {}", share("GSM-7", &cost.by_encoding.gsm7), share("UCS-2", &cost.by_encoding.ucs2))
}

/// How much room the campaign's own text takes and leaves.
fn template(preview: &Preview) -> String {
    let size = &preview.diagnosis.template;
    let segments = some(u64::from(size.segments), "segment");
    let own = format!("{}, {} units, {segments}", size.encoding, size.units);
    if preview.columns.variables.is_empty() {
        return format!("{own}; {} units left before one more", size.left);
    }
    let variables: Vec<String> =
        preview.columns.variables.iter().map(|name| format!("{{{{{}}}}}", inert(name))).collect();
    let jumps = &preview.diagnosis.jumps.segments;
    let mut line = format!("{own} by itself; {} units left for {}", size.left, variables.join(", "));
    if jumps.extra.rows > 0 {
        line.push_str(&format!(
            "; data makes {} longer than that{}, {}",
            some(jumps.extra.rows, "text"),
            more(preview, &jumps.extra),
            rows(&jumps.first_rows, jumps.extra.rows)
        ));
    }
    line
}

/// ` (12 segments more, USD 0.1234)`.
fn more(preview: &Preview, extra: &Extra) -> String {
    let segments = some(extra.segments, "segment");
    match (&preview.cost, extra.cost) {
        (Some(cost), Some(more)) => format!(" ({segments} more, {} {more})", cost.currency),
        _ => format!(" ({segments} more)"),
    }
}

/// `row 7`, or `first in rows 7, 9, 12`.
fn rows(first: &[u32], of: u64) -> String {
    let listed = first.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    match (first.len(), of) {
        (1, _) => format!("row {listed}"),
        (known, of) if known as u64 == of => format!("rows {listed}"),
        _ => format!("first in rows {listed}"),
    }
}

/// A sentence of its own, in lines of at most 80 columns.
fn wrapped(sentence: &str) -> String {
    let mut table = bare_table();
    table.add_row([sentence]);
    format!("{}\n\n", table.trim_fmt())
}

/// What pushes texts out of GSM-7 and what that costs, or nothing where nothing does.
fn forcing(preview: &Preview) -> String {
    let diagnosis = &preview.diagnosis;
    if diagnosis.ucs2.rows == 0 {
        return String::new();
    }
    if diagnosis.forcing.is_empty() {
        let texts = some(diagnosis.ucs2.rows, "text");
        return wrapped(&format!(
            "{texts} in UCS-2{}: every character is in some allowed national table, and no pair of tables has all of a text",
            more(preview, &diagnosis.ucs2)
        ));
    }
    let unit = preview.cost.as_ref().map_or("segments", |cost| cost.currency.as_str());
    let mut table =
        table(&["Makes a text UCS-2", "texts", &format!("{unit} more"), "by itself", ""], &[1, 2, 3]);
    let amount = |extra: &Extra| extra.cost.map_or_else(|| count(extra.segments), |cost| cost.to_string());
    for one in diagnosis.forcing.iter().take(SHOWN) {
        let name = format!("{} {} {}", visible(one.char), one.code_point, one.name);
        table.add_row([
            name,
            count(one.extra.rows),
            amount(&one.extra),
            amount(&one.alone),
            format!("{}{}", origin(one), instead(one)),
        ]);
    }
    let others = diagnosis.forcing.len().saturating_sub(SHOWN) as u64 + diagnosis.forcing_others;
    if others > 0 {
        table.add_row([format!("and {}", some(others, "other")), String::new()]);
    }
    table.add_row(["all of these texts".to_owned(), count(diagnosis.ucs2.rows), amount(&diagnosis.ucs2)]);
    let mut text = format!("{}\n", table.trim_fmt());
    text.push_str(&wrapped("\"by itself\" is what replacing that one character alone would save."));
    let jumps = &diagnosis.jumps.encoding;
    if jumps.extra.rows > 0 {
        text.push_str(&wrapped(&format!(
            "{} UCS-2 because of their data alone{}, {}",
            some(jumps.extra.rows, "text"),
            more(preview, &jumps.extra),
            rows(&jumps.first_rows, jumps.extra.rows)
        )));
    }
    text
}

/// A character as a table can hold it: a mark that stands over another letter gets a circle.
fn visible(character: char) -> String {
    let shown = inert(&character.to_string());
    if unicode_width::UnicodeWidthChar::width(character) == Some(0) && shown.chars().count() == 1 {
        format!("◌{shown}")
    } else {
        shown
    }
}

/// Where a character comes from.
fn origin(one: &Forcing) -> String {
    let mut from = Vec::new();
    if let Some(place) = one.template {
        from.push(format!("in the text, line {}, column {}", place.line, place.column));
    }
    for of in &one.columns {
        let rows = some(of.rows, "row");
        from.push(format!("in {} of {rows}, first {}", inert(&of.column), of.first_row));
    }
    from.extend(one.defaults.iter().map(|column| format!("in the default of {}", inert(column))));
    if from.is_empty() {
        from.push("in a default".to_owned());
    }
    from.join("; ")
}

fn instead(one: &Forcing) -> String {
    match one.instead {
        Some("") => "; leave it out".to_owned(),
        Some(" ") => "; write a plain space".to_owned(),
        Some(instead) => format!("; write {instead}"),
        None => String::new(),
    }
}

/// What smart folding did or would do.
fn smart(preview: &Preview) -> String {
    let smart = &preview.diagnosis.smart;
    if smart.saved.rows == 0 {
        return String::new();
    }
    let texts = some(smart.saved.rows, "text");
    let segments = some(smart.saved.segments, "segment");
    let cost = match (&preview.cost, smart.saved.cost) {
        (Some(cost), Some(saved)) => format!(" and {} {saved}", cost.currency),
        _ => String::new(),
    };
    let mut text = wrapped(&if smart.applied {
        format!("smart = true folded {texts} into GSM-7 and saved {segments}{cost}:")
    } else {
        format!("smart = true in [message] would fold {texts} into GSM-7 and save {segments}{cost}:")
    });
    text.pop();
    let shown = |text: &str| match text {
        "" => "nothing".to_owned(),
        " " => "a space".to_owned(),
        other => inert(other),
    };
    let lines = smart.replacements.iter().map(|one| {
        let from = format!("{} {} {}", shown(one.from), one.code_points.join(" "), one.name);
        [from, format!("→ {}", shown(one.to)), some(one.saved.rows, "text")]
    });
    let mut table = bare_table();
    table.add_rows(lines);
    text.push_str(&table.trim_fmt());
    text.push_str("\n\n");
    text
}

/// `09:00-20:00 by the clocks of 3 time zones or countries; open now for 1,200; opens next for 716 at
/// 09:00 Asia/Bangkok`.
pub(crate) fn window(falls: &WindowFall) -> String {
    let WindowFall { hours, zones, open_now, opens_next } = falls;
    let zones = match zones {
        1 => "of one time zone or country".to_owned(),
        zones => format!("of {zones} time zones or countries"),
    };
    let next = opens_next.as_ref().map(|OpensNext { local, zone, recipients, .. }| {
        format!("; opens next for {} at {local} {zone}", count(*recipients))
    });
    format!("{hours} by the clocks {zones}; open now for {}{}", count(*open_now), next.unwrap_or_default())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { inert(&names.join(", ")) }
}

fn shown(example: &Example) -> String {
    let segments = some(u64::from(example.segments.count), "segment");
    let cost = example.cost.map(|cost| format!(", {cost}")).unwrap_or_default();
    format!("{} (row {}, {}, {segments}{cost})", inert(&example.text), example.row.0, example.to.masked())
}
