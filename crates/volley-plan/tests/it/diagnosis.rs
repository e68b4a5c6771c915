//! What texts cost beyond what they need to, and what folding saves.

use crate::world::{Taken, World, offer, run};
use volley_core::Micros;
use volley_plan::{Extra, Overrides, Preview};

const RATES: &str = "prefix,price,currency\n61,0.05,AUD\n66,0.02,AUD\n";

/// A pass over `list` with prices; `flags` are keys and values over the campaign file.
fn priced(list: &str, text: &str, flags: &[(&str, &str)]) -> (Preview, Taken) {
    let world = World::new();
    world.write("list.csv", list);
    world.write("rates.csv", RATES);
    let toml = format!(
        "name = \"sale\"\nprovider.kind = \"transmitsms\"\nmessage.text = \"\"\"{text}\"\"\"\n\
         recipients.file = \"list.csv\"\nrecipients.region = \"AU\"\nrates.file = \"rates.csv\"\n"
    );
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let campaign = world.load_with(&toml, &Overrides { environment: Vec::new(), flags });
    let campaign = campaign.unwrap_or_else(|error| panic!("{error}"));
    run(&campaign, &offer()).unwrap_or_else(|error| panic!("{error}"))
}

const SMART: [(&str, &str); 1] = [("message.smart", "true")];

fn extra(rows: u64, segments: u64, micros: i64) -> Extra {
    Extra { rows, segments, cost: Some(Micros(micros)) }
}

/// A text of `length` characters that ends with `end`.
fn text(length: usize, end: &str) -> String {
    format!("{}{end}", "x".repeat(length - end.chars().count()))
}

const THREE: &str = "phone,name\n0491570006,Ann\n0491570156,Zoë\n+66812345678,ดาว\n";

#[test]
fn one_curly_apostrophe_is_named_with_its_place_and_its_price() {
    let text = text(120, "\ndon’t wait");
    let (preview, taken) = priced("phone\n0491570006\n0491570156\n+66812345678\n", &text, &[]);
    let diagnosis = &preview.diagnosis;
    assert_eq!(diagnosis.ucs2, extra(3, 3, 120_000));
    let [apostrophe] = &diagnosis.forcing[..] else { panic!("{:?}", diagnosis.forcing) };
    assert_eq!(apostrophe.code_point, "U+2019");
    assert_eq!(apostrophe.name, "RIGHT SINGLE QUOTATION MARK");
    assert_eq!((apostrophe.extra, apostrophe.alone), (extra(3, 3, 120_000), extra(3, 3, 120_000)));
    let place = apostrophe.template.expect("it stands in the text");
    assert_eq!((place.line, place.column), (2, 4));
    assert_eq!((apostrophe.first_row, apostrophe.first_index), (1, 113));
    assert_eq!(apostrophe.instead, Some("'"));
    assert!(!diagnosis.smart.applied);
    assert_eq!(diagnosis.smart.saved, extra(3, 3, 120_000));
    assert_eq!(preview.cost.expect("prices").total, Micros(240_000));
    assert!(taken.messages.iter().all(|message| message.2 == text), "nothing is folded unasked");
}

#[test]
fn smart_folds_it_lists_it_and_the_cost_falls_by_what_was_promised() {
    let text = text(120, "don’t wait");
    let list = "phone\n0491570006\n0491570156\n+66812345678\n";
    let (before, _) = priced(list, &text, &[]);
    let (after, taken) = priced(list, &text, &SMART);
    let saved = before.diagnosis.smart.saved;
    assert_eq!(after.diagnosis.smart.saved, saved);
    assert!(after.diagnosis.smart.applied);
    let [replaced] = &after.diagnosis.smart.replacements[..] else { panic!("one replacement") };
    assert_eq!((replaced.from, replaced.to, replaced.saved), ("’", "'", saved));
    assert_eq!(replaced.code_points, ["U+2019"]);
    let total = |preview: &Preview| preview.cost.as_ref().expect("prices").total;
    assert_eq!(total(&before).checked_sub(total(&after)), saved.cost);
    assert_eq!((after.encodings.gsm7, after.diagnosis.ucs2.rows, after.diagnosis.forcing.len()), (3, 0, 0));
    assert!(taken.messages.iter().all(|message| message.2 == text.replace('’', "'")));
}

#[test]
fn characters_are_those_of_the_text_after_its_filters() {
    let list = "phone,name,city\n0491570006,zoù,x\n0491570156,ann,\n0491570157,ZOÙ,x\n";
    let (preview, taken) = priced(list, "{{name | upper}} {{city | default: 'é' | upper}}", &[]);
    let texts: Vec<&str> = taken.messages.iter().map(|message| message.2.as_str()).collect();
    assert_eq!(texts, ["ZOÙ X", "ANN É", "ZOÙ X"]);
    // GSM-7 has ù, é and É, but no Ù.
    let [one] = &preview.diagnosis.forcing[..] else { panic!("{:?}", preview.diagnosis.forcing) };
    assert_eq!((one.char, one.extra.rows, one.first_row, one.first_index), ('Ù', 2, 1, 2));
    assert_eq!((one.columns[0].column.as_str(), one.columns[0].rows), ("name", 2));
    assert!(one.template.is_none() && one.defaults.is_empty());

    let (preview, _) = priced(list, "{{city | default: 'ù' | upper}} for {{name | truncate: 2}}", &[]);
    let [one] = &preview.diagnosis.forcing[..] else { panic!("{:?}", preview.diagnosis.forcing) };
    assert_eq!((one.char, one.extra.rows, &one.defaults[..]), ('Ù', 1, &["city".to_owned()][..]));
    assert!(one.template.is_none() && one.columns.is_empty());
}

#[test]
fn a_fold_that_saves_nothing_is_not_made() {
    let (preview, taken) = priced("phone\n0491570006\n", "Don’t wait", &SMART);
    assert_eq!(taken.messages[0].2, "Don’t wait");
    assert_eq!((preview.encodings.ucs2, preview.diagnosis.smart.saved.rows), (1, 0));
}

#[test]
fn a_text_with_one_character_that_has_no_look_alike_is_left_as_it_is() {
    let text = text(120, "don’t 😀");
    let (preview, taken) = priced("phone\n0491570006\n", &text, &SMART);
    assert_eq!(taken.messages[0].2, text);
    assert_eq!(preview.diagnosis.smart.saved.rows, 0);
    let named: Vec<_> = preview.diagnosis.forcing.iter().map(|one| (one.char, one.alone.rows)).collect();
    assert_eq!(named, [('’', 0), ('😀', 0)]);
}

#[test]
fn where_only_gsm7_is_sent_a_fold_that_saves_nothing_saves_the_row() {
    let list = "phone,name\n0491570006,O’Hara\n0491570156,ดาว\n";
    let gsm7 = ("message.encoding", "gsm7");
    let (strict, _) = priced(list, "Hi {{name}}", &[gsm7]);
    assert_eq!((strict.accepted, strict.rejected["not_gsm7"]), (0, 2));
    let (folded, taken) = priced(list, "Hi {{name}}", &[gsm7, SMART[0]]);
    assert_eq!((folded.accepted, folded.rejected["not_gsm7"]), (1, 1));
    assert_eq!(taken.messages[0].2, "Hi O'Hara");
    assert_eq!(folded.diagnosis.smart.saved, extra(1, 0, 0));
}

#[test]
fn a_character_of_a_column_names_the_column_and_its_rows() {
    let (preview, _) = priced(THREE, "Hi {{name}}, your table is ready", &[]);
    let diagnosis = &preview.diagnosis;
    assert_eq!(diagnosis.ucs2, extra(2, 0, 0));
    let found: Vec<_> = diagnosis
        .forcing
        .iter()
        .map(|one| {
            let columns: Vec<_> = one.columns.iter().map(|of| (of.column.as_str(), of.rows)).collect();
            (one.char, one.extra.rows, one.alone.rows, one.template, columns, one.first_row, one.first_index)
        })
        .collect();
    let from_name = || vec![("name", 1)];
    let expected = [
        ('ë', 1, 1, None, from_name(), 2, 5),
        ('ด', 1, 0, None, from_name(), 3, 3),
        ('า', 1, 0, None, from_name(), 3, 4),
        ('ว', 1, 0, None, from_name(), 3, 5),
    ];
    assert_eq!(found, expected);
    let jump = &diagnosis.jumps.encoding;
    assert_eq!((jump.extra, &jump.first_rows[..]), (extra(2, 0, 0), &[2, 3][..]));
}

#[test]
fn a_default_is_told_apart_from_the_column_it_stands_in_for() {
    let world = World::new();
    world.write("list.csv", "phone,name\n0491570006,\n0491570156,Zoë\n");
    let toml = "name = \"sale\"\nprovider.kind = \"transmitsms\"\nrecipients.file = \"list.csv\"\n\
                recipients.region = \"AU\"\n[message]\ntext = \"Hi {{name}}\"\ndefaults = { name = \"“you”\" }\n";
    let campaign = world.load_with(toml, &Overrides::default()).expect("a campaign");
    let (preview, _) = run(&campaign, &offer()).expect("a plan");
    let found: Vec<_> = preview
        .diagnosis
        .forcing
        .iter()
        .map(|one| (one.char, one.columns.first().map(|of| (of.rows, of.first_row)), &one.defaults[..]))
        .collect();
    let name = ["name".to_owned()];
    assert_eq!(found.len(), 3);
    assert!(found.contains(&('ë', Some((1, 2)), &[])), "{found:?}");
    assert!(found.contains(&('“', None, &name[..])) && found.contains(&('”', None, &name[..])), "{found:?}");
}

#[test]
fn the_room_for_a_variable_is_what_really_fits_in_its_place() {
    // The euro sign lies beside the seam: what stands before it pushes it over, and a unit is lost.
    let text = format!("{{{{name}}}}{}€{}", "a".repeat(151), "b".repeat(152));
    let list = |name: &str| format!("phone,name\n0491570006,{name}\n");
    let (one, _) = priced(&list("x"), &text, &[]);
    let size = one.diagnosis.template;
    assert_eq!((size.segments, size.left), (2, 0));
    assert_eq!(one.segments, 3);
    let text = format!("{{{{name}}}}{}", "a".repeat(155));
    let (fits, _) = priced(&list("xxxxx"), &text, &[]);
    assert_eq!((fits.diagnosis.template.left, fits.segments), (5, 1));
    let (more, _) = priced(&list("xxxxxx"), &text, &[]);
    assert_eq!(more.segments, 2);
}

#[test]
fn the_rows_whose_data_takes_another_segment_are_counted_with_their_cost() {
    let text = format!("{} {{{{name}}}}", "x".repeat(150));
    let list =
        "phone,name\n0491570006,Ann\n0491570156,Bartholomew\n+66812345678,Alexandrina\n0491570157,ดาว\n";
    let (preview, _) = priced(list, &text, &[]);
    let size = preview.diagnosis.template;
    assert_eq!(
        (size.encoding.to_string().as_str(), size.units, size.segments, size.left),
        ("GSM-7", 151, 1, 9)
    );
    let jump = &preview.diagnosis.jumps.segments;
    assert_eq!((jump.extra, &jump.first_rows[..]), (extra(3, 4, 170_000), &[2, 3, 4][..]));
}

#[test]
fn the_shares_of_the_cost_add_up_to_it_in_every_way() {
    let list =
        "phone,name\n0491570006,Ann\n0491570156,Bartholomew\n+66812345678,Alexandrina\n0491570157,ดาว\n";
    let (preview, _) = priced(list, &format!("{} {{{{name}}}}", "x".repeat(150)), &[]);
    let cost = preview.cost.expect("prices");
    let by_prefix: i64 = cost.by_prefix.iter().map(|line| line.share.cost.0).sum();
    let by_segments: i64 = cost.by_segments.iter().map(|line| line.share.cost.0).sum();
    let by_encoding = cost.by_encoding.gsm7.cost.0 + cost.by_encoding.ucs2.cost.0;
    assert_eq!([by_prefix, by_segments, by_encoding], [cost.total.0; 3]);
    let each: Vec<_> = cost.by_segments.iter().map(|line| (line.each, line.share.recipients)).collect();
    assert_eq!(each, [(1, 1), (2, 2), (3, 1)]);
}

#[test]
fn the_provider_counts_as_the_campaign_says() {
    let text = text(306, "");
    let (standard, _) = priced("phone\n0491570006\n", &text, &[]);
    let (wide, _) = priced("phone\n0491570006\n", &text, &[("segments.concat_ref", "16")]);
    assert_eq!((standard.segments, wide.segments), (2, 3));
    assert_eq!(wide.cost.expect("prices").total, Micros(150_000));
    let (preview, taken) = priced("phone\n0491570006\n", &text, &[("segments.max_characters", "305")]);
    assert_eq!((preview.accepted, taken.rejects[0].2), (0, "too_long"));
}

#[test]
fn a_message_has_its_own_price_and_amounts_are_rounded_as_the_rule_says() {
    let world = World::new();
    world.write("list.csv", "phone\n0491570006\n0491570156\n0491570157\n");
    world.write("rates.csv", "prefix,price,per_message,currency\n61,0.0514,0.001,AUD\n");
    for (rule, total, each) in [
        ("", 157_200, 52_400),
        ("rounding = \"per_message\"\ndecimals = 3\n", 156_000, 52_000),
        ("rounding = \"total\"\ndecimals = 2\n", 160_000, 52_400),
    ] {
        let campaign = world.campaign("Hi", &format!("[rates]\nfile = \"rates.csv\"\n{rule}"));
        let (preview, taken) = run(&campaign, &offer()).expect("a plan");
        assert_eq!(preview.estimated, Some(Micros(total)), "{rule}");
        assert_eq!(taken.costs, [Some(Micros(each)); 3], "{rule}");
    }
}

#[test]
fn without_prices_the_segments_speak() {
    let world = World::new();
    world.write("list.csv", "phone\n0491570006\n");
    let (preview, _) = run(&world.campaign(&text(120, "don’t"), ""), &offer()).expect("a plan");
    let expected = Extra { rows: 1, segments: 1, cost: None };
    assert_eq!((preview.diagnosis.ucs2, preview.diagnosis.smart.saved), (expected, expected));
    assert!(preview.dearest_message.is_none());
}
