//! A report as one HTML file: no script, nothing from outside, and nothing in it that was not written
//! here can be markup. Readable on a screen, in the dark, on paper and aloud.

mod chart; // drawings, with words for those who do not see them
mod figures; // what is counted, for scripts and for the page
mod markup; // HTML that data cannot break out of

use self::{
    chart::{Bar, Caption, Kind, Plot, Series, bars, milli, millis, over_time},
    markup::Markup,
};
use crate::{
    cmd::{report::Report, status::Recipients},
    output::{count, duration, some},
};
use std::time::Duration;

use self::figures::{Bucket, Doubt, Group, Rest, Times};
pub(crate) use self::figures::{Count, Figures};

/// What every page begins with, so that no other file is written over.
pub(crate) const FIRST_LINE: &str = "<!DOCTYPE html><!-- Volley report -->\n";

/// The most countries that have a bar; the table has all.
const MOST_BARS: usize = 12;

/// What the page may load: nothing. Its style stands in it, and an icon that is no request.
const HEAD: &str = "<meta charset=\"utf-8\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
    img-src data:; base-uri 'none'; form-action 'none'\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n\
    <meta name=\"referrer\" content=\"no-referrer\">\n\
    <link rel=\"icon\" href=\"data:,\">\n<style>\n";

/// The pattern of pauses, for all drawings.
const HATCH: &str = "<svg class=\"patterns\" aria-hidden=\"true\" focusable=\"false\" width=\"0\" height=\"0\" \
    style=\"position:absolute;width:0;height:0\"><defs><pattern id=\"hatch\" width=\"16\" height=\"16\" \
    patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><line class=\"hatch\" x1=\"0\" y1=\"0\" \
    x2=\"0\" y2=\"16\"/></pattern></defs></svg>\n";

/// The page of `report`. Numbers are masked unless `full_numbers`.
pub(crate) fn page(report: &Report, full_numbers: bool) -> String {
    let mut markup = Markup::default();
    markup.raw(FIRST_LINE).raw("<html lang=\"en\">\n<head>\n").raw(HEAD).raw(include_str!("style.css"));
    markup.raw("</style>\n");
    markup.line("title", &format!("{} - delivery report", report.status.campaign));
    markup.raw("</head>\n<body>\n").raw(HATCH);
    summary(&mut markup, report);
    markup.raw("<main>\n");
    funnel(&mut markup, report);
    costs(&mut markup, report);
    if let Some(times) = &report.figures.timeline {
        throughput(&mut markup, times);
        latency(&mut markup, times);
        pauses(&mut markup, times);
    }
    reasons(&mut markup, &report.figures, full_numbers);
    doubts(&mut markup, &report.figures, full_numbers);
    markup.raw("</main>\n");
    provenance(&mut markup, report);
    markup.raw("</body>\n</html>\n");
    markup.finish()
}

/// A heading with what stands below it.
fn section(markup: &mut Markup, heading: &str, inside: impl FnOnce(&mut Markup)) {
    markup.element("section", &[], |markup| {
        markup.line("h2", heading);
        inside(markup);
    });
}

fn quiet(markup: &mut Markup, words: &str) {
    markup.element("p", &[("class", "quiet")], |markup| {
        markup.text(words);
    });
}

fn summary(markup: &mut Markup, report: &Report) {
    let status = &report.status;
    let Recipients { pending, accepted, refused, in_doubt } = &status.recipients;
    markup.element("header", &[], |markup| {
        quiet(markup, "Delivery report");
        markup.line("h1", &status.campaign);
        let mut state = format!("State: {}, exit code {}", status.state, status.exit_code);
        if let Some(at) = &status.send_at {
            state.push_str(&format!(", scheduled for {at}"));
        }
        markup.line("p", &state);
        markup.element("dl", &[("class", "tiles")], |markup| {
            let all = pending + accepted + refused + in_doubt;
            tile(
                markup,
                "Accepted by the provider",
                &count(*accepted),
                &format!("of {}", some(all, "recipient")),
            );
            if let Some(delivery) = &status.delivery {
                let small =
                    format!("{} failed, {} not known", count(delivery.failed), count(delivery.unknown));
                tile(markup, "Delivered", &count(delivery.delivered), &small);
            }
            tile(markup, "Refused", &count(*refused), "for good");
            tile(markup, "In doubt", &count(*in_doubt), "may have been texted");
            tile(markup, "Pending", &count(*pending), "not sent to yet");
            if let Some(cost) = &status.cost {
                let (large, small) = match (&cost.billed, &cost.billed_units) {
                    (Some(billed), _) => {
                        (billed.clone(), format!("{} {} estimated", cost.currency, cost.estimated))
                    }
                    (None, Some(units)) => (
                        format!("{} {}s", units.amount, units.unit),
                        format!("{} {} estimated", cost.currency, cost.estimated),
                    ),
                    (None, None) => {
                        ("-".to_owned(), format!("{} {} estimated", cost.currency, cost.estimated))
                    }
                };
                tile(markup, "Billed", &large, &small);
            }
            let requests = &status.requests;
            let small =
                format!("{} throttled, {} retried", count(requests.throttled), count(requests.retried));
            tile(markup, "Requests", &count(requests.sent), &small);
            tile(markup, "Segments planned", &count(report.segments), "parts that providers bill");
            if let Some(cancelled) = status.cancelled {
                tile(markup, "Taken back", &count(cancelled), "at the provider");
            }
        });
    });
}

fn tile(markup: &mut Markup, name: &str, large: &str, small: &str) {
    markup.element("div", &[], |markup| {
        markup.line("dt", name).line("dd", large);
        markup.element("dd", &[("class", "small")], |markup| {
            markup.text(small);
        });
    });
}

fn funnel(markup: &mut Markup, report: &Report) {
    let figures = &report.figures;
    section(markup, "From the list to the phones", |markup| {
        let bar = |step: &figures::Stage| Bar {
            name: step.step.to_owned(),
            length: step.number,
            label: format!("{} ({} %)", count(step.number), step.percent),
        };
        let steps: Vec<Bar> = figures.funnel.iter().map(bar).collect();
        let told: Vec<String> = steps.iter().map(|bar| format!("{} {}", bar.name, bar.label)).collect();
        let caption = Caption {
            id: "funnel",
            title: "Delivery funnel",
            description: &format!("How many rows of the list got how far: {}.", told.join(", ")),
        };
        bars(markup, &caption, &steps);
        let row =
            |step: &figures::Stage| vec![step.step.to_owned(), count(step.number), step.percent.clone()];
        let rows = figures.funnel.iter().map(row);
        markup.table("Delivery funnel", &["Step", "Number", "% of rows"], &[1, 2], rows);
        let left_out = &figures.left_out;
        let rejected = left_out.rejected.iter().map(|(reason, rows)| (format!("rejected: {reason}"), *rows));
        let known = [
            ("duplicate numbers".to_owned(), left_out.duplicates),
            ("suppressed".to_owned(), left_out.suppressed),
        ];
        let rows = known.into_iter().chain(rejected).filter(|(_, rows)| *rows > 0);
        let rows: Vec<_> = rows.map(|(why, rows)| vec![why, count(rows)]).collect();
        if !rows.is_empty() {
            markup.table("Rows that were left out before anything was sent", &["Why", "Rows"], &[1], rows);
        }
    });
}

fn costs(markup: &mut Markup, report: &Report) {
    let (figures, status) = (&report.figures, &report.status);
    section(markup, "What it cost", |markup| {
        if let Some(cost) = &status.cost {
            let mut rows =
                vec![vec!["estimated by the plan".to_owned(), cost.currency.clone(), cost.estimated.clone()]];
            if let Some(billed) = &cost.billed {
                rows.push(vec!["billed by the provider".to_owned(), cost.currency.clone(), billed.clone()]);
            }
            if let Some(units) = &cost.billed_units {
                rows.push(vec![
                    "billed by the provider".to_owned(),
                    format!("{}s", units.unit),
                    units.amount.clone(),
                ]);
            }
            if let Some(difference) = &figures.cost_difference {
                rows.push(vec![
                    "billed less estimated".to_owned(),
                    cost.currency.clone(),
                    difference.clone(),
                ]);
            }
            markup.table("Estimate and bill", &["", "Unit", "Amount"], &[2], rows);
        } else {
            quiet(markup, "The plan had no rate card, so there is no estimate.");
        }
        let shown = figures.by_country.iter().take(MOST_BARS);
        let bar = |group: &Group| Bar {
            name: group.name.clone(),
            length: group.drawn(),
            label: group.estimated.clone().unwrap_or_else(|| some(group.segments, "segment")),
        };
        let shown: Vec<Bar> = shown.map(bar).collect();
        let told: Vec<String> = shown.iter().map(|bar| format!("{} {}", bar.name, bar.label)).collect();
        let unit = status.cost.as_ref().map_or("segments", |cost| &cost.currency);
        let title = format!("Estimated cost by country, {unit}");
        let caption =
            Caption { id: "countries", title: &title, description: &format!("{}.", told.join(", ")) };
        markup.line("h3", &title);
        bars(markup, &caption, &shown);
        groups(markup, "By country of the number", "Country", &figures.by_country);
        groups(markup, "By encoding of the text", "Encoding", &figures.by_encoding);
        quiet(
            markup,
            "Billed: where the provider priced each message of a line by itself. A price for a whole request of several people stands in the total alone.",
        );
    });
}

fn groups(markup: &mut Markup, caption: &str, name: &str, groups: &[Group]) {
    let header =
        [name, "Recipients", "Segments", "Accepted", "Refused", "In doubt", "Pending", "Estimated", "Billed"];
    let row = |group: &Group| {
        let numbers =
            [group.recipients, group.segments, group.accepted, group.refused, group.in_doubt, group.pending];
        let money =
            [&group.estimated, &group.billed].map(|sum| sum.clone().unwrap_or_else(|| "-".to_owned()));
        [group.name.clone()].into_iter().chain(numbers.map(count)).chain(money).collect()
    };
    markup.table(caption, &header, &[1, 2, 3, 4, 5, 6, 7, 8], groups.iter().map(row));
}

fn throughput(markup: &mut Markup, times: &Times) {
    section(markup, "Requests over time", |markup| {
        let limit = times.limit_milli.map(|limit| (limit, format!("limit {}/s", milli(limit))));
        let fastest = times.buckets.iter().map(|bucket| bucket.rate_milli).max().unwrap_or(0);
        let limited = limit
            .as_ref()
            .map_or(String::new(), |(_, name)| format!(" The configured {name} is a dashed line."));
        let paused = match times.pauses.len() as u64 + times.other_pauses {
            0 => String::new(),
            pauses => format!(" {} hatched.", some(pauses, "pause")),
        };
        let description = format!(
            "Requests a second in {}, at most {}.{limited}{paused}",
            some(times.buckets.len() as u64, "span"),
            milli(fastest),
        );
        quiet(markup, &since(times));
        keys(markup, &["requests a second", "configured limit", "pause"], KEYS_OF_REQUESTS);
        let caption = Caption { id: "requests", title: "Requests a second", description: &description };
        let values = times.buckets.iter().map(|bucket| Some(bucket.rate_milli)).collect();
        let series = vec![Series { kind: Kind::Columns, values }];
        over_time(markup, &caption, &plot(times, series, limit, milli));
        let header = ["From", "Requests", "Recipients", "Throttled", "Requests a second"];
        let row = |(at, bucket): (String, &Bucket)| {
            vec![
                at,
                count(bucket.requests),
                count(bucket.recipients),
                count(bucket.throttled),
                milli(bucket.rate_milli),
            ]
        };
        details(markup, "The figures of this chart", |markup| {
            markup.table("Requests a second", &header, &[1, 2, 3, 4], busy(times).map(row));
        });
    });
}

fn latency(markup: &mut Markup, times: &Times) {
    section(markup, "How long answers took", |markup| {
        let slowest = times.buckets.iter().filter_map(|bucket| bucket.longest_ms).max();
        let Some(slowest) = slowest else {
            quiet(markup, "No request has an answer yet.");
            return;
        };
        let description = format!(
            "From the intent to the outcome of a request, by when it began: the median as a line with round \
             points, the time that 95 of 100 stayed within as a dashed line with square points. The slowest took {}.",
            millis(slowest)
        );
        quiet(markup, &since(times));
        keys(markup, &["median", "95 of 100 within"], KEYS_OF_LATENCY);
        let caption = Caption { id: "latency", title: "Latency of requests", description: &description };
        let median = times.buckets.iter().map(|bucket| bucket.median_ms).collect();
        let p95 = times.buckets.iter().map(|bucket| bucket.p95_ms).collect();
        let series =
            vec![Series { kind: Kind::Dashes, values: p95 }, Series { kind: Kind::Line, values: median }];
        over_time(markup, &caption, &plot(times, series, None, millis));
        let shown = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), millis);
        let row = |(at, bucket): (String, &Bucket)| {
            vec![at, shown(bucket.median_ms), shown(bucket.p95_ms), shown(bucket.longest_ms)]
        };
        details(markup, "The figures of this chart", |markup| {
            let header = ["From", "Median", "95 of 100 within", "Slowest"];
            markup.table("Latency of requests", &header, &[1, 2, 3], busy(times).map(row));
        });
    });
}

fn pauses(markup: &mut Markup, times: &Times) {
    if times.pauses.is_empty() {
        return;
    }
    section(markup, "Pauses", |markup| {
        let row = |rest: &Rest| {
            let why =
                if rest.why == "asked" { "the provider asked for silence" } else { "nobody was sending" };
            vec![rest.from.clone(), rest.to.clone(), why.to_owned()]
        };
        markup.table(
            "When nothing was to be sent",
            &["From", "To", "Why"],
            &[],
            times.pauses.iter().map(row),
        );
        if times.other_pauses > 0 {
            quiet(markup, &format!("and {}", some(times.other_pauses, "shorter pause")));
        }
    });
}

/// `Since 2026-11-21T09:00:00Z (UTC), in spans of 1 s.`
fn since(times: &Times) -> String {
    let width = duration(Duration::from_millis(times.bucket_ms));
    format!("Since {} (UTC), in spans of {width}.", times.starts_at)
}

fn plot(times: &Times, series: Vec<Series>, limit: Option<(u64, String)>, shown: fn(u64) -> String) -> Plot {
    Plot {
        width_ms: times.bucket_ms,
        spans: times.buckets.len() as u64,
        series,
        limit,
        pauses: times.pauses.iter().map(|rest| rest.span_ms).collect(),
        shown,
    }
}

/// The buckets in which something happened, each with the time since the first request.
fn busy(times: &Times) -> impl Iterator<Item = (String, &Bucket)> {
    let at = |place: u64| duration(Duration::from_millis(times.bucket_ms.saturating_mul(place)));
    let buckets = (0_u64..).zip(&times.buckets).filter(|(_, bucket)| bucket.requests > 0);
    buckets.map(move |(place, bucket)| (at(place), bucket))
}

fn details(markup: &mut Markup, summary: &str, inside: impl FnOnce(&mut Markup)) {
    markup.element("details", &[], |markup| {
        markup.line("summary", summary);
        inside(markup);
    });
}

const KEYS_OF_REQUESTS: [&str; 3] = [
    "<rect class=\"bar\" x=\"8\" y=\"0\" width=\"28\" height=\"16\"/>",
    "<line class=\"limit\" x1=\"0\" y1=\"8\" x2=\"44\" y2=\"8\"/>",
    "<rect class=\"pause\" x=\"0\" y=\"0\" width=\"44\" height=\"16\"/>",
];

const KEYS_OF_LATENCY: [&str; 2] = [
    "<line class=\"line\" x1=\"0\" y1=\"8\" x2=\"44\" y2=\"8\"/><circle class=\"point\" cx=\"22\" cy=\"8\" r=\"7\"/>",
    "<line class=\"dashes\" x1=\"0\" y1=\"8\" x2=\"44\" y2=\"8\"/><rect class=\"square\" x=\"16\" y=\"2\" width=\"12\" height=\"12\"/>",
];

/// What the shapes of a chart mean.
fn keys<const N: usize>(markup: &mut Markup, names: &[&str; N], shapes: [&'static str; N]) {
    markup.element("ul", &[("class", "keys")], |markup| {
        for (name, shape) in names.iter().zip(shapes) {
            markup.element("li", &[], |markup| {
                markup.raw("<svg aria-hidden=\"true\" focusable=\"false\" viewBox=\"0 0 44 16\">").raw(shape);
                markup.raw("</svg>").text(name);
            });
        }
    });
}

fn reasons(markup: &mut Markup, figures: &Figures, full_numbers: bool) {
    if figures.reasons.is_empty() {
        return;
    }
    section(markup, "Refused, put off or in doubt", |markup| {
        let rows = figures.reasons.iter().map(|reason| {
            let words = told(&reason.reason, full_numbers);
            vec![words, reason.state.replace('_', " "), count(reason.recipients)]
        });
        markup.table(
            "By reason, in the provider's words or ours",
            &["Reason", "State", "Recipients"],
            &[2],
            rows,
        );
    });
}

fn doubts(markup: &mut Markup, figures: &Figures, full_numbers: bool) {
    section(markup, "In doubt", |markup| {
        if figures.doubts.is_empty() {
            quiet(markup, "Nobody: of every request it is known what became of it.");
            return;
        }
        quiet(
            markup,
            "Their last request may or may not have been taken. Nothing is sent to them again unless a person decides so.",
        );
        let row = |doubt: &Doubt| {
            let number = if full_numbers { doubt.to.to_string() } else { doubt.number.clone() };
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            vec![
                doubt.row.to_string(),
                number,
                or_dash(&doubt.since),
                doubt.attempts.to_string(),
                told(&doubt.reason, full_numbers),
                or_dash(&doubt.provider_id),
                or_dash(&doubt.cost),
            ]
        };
        let header = ["Row", "Number", "Since", "Attempts", "What was seen", "Provider's id", "Cost"];
        markup.table("Recipients in doubt", &header, &[3, 6], figures.doubts.iter().map(row));
        if figures.other_doubts > 0 {
            quiet(markup, &format!("and {} more; `volley doubt list` has all", count(figures.other_doubts)));
        }
    });
}

fn provenance(markup: &mut Markup, report: &Report) {
    let versions = &report.figures.versions;
    markup.element("footer", &[], |markup| {
        markup.raw("<p>Plan hash <code>").text(&report.status.plan_hash).raw("</code></p>\n");
        let made = format!(
            "Volley {}, journal schema {}, phone metadata {}. Every figure stands in `volley report --json`, too.",
            versions.volley, versions.journal_schema, versions.phone_metadata
        );
        quiet(markup, &made);
    });
}

/// The words of others; a phone number among them is masked like any other.
fn told(words: &str, full_numbers: bool) -> String {
    if full_numbers {
        return words.to_owned();
    }
    let mut shown = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        shown.push_str(&rest[..start]);
        let digits = rest[start..].find(|character: char| !character.is_ascii_digit());
        let (digits, behind) = rest[start..].split_at(digits.unwrap_or(rest.len() - start));
        match digits.len() {
            7.. => shown.extend(["•••", &digits[digits.len() - 3..]]),
            _ => shown.push_str(digits),
        }
        rest = behind;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_the_words_of_others_are_masked() {
        for (words, shown) in [
            ("", ""),
            ("code 1234", "code 1234"),
            ("61491570006 is no mobile", "•••006 is no mobile"),
            ("to +61491570006", "to +•••006"),
        ] {
            assert_eq!(told(words, false), shown);
            assert_eq!(told(words, true), words);
        }
    }
}
