//! Rate cards: what is read, what is refused and on which line, which price holds on a day, and
//! what a plan says about sums that no integer holds.

use crate::world::{World, offer, run};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use std::{fmt::Write, path::Path};
use volley_core::{Micros, Msisdn, Price, RateCardFault, Rounding};
use volley_plan::{LoadedRates, RatesError, SourceError, load_rates};

/// The day that the texts of these tests go out.
const DAY: Date = date(2026, 11, 20);
const DATED: &str = "prefix,price,currency,valid_from,valid_to\n";

fn load(card: impl AsRef<[u8]>) -> Result<LoadedRates, RatesError> {
    let world = World::new();
    world.write("rates.csv", card);
    load_rates(&world.path("rates.csv"), DAY, Rounding::Exact)
}

/// Prefix, millionths a segment and millionths a message, and the warnings behind the file's name.
fn read(card: impl AsRef<[u8]>) -> (Vec<(String, i64, i64)>, Vec<String>) {
    let loaded = load(card).unwrap_or_else(|error| panic!("{error}"));
    let prices = loaded.card.prices().iter();
    let prices = prices.map(|price| (price.prefix.clone(), price.per_segment.0, price.per_message.0));
    (prices.collect(), loaded.warnings.iter().map(|warning| after_file(warning).to_owned()).collect())
}

/// A message without the folder, which is another one each time.
fn after_file(message: &str) -> &str {
    message.split_once("rates.csv").unwrap_or_else(|| panic!("no file in: {message}")).1
}

fn refused(card: impl AsRef<[u8]>) -> String {
    let shown = String::from_utf8_lossy(card.as_ref()).into_owned();
    let error = load(card).err().unwrap_or_else(|| panic!("accepted: {shown}"));
    let message = error.to_string();
    assert_eq!(error.exit_code(), 2, "{message}");
    assert!(!message.contains('\n'), "{message}");
    after_file(&message).to_owned()
}

#[test]
fn columns_are_found_by_name_in_any_order_and_case() {
    for (card, expected) in [
        ("prefix,price,currency\n61,0.055,AUD\n+66,0.03,aud\n", &[("61", 55_000, 0), ("66", 30_000, 0)][..]),
        ("description;currency;price;prefix\nhome;AUD;0.05;61\n", &[("61", 50_000, 0)]),
        (
            "PER_MESSAGE\tPrice\tCurrency\tPREFIX\n0.002\t0.05\tAUD\t61\n0\t1000000\tAUD\t1\n",
            &[("61", 50_000, 2_000), ("1", 1_000_000_000_000, 0)],
        ),
        (
            "\u{FEFF} prefix , price ,currency,per_message\r\n 61 , 0.050000000 ,AUD, 1000000 \r\n",
            &[("61", 50_000, 1_000_000_000_000)],
        ),
        ("sep=;\nprefix;price;currency\n61;0;AUD\n", &[("61", 0, 0)]),
        ("prefix,price,currency,\n61,0.05,AUD,\n", &[("61", 50_000, 0)]),
    ] {
        let expected: Vec<_> = expected
            .iter()
            .map(|&(prefix, segment, message)| (prefix.to_owned(), segment, message))
            .collect();
        assert_eq!(read(card), (expected, Vec::new()), "{card}");
    }
}

#[test]
fn columns_without_a_meaning_are_named_and_one_that_is_nearly_right_is_refused() {
    let (prices, warnings) = read("prefix,price,currency,country,Description\n61,0.05,AUD,Australia,x\n");
    assert_eq!(prices, [("61".to_owned(), 50_000, 0)]);
    assert_eq!(warnings, [": columns of the rate card that are not read: country"]);
    for (found, meant) in [("valid_form", "valid_from"), ("Valid_until", ""), ("per_mesage", "per_message")] {
        let error = load(format!("prefix,price,currency,{found}\n61,0.05,AUD,\n"));
        match (meant, error) {
            ("", loaded) => assert_eq!(loaded.expect("another word").warnings.len(), 1),
            (_, error) => {
                let words = format!("column `{found}` is not known; is it `{meant}`?");
                let error = error.expect_err(&words).to_string();
                assert!(error.contains(&words), "{error}");
            }
        }
    }
}

#[test]
fn the_words_of_a_column_may_stand_apart_and_rows_of_nothing_are_skipped() {
    let (prices, warnings) = read(
        "Prefix,Price,Currency,per message,Valid-From,valid to\n61,0.05,AUD,0.01,2026-11-01,2026-12-31\n,,,,,\n",
    );
    assert_eq!((prices, warnings), (vec![("61".to_owned(), 50_000, 10_000)], Vec::new()));
}

#[test]
fn a_price_that_its_rounding_takes_away_is_a_warning() {
    let world = World::new();
    world.write("rates.csv", "prefix,price,currency\n66,0.3,THB\n61,0.5,THB\n");
    let loaded = load_rates(&world.path("rates.csv"), DAY, Rounding::PerMessage(0)).expect("a card");
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
    assert!(loaded.warnings[0].ends_with("a text to prefix 66 costs nothing"), "{:?}", loaded.warnings);
}

#[test]
fn the_demo_card_is_read_without_a_warning() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/demo/rates.csv");
    let loaded = load_rates(&path, DAY, Rounding::Total(2)).expect("the demo's card");
    assert_eq!(loaded.warnings, [""; 0]);
    assert_eq!((loaded.card.currency().as_str(), loaded.card.rounding()), ("USD", Rounding::Total(2)));
}

#[test]
fn every_cell_that_cannot_be_read_names_its_line_and_what_belongs_there() {
    let amount = "write an amount like 0.055";
    let or_nothing = "write an amount like 0.055, or 0 for nothing";
    let start = "write the start of an international number, like 61 or 6149";
    let letters = "write 3 to 10 letters, like AUD or CREDIT";
    let iso = "write a date like 2026-11-30";
    let most = "a price is at most 1000000.0000; check its unit";
    for (row, fault) in [
        ("66,abc,0,AUD,,", format!("`price` is `abc`; {amount}")),
        ("66,\"0,05\",0,AUD,,", format!("`price` is `0,05`; {amount}")),
        ("66,$0.05,0,AUD,,", format!("`price` is `$0.05`; {amount}")),
        ("66,5e-2,0,AUD,,", format!("`price` is `5e-2`; {amount}")),
        ("66,.05,0,AUD,,", format!("`price` is `.05`; {amount}")),
        ("66,-0.01,0,AUD,,", "`price` is `-0.01`; a price is not below zero".to_owned()),
        ("66,,0,AUD,,", format!("`price` is empty; {or_nothing}")),
        ("66,\"  \",0,AUD,,", format!("`price` is empty; {or_nothing}")),
        ("66,0.0000001,0,AUD,,", "`price` is `0.0000001`; a price has at most six decimals".to_owned()),
        ("66,1000000.000001,0,AUD,,", format!("`price` is `1000000.000001`; {most}")),
        ("66,99999999999999999999,0,AUD,,", format!("`price` is `99999999999999999999`; {most}")),
        ("66,0.05,x,AUD,,", format!("`per_message` is `x`; {amount}")),
        ("66,0.05,-1,AUD,,", "`per_message` is `-1`; a price is not below zero".to_owned()),
        ("66,0.05,,AUD,,", format!("`per_message` is empty; {or_nothing}")),
        ("66,0.05,1000001,AUD,,", format!("`per_message` is `1000001`; {most}")),
        ("066,0.05,0,AUD,,", format!("`prefix` is `066`; {start}")),
        (",0.05,0,AUD,,", format!("`prefix` is empty; {start}")),
        ("+,0.05,0,AUD,,", format!("`prefix` is `+`; {start}")),
        ("++66,0.05,0,AUD,,", format!("`prefix` is `++66`; {start}")),
        ("6 6,0.05,0,AUD,,", format!("`prefix` is `6 6`; {start}")),
        ("6.6E+01,0.05,0,AUD,,", format!("`prefix` is `6.6E+01`; {start}")),
        ("٦٦,0.05,0,AUD,,", format!("`prefix` is `٦٦`; {start}")),
        ("6681234567890123,0.05,0,AUD,,", format!("`prefix` is `6681234567890123`; {start}")),
        ("66,0.05,0,$,,", format!("`currency` is `$`; {letters}")),
        ("66,0.05,0,,,", format!("`currency` is empty; {letters}")),
        ("66,0.05,0,AU\u{1B}[31mD,,", format!("`currency` is `AU\\u{{1b}}[31mD`; {letters}")),
        ("66,0.05,0,AUD,20.11.2026,", format!("`valid_from` is `20.11.2026`; {iso}")),
        ("66,0.05,0,AUD,,2026-02-30", format!("`valid_to` is `2026-02-30`; {iso}")),
        ("66,0.05,0,AUD,,2026-11-20T09:00", format!("`valid_to` is `2026-11-20T09:00`; {iso}")),
        ("66,0.05,0,AUD,20261120,", format!("`valid_from` is `20261120`; {iso}")),
        (
            "66,0.05,0,AUD,2026-11-21,2026-11-20",
            "`valid_to` is 2026-11-20, before `valid_from`, 2026-11-21; correct one of them".to_owned(),
        ),
        ("66,0.05,0,AUD", "4 fields where the header has 6; correct the row".to_owned()),
        ("66,0.05,0,AUD,,,", "7 fields where the header has 6; correct the row".to_owned()),
        (
            "66,\"0.05\"x,0,AUD,,",
            "a quote stands where none can be; put the whole field in quotes and write those within it twice, \
             or remove it"
                .to_owned(),
        ),
    ] {
        let card = format!("prefix,price,per_message,currency,valid_from,valid_to\n61,0.05,0,AUD,,\n{row}\n");
        assert_eq!(refused(card), format!(", line 3: {fault}"), "{row}");
    }
}

#[test]
fn lines_are_those_of_the_file_whatever_stands_above_them() {
    for (above, line) in [
        ("prefix,price,currency,description\n", 2),
        ("\n \r\nprefix,price,currency,description\n\n", 5),
        ("sep=,\nprefix,price,currency,description\n", 3),
        ("prefix,price,currency,description\r\n61,0.05,AUD,home\r\n", 3),
        ("prefix,price,currency,description\r61,0.05,AUD,home\r", 3),
        ("prefix,price,currency,description\n61,0.05,AUD,\"home\nand\r\n\"\"away\"\"\n\"\n", 6),
        ("prefix,price,currency,\"de\nscription\"\n61,0.05,AUD,\"a\rb\"\n\n  \n", 7),
    ] {
        let message = refused(format!("{above}66,free,AUD,\"two\nlines\"\n"));
        assert!(message.starts_with(&format!(", line {line}: `price` is `free`")), "{above:?}: {message}");
        let mut latin = format!("{above}66,0.05,AUD,").into_bytes();
        latin.extend_from_slice(b"Tha\xEFlande\n");
        let wanted = format!(", line {line}: this is not UTF-8; save the rate card as UTF-8");
        assert_eq!(refused(latin), wanted, "{above:?}");
        let wanted = format!(", line {line}: a quote stands where none can be; ");
        let stray = refused(format!("{above}66,0.05,AUD,5\" pipes\n"));
        assert!(stray.starts_with(&wanted), "{above:?}: {stray}");
        let open = refused(format!("{above}66,0.05,AUD,\"Thailand\n"));
        assert!(
            open.starts_with(&format!(": line {line}: a quote opens here and is never closed")),
            "{open}"
        );
    }
}

#[test]
fn the_first_row_that_cannot_be_read_is_the_one_that_is_named() {
    let card = "prefix,price,currency\n61,0.05,AUD\n61,0.06,NZD\n66,x,AUD\n66,y,AUD\n";
    assert_eq!(refused(card), ", line 4: `price` is `x`; write an amount like 0.055");
}

#[test]
fn a_file_that_is_no_rate_card_is_refused() {
    for (card, message) in [
        ("", ": the file is empty; "),
        (
            "prefix,price\n61,1\n",
            ": the rate card has no column `currency`; it needs prefix, price and currency",
        ),
        ("61,0.05,AUD\n", ": the rate card has no column `prefix`; it needs prefix, price and currency"),
        ("prefix,price,Prefix,currency\n", ": the header has two columns named `Prefix`; rename one"),
        ("prefix,price;currency\n", ": the delimiter is not certain: "),
        ("prefix,price,currency,5\" pipes\n61,0.05,AUD,\n", ", line 1: a quote stands where none can be; "),
        (
            "prefix,price,currency\n",
            ": the rate card has no prices; add a row for each prefix, or remove [rates]",
        ),
    ] {
        let found = refused(card);
        assert!(found.starts_with(message), "{card:?}: {found}");
    }
    let missing = load_rates(Path::new("/nowhere/rates.csv"), DAY, Rounding::Exact);
    assert!(matches!(&missing, Err(RatesError::Source(SourceError::Missing { .. }))), "{missing:?}");
    assert!(missing.is_err_and(|error| error.exit_code() == 10));
}

#[test]
fn the_price_of_the_day_holds_with_both_of_its_ends() {
    let (prices, warnings) = read(format!(
        "{DATED}61,1,AUD,,2026-11-19\n61,2,AUD,2026-11-20,2026-11-20\n61,3,NZD,2026-11-21,\n\
         66,4,AUD,2026-11-20,\n1,5,AUD,,2026-11-20\n44,6,AUD,,\n"
    ));
    let expected = [("61", 2), ("66", 4), ("1", 5), ("44", 6)];
    assert_eq!(prices, expected.map(|(prefix, units)| (prefix.to_owned(), units * 1_000_000, 0)));
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn rows_of_one_prefix_that_overlap_are_refused_with_the_days_they_share() {
    let ends = "; let one end before the other begins, or remove one";
    for (one, other, days) in [
        (",,2026-11-20", ",2026-11-20,", format!(" on 2026-11-20{ends}")),
        (",,2026-11-30", ",2026-11-20,", format!(" from 2026-11-20 to 2026-11-30{ends}")),
        (",2026-11-20,", ",,2026-11-30", format!(" from 2026-11-20 to 2026-11-30{ends}")),
        (",2026-11-01,2026-11-30", ",2026-11-07,2026-11-09", format!(" from 2026-11-07 to 2026-11-09{ends}")),
        (",2020-01-01,2020-12-31", ",2020-12-01,2021-01-31", format!(" from 2020-12-01 to 2020-12-31{ends}")),
        (",2030-01-01,", ",2031-01-01,", format!(" from 2031-01-01 on{ends}")),
        (",,2020-01-31", ",,2021-01-31", format!(" until 2020-01-31{ends}")),
        (",,", ",2026-12-01,", format!(" from 2026-12-01 on{ends}")),
        (",,2026-11-30", ",,", format!(" until 2026-11-30{ends}")),
        (",,", ",,", "; remove one".to_owned()),
    ] {
        for prefix in ["61", "+61"] {
            let card = format!("{DATED}66,1,AUD,,\n61,1,AUD{one}\n614,1,AUD,,\n{prefix},1,AUD{other}\n");
            assert_eq!(refused(card), format!(", lines 3 and 5: prefix 61 has two prices{days}"));
        }
    }
    let undated = refused("prefix,price,currency\n61,0.05,AUD\n61,0.05,AUD\n");
    assert_eq!(undated, ", lines 2 and 3: prefix 61 has two prices; remove one");
}

#[test]
fn days_without_a_price_between_two_rows_of_a_prefix_are_refused() {
    for (one, other, days) in [
        (",,2026-11-18", ",2026-11-20,", "on 2026-11-19"),
        (",2026-11-21,", ",,2026-11-10", "from 2026-11-11 to 2026-11-20"),
        (",2020-02-01,2020-02-28", ",2020-03-01,", "on 2020-02-29"),
        (",,2029-12-31", ",2031-01-01,", "from 2030-01-01 to 2030-12-31"),
    ] {
        let card = format!("{DATED}61,1,AUD{one}\n66,1,AUD,,\n+61,1,NZD{other}\n");
        assert_eq!(
            refused(card),
            format!(
                ", lines 2 and 4: prefix 61 has no price {days}; correct the dates, or add a row for these days"
            )
        );
    }
}

#[test]
fn of_several_faults_between_rows_the_one_furthest_up_is_named() {
    let card = format!(
        "{DATED}1,1,AUD,,\n66,1,AUD,,2026-11-30\n61,1,AUD,,2026-11-10\n66,1,AUD,2026-11-30,\n\
         61,1,AUD,2026-11-20,\n1,1,AUD,,\n"
    );
    assert!(refused(card).starts_with(", lines 3 and 5: prefix 66 has two prices on 2026-11-30"));
}

#[test]
fn a_prefix_without_a_price_on_the_day_is_said_aloud_with_what_holds_instead() {
    let (prices, warnings) = read(format!(
        "{DATED}61,0.05,AUD,,\n\
         6149,0.04,AUD,2026-01-01,2026-06-30\n\
         61491,0.03,AUD,2026-11-21,\n\
         66,0.02,AUD,,2026-11-19\n\
         668,0.02,AUD,2027-01-01,2027-12-31\n\
         6149,0.04,NZD,2026-07-01,2026-11-19\n\
         61491,0.03,AUD,,2026-11-20\n\
         44,0.04,AUD,2026-12-01,2026-12-31\n\
         44,0.04,AUD,2027-01-01,\n\
         614915,0.03,AUD,,2025-12-31\n"
    ));
    let expected = [("61", 50_000), ("61491", 30_000)];
    assert_eq!(prices, expected.map(|(prefix, micros)| (prefix.to_owned(), micros, 0)));
    assert_eq!(
        warnings,
        [
            ": prefix 66: its price ended on 2026-11-19 (line 5); nothing holds instead: such numbers are rejected",
            ": prefix 668: its price begins on 2027-01-01 (line 6); nothing holds instead: such numbers are \
             rejected",
            ": prefix 6149: its price ended on 2026-11-19 (line 7); 61 holds instead",
            ": prefix 44: its price begins on 2026-12-01 (line 9); nothing holds instead: such numbers are \
             rejected",
            ": prefix 614915: its price ended on 2025-12-31 (line 11); 61491 holds instead",
        ]
    );
}

#[test]
fn many_prefixes_without_a_price_are_named_in_part_and_counted() {
    let mut card = format!("{DATED}1,0.01,USD,,\n");
    for prefix in 200..245 {
        writeln!(card, "{prefix},0.01,USD,,2025-12-31").expect("room for a line");
    }
    let (_, warnings) = read(card);
    assert_eq!(warnings.len(), 31);
    assert!(
        warnings[29].starts_with(": prefix 229: its price ended on 2025-12-31 (line 32); "),
        "{}",
        warnings[29]
    );
    assert_eq!(warnings[30], ": 15 prefixes more have no price on 2026-11-20");
}

#[test]
fn a_day_has_one_currency() {
    let card = format!("{DATED}61,1,AUD,,\n66,1,NZD,,2026-11-19\n1,1,aud,,\n44,1,GBP,,\n33,1,EUR,,\n");
    assert_eq!(
        refused(card),
        ", lines 2 and 5: a price in AUD and one in GBP both hold on 2026-11-20; a rate card has one currency"
    );
    let (prices, _) = read(format!("{DATED}61,1,AUD,,2026-11-19\n61,1,NZD,2026-11-20,\n66,1,NZD,,\n"));
    assert_eq!(prices.len(), 2, "currencies of other days are no matter");
}

#[test]
fn a_card_without_a_price_on_the_day_is_refused() {
    for dates in [",,2026-11-19", ",2026-11-21,", ",2020-01-01,2020-12-31"] {
        let error = load(format!("{DATED}61,1,AUD{dates}\n66,1,NZD{dates}\n"));
        assert!(matches!(error, Err(RatesError::NothingValid { day: DAY, .. })), "{error:?}");
    }
}

#[test]
fn credits_are_an_amount_like_any_other() {
    let card = load("prefix,price,currency\n61,1,CREDIT\n1,1.5,credit\n").expect("a card").card;
    let cost = |digits: u64, segments: u32| {
        let id = card.price_of(Msisdn::from_digits(digits).expect("a number")).expect("a price");
        format!("{} {}", card.cost(id, segments).expect("a few credits"), card.currency())
    };
    assert_eq!(cost(61_491_570_006, 2), "2.0000 CREDIT");
    assert_eq!(cost(12_025_550_123, 3), "4.5000 CREDIT");
}

#[test]
fn a_message_costs_its_segments_its_own_price_and_its_rounding() {
    let world = World::new();
    world.write("rates.csv", "prefix,price,per_message,currency\n61,0.0515,0.002,AUD\n");
    for (rounding, cost) in [
        (Rounding::Exact, "0.1565"),
        (Rounding::PerMessage(2), "0.1600"),
        (Rounding::PerMessage(3), "0.1570"),
        (Rounding::Total(2), "0.1565"),
    ] {
        let card = load_rates(&world.path("rates.csv"), DAY, rounding).expect("a card").card;
        let id = card.price_of(Msisdn::from_digits(61_491_570_006).expect("fictitious")).expect("a price");
        assert_eq!(card.cost(id, 3).map(|cost| cost.to_string()).as_deref(), Some(cost), "{rounding:?}");
    }
}

/// Two rows each, of which one holds; a day later neither does.
#[test]
fn sixty_thousand_prefixes_are_one_card() {
    let mut card = DATED.to_owned();
    for prefix in 10_000..70_000 {
        writeln!(card, "{prefix},0.{prefix},EUR,2026-11-20,").expect("room for a line");
        writeln!(card, "{prefix},0.5,EUR,,2026-11-19").expect("room for a line");
    }
    let loaded = load(&card).expect("a card");
    assert_eq!((loaded.card.prices().len(), loaded.warnings.len()), (60_000, 0));
    for (digits, micros) in
        [(10_000_555_012, Some(100_000)), (69_999_555_012, Some(699_990)), (70_000_555_012, None)]
    {
        let id = loaded.card.price_of(Msisdn::from_digits(digits).expect("a number"));
        assert_eq!(id.map(|id| loaded.card.price(id).per_segment.0), micros, "{digits}");
    }
    let old = card.replace(",2026-11-20,\n", ",2026-11-20,2026-11-20\n");
    let world = World::new();
    world.write("rates.csv", format!("{old}7,0.01,EUR,,\n"));
    let later = load_rates(&world.path("rates.csv"), date(2027, 1, 1), Rounding::Exact).expect("one price");
    assert_eq!((later.card.prices().len(), later.warnings.len()), (1, 31));
    for prefix in 70_000..75_537 {
        writeln!(card, "{prefix},0.5,EUR,,").expect("room for a line");
    }
    let error = load(card);
    assert!(matches!(error, Err(RatesError::Card { fault: RateCardFault::TooMany, .. })), "{error:?}");
}

#[test]
fn the_largest_price_is_counted_exactly() {
    let world = World::new();
    world.write("list.csv", "phone\n+66812345678\n+66812345679\n");
    world.write("rates.csv", format!("prefix,price,per_message,currency\n66,{0},{0},THB\n", Price::MAX));
    let campaign = world.campaign("x", "[rates]\nfile = \"rates.csv\"\n");
    let (preview, _) = run(&campaign, &offer()).expect("one segment each");
    assert_eq!(preview.estimated, Price::MAX.checked_mul(4));
}

/// Days of November 2026, and which rows of one prefix have a price on them.
fn any_rows() -> impl Strategy<Value = Vec<(Option<i8>, Option<i8>)>> {
    let end = || proptest::option::weighted(0.8, 5_i8..25);
    let row = (end(), end()).prop_map(|ends| match ends {
        (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
        open => open,
    });
    proptest::collection::vec(row, 1..4)
}

/// Rows that follow each other without a gap, in any order.
fn sound_rows() -> impl Strategy<Value = Vec<(Option<i8>, Option<i8>)>> {
    (proptest::collection::btree_set(5_i8..25, 1..6), any::<(bool, bool)>())
        .prop_map(|(starts, (open_start, open_end))| {
            let starts: Vec<i8> = starts.into_iter().collect();
            let last = starts.len() - 1;
            let row = |index: usize| {
                let from = (index > 0 || !open_start).then_some(starts[index]);
                let to = if index == last { (!open_end).then_some(26) } else { Some(starts[index + 1] - 1) };
                (from, to)
            };
            (0..=last).map(row).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

/// The card of prefix 66 with these rows, the price of each being its place, beside one of 61.
fn card_of(rows: &[(Option<i8>, Option<i8>)]) -> String {
    let end = |day: Option<i8>| day.map(|day| date(2026, 11, day).to_string()).unwrap_or_default();
    let mut card = format!("{DATED}61,0.05,AUD,,\n");
    for ((from, to), place) in rows.iter().zip(1..) {
        writeln!(card, "66,{place},AUD,{},{}", end(*from), end(*to)).expect("room for a line");
    }
    card
}

/// Which rows hold on each day of November, counted from 1.
fn by_day(rows: &[(Option<i8>, Option<i8>)]) -> Vec<Vec<i64>> {
    let holds = |&(from, to): &(Option<i8>, Option<i8>), day: i8| {
        from.is_none_or(|from| from <= day) && to.is_none_or(|to| day <= to)
    };
    (1..=30)
        .map(|day| (1..).zip(rows).filter(|(_, row)| holds(row, day)).map(|(place, _)| place).collect())
        .collect()
}

proptest! {
    /// Counting day by day says the same: no day has two prices, and between two days with a price
    /// there is none without.
    #[test]
    fn a_card_is_sound_where_counting_its_days_finds_it_sound(rows in prop_oneof![any_rows(), sound_rows()]) {
        let world = World::new();
        world.write("rates.csv", card_of(&rows));
        let days = by_day(&rows);
        let twice = days.iter().any(|rows| rows.len() > 1);
        let first = days.iter().position(|rows| !rows.is_empty()).expect("a row has a day");
        let last = days.iter().rposition(|rows| !rows.is_empty()).expect("a row has a day");
        let gap = days[first..=last].iter().any(Vec::is_empty);
        for day in (1..=30).step_by(4) {
            match load_rates(&world.path("rates.csv"), date(2026, 11, day), Rounding::Exact) {
                Ok(loaded) => {
                    prop_assert!(!twice && !gap, "accepted");
                    let places = &days[usize::try_from(day - 1).expect("a day")];
                    let prices = &loaded.card.prices()[1..];
                    let found: Vec<i64> = prices.iter().map(|price| price.per_segment.0 / 1_000_000).collect();
                    prop_assert_eq!(&found, places, "on {}", day);
                    prop_assert_eq!(loaded.warnings.len(), usize::from(places.is_empty()));
                }
                Err(RatesError::Twice { .. } | RatesError::Overlap { .. }) => prop_assert!(twice),
                Err(RatesError::Gap { .. }) => prop_assert!(gap && !twice),
                Err(error) => prop_assert!(false, "{}", error),
            }
        }
    }

    /// Whatever the file holds, it is a card or one line that is safe to show.
    #[test]
    fn any_bytes_are_a_card_or_one_line_that_says_why_not(
        cells in proptest::collection::vec(
            prop_oneof![
                Just("61"), Just("66"), Just("0.05"), Just("-1"), Just("AUD"), Just("NZD"), Just("2026-11-20"),
                Just("2026-11-21"), Just(","), Just(",,"), Just("\n"), Just("\r\n"), Just("\""), Just("é\u{1b}"),
            ],
            0..40,
        ),
        bytes in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let card = [DATED.as_bytes(), cells.concat().as_bytes(), &bytes].concat();
        match load(&card) {
            Ok(loaded) => prop_assert!(!loaded.card.prices().is_empty()),
            Err(error) => {
                prop_assert_eq!(error.exit_code(), 2);
                prop_assert!(!error.to_string().contains(char::is_control), "{}", error);
            }
        }
    }

    #[test]
    fn every_price_is_read_as_it_is_written(
        prices in proptest::collection::btree_map("[1-9][0-9]{0,14}", (0..=Price::MAX.0, 0..=Price::MAX.0), 1..30),
    ) {
        let mut card = "per_message,currency,prefix,price\n".to_owned();
        for (prefix, (per_segment, per_message)) in &prices {
            writeln!(card, "{},EUR,{prefix},{}", Micros(*per_message), Micros(*per_segment)).expect("room");
        }
        let expected: Vec<_> =
            prices.into_iter().map(|(prefix, (segment, message))| (prefix, segment, message)).collect();
        prop_assert_eq!(read(card), (expected, Vec::new()));
    }
}
