use super::*;
use crate::Msisdn;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

fn number(digits: u64) -> Msisdn {
    Msisdn::from_digits(digits).expect("a number")
}

fn window(text: &str) -> Window {
    text.parse().expect("a window")
}

fn at(text: &str) -> UnixMillis {
    let instant: Timestamp = text.parse().expect("a time with its offset");
    UnixMillis(instant.as_millisecond())
}

/// The zones of a number in the one that is named.
fn in_zone(name: &str) -> Zones {
    let digits = match name {
        "Australia/Sydney" => 61_299_990_001,
        "America/New_York" => 12_025_550_123,
        "Asia/Bangkok" => 66_812_345_678,
        "Pacific/Honolulu" => 18_085_550_123,
        other => panic!("no number in {other}"),
    };
    let zones = Zones::of(number(digits));
    assert_eq!(zones.names().collect::<Vec<_>>(), [name]);
    zones
}

#[test]
fn the_zones_of_known_numbers() {
    let of_australia = [
        "Antarctica/Macquarie",
        "Australia/Adelaide",
        "Australia/Brisbane",
        "Australia/Broken_Hill",
        "Australia/Darwin",
        "Australia/Eucla",
        "Australia/Hobart",
        "Australia/Lindeman",
        "Australia/Lord_Howe",
        "Australia/Melbourne",
        "Australia/Perth",
        "Australia/Sydney",
    ];
    for (digits, zones) in [
        // What a mobile number begins with is a network: it may be anywhere in its country.
        (61_491_570_006, &of_australia[..]),
        (66_812_345_678, &["Asia/Bangkok"]),
        (34_612_345_678, &["Africa/Ceuta", "Atlantic/Canary", "Europe/Madrid"]),
        (212_612_345_678, &["Africa/Casablanca"]),
        (213_551_234_567, &["Africa/Algiers"]),
        (62_812_345_678, &["Asia/Jakarta", "Asia/Jayapura", "Asia/Makassar", "Asia/Pontianak"]),
        (38_343_201_234, &["Europe/Belgrade"]),
        // The area of a line to a place, and of any number in North America.
        (61_299_990_001, &["Australia/Sydney"]),
        (61_892_001_234, &["Australia/Adelaide", "Australia/Perth"]),
        (61_882_001_234, &["Australia/Adelaide", "Australia/Perth"]),
        (12_025_550_123, &["America/New_York"]),
        (13_125_550_123, &["America/Chicago"]),
        (16_025_550_123, &["America/Phoenix"]),
        (18_085_550_123, &["Pacific/Honolulu"]),
        (17_095_550_123, &["America/Halifax", "America/St_Johns"]),
        (16_715_550_123, &["Pacific/Guam"]),
        (74_951_234_567, &["Europe/Moscow"]),
        // Brazil: the area stands in mobile numbers too.
        (5_511_961_234_567, &["America/Sao_Paulo"]),
        (5_592_961_234_567, &["America/Manaus"]),
    ] {
        let found: Vec<_> = Zones::of(number(digits)).names().collect();
        assert_eq!(found, zones, "{digits}");
    }
    let russian = Zones::of(number(79_161_234_567));
    assert!(russian.names().any(|zone| zone == "Europe/Kaliningrad"));
    assert!(russian.names().any(|zone| zone == "Asia/Kamchatka"));
    assert!(russian.names().all(|zone| zone != "Asia/Almaty"), "Kazakhstan shares its code alone");
    // Toll-free numbers of North America have no area, and are of the United States.
    let toll_free = Zones::of(number(18_005_550_199));
    assert!(toll_free.names().any(|zone| zone == "America/New_York"));
    // A satellite's number may be anywhere.
    let satellite = Zones::of(number(870_773_111_632));
    assert!(satellite.names().len() > 400, "{}", satellite.names().len());
}

#[test]
fn every_region_has_zones_and_every_zone_has_rules() {
    for index in 0..Zones::COUNT {
        let zones = Zones::at(index);
        assert!(zones.names().len() > 0);
        for (name, rules) in zones.each() {
            assert_eq!(rules.iana_name(), Some(name));
        }
    }
    for letters in crate::Region::all().map(crate::Region::two_letters) {
        assert!(Zones::of_country(letters).names().len() > 0, "{letters:?}");
    }
}

#[test]
fn a_window_is_two_times_of_one_day() {
    use WindowFault as F;
    for (text, shown) in [
        ("09:00-20:00", "09:00-20:00"),
        (" 9:00 - 20:00 ", "09:00-20:00"),
        ("00:00-24:00", "00:00-24:00"),
        ("22:30-24:00", "22:30-24:00"),
        ("22:30-00:00", "22:30-24:00"),
        ("00:00-00:01", "00:00-00:01"),
    ] {
        assert_eq!(text.parse::<Window>().map(|window| window.to_string()).as_deref(), Ok(shown), "{text}");
    }
    for (text, fault) in [
        ("", F::Shape),
        ("09:00", F::Shape),
        ("9-20", F::Shape),
        ("09:00-20:60", F::Shape),
        ("09:00-24:01", F::Shape),
        ("24:00-24:00", F::Shape),
        ("+9:00-20:00", F::Shape),
        ("09:00-20:00-21:00", F::Shape),
        ("09:00:00-20:00:00", F::Shape),
        ("٠٩:00-20:00", F::Shape),
        ("09:00-09:00", F::Empty),
        ("00:00-00:00", F::Empty),
        ("22:00-06:00", F::Backwards(window("06:00-22:00"))),
    ] {
        assert_eq!(text.parse::<Window>(), Err(fault), "{text}");
    }
}

/// A window on the days when clocks are set: from an instant on it is as said, until another one.
#[test]
fn windows_follow_the_clocks_on_the_days_when_they_are_set() {
    let (sydney, new_york) = ("Australia/Sydney", "America/New_York");
    for (zone, text, now, open, until) in [
        // Sydney, 4 October 2026: 02:00 +10:00 becomes 03:00 +11:00.
        (sydney, "02:30-05:00", "2026-10-04T01:59:59+10:00", false, "2026-10-04T03:00:00+11:00"),
        (sydney, "02:30-05:00", "2026-10-04T03:00:00+11:00", true, "2026-10-04T05:00:00+11:00"),
        (sydney, "01:00-02:30", "2026-10-04T01:59:59+10:00", true, "2026-10-04T03:00:00+11:00"),
        (sydney, "02:10-02:50", "2026-10-04T01:00:00+10:00", false, "2026-10-05T02:10:00+11:00"),
        (sydney, "09:00-20:00", "2026-10-03T20:00:00+10:00", false, "2026-10-04T09:00:00+11:00"),
        // Sydney, 5 April 2026: 03:00 +11:00 becomes 02:00 +10:00, so 02:00 to 03:00 comes twice.
        (sydney, "02:30-05:00", "2026-04-05T02:29:59+11:00", false, "2026-04-05T02:30:00+11:00"),
        (sydney, "02:30-05:00", "2026-04-05T02:30:00+11:00", true, "2026-04-05T03:00:00+11:00"),
        (sydney, "02:30-05:00", "2026-04-05T02:00:00+10:00", false, "2026-04-05T02:30:00+10:00"),
        (sydney, "01:00-02:30", "2026-04-05T02:30:00+11:00", false, "2026-04-05T02:00:00+10:00"),
        (sydney, "01:00-02:30", "2026-04-05T02:00:00+10:00", true, "2026-04-05T02:30:00+10:00"),
        (sydney, "01:00-05:00", "2026-04-05T01:30:00+11:00", true, "2026-04-05T05:00:00+10:00"),
        // New York, 8 March and 1 November 2026.
        (new_york, "02:30-05:00", "2026-03-08T01:00:00-05:00", false, "2026-03-08T03:00:00-04:00"),
        (new_york, "09:00-20:00", "2026-03-07T20:00:00-05:00", false, "2026-03-08T09:00:00-04:00"),
        (new_york, "01:30-05:00", "2026-11-01T01:30:00-04:00", true, "2026-11-01T02:00:00-04:00"),
        (new_york, "01:30-05:00", "2026-11-01T01:00:00-05:00", false, "2026-11-01T01:30:00-05:00"),
        (new_york, "09:00-20:00", "2026-10-31T20:00:00-04:00", false, "2026-11-01T09:00:00-05:00"),
        ("Asia/Bangkok", "09:00-20:00", "2026-04-05T09:00:00+07:00", true, "2026-04-05T20:00:00+07:00"),
        ("Asia/Bangkok", "09:00-20:00", "2026-04-05T20:00:00+07:00", false, "2026-04-06T09:00:00+07:00"),
    ] {
        let opening = window(text).opening(in_zone(zone), at(now));
        let expected = if open {
            Opening::Open { until: at(until) }
        } else {
            Opening::Closed(Opens { at: at(until), zone })
        };
        assert_eq!(opening, expected, "{text} at {now} in {zone}");
    }
}

/// Half an hour is set on Lord Howe Island: 02:00 +10:30 becomes 02:30 +11:00, and back.
#[test]
fn half_an_hour_of_summer_time_is_kept_too() {
    let rules = TimeZoneDatabase::bundled().get("Australia/Lord_Howe").expect("rules");
    for (text, now, open, until) in [
        ("02:10-05:00", "2026-10-04T01:59:00+10:30", false, "2026-10-04T02:30:00+11:00"),
        ("01:00-02:10", "2026-10-04T01:59:00+10:30", true, "2026-10-04T02:30:00+11:00"),
        ("01:45-05:00", "2026-04-05T01:45:00+11:00", true, "2026-04-05T02:00:00+11:00"),
        ("01:45-05:00", "2026-04-05T01:30:00+10:30", false, "2026-04-05T01:45:00+10:30"),
        ("01:00-01:45", "2026-04-05T01:45:00+11:00", false, "2026-04-05T01:30:00+10:30"),
    ] {
        assert_eq!(window(text).in_zone(&rules, at(now)), (open, at(until)), "{text} at {now}");
    }
}

#[test]
fn several_zones_are_open_where_all_of_them_are() {
    let australia = Zones::of(number(61_491_570_006));
    let russia = Zones::of(number(79_161_234_567));
    let eastern_and_western =
        [("2026-07-01", "09:00+08:00", "20:00+10:30"), ("2026-12-01", "09:00+08:00", "20:00+11:00")];
    for (day, from, to) in eastern_and_western {
        let (opens, closes) = (at(&format!("{day}T{from}")), at(&format!("{day}T{to}")));
        let day = window("09:00-20:00");
        assert_eq!(day.opening(australia, opens), Opening::Open { until: closes });
        let before = day.opening(australia, opens.plus_millis(-1));
        assert_eq!(before, Opening::Closed(Opens { at: opens, zone: "Australia/Perth" }));
        assert!(matches!(
            day.opening(australia, closes),
            Opening::Closed(Opens { zone: "Australia/Perth", .. })
        ));
    }
    // From Kaliningrad to Kamchatka it is ten hours: one is left of eleven.
    let noon = window("09:00-20:00").opening(russia, at("2026-12-01T00:00:00Z"));
    let one_hour = Opening::Closed(Opens { at: at("2026-12-01T07:00:00Z"), zone: "Europe/Kaliningrad" });
    assert_eq!(noon, one_hour);
    let until = at("2026-12-01T08:00:00Z");
    assert_eq!(window("09:00-20:00").opening(russia, at("2026-12-01T07:00:00Z")), Opening::Open { until });
}

#[test]
fn what_no_hour_of_the_day_fits_never_opens_and_always_is_always() {
    let now = at("2026-12-01T00:00:00Z");
    let russia = Zones::of(number(79_161_234_567));
    let nowhere = Zones::of(number(870_773_111_632));
    assert_eq!(window("09:00-12:00").opening(russia, now), Opening::Never);
    assert_eq!(window("09:00-20:00").opening(nowhere, now), Opening::Never);
    for zones in [russia, nowhere] {
        let always = window("00:00-24:00").opening(zones, now);
        assert_eq!(always, Opening::Open { until: UnixMillis(i64::MAX) });
    }
}

#[test]
fn an_opening_is_found_months_ahead_where_clocks_have_to_be_set_for_it() {
    // The Chatham Islands are 45 minutes ahead of the rest of New Zealand at any time.
    let zealand = Zones::of(number(64_211_234_567));
    let now = at("2026-12-01T00:00:00Z");
    assert_eq!(window("09:00-09:45").opening(zealand, now), Opening::Never);
    let opening = window("09:00-09:46").opening(zealand, now);
    assert!(matches!(opening, Opening::Closed(_)), "{opening:?}");
    // Mexico's border sets its clocks and its capital does not: three hours in winter, two in summer.
    let mexico = Zones::of_country(*b"MX");
    let opening = window("09:00-11:00").opening(mexico, at("2026-12-01T00:00:00Z"));
    assert_eq!(opening, Opening::Never);
    let opening = window("09:00-11:30").opening(mexico, at("2026-12-01T00:00:00Z"));
    let Opening::Closed(opens) = opening else { panic!("{opening:?}") };
    assert_eq!(opens.at, at("2027-03-14T09:00:00-07:00"), "when the border's clocks are set");
    assert_eq!(opens.to_string(), "09:00 America/Tijuana");
}

#[test]
fn any_instant_has_an_answer() {
    for zones in [in_zone("Australia/Sydney"), Zones::of(number(61_491_570_006))] {
        for instant in [i64::MIN, -1, 0, i64::MAX] {
            let now = UnixMillis(instant);
            match window("09:00-20:00").opening(zones, now) {
                Opening::Open { until } | Opening::Closed(Opens { at: until, .. }) => {
                    assert!(until >= now, "{instant}");
                }
                Opening::Never => panic!("{instant}"),
            }
        }
    }
}

/// What clocks show, by the database itself.
fn is_within(text: &str, zone: &str, at: UnixMillis) -> bool {
    let zone = TimeZoneDatabase::bundled().get(zone).expect("rules");
    let shown = Timestamp::from_millisecond(at.0).expect("a time").to_zoned(zone).time();
    let (from, to) = text.split_once('-').expect("a window");
    let from: jiff::civil::Time = from.parse().expect("a time");
    shown >= from && (to == "24:00" || shown < to.parse::<jiff::civil::Time>().expect("a time"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the zones, the window and the instant: open is open by every clock, closed is
    /// closed by one, and nothing changes before the instant that is given.
    #[test]
    fn open_is_what_every_clock_shows_and_stays_so_until_it_says(
        index in 0..Zones::COUNT,
        from in 0_u16..MINUTES_A_DAY,
        length in 1_u16..MINUTES_A_DAY,
        second in 1_767_225_600_i64..1_830_297_600, // 2026 and 2027
        part in 0.0..1.0_f64,
    ) {
        let zones = Zones::at(index);
        prop_assume!(zones.names().len() < 100);
        let window = Window { from, to: (from + length).min(MINUTES_A_DAY) };
        let text = window.to_string();
        let is_open = |at| zones.names().all(|zone| is_within(&text, zone, at));
        let now = UnixMillis(second * 1_000 + 7);
        let opening = window.opening(zones, now);
        prop_assert_eq!(opening.is_open(), is_open(now));
        if let Opening::Open { until } | Opening::Closed(Opens { at: until, .. }) = opening {
            prop_assert!(until > now);
            let span = (until.0 - now.0).min(SECONDS_A_DAY * 2_000);
            #[expect(clippy::cast_possible_truncation, reason = "a place between two instants")]
            let between = now.plus_millis((span as f64 * part) as i64);
            prop_assert_eq!(is_open(between), opening.is_open(), "{} in between", between.0);
            prop_assert_eq!(is_open(until.plus_millis(-1)), opening.is_open(), "just before");
            prop_assert_eq!(window.opening(zones, until).is_open(), is_open(until));
            if !opening.is_open() {
                prop_assert!(is_open(until), "it opens when it says");
            }
        }
    }
}
