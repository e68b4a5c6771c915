//! The send window: what the campaign file says of it, who is left out for it, and how it falls.

use crate::world::{Taken, World, offer};
use volley_core::{Batch, UnixMillis};
use volley_plan::{Conditions, Offer, OpensNext, Overrides, Preview, plan};

/// Two Australian mobiles, which may be anywhere there, one in Bangkok, one in New York, one that
/// may be anywhere in Russia, and a satellite's.
const LIST: &str =
    "number\n0491 570 006\n0491 570 156\n+66812345678\n+12025550123\n+79161234567\n+870773111632\n";

fn at(text: &str) -> UnixMillis {
    UnixMillis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
}

/// A pass over `list` with this window; `handed_over` is when the provider sends.
fn pass(list: &str, window: &str, handed_over: Option<&str>, offer: &Offer) -> (Preview, Taken) {
    let world = World::new();
    world.write("list.csv", list);
    let campaign = world.campaign("Hi", &format!("[limits]\nwindow = \"{window}\"\n"));
    let conditions =
        Conditions { handed_over: handed_over.map(at), ..Conditions::on(jiff::civil::date(2026, 11, 20)) };
    let mut taken = Taken::default();
    let preview = plan(&campaign, offer, &conditions, &mut taken).expect("a plan");
    (preview, taken)
}

fn rows(taken: &Taken) -> Vec<u32> {
    taken.messages.iter().map(|(row, ..)| *row).collect()
}

#[test]
fn a_window_is_read_or_refused_with_what_to_write() {
    let load = |window: &str| {
        let text = format!(
            "name = \"a\"\nprovider.kind = \"transmitsms\"\nrecipients.file = \"list.csv\"\n\
             message.text = \"Hi\"\nlimits.window = {window}\n"
        );
        World::new().load_with(&text, &Overrides::default())
    };
    for (window, meant) in [
        ("\"09:00-20:00\"", Some("09:00-20:00")),
        ("\" 9:30 - 24:00 \"", Some("09:30-24:00")),
        ("\"00:00-24:00\"", None),
    ] {
        let limits = load(window).expect("a window").limits;
        assert_eq!(limits.window.map(|window| window.to_string()).as_deref(), meant, "{window}");
    }
    for (window, says) in [
        ("\"9-20\"", "`limits.window` is `9-20`; write two times of day, like \"09:00-20:00\""),
        ("\"\"", "`limits.window` is empty; write two times of day"),
        ("\"09:00-09:00\"", "it is never open"),
        (
            "\"22:00-06:00\"",
            "it ends before it begins; write the hours in which texts are sent, like \"06:00-22:00\"",
        ),
        ("9", "`limits.window` is the number 9"),
    ] {
        let error = load(window).expect_err(window).to_string();
        assert!(error.contains(says), "{window}: {error}");
    }
}

#[test]
fn whoever_the_window_never_opens_for_is_left_out_by_name() {
    let (preview, taken) = pass(LIST, "09:00-20:00", None, &offer());
    assert_eq!(rows(&taken), [1, 2, 3, 4, 5]);
    assert_eq!(taken.rejects, [(6, "number".to_owned(), "window_never_opens")]);
    assert_eq!(preview.rejected["window_never_opens"], 1);

    // Three hours are fewer than Russia is wide, and in its summer Australia.
    let (preview, taken) = pass(LIST, "09:00-12:00", None, &offer());
    assert_eq!(rows(&taken), [3, 4]);
    assert_eq!(preview.rejected["window_never_opens"], 4);

    let (preview, taken) = pass(LIST, "00:00-24:00", None, &offer());
    assert_eq!(rows(&taken), [1, 2, 3, 4, 5, 6]);
    assert_eq!(preview.hours, None);
}

#[test]
fn a_time_that_the_provider_is_handed_has_to_be_within_the_window() {
    for (handed_over, expected) in [
        // Noon to 16:00 across Australia, 09:00 in Bangkok, 21:00 in New York.
        ("2026-12-01T02:00:00Z", &[1, 2, 3][..]),
        // 21:00 in Sydney, 17:00 in Bangkok, 05:00 in New York, 12:00 to 22:00 in Russia.
        ("2026-12-01T10:00:00Z", &[3]),
        ("2026-12-01T15:00:00Z", &[4]),
        ("2026-12-01T07:30:00Z", &[1, 2, 3, 5]),
    ] {
        let (preview, taken) = pass(LIST, "09:00-20:00", Some(handed_over), &offer());
        assert_eq!(rows(&taken), expected, "{handed_over}");
        assert_eq!(preview.rejected["outside_window"], 6 - expected.len() as u64, "{handed_over}");
    }
}

#[test]
fn how_the_window_falls_is_told_for_any_instant() {
    let (preview, _) = pass(LIST, "09:00-20:00", None, &offer());
    let hours = preview.hours.expect("a window");
    assert_eq!(hours.recipients.values().sum::<u64>(), preview.accepted);
    let falls = hours.falls(at("2026-12-01T00:00:00Z"));
    let opens_next = OpensNext {
        at: "2026-12-01T01:00:00Z".to_owned(),
        local: "09:00".to_owned(),
        zone: "Australia/Perth",
        recipients: 2,
    };
    assert_eq!((falls.hours.as_str(), falls.zones, falls.open_now), ("09:00-20:00", 4, 1));
    assert_eq!(falls.opens_next, Some(opens_next));
    let falls = hours.falls(at("2026-12-01T07:30:00Z"));
    assert_eq!(falls.open_now, 4);
    assert_eq!(falls.opens_next.map(|next| (next.zone, next.recipients)), Some(("America/New_York", 1)));

    let (preview, _) = pass("number\n+66812345678\n", "09:00-20:00", None, &offer());
    let falls = preview.hours.expect("a window").falls(at("2026-12-01T05:00:00Z"));
    assert_eq!((falls.open_now, falls.opens_next), (1, None));
}

#[test]
fn a_list_in_which_zones_alternate_is_warned_of_where_requests_carry_several() {
    let mixed: Vec<String> = (0_u64..600)
        .map(|row| if row % 2 == 0 { 61_491_570_000 + row } else { 66_812_345_000 + row })
        .map(|number| format!("+{number}\n"))
        .collect();
    let mixed = mixed.concat();
    let mut sorted: Vec<&str> = mixed.lines().collect();
    sorted.sort_unstable();
    let alone = Offer { batch: Batch::One, chunk: 1, ..offer() };
    for (list, offer, warned) in [
        (mixed.as_str(), &offer(), true),
        (mixed.as_str(), &alone, false),
        (&sorted.join("\n"), &offer(), false),
    ] {
        let (preview, _) = pass(&format!("number\n{list}"), "09:00-20:00", None, offer);
        assert!(preview.accepted > 400);
        assert_eq!(preview.warnings.iter().any(|warning| warning.contains("sort the list")), warned);
    }
}

#[test]
fn threads_and_the_window_go_together() {
    let list: Vec<String> = (0..5_000).map(|row| format!("+{}\n", 66_812_000_000_u64 + row)).collect();
    let list = format!("number\n{}{}", list.concat(), &LIST[7..]);
    let (preview, _) = pass(&list, "09:00-20:00", None, &offer());
    let hours = preview.hours.expect("a window");
    assert_eq!(hours.recipients.values().sum::<u64>(), preview.accepted);
    assert_eq!(preview.rejected["window_never_opens"], 1);
}
