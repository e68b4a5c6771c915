//! A preview as people read it: where the rows went, what it costs and why.

use super::{Ink, Screen, Table, count, duration, inert, screen, some};
use std::time::Duration;
use volley_core::Micros;
use volley_plan::{Encodings, Example, Extra, Forcing, OpensNext, Preview, Reject, WindowFall};

/// How many characters are listed.
const SHOWN: usize = 8;

/// The columns of the longest bar, on a wide screen and on a narrow one.
const BARS: (usize, usize) = (20, 8);

/// A screen so wide has room for long bars.
const WIDE: usize = 72;

/// The most countries and prefixes that are listed.
const SHOWN_COSTS: usize = 12;

/// What a campaign would send and cost, as tables for `screen`.
///
/// `falls` is how its send window does.
pub(crate) fn preview(preview: &Preview, falls: Option<&WindowFall>, screen: &Screen) -> String {
    let mut text = head(preview, screen);
    text.push_str(&rows_table(preview).fit(screen));
    text.push('\n');
    text.push_str(&hints(preview, screen));
    for table in [country_table(preview, screen), prefix_table(preview)].into_iter().flatten() {
        text.push_str(&table.fit(screen));
        text.push('\n');
    }
    if !are_all_alike(preview) {
        for table in [encoding_table(preview, screen), segments_table(preview, screen)] {
            text.push_str(&table.fit(screen));
            text.push('\n');
        }
    }
    text.push_str(&forcing(preview, screen));
    text.push_str(&smart(preview, screen));
    let window = falls.map(|falls| ("Send window", window(falls)));
    text.push_str(&Table::of_pairs(facts(preview).into_iter().chain(window)).fit(screen));
    for warning in &preview.warnings {
        let lines = screen::wrap(&format!("warning: {}", inert(warning)), screen.width);
        text.extend(lines.iter().map(|line| screen.paint(Ink::Watch, line) + "\n"));
    }
    text
}

/// The campaign and its hash, on one line where there is room.
fn head(preview: &Preview, screen: &Screen) -> String {
    let (name, hash) = (&preview.campaign, &preview.plan_hash);
    if name.len() + 2 + hash.len() <= screen.width {
        return format!("{}  {hash}\n\n", screen.paint(Ink::Strong, name));
    }
    format!("{}\n{}\n", screen.paint(Ink::Strong, name), screen.line(hash))
}

/// Whether all texts are in one encoding and of one length, so that there is nothing to compare.
fn are_all_alike(preview: &Preview) -> bool {
    let Encodings { gsm7, ucs2 } = preview.encodings;
    (gsm7 == 0 || ucs2 == 0) && preview.recipients_by_segments.len() <= 1
}

/// A bar for `number` where `most` is the longest one.
fn bar(number: u64, most: u64, screen: &Screen) -> String {
    let longest = if screen.width >= WIDE { BARS.0 } else { BARS.1 };
    screen.bar(number as f64 / most.max(1) as f64, longest)
}

/// Where the rows of the input went, with the first rows of each reason.
fn rows_table(preview: &Preview) -> Table {
    let mut table = Table::new(&["Rows", "", "first at row"], &[1]);
    table.row(["to be sent".to_owned(), count(preview.accepted), String::new()]);
    table.row(["duplicates".to_owned(), count(preview.duplicates), String::new()]);
    table.row(["suppressed".to_owned(), count(preview.suppressed), String::new()]);
    for (reason, number) in &preview.rejected {
        let first = preview.first_rejects.get(reason).map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<String> = first.iter().map(|reject| reject.row.0.to_string()).collect();
        table.row([format!("rejected: {reason}"), count(*number), rows.join(", ")]);
    }
    table.row(["in the file".to_owned(), count(preview.rows), String::new()]);
    table
}

/// What to do about each reason that occurs.
fn hints(preview: &Preview, screen: &Screen) -> String {
    let hint = |(reason, rejects): (&&'static str, &Vec<Reject>)| {
        rejects.first().map(|reject| (*reason, reject.reason.hint().to_owned()))
    };
    let hints = Table::of_pairs(preview.first_rejects.iter().filter_map(hint));
    if hints.is_empty() {
        return String::new();
    }
    let why = screen.line("Why, and what to do (--rejects FILE lists every row):");
    format!("{why}{}\n", hints.fit(screen))
}

/// What it costs, by the country of the number, the dearest first.
fn country_table(preview: &Preview, screen: &Screen) -> Option<Table> {
    let cost = preview.cost.as_ref()?;
    let mut table = Table::new(&["Country", "Recipients", "Segments", &cost.currency, ""], &[1, 2, 3]);
    let most = cost.by_country.first().map_or(0, |line| micros(line.share.cost));
    for line in cost.by_country.iter().take(SHOWN_COSTS) {
        let share = &line.share;
        let bar = bar(micros(share.cost), most, screen);
        table.row([
            line.name().to_owned(),
            count(share.recipients),
            count(share.segments),
            share.cost.to_string(),
            bar,
        ]);
    }
    if let Some(others) = cost.by_country.get(SHOWN_COSTS..).filter(|others| !others.is_empty()) {
        let more = format!("and {} more", others.len());
        let recipients = others.iter().map(|line| line.share.recipients).sum();
        let segments = others.iter().map(|line| line.share.segments).sum();
        table.row([more, count(recipients), count(segments), String::new(), String::new()]);
    }
    let sum = [count(preview.accepted), count(preview.segments), cost.total.to_string()];
    table.row(["total".to_owned()].into_iter().chain(sum));
    Some(table)
}

/// What it costs by the prefixes of the rate card, where these say more than countries do.
fn prefix_table(preview: &Preview) -> Option<Table> {
    let cost = preview.cost.as_ref().filter(|cost| cost.by_prefix.len() > cost.by_country.len())?;
    let mut table = Table::new(&["Prefix", "Recipients", "Segments", &cost.currency], &[1, 2, 3]);
    for line in cost.by_prefix.iter().take(SHOWN_COSTS) {
        let share = &line.share;
        let prefix = format!("+{}", line.prefix);
        table.row([prefix, count(share.recipients), count(share.segments), share.cost.to_string()]);
    }
    if cost.by_prefix.len() > SHOWN_COSTS {
        table.row([format!("and {} more", cost.by_prefix.len() - SHOWN_COSTS)]);
    }
    Some(table)
}

/// An amount as a length; what is below zero has none.
fn micros(amount: Micros) -> u64 {
    u64::try_from(amount.0).unwrap_or(0)
}

/// How many texts are in which encoding, and what they cost.
fn encoding_table(preview: &Preview, screen: &Screen) -> Table {
    let (gsm7, ucs2) = (preview.encodings.gsm7, preview.encodings.ucs2);
    let rows = [("GSM-7", gsm7), ("UCS-2", ucs2)].into_iter().filter(|(_, texts)| *texts > 0);
    let most = gsm7.max(ucs2);
    let Some(cost) = &preview.cost else {
        let mut table = Table::new(&["Encoding", "Texts", ""], &[1]);
        rows.for_each(|(name, texts)| table.row([name.to_owned(), count(texts), bar(texts, most, screen)]));
        return table;
    };
    let mut table = Table::new(&["Encoding", "Texts", "Segments", &cost.currency, ""], &[1, 2, 3]);
    for (name, texts) in rows {
        let share = if name == "GSM-7" { &cost.by_encoding.gsm7 } else { &cost.by_encoding.ucs2 };
        let bar = bar(texts, most, screen);
        table.row([name.to_owned(), count(texts), count(share.segments), share.cost.to_string(), bar]);
    }
    table
}

/// How many texts have how many segments, and what they cost.
fn segments_table(preview: &Preview, screen: &Screen) -> Table {
    let most = preview.recipients_by_segments.values().copied().max().unwrap_or(0);
    let Some(cost) = &preview.cost else {
        let mut table = Table::new(&["Segments", "Texts", ""], &[0, 1]);
        for (each, texts) in &preview.recipients_by_segments {
            table.row([each.to_string(), count(*texts), bar(*texts, most, screen)]);
        }
        return table;
    };
    let mut table = Table::new(&["Segments", "Texts", &cost.currency, ""], &[0, 1, 2]);
    for line in &cost.by_segments {
        let texts = line.share.recipients;
        table.row([
            line.each.to_string(),
            count(texts),
            line.share.cost.to_string(),
            bar(texts, most, screen),
        ]);
    }
    table
}

fn facts(preview: &Preview) -> Vec<(&'static str, String)> {
    let mut facts = vec![
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
    if let Some(each) = preview.recipients_by_segments.keys().next().filter(|_| are_all_alike(preview)) {
        let encoding = if preview.encodings.ucs2 == 0 { "GSM-7" } else { "UCS-2" };
        let each = format!("{} in all, {each} a text, {encoding}", count(preview.segments));
        facts.insert(1, ("Segments", each));
    }
    if preview.diagnosis.smart.saved.rows == 0 {
        facts.push(("Smart folding", "would save nothing".to_owned()));
    }
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
    let (first, longest) = (preview.first_message.as_ref(), preview.longest_message.as_ref());
    facts.extend(first.map(|example| ("First message", shown(example))));
    let longer = longest.filter(|longest| first.is_none_or(|first| first.text != longest.text));
    facts.extend(longer.map(|example| ("Longest message", shown(example))));
    let dearer = preview.dearest_message.as_ref().filter(|one| {
        let same = |other: &Example| other.text == one.text && other.cost == one.cost;
        !first.is_some_and(same) && !longest.is_some_and(same)
    });
    facts.extend(dearer.map(|example| ("Dearest message", shown(example))));
    facts
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

/// A sentence of its own, with an empty line behind it.
fn sentence(text: &str, screen: &Screen) -> String {
    screen.line(text) + "\n"
}

/// What pushes texts out of GSM-7 and what that costs, or nothing where nothing does.
fn forcing(preview: &Preview, screen: &Screen) -> String {
    let diagnosis = &preview.diagnosis;
    if diagnosis.ucs2.rows == 0 {
        return String::new();
    }
    if diagnosis.forcing.is_empty() {
        let texts = some(diagnosis.ucs2.rows, "text");
        let why = format!(
            "{texts} in UCS-2{}: every character is in some allowed national table, and no pair of tables has all of a text",
            more(preview, &diagnosis.ucs2)
        );
        return sentence(&why, screen);
    }
    let unit = preview.cost.as_ref().map_or("segments", |cost| cost.currency.as_str());
    let mut table =
        Table::new(&["Makes a text UCS-2", "texts", &format!("{unit} more"), "by itself", ""], &[1, 2, 3]);
    let amount = |extra: &Extra| extra.cost.map_or_else(|| count(extra.segments), |cost| cost.to_string());
    for one in diagnosis.forcing.iter().take(SHOWN) {
        let name = format!("{} {} {}", visible(one.char), one.code_point, one.name);
        table.row([
            name,
            count(one.extra.rows),
            amount(&one.extra),
            amount(&one.alone),
            format!("{}{}", origin(one), instead(one)),
        ]);
    }
    let others = diagnosis.forcing.len().saturating_sub(SHOWN) as u64 + diagnosis.forcing_others;
    if others > 0 {
        table.row([format!("and {}", some(others, "other")), String::new()]);
    }
    table.row(["all of these texts".to_owned(), count(diagnosis.ucs2.rows), amount(&diagnosis.ucs2)]);
    let mut text = table.fit(screen);
    text.push_str(&sentence("\"by itself\" is what replacing that one character alone would save.", screen));
    let jumps = &diagnosis.jumps.encoding;
    if jumps.extra.rows > 0 {
        let data = format!(
            "{} UCS-2 because of their data alone{}, {}",
            some(jumps.extra.rows, "text"),
            more(preview, &jumps.extra),
            rows(&jumps.first_rows, jumps.extra.rows)
        );
        text.push_str(&sentence(&data, screen));
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
fn smart(preview: &Preview, screen: &Screen) -> String {
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
    let saved = if smart.applied {
        format!("smart = true folded {texts} into GSM-7 and saved {segments}{cost}:")
    } else {
        format!("smart = true in [message] would fold {texts} into GSM-7 and save {segments}{cost}:")
    };
    let mut text = sentence(&saved, screen);
    text.pop();
    let shown = |text: &str| match text {
        "" => "nothing".to_owned(),
        " " => "a space".to_owned(),
        other => inert(other),
    };
    let mut table = Table::new(&[], &[]);
    for one in &smart.replacements {
        let from = format!("{} {} {}", shown(one.from), one.code_points.join(" "), one.name);
        table.row([from, format!("→ {}", shown(one.to)), some(one.saved.rows, "text")]);
    }
    text.push_str(&table.fit(screen));
    text.push('\n');
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
