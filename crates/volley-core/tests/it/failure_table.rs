//! `docs/failures.md` says what the code does: its tables are read back and compared.

use volley_core::{Class, Fate, LaneEffect, StopReason, Taken};

const PAGE: &str = include_str!("../../../../docs/failures.md");

const REASONS: [StopReason; 12] = [
    StopReason::Unreachable,
    StopReason::Configuration,
    StopReason::Credentials,
    StopReason::Balance,
    StopReason::CostCap,
    StopReason::Breaker,
    StopReason::Silence,
    StopReason::Suspicious,
    StopReason::RefusedAlike,
    StopReason::Canary,
    StopReason::Journal,
    StopReason::Interrupted,
];

#[test]
fn every_row_of_the_page_is_the_rule_of_its_class() {
    let printed = table("row");
    for (class, cells) in Class::ALL.into_iter().zip(&printed) {
        let rule = class.rule();
        let decided =
            [rule.row.to_owned(), taken(rule.taken).into(), fate(rule.fate).into(), lane(rule.lane)];
        let [row, seen, taken, recipients, lane, because] = cells.as_slice() else {
            panic!("six cells, not {cells:?}");
        };
        assert_eq!([*row, *taken, *recipients, *lane], decided.each_ref().map(String::as_str), "{class:?}");
        assert!(!seen.is_empty() && !because.is_empty(), "{class:?} without its reason");
    }
    assert_eq!(printed.len(), Class::ALL.len(), "the page has a row for each class and no other");
}

#[test]
fn every_fate_has_its_word_explained() {
    let words: Vec<&str> = table("word").iter().map(|cells| cells[0]).collect();
    let fates = [Fate::Retry, Fate::Back, Fate::Split, Fate::Refuse, Fate::Doubt, Fate::AsAnswered].map(fate);
    assert_eq!(words, fates);
}

#[test]
fn every_stop_reason_has_its_exit_code() {
    let printed: Vec<(&str, &str)> = table("reason").iter().map(|cells| (cells[0], cells[1])).collect();
    let codes = REASONS.map(|reason| reason.exit_code().to_string());
    let decided: Vec<(&str, &str)> =
        REASONS.iter().zip(&codes).map(|(&why, code)| (reason(why), code.as_str())).collect();
    assert_eq!(printed, decided);
}

/// The rows, as trimmed cells, of the page's table whose first header is `first_header`.
fn table(first_header: &str) -> Vec<Vec<&'static str>> {
    let start = format!("| {first_header} |");
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(&start)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn taken(taken: Taken) -> &'static str {
    match taken {
        Taken::No => "no",
        Taken::Maybe => "maybe",
        Taken::AsAnswered => "as answered",
    }
}

fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Retry => "retry",
        Fate::Back => "back",
        Fate::Split => "split",
        Fate::Refuse => "refuse",
        Fate::Doubt => "doubt",
        Fate::AsAnswered => "as answered",
    }
}

fn lane(effect: LaneEffect) -> String {
    match effect {
        LaneEffect::GoOn => "go on".to_owned(),
        LaneEffect::Throttle => "throttle".to_owned(),
        LaneEffect::PauseAfter(times, why) => format!("pause after {times}: {}", reason(why)),
        LaneEffect::StopAfter(times, why) => format!("stop after {times}: {}", reason(why)),
        LaneEffect::Stop(why) => format!("stop: {}", reason(why)),
    }
}

fn reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Unreachable => "unreachable",
        StopReason::Configuration => "configuration",
        StopReason::Credentials => "credentials",
        StopReason::Balance => "balance",
        StopReason::CostCap => "cost cap",
        StopReason::Breaker => "breaker",
        StopReason::Silence => "silence",
        StopReason::Suspicious => "suspicious",
        StopReason::RefusedAlike => "refused alike",
        StopReason::Canary => "canary",
        StopReason::Journal => "journal",
        StopReason::Interrupted => "interrupted",
    }
}
