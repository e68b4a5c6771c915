//! Edits that would save: which are told of, in what order, and that what they save is what two
//! plans differ by.

use crate::world::{World, offer};
use proptest::prelude::*;
use std::collections::BTreeMap;
use volley_core::{BreakAt, Message, Micros, National, PriceId, Rounding};
use volley_plan::{
    Advice, Campaign, Conditions, Counting, Discard, Edit, EditKind, Folding, Preview, Reject, Sink,
    SinkError, Template, TextEncoding, plan, plan_with_advice,
};

/// Thai numbers at 0.02 a segment, those that start with 66 80 1 at 0.05.
const RATES: &str = "prefix,price,currency\n66,0.02,AUD\n66801,0.05,AUD\n";
const WITH_RATES: &str = "[rates]\nfile = \"rates.csv\"\n";

/// A list of `names` to cheap numbers, then one of `dear` to dear ones.
fn list(names: &[&str], dear: &[&str]) -> String {
    let numbers = (66_800_000_001_u64..).zip(names).chain((66_801_000_001_u64..).zip(dear));
    let rows = numbers.map(|(number, name)| format!("+{number},\"{name}\"\n"));
    format!("phone,name\n{}", rows.collect::<String>())
}

/// A campaign of `text` to `list`, and its folder.
fn campaign(list: &str, text: &str, extra: &str) -> (World, Campaign) {
    let world = World::new();
    world.write("list.csv", list);
    world.write("rates.csv", RATES);
    let campaign = world.campaign(text, extra);
    (world, campaign)
}

fn advise(campaign: &Campaign) -> (Preview, Advice) {
    plan_with_advice(campaign, &offer(), &Conditions::on(jiff::civil::date(2026, 11, 20)), &mut Discard)
        .expect("a plan")
}

/// The edits of `text` to `list`, with prices.
fn edits(list: &str, text: &str) -> Vec<Edit> {
    let (_world, campaign) = campaign(list, text, WITH_RATES);
    advise(&campaign).1.edits
}

fn find(edits: &[Edit], kind: EditKind) -> &Edit {
    edits.iter().find(|edit| edit.kind == kind).unwrap_or_else(|| panic!("no {kind:?} in {edits:?}"))
}

/// What one recipient takes.
#[derive(Clone, Copy, Debug)]
struct Taken {
    segments: u32,
    cost: Option<Micros>,
}

/// What each row of a plan takes, by row.
#[derive(Default)]
struct Rows(BTreeMap<u32, Taken>);

impl Sink for Rows {
    fn message(&mut self, message: &Message<'_>, _: Option<PriceId>) -> Result<(), SinkError> {
        self.0.insert(message.row.0, Taken { segments: message.segments.count, cost: message.cost });
        Ok(())
    }

    fn reject(&mut self, _: &Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

fn rows(campaign: &Campaign) -> Rows {
    let mut rows = Rows::default();
    plan(campaign, &offer(), &Conditions::on(jiff::civil::date(2026, 11, 20)), &mut rows).expect("a plan");
    rows
}

/// Makes `edit` by hand, as its words say, and plans again.
fn rows_after(world: &World, campaign: &Campaign, edit: &Edit) -> Rows {
    let mut edited = campaign.clone();
    edited.message.template = Template::parse(&edit.text).expect("a template");
    let Some(variable) = &edit.variable else { return rows(&edited) };
    if edit.kind == EditKind::EmptyDefault {
        let is_of_text = edit.before.contains("{{");
        if !is_of_text {
            edited.message.defaults.insert(variable.clone(), String::new());
        }
        return rows(&edited);
    }
    assert_eq!(edit.kind, EditKind::DefaultForLong);
    let (with_value, with_default) = (rows(campaign), emptied(world, campaign, variable, |_| true));
    emptied(world, campaign, variable, |row| match (with_value.0.get(&row), with_default.0.get(&row)) {
        (Some(value), Some(default)) => default.segments < value.segments,
        (value, default) => value.is_none() && default.is_some(),
    })
}

/// Plans again with those cells of the column `variable` empty whose row `is_emptied` holds for.
fn emptied(world: &World, campaign: &Campaign, variable: &str, is_emptied: impl Fn(u32) -> bool) -> Rows {
    let mut emptied = csv::Writer::from_path(world.path("emptied.csv")).expect("a file");
    let mut records = csv::Reader::from_path(world.path("list.csv")).expect("a list");
    let header = records.headers().expect("a header").clone();
    emptied.write_record(&header).expect("written");
    for (row, record) in (1..).zip(records.records()) {
        let record = record.expect("a record");
        let cells = header
            .iter()
            .zip(&record)
            .map(|(column, cell)| if column == variable && is_emptied(row) { "" } else { cell });
        emptied.write_record(cells).expect("written");
    }
    emptied.flush().expect("written");
    let mut edited = campaign.clone();
    edited.recipients.input = volley_plan::Input::File(world.path("emptied.csv"));
    rows(&edited)
}

/// Every edit saves what the plans before and after it differ by.
fn check(world: &World, campaign: &Campaign) -> Advice {
    let (_, advice) = advise(campaign);
    assert!(advice.edits.len() <= 24);
    let weight = |edit: &Edit| (edit.cost_saved, edit.segments_saved);
    assert!(advice.edits.is_sorted_by_key(|edit| std::cmp::Reverse(weight(edit))), "{advice:?}");
    let before = rows(campaign).0;
    let rounding = campaign.rates.as_ref().map(|rates| rates.rounding);
    for edit in &advice.edits {
        let after = rows_after(world, campaign, edit).0;
        let said = format!("{edit:?}: {}\n{}\n{}", edit.what, campaign_text(campaign), edit.text);
        let kept: Vec<(Taken, Taken)> = before
            .iter()
            .map(|(row, before)| {
                (*before, *after.get(row).unwrap_or_else(|| panic!("row {row} is lost: {said}")))
            })
            .collect();
        let segments = |(before, after): &(Taken, Taken)| (before.segments, after.segments);
        let (segments_before, segments_after): (Vec<u32>, Vec<u32>) = kept.iter().map(segments).unzip();
        let sum = |segments: Vec<u32>| segments.into_iter().map(u64::from).sum::<u64>();
        assert_eq!(edit.segments_saved, sum(segments_before) - sum(segments_after), "{said}");
        let cost = rounding.map(|rounding| {
            let total = |costs: i64| rounding.total(Micros(costs)).expect("a small sum").0;
            let before = kept.iter().map(|(before, _)| before.cost.expect("a price").0).sum();
            let after = kept.iter().map(|(_, after)| after.cost.expect("a price").0).sum();
            Micros(total(before) - total(after))
        });
        assert_eq!(edit.cost_saved, cost, "{said}");
        assert!(edit.segments_saved > 0 && edit.cost_saved.is_none_or(|cost| cost > Micros::ZERO), "{said}");
        let is_less = |(before, after): &&(Taken, Taken)| match rounding {
            Some(_) => after.cost < before.cost,
            None => after.segments < before.segments,
        };
        assert_eq!(edit.rows, kept.iter().filter(is_less).count() as u64, "{said}");
        let more = after.keys().filter(|row| !before.contains_key(row)).count();
        assert_eq!(edit.more_rows, more as u64, "{said}");
    }
    advice
}

fn campaign_text(campaign: &Campaign) -> String {
    format!("{:?} {:?}", campaign.message.template, campaign.message.defaults)
}

#[test]
fn a_curly_apostrophe_is_worth_half_of_every_text() {
    let text = "Hi {{name}}, it’s time to renew: the swimming hall opens its doors again this Monday.";
    let edits = edits(&list(&["Ann", "Bo"], &["Cy"]), text);
    let first = &edits[0];
    assert_eq!(first.kind, EditKind::LookAlike);
    assert_eq!(first.what, "write ' instead of ’ (U+2019 RIGHT SINGLE QUOTATION MARK)");
    assert_eq!(
        (first.before.as_str(), first.after.as_str()),
        ("Hi {{name}}, it’s time to", "Hi {{name}}, it's time to")
    );
    assert_eq!(first.text, text.replace('’', "'"));
    assert_eq!((first.segments_saved, first.cost_saved, first.rows), (3, Some(Micros(90_000)), 3));
    // Taking the word out would save as much, and nobody needs to; nor to take out several.
    let is_needless = |edit: &Edit| edit.what.contains("leave out `it") || edit.kind == EditKind::Words;
    assert!(!edits.iter().any(is_needless), "{edits:?}");
    assert!(!format!("{first:?}").contains("swimming"));
}

#[test]
fn an_emoji_goes_with_the_blank_beside_it() {
    let text = "Sale 🎉 today and tomorrow in all our shops, from nine in the morning until late 🎉";
    let edits = edits(&list(&["Ann"], &[]), text);
    assert_eq!(edits[0].kind, EditKind::Character);
    assert_eq!(edits[0].what, "leave out 🎉 (U+1F389 PARTY POPPER)");
    assert_eq!(edits[0].text, text.replace(" 🎉", ""));
    assert_eq!((edits[0].segments_saved, edits[0].cost_saved), (1, Some(Micros(20_000))));
}

#[test]
fn what_only_helps_together_is_told_of_together() {
    let text = "It’s on 🎉 “today” and tomorrow in all our shops, from nine in the morning until ten";
    let edits = edits(&list(&["Ann"], &[]), text);
    assert_eq!(edits[0].what, "write or leave out everything that makes the text UCS-2");
    assert_eq!(edits[0].text, text.replace(" 🎉", "").replace('’', "'").replace(['“', '”'], "\""));
    assert!(edits.iter().all(|edit| edit.kind != EditKind::LookAlike), "{edits:?}");
}

#[test]
fn two_septets_too_many_are_a_word_or_some_blanks() {
    let text = format!("{}Please  come in ", "Our shops are open on Monday this week. ".repeat(3));
    let text = format!("{text}{}", "x".repeat(162 - text.len()));
    let edits = edits(&list(&["Ann"], &[]), &text);
    assert!(edits.iter().all(|edit| edit.segments_saved == 1), "{edits:?}");
    // One doubled blank is not enough; each word with its blank is.
    assert!(edits.iter().all(|edit| edit.kind == EditKind::Word), "{edits:?}");
    assert_eq!(edits[0].what, "leave out `on`");
    assert_eq!(edits[0].before, "are open on Monday this");
    assert_eq!(edits[0].after, "are open Monday this");
    assert_eq!(edits.len(), 8);

    let text = format!(" {}\n", text.strip_suffix("xx").expect("an end"));
    let edits = self::edits(&list(&["Ann"], &[]), &text);
    assert_eq!(find(&edits, EditKind::Spacing).text, text.trim().replace("  ", " "));
}

#[test]
fn where_no_word_is_enough_the_shortest_runs_of_words_are_told_of() {
    let text = format!("Reply STOP {}. One two three four five six seven eight nine ten", "x".repeat(110));
    assert_eq!(text.len(), 171);
    let edits = edits(&list(&["Ann"], &[]), &text);
    // Eleven septets too many, and no word has more than six with its blank.
    let told: Vec<_> = edits.iter().map(|edit| (edit.kind, edit.what.as_str())).collect();
    let run = |what| (EditKind::Words, what);
    assert_eq!(
        told,
        [run("leave out `three four`"), run("leave out `eight nine`"), run("leave out `seven eight`")]
    );
}

#[test]
fn brackets_have_stand_ins_and_the_euro_sign_stays() {
    let text = format!("Only 5 € [per month] for all {}", "x".repeat(128));
    assert_eq!(text.chars().count() + 3, 160);
    let text = format!("{text}yy");
    let edits = edits(&list(&["Ann"], &[]), &text);
    let brackets = find(&edits, EditKind::Extension);
    assert_eq!(brackets.text, text.replace('[', "(").replace(']', ")"));
    assert_eq!(
        (brackets.before.as_str(), brackets.after.as_str()),
        ("5 € [per month] for all", "5 € (per month) for all")
    );
    assert!(edits.iter().filter(|edit| edit.kind != EditKind::Word).all(|edit| edit.text.contains('€')));
    // A link with a tilde is no place for a hyphen.
    let text = format!("www.example.com/~ann {}", "x".repeat(139));
    let edits = self::edits(&list(&["Ann"], &[]), &text);
    assert!(!edits.is_empty() && edits.iter().all(|edit| edit.kind == EditKind::Word), "{edits:?}");
}

#[test]
fn a_long_default_is_dear_for_those_who_have_it() {
    let defaults = "[message.defaults]\nname = \"dear friend of the house\"\n[rates]\nfile = \"rates.csv\"\n";
    let text = format!("Hi {{{{name}}}}, {}", "x".repeat(150));
    let long = "Maximilian Alexander";
    let (world, campaign) = campaign(&list(&["Ann", "", "", long], &[]), &text, defaults);
    let edits = check(&world, &campaign).edits;
    let default = find(&edits, EditKind::EmptyDefault);
    assert_eq!((default.rows, default.segments_saved), (2, 2));
    assert_eq!(default.before, "name = \"dear friend of the house\"");
    assert_eq!(find(&edits, EditKind::Variable).segments_saved, 3);

    // A short default is what long values can be replaced by.
    let defaults = defaults.replace("dear friend of the house", "you");
    let (world, campaign) = self::campaign(&list(&["Ann", "", "สมชาย", long], &[]), &text, &defaults);
    let edits = check(&world, &campaign).edits;
    let short = find(&edits, EditKind::DefaultForLong);
    assert_eq!((short.rows, short.segments_saved), (2, 3));
    assert!(short.before.starts_with("Hi {{name}}, x") && short.after.starts_with("Hi you, x"), "{short:?}");
    assert_eq!(short.variable.as_deref(), Some("name"));
    assert!(edits.iter().all(|edit| edit.kind != EditKind::EmptyDefault), "{edits:?}");
}

#[test]
fn a_default_in_the_text_is_emptied_there_and_goes_before_the_campaigns() {
    let defaults = "[message.defaults]\nname = \"you\"\n[rates]\nfile = \"rates.csv\"\n";
    let variable = "{{name | trim | default: 'dear friend of the house' | title}}";
    let text = format!("Hi {variable}, {}", "x".repeat(150));
    let long = "Maximilian Alexander";
    let (world, campaign) = campaign(&list(&["Ann", "", "", long], &[]), &text, defaults);
    let edits = check(&world, &campaign).edits;
    let default = find(&edits, EditKind::EmptyDefault);
    assert_eq!((default.rows, default.segments_saved), (2, 2));
    let before = "Hi {{name | trim | default: \"dear friend of the house\" | title}}, x";
    assert!(default.before.starts_with(before), "{default:?} {}", default.before);
    let after = "Hi {{name | trim | default: \"\" | title}}, x";
    assert!(default.after.starts_with(after) && default.text.starts_with(after), "{}", default.after);
    let leave_out = find(&edits, EditKind::Variable);
    assert_eq!(leave_out.text, format!("Hi, {}", "x".repeat(150)));
    assert_eq!((leave_out.what.as_str(), leave_out.rows), ("leave out {{name}} for everybody", 3));

    let text = text.replace("dear friend of the house", "ann");
    let (world, campaign) = self::campaign(&list(&["Ann", "", "สมชาย", long], &[]), &text, defaults);
    let edits = check(&world, &campaign).edits;
    let short = find(&edits, EditKind::DefaultForLong);
    assert_eq!((short.rows, short.segments_saved), (2, 3));
    assert!(short.after.starts_with("Hi Ann, x"), "{}", short.after);
}

#[test]
fn filters_stay_as_they_are_in_an_edited_text() {
    let variable = "{{name | upper | default: \"you. All\"}}";
    let text = format!("Hi {{{{ name|upper|default 'you. All' }}}}, it’s {}", "x".repeat(80));
    let edits = edits(&list(&["Ann", "Bo"], &[]), &text);
    let curly = find(&edits, EditKind::LookAlike);
    assert_eq!(curly.text, format!("Hi {variable}, it's {}", "x".repeat(80)));
    assert!(curly.after.starts_with(&format!("{variable}, it's x")), "{}", curly.after);
}

#[test]
fn values_of_one_length_are_told_apart_where_filters_make_them_longer() {
    let text = format!("{{{{name | upper}}}} {}", "x".repeat(154));
    let (world, campaign) = campaign(&list(&["strasse", "straßen", "STRASSE"], &[]), &text, WITH_RATES);
    assert_eq!(rows(&campaign).0.values().map(|row| row.segments).collect::<Vec<_>>(), [2, 2, 2]);
    let text = text.replacen("xx", "", 1);
    let (_world, shorter) = self::campaign(&list(&["strasse", "straßen", "STRASSE"], &[]), &text, WITH_RATES);
    assert_eq!(rows(&shorter).0.values().map(|row| row.segments).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(find(&check(&world, &campaign).edits, EditKind::Variable).rows, 3);
    assert_eq!(find(&advise(&shorter).1.edits, EditKind::Variable).rows, 1);
}

#[test]
fn where_nothing_saves_nothing_is_told_of() {
    for (names, text) in [
        (&["Ann", "Bo"][..], "Hi {{name}}, it’s [time]"),
        (&[], "Hi {{name}}"),
        (&["สมชาย"], "Hi {{name}}  "),
    ] {
        assert!(edits(&list(names, &[]), text).is_empty(), "{text}");
    }
}

#[test]
fn money_orders_edits_and_segments_where_there_is_no_rate_card() {
    let mut list = String::from("phone,name,city\n");
    for (number, name, city) in [
        (66_800_000_001_u64, "Alexandra", "Oslo"),
        (66_800_000_002, "Alexandra", "Oslo"),
        (66_800_000_003, "Alexandra", "Oslo"),
        (66_801_000_001, "Ann", "Melbourne"),
        (66_801_000_002, "Ann", "Melbourne"),
    ] {
        list.push_str(&format!("+{number},{name},{city}\n"));
    }
    // One segment with either name or city short, and words that are all too short to matter.
    let text = format!("{{{{name}}}} {{{{city}}}} {}", "x".repeat(160 - "Ann Oslo ".len()));
    let order = |extra: &str| -> Vec<(String, u64)> {
        let (_world, campaign) = campaign(&list, &text, extra);
        let edits = advise(&campaign).1.edits.into_iter();
        let variables = edits.filter(|edit| edit.kind == EditKind::Variable);
        variables.map(|edit| (edit.what, edit.segments_saved)).collect()
    };
    let (name, city) = ("leave out {{name}} for everybody", "leave out {{city}} for everybody");
    assert_eq!(order(WITH_RATES), [(city.to_owned(), 2), (name.to_owned(), 3)]);
    assert_eq!(order(""), [(name.to_owned(), 3), (city.to_owned(), 2)]);
}

#[test]
fn what_must_stay_stays() {
    let opt_out = "Reply STOP to opt out of messages from us";
    let text = format!("{} today. {opt_out}", "x".repeat(115));
    assert!(text.len() > 160);
    let edits = edits(&list(&["Ann"], &[]), &text);
    assert!(!edits.is_empty() && edits.iter().all(|edit| edit.text.contains(opt_out)), "{edits:?}");
    // One word is all there is: nothing would be left.
    for text in ["x".repeat(161), format!("{{{{name}}}} {}", "x".repeat(161))] {
        let edits = self::edits(&list(&["Ann"], &[]), &text);
        assert!(edits.iter().all(|edit| edit.text.contains('x')), "{edits:?}");
    }
}

#[test]
fn rows_left_out_for_their_text_are_counted_where_they_come_back() {
    let text = format!("Hi {{{{name}}}}, {}", "x".repeat(150));
    let extra = format!("[message]\nmax_segments = 2\n{WITH_RATES}");
    let toml = format!(
        "name = \"spring-sale\"\nprovider.kind = \"transmitsms\"\n[recipients]\nfile = \"list.csv\"\n{}",
        extra.replace("[message]\n", &format!("[message]\ntext = \"{text}\"\n"))
    );
    let world = World::new();
    let names = ["Alexandra", &"y".repeat(200), "", "'quoted'", "a\tb", &"z".repeat(20_000)];
    world.write("list.csv", format!("{}nobody,Bo\n+66800000099\n", list(&names, &[])));
    world.write("rates.csv", RATES);
    let campaign = world.load_with(&toml, &volley_plan::Overrides::default()).expect("a campaign");
    let (preview, advice) = advise(&campaign);
    assert_eq!((preview.accepted, preview.rejected_total()), (1, 7));
    let variable = find(&advice.edits, EditKind::Variable);
    assert_eq!((variable.rows, variable.more_rows), (1, 5));
    check(&world, &campaign);
}

#[test]
fn the_last_of_duplicates_and_the_unsuppressed_are_whom_it_is_about() {
    let mut list = list(&["Ann", "Bo", "สมชาย", "Christopher"], &["Dao"]);
    list.push_str("+66800000001,Alexandra\n+66800000002,ศรี\n");
    let text = format!("Hi {{{{name}}}}, it’s [now] {}", "x".repeat(120));
    let extra = format!("duplicates = \"last\"\nsuppress = [\"optouts.csv\"]\n{WITH_RATES}");
    let world = World::new();
    world.write("list.csv", &list);
    world.write("rates.csv", RATES);
    world.write("optouts.csv", "+66800000004\n");
    let campaign = world.campaign(&text, &extra);
    let (preview, _) = advise(&campaign);
    assert_eq!((preview.accepted, preview.duplicates, preview.suppressed), (4, 2, 1));
    let advice = check(&world, &campaign);
    let curly = find(&advice.edits, EditKind::LookAlike);
    assert_eq!((curly.rows, curly.segments_saved), (2, 4));
}

#[test]
fn a_list_of_rows_that_are_all_different_is_priced_to_the_last() {
    let mut list = String::from("phone,name\n");
    for index in 0..6_000_u64 {
        // Folding looks at the apostrophe, so that rows of one shape are not one group.
        list.push_str(&format!(
            "+{},O’{index:x}{}\n",
            66_800_000_001 + index,
            "é".repeat((index % 7) as usize)
        ));
    }
    let text = format!("{{{{name}}}}, it is [now] {}", "x".repeat(144));
    let (world, mut campaign) = campaign(&list, &text, WITH_RATES);
    campaign.message.folding = Folding::Smart;
    let advice = check(&world, &campaign);
    assert!((2..=12).contains(&advice.edits.len()), "{advice:?}");
    assert!(advice.edits.iter().any(|edit| edit.rows > 4_096), "{advice:?}");
}

#[test]
fn values_of_one_length_are_told_apart_where_their_characters_matter() {
    // An acute accent behind the name is folded into an e, and into no b.
    let text = format!("{{{{name}}}}\u{301}, it is time {}", "x".repeat(70));
    let (world, mut campaign) = campaign(&list(&["Lee", "Lob"], &[]), &text, WITH_RATES);
    campaign.message.folding = Folding::Smart;
    let edits = check(&world, &campaign).edits;
    assert_eq!(find(&edits, EditKind::Character).rows, 1);

    // Two Thai letters can be parted where a segment ends, a letter and its tone mark cannot.
    let text = format!("{} word{{{{name}}}}{}", "я".repeat(61), "я".repeat(66));
    let (world, mut campaign) = self::campaign(&list(&["กข", "ก้"], &[]), &text, WITH_RATES);
    campaign.counting.break_at = Some(BreakAt::Grapheme);
    assert_eq!(rows(&campaign).0.values().map(|row| row.segments).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(find(&check(&world, &campaign).edits, EditKind::Variable).rows, 1);
}

/// A text of pieces that matter: look-alikes, extension characters, emoji, other scripts, braces.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "Hi {{name}}, ",
        "{{city}}",
        " {{name}}",
        "{{name | upper}} ",
        " {{ name|truncate 2 }}",
        "{{city | title | default: 'your big town' | upper}}, ",
        "{{name | trim | truncate: 20 | default: 'you'}}",
        "{{city | default: \"\"}}",
        "it’s ",
        "“now” ",
        "…",
        "🎉 ",
        "👨‍👩‍👧",
        "[a] ",
        "€",
        " | ~",
        "ç",
        "วันนี้ ",
        "two words, ",
        "  ",
        "\n\n",
        "Reply STOP to end. ",
        "e\u{301}",
        "\u{301}",
        "\u{a0}",
        "ﬁne ",
        "{",
        "www.example.com/~a ",
        "Ω",
        "ş ",
        "\u{200d}",
    ]);
    (prop::collection::vec(piece, 1..8), 0..160_usize, any::<bool>()).prop_map(|(pieces, fill, first)| {
        let (pieces, fill) = (pieces.concat(), "word ".repeat(fill / 5) + &"x".repeat(fill % 5));
        if first { format!("{fill}{pieces}") } else { format!("{pieces}{fill}") }
    })
}

/// A value that some rule looks at; many are as long as another that differs.
fn values() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "Ann",
        "Zoé",
        "Bob",
        "5 €",
        "€ 5",
        "[x]",
        "x[]",
        "สมช",
        "ชมส",
        "O’B",
        "ABC",
        "e\u{301}",
        "b\u{301}",
        "\u{301}x",
        "🎉",
        "xy",
        "ab",
        "",
        " ",
        "'quoted'",
        "quoted..",
        "a\tb",
        "\u{fffd}ab",
        "ﬁ",
        "a\r\nb",
        "a\nb",
        "ş",
        "s",
        "c\u{327}",
        "Ł",
        "\u{200d}",
        "王芳",
        "\u{200b}",
        "e",
        "b",
    ]);
    let fill = prop::sample::select(vec![0, 0, 1, 30]);
    (value, 1..3_usize, fill).prop_map(|(value, times, fill)| value.repeat(times) + &"y".repeat(fill))
}

/// How a campaign is counted and billed.
#[derive(Clone, Debug)]
struct Terms {
    folding: Folding,
    encoding: TextEncoding,
    max_segments: u32,
    rounding: Option<Rounding>,
    counting: Counting,
    defaults: BTreeMap<String, String>,
}

fn terms() -> impl Strategy<Value = Terms> {
    let counting = (0..6_usize).prop_map(|choice| match choice {
        0 => Counting { break_at: Some(BreakAt::Grapheme), ..Counting::default() },
        1 => Counting {
            national: Some(National::Allow([volley_core::Language::Turkish].into_iter().collect())),
            ..Counting::default()
        },
        2 => Counting { without: Some("€".to_owned()), ..Counting::default() },
        3 => Counting { max_characters: Some(150), ..Counting::default() },
        _ => Counting::default(),
    });
    let default = prop::sample::select(vec!["", "you", "ç", "dear friend of this fine house"]);
    (
        prop::sample::select(vec![Folding::Off, Folding::Smart]),
        prop::sample::select(vec![TextEncoding::Auto, TextEncoding::Auto, TextEncoding::Gsm7]),
        1..5_u32,
        prop::sample::select(vec![
            None,
            Some(Rounding::Exact),
            Some(Rounding::PerMessage(1)),
            Some(Rounding::Total(1)),
        ]),
        counting,
        (default.clone(), prop::option::of(default)),
    )
        .prop_map(|(folding, encoding, max_segments, rounding, counting, (name, city))| {
            let mut defaults = BTreeMap::from([("name".to_owned(), name.to_owned())]);
            defaults.extend(city.map(|city| ("city".to_owned(), city.to_owned())));
            Terms { folding, encoding, max_segments, rounding, counting, defaults }
        })
}

proptest! {
    #[test]
    fn an_edit_saves_what_the_plans_before_and_after_it_differ_by(
        text in texts(),
        people in prop::collection::vec((values(), values(), any::<bool>()), 1..40),
        terms in terms(),
    ) {
        let world = World::new();
        let mut list = csv::Writer::from_writer(Vec::new());
        list.write_record(["phone", "name", "city"]).expect("written");
        for (number, (name, city, is_dear)) in (1_u64..).zip(&people) {
            let number = if *is_dear { 66_801_000_000 } else { 66_800_000_000 } + number;
            list.write_record([&format!("+{number}"), name, city]).expect("written");
        }
        world.write("list.csv", list.into_inner().expect("written"));
        world.write("rates.csv", RATES);
        let Ok(template) = Template::parse(&text) else { return Ok(()) };
        let Terms { folding, encoding, max_segments, rounding, counting, defaults } = terms;
        let mut campaign = world.campaign("Hi", WITH_RATES);
        match (rounding, &mut campaign.rates) {
            (Some(rounding), Some(rates)) => rates.rounding = rounding,
            (_, rates) => *rates = None,
        }
        let message = &mut campaign.message;
        (message.template, message.folding, message.encoding) = (template, folding, encoding);
        (message.max_segments, message.defaults, campaign.counting) = (max_segments, defaults, counting);
        check(&world, &campaign);
    }
}
