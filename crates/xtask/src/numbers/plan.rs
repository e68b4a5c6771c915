//! Numbering plans, and the text file that holds them.
//!
//! One block a region, blocks parted by an empty line, so that an update of the metadata reads
//! well as a difference. The first line of a block is the region and its calling code, `main`
//! where it stands for all regions of that code and `same` where its mobile and fixed numbers
//! cannot be told apart. Each further line is a word and what it stands for:
//!
//! - `international`, `trunk`, `transform`, `leading`: the patterns and the rule of [`Plan`];
//! - `local`: lengths of what can be dialled within an area only;
//! - `general` and the kinds of number: possible lengths, or `-` if the pattern alone decides, and
//!   the pattern.
//!
//! Lines that start with `#` are for people.

use std::{collections::BTreeMap, fmt::Write as _};

/// The numbers of one region, as the metadata has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Two letters, or `001` for the numbers of no country.
    pub(super) region: String,
    /// The calling code, `61`.
    pub(super) code: u16,
    /// Speaks for all regions of its code.
    pub(super) main: bool,
    /// A fixed number is taken for a mobile one as well.
    pub(super) same_mobile_and_fixed: bool,
    /// What is dialled before a calling code; empty if nothing is.
    pub(super) international: String,
    /// What is dialled before a national number, with its carrier; empty if nothing is.
    pub(super) trunk: String,
    /// What becomes of a number whose groups `trunk` found: `9$1`; empty if it is only cut off.
    pub(super) transform: String,
    /// What the numbers of this region start with, where that settles it among those of its code.
    pub(super) leading: String,
    /// The bit of each length that can be dialled within an area only.
    pub(super) local_lengths: u32,
    /// Every number of the region is within this range.
    pub(super) general: Range,
    /// What each kind adds to it.
    pub(super) kinds: BTreeMap<Kind, Range>,
}

/// A set of national numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    /// The bit of each length that a number may have; 0 where the pattern alone decides.
    pub(super) lengths: u32,
    pub(super) pattern: String,
}

/// What a number is for. The value is the one in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Mobile = 1,
    Fixed = 2,
    /// Never a range of its own: what is in both.
    FixedOrMobile = 3,
    TollFree = 4,
    Premium = 5,
    SharedCost = 6,
    Voip = 7,
    Personal = 8,
    Pager = 9,
    Uan = 10,
    Voicemail = 11,
}

/// The kinds that have ranges, with their words in the file.
const WORDS: [(Kind, &str); 10] = [
    (Kind::Mobile, "mobile"),
    (Kind::Fixed, "fixed"),
    (Kind::TollFree, "toll_free"),
    (Kind::Premium, "premium"),
    (Kind::SharedCost, "shared_cost"),
    (Kind::Voip, "voip"),
    (Kind::Personal, "personal"),
    (Kind::Pager, "pager"),
    (Kind::Uan, "uan"),
    (Kind::Voicemail, "voicemail"),
];

/// The file that holds `plans`, which are those of `source`.
pub(super) fn write(source: &str, plans: &[Plan]) -> String {
    let mut text = format!("# {source}. Written by `cargo xtask numbers`; see README.md.\n");
    let mut line =
        |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("a string takes everything");
    for plan in plans {
        let main = if plan.main { " main" } else { "" };
        let same = if plan.same_mobile_and_fixed { " same" } else { "" };
        line(format_args!("\n{} +{}{main}{same}", plan.region, plan.code));
        for (word, text) in [
            ("international", &plan.international),
            ("trunk", &plan.trunk),
            ("transform", &plan.transform),
            ("leading", &plan.leading),
        ] {
            if !text.is_empty() {
                line(format_args!("{word} {text}"));
            }
        }
        if plan.local_lengths != 0 {
            line(format_args!("local {}", list(plan.local_lengths)));
        }
        let kinds = WORDS.iter().filter_map(|(kind, word)| Some((word, plan.kinds.get(kind)?)));
        for (word, range) in [(&"general", &plan.general)].into_iter().chain(kinds) {
            line(format_args!("{word} {} {}", list(range.lengths), range.pattern));
        }
    }
    text
}

/// The numbers whose bits are set: `5,6,7`.
fn list(lengths: u32) -> String {
    let numbers: Vec<String> =
        (0..32).filter(|length| lengths >> length & 1 == 1).map(|length: u32| length.to_string()).collect();
    if numbers.is_empty() { "-".to_owned() } else { numbers.join(",") }
}

/// The plans in the file `text`.
pub(super) fn read(text: &str) -> Result<Vec<Plan>, String> {
    let mut plans = Vec::new();
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')).peekable();
    while let Some((number, line)) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let mut plan = heading(line).ok_or_else(|| format!("line {number} is not the start of a region"))?;
        while let Some((number, line)) = lines.next_if(|(_, line)| !line.is_empty()) {
            statement(&mut plan, line).ok_or_else(|| format!("line {number} is not understood"))?;
        }
        plans.push(plan);
    }
    Ok(plans)
}

/// `AU +61 main`.
fn heading(line: &str) -> Option<Plan> {
    let mut words = line.split(' ');
    let mut plan = Plan {
        region: words.next()?.to_owned(),
        code: words.next()?.strip_prefix('+')?.parse().ok()?,
        ..Plan::default()
    };
    for word in words {
        match word {
            "main" => plan.main = true,
            "same" => plan.same_mobile_and_fixed = true,
            _ => return None,
        }
    }
    Some(plan)
}

fn statement(plan: &mut Plan, line: &str) -> Option<()> {
    let (word, rest) = line.split_once(' ')?;
    match word {
        "international" => rest.clone_into(&mut plan.international),
        "trunk" => rest.clone_into(&mut plan.trunk),
        "transform" => rest.clone_into(&mut plan.transform),
        "leading" => rest.clone_into(&mut plan.leading),
        "local" => plan.local_lengths = bits(rest)?,
        "general" => plan.general = range(rest)?,
        _ => {
            let (kind, _) = WORDS.iter().find(|(_, known)| *known == word)?;
            plan.kinds.insert(*kind, range(rest)?);
        }
    }
    Some(())
}

/// `5,6,7 1[3-9]\d{4,6}`.
fn range(text: &str) -> Option<Range> {
    let (lengths, pattern) = text.split_once(' ')?;
    Some(Range { lengths: bits(lengths)?, pattern: pattern.to_owned() })
}

fn bits(list: &str) -> Option<u32> {
    if list == "-" {
        return Some(0);
    }
    list.split(',').try_fold(0, |bits, number| Some(bits | 1_u32.checked_shl(number.parse().ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let range = |lengths, pattern: &str| Range { lengths, pattern: pattern.to_owned() };
        let plan = Plan {
            region: "AX".to_owned(),
            code: 358,
            main: true,
            same_mobile_and_fixed: true,
            international: "00|99".to_owned(),
            trunk: "(1)$|0".to_owned(),
            transform: "9$1".to_owned(),
            leading: "18".to_owned(),
            local_lengths: 1 << 3,
            general: range(0, "1\\d{5}"),
            kinds: [(Kind::Mobile, range(1 << 6 | 1 << 9, "18")), (Kind::Voicemail, range(0, "1(?:2|3)"))]
                .into(),
        };
        let other = Plan { region: "001".to_owned(), code: 800, ..Plan::default() };
        let plans = [plan, other];
        assert_eq!(read(&write("made up", &plans)).as_deref(), Ok(&plans[..]));
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (text, line) in [
            ("AX 358\n", 1),
            ("AX +358 mean\n", 1),
            ("# x\n\nAX +358\nlocale 5\n", 4),
            ("AX +358\nmobile 5\n", 2),
            ("AX +358\nmobile 5,x 1\n", 2),
            ("AX +358\nmobile 40 1\n", 2),
        ] {
            let fault = read(text).expect_err(text);
            assert!(fault.contains(&format!("line {line} ")), "{text}: {fault}");
        }
    }
}
