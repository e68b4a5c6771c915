//! The rules of segments one by one, and what no text may do to them.

use volley_core::{
    Alphabet, BreakAt, Capacity, ConcatRef, Encoding, Language, MAX_SEGMENTS, National, Part, Profile,
    ProfileFault, Segments, Shifts,
};

fn using(locking: Option<Language>, single: Option<Language>) -> Profile {
    Profile { national: National::Use(Shifts { locking, single }), ..Profile::STANDARD }
}

fn allowing(languages: &[Language]) -> Profile {
    let allowed = languages.iter().copied().collect();
    Profile { national: National::Allow(allowed), ..Profile::STANDARD }
}

fn keeping_clusters() -> Profile {
    Profile { break_at: BreakAt::Grapheme, ..Profile::STANDARD }
}

/// The encoding, the units and the segments.
fn counted(profile: &Profile, text: &str) -> (Encoding, u32, u32) {
    let Segments { encoding, units, count, .. } = profile.count(text);
    (encoding, units, count)
}

fn part_units(profile: &Profile, text: &str) -> Vec<u32> {
    profile.split(text).map(|part| part.units).collect()
}

use Encoding::{Gsm7, Ucs2};
use Language::{Hindi, Portuguese, Spanish, Tamil, Turkish, Urdu};

#[test]
fn every_header_leaves_what_the_standard_says() {
    let wide = Profile { concat_ref: ConcatRef::Bits16, ..Profile::STANDARD };
    let none = Shifts::default();
    let one = Shifts { locking: Some(Turkish), single: None };
    let other = Shifts { locking: None, single: Some(Spanish) };
    let both = Shifts { locking: Some(Turkish), single: Some(Spanish) };
    let no_such = Shifts { locking: Some(Spanish), single: None };
    for (profile, encoding, shifts, single, part) in [
        (&Profile::STANDARD, Gsm7, none, 160, 153),
        (&Profile::STANDARD, Gsm7, one, 155, 149),
        (&Profile::STANDARD, Gsm7, other, 155, 149),
        (&Profile::STANDARD, Gsm7, both, 152, 146),
        (&Profile::STANDARD, Gsm7, no_such, 160, 153),
        (&Profile::STANDARD, Ucs2, none, 70, 67),
        (&Profile::STANDARD, Ucs2, both, 70, 67),
        (&wide, Gsm7, none, 160, 152),
        (&wide, Gsm7, one, 155, 148),
        (&wide, Gsm7, both, 152, 145),
        (&wide, Ucs2, none, 70, 66),
    ] {
        let capacity = profile.capacity(encoding, shifts);
        assert_eq!(capacity, Capacity { single, part }, "{encoding} {shifts:?} {:?}", profile.concat_ref);
    }
}

#[test]
fn the_empty_text_is_one_segment_of_no_units() {
    for profile in [Profile::STANDARD, keeping_clusters(), using(Some(Hindi), Some(Hindi)), allowing(&[Urdu])]
    {
        assert_eq!(counted(&profile, ""), (Gsm7, 0, 1));
        assert_eq!(profile.split("").collect::<Vec<_>>(), [Part { text: "", units: 0 }]);
        assert_eq!(profile.count_if_plain(""), 1);
        assert_eq!(profile.forcing("").count(), 0);
    }
    assert_eq!(Profile::STANDARD.left(""), 160);
    assert_eq!(using(Some(Hindi), Some(Hindi)).left(""), 152);
}

#[test]
fn controls_but_line_ends_and_form_feed_are_not_gsm_7() {
    for code in (0..0x20).chain(0x7F..0xA0) {
        let character = char::from_u32(code).expect("no surrogate");
        let expected = match character {
            '\n' | '\r' => (Gsm7, 100, 1),
            '\u{c}' => (Gsm7, 200, 2),
            _ => (Ucs2, 100, 2),
        };
        let text = character.to_string().repeat(100);
        assert_eq!(counted(&Profile::STANDARD, &text), expected, "U+{code:04X}");
    }
}

#[test]
fn a_character_of_two_units_on_the_seam_moves_to_the_next_part() {
    for (text, units) in [
        ("a".repeat(152) + "€" + &"a".repeat(10), &[152, 12][..]),
        ("a".repeat(151) + "€" + &"a".repeat(10), &[153, 10]),
        ("{".repeat(81), &[152, 10]),
        ("й".repeat(66) + "😀" + &"й".repeat(10), &[66, 12]),
        ("й".repeat(65) + "😀" + &"й".repeat(10), &[67, 10]),
        ("😀".repeat(36), &[66, 6]),
    ] {
        assert_eq!(part_units(&Profile::STANDARD, &text), units, "{text}");
        assert_eq!(Profile::STANDARD.count(&text).count as usize, units.len(), "{text}");
    }
}

#[test]
fn the_count_is_right_beside_the_naive_one_at_every_length() {
    for length in 0..2_000_u32 {
        // Full parts of 152 septets: one is lost in each.
        let text = "{".repeat(length as usize);
        let expected = if length <= 80 { 1 } else { length.div_ceil(76) };
        assert_eq!(counted(&Profile::STANDARD, &text), (Gsm7, 2 * length, expected), "{length}");
    }
}

#[test]
fn units_are_left_until_another_segment_is_needed() {
    for (text, left) in [
        ("a".repeat(160), 0),
        ("a".repeat(161), 145),
        ("a".repeat(306), 0),
        ("a".repeat(152) + "€" + &"a".repeat(10), 141),
        ("й".to_owned(), 69),
        ("й".repeat(71), 63),
    ] {
        assert_eq!(Profile::STANDARD.left(&text), left, "{text}");
    }
}

#[test]
fn clusters_stay_whole_unless_they_are_larger_than_a_part() {
    let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦"; // 11 units
    let accents = |count: usize| format!("й{}", "\u{301}".repeat(count - 1));
    for (text, whole, cut) in [
        (format!("йй{}", family.repeat(7)), &[57, 22][..], &[66, 13][..]),
        ("й".repeat(60) + family, &[60, 11], &[66, 5]),
        ("й".repeat(10) + &accents(67), &[10, 67], &[67, 10]),
        ("й".repeat(10) + &accents(68), &[67, 11], &[67, 11]),
        ("й".repeat(10) + &accents(68) + &accents(60), &[67, 11, 60], &[67, 67, 4]),
        ("й".repeat(66) + "\r\n" + &"й".repeat(5), &[67, 6], &[67, 6]),
        ("й".repeat(60) + "e\u{301}", &[62], &[62]),
    ] {
        assert_eq!(part_units(&keeping_clusters(), &text), whole, "whole: {text:?}");
        assert_eq!(part_units(&Profile::STANDARD, &text), cut, "cut: {text:?}");
        assert_eq!(keeping_clusters().count(&text).count as usize, whole.len(), "{text:?}");
    }
}

#[test]
fn clusters_stay_whole_in_national_tables() {
    let profile = Profile { break_at: BreakAt::Grapheme, ..using(Some(Hindi), None) };
    let text = "a".repeat(148) + "कि" + &"a".repeat(10);
    assert_eq!(part_units(&profile, &text), [148, 12]);
    assert_eq!(part_units(&using(Some(Hindi), None), &text), [149, 11]);
}

#[test]
fn named_tables_are_used_even_where_the_default_ones_would_do() {
    for (profile, text, encoding, units, count) in [
        (using(Some(Turkish), None), "a".repeat(156), Gsm7, 156, 2),
        (using(Some(Turkish), None), "ş".repeat(155), Gsm7, 155, 1),
        (using(None, Some(Turkish)), "ş".repeat(77), Gsm7, 154, 1),
        (using(Some(Hindi), None), "A".to_owned(), Ucs2, 1, 1),
        (using(Some(Hindi), Some(Hindi)), "A".to_owned(), Gsm7, 2, 1),
        (using(Some(Turkish), None), "å".to_owned(), Gsm7, 1, 1),
        (using(Some(Turkish), None), "æ".to_owned(), Ucs2, 1, 1),
        (using(Some(Spanish), Some(Spanish)), "ñá".to_owned(), Gsm7, 3, 1),
        (using(None, None), "a".repeat(160), Gsm7, 160, 1),
    ] {
        assert_eq!(counted(&profile, &text), (encoding, units, count), "{profile}: {text}");
    }
}

#[test]
fn the_cheapest_of_the_allowed_tables_are_chosen() {
    let (locking, single) = (|one| (Some(one), None), |one| (None, Some(one)));
    for (languages, text, expected, units, count) in [
        // No need for any.
        (&[Turkish][..], "Hello".to_owned(), (None, None), 5, 1),
        // Fewest segments before fewest tables.
        (&[Turkish], "ş".repeat(100), locking(Turkish), 100, 1),
        // Of one table each, fewest septets.
        (&[Turkish], "ş".to_owned(), locking(Turkish), 1, 1),
        // Of as many septets, the lowest locking identifier, and none is the lowest.
        (&[Turkish, Spanish], "ç".to_owned(), locking(Turkish), 1, 1),
        (&[Spanish, Portuguese], "ñá".to_owned(), single(Spanish), 3, 1),
        (&[Spanish, Portuguese], "á".repeat(80), locking(Portuguese), 80, 1),
        (&[Turkish, Portuguese], "ãğ".to_owned(), (Some(Turkish), Some(Portuguese)), 3, 1),
        // Fewer units that, because of the seams, take as many segments.
        (&[Portuguese], "{".repeat(145) + &"€".repeat(8), (None, None), 306, 3),
        (&[Portuguese], format!("€{}{}", "{".repeat(144), "€".repeat(9)), locking(Portuguese), 298, 2),
        // A locking table that takes the extension characters, beside none.
        (&[Portuguese], "€".repeat(90), locking(Portuguese), 90, 1),
        (&[Portuguese], "€".repeat(80), (None, None), 160, 1),
        (&[Hindi], format!("{}A", "क".repeat(100)), (Some(Hindi), Some(Hindi)), 102, 1),
        (&[Hindi, Urdu], format!("{}A", "क".repeat(100)), (Some(Hindi), Some(Hindi)), 102, 1),
        // Capital letters are in ten single tables alike: the lowest, even of another script.
        (&[Hindi, Tamil], format!("{}A", "க".repeat(100)), (Some(Tamil), Some(Hindi)), 102, 1),
    ] {
        let Segments { encoding, units: septets, count: segments, shifts } = allowing(languages).count(&text);
        assert_eq!(encoding, Gsm7, "{text}");
        assert_eq!((shifts.locking, shifts.single), expected, "{text}");
        assert_eq!((septets, segments), (units, count), "{text}");
    }
}

#[test]
fn what_no_pair_of_tables_can_write_is_ucs_2_though_no_character_forces_it() {
    let profile = allowing(&[Hindi, Tamil, Urdu]);
    let text = "कகب";
    assert_eq!(counted(&profile, text), (Ucs2, 3, 1));
    assert_eq!(profile.forcing(text).count(), 0);
    assert_eq!(profile.count_if_plain(&text.repeat(30)), 2);
    assert_eq!(profile.forcing("ก").collect::<Vec<_>>(), [(0, 'ก')]);
}

#[test]
fn characters_that_a_route_does_not_carry_force_ucs_2_in_every_table() {
    let without = |characters: &str| Alphabet::Without(characters.to_owned());
    let every: Vec<Language> = Language::ALL.to_vec();
    for national in [National::Never, using(Some(Portuguese), None).national, allowing(&every).national] {
        let profile = Profile { alphabet: without("€a"), national, ..Profile::STANDARD };
        for (text, encoding, forcing) in [
            ("Hello, 5 $ [x]", Gsm7, &[][..]),
            ("Hello, 5 €", Ucs2, &[(9, '€')]),
            ("Hello, all", Ucs2, &[(7, 'a')]),
        ] {
            assert_eq!(profile.count(text).encoding, encoding, "{profile}: {text}");
            assert_eq!(profile.forcing(text).collect::<Vec<_>>(), forcing, "{profile}: {text}");
            assert_eq!(profile.count_if_plain(text), 1, "{profile}: {text}");
        }
    }
    let nothing = Profile { alphabet: without("ก"), ..Profile::STANDARD };
    assert_eq!(counted(&nothing, "Hello"), (Gsm7, 5, 1));
}

#[test]
fn what_a_forcing_character_costs_is_what_it_would_be_without() {
    for (profile, text, count, plain) in [
        (Profile::STANDARD, "a".repeat(159) + "’", 3, 1),
        (Profile::STANDARD, "a".repeat(160) + "’", 3, 2),
        (Profile::STANDARD, "{".repeat(79) + "😀😀", 2, 1),
        (Profile::STANDARD, "{".repeat(80) + "😀", 2, 2),
        (Profile::STANDARD, "😀".repeat(160), 5, 1),
        (keeping_clusters(), "👨\u{200d}👩\u{200d}👧\u{200d}👦".repeat(22), 4, 1),
        (using(Some(Hindi), None), "क".repeat(155) + "’", 3, 2),
        (allowing(&[Turkish]), "ş".repeat(154) + "’", 3, 1),
    ] {
        assert_eq!((profile.count(&text).count, profile.count_if_plain(&text)), (count, plain), "{text}");
    }
}

#[test]
fn above_255_segments_a_text_is_still_counted_and_split() {
    for (text, count) in [
        ("a".repeat(153 * 255), 255),
        ("a".repeat(153 * 255 + 1), 256),
        ("€".repeat(76 * 300), 300),
        ("й".repeat(67 * 1_000), 1_000),
        ("😀".repeat(33 * 500), 500),
    ] {
        assert_eq!(Profile::STANDARD.count(&text).count, count);
        assert_eq!(Profile::STANDARD.split(&text).count(), count as usize);
        assert_eq!(Profile::STANDARD.split(&text).map(|part| part.text).collect::<String>(), text);
    }
    assert_eq!(MAX_SEGMENTS, 255);
}

#[test]
fn ten_mebibytes_of_anything_are_counted() {
    const SIZE: usize = 10 << 20;
    let every: Vec<Language> = Language::ALL.to_vec();
    let accents = "\u{301}".repeat(SIZE / 2);
    for (unit, profile) in [
        ("a", Profile::STANDARD),
        ("{", Profile::STANDARD),
        ("€", Profile::STANDARD),
        ("😀", Profile::STANDARD),
        ("😀", keeping_clusters()),
        ("👨\u{200d}", keeping_clusters()),
        ("🇦", keeping_clusters()),
        ("क\u{94d}", keeping_clusters()),
        (&accents, keeping_clusters()),
        ("{", allowing(&every)),
        ("कி", allowing(&every)),
        ("कA", Profile { break_at: BreakAt::Grapheme, ..allowing(&every) }),
        ("a€", Profile { alphabet: Alphabet::Without("€".to_owned()), ..Profile::STANDARD }),
    ] {
        let text = unit.repeat(SIZE / unit.len());
        let Segments { encoding, units, count, shifts } = profile.count(&text);
        let capacity = profile.capacity(encoding, shifts);
        // A cluster has 4 units at most, or is larger than a part and cut.
        let shortest = capacity.part - 3;
        assert!(count >= units.div_ceil(capacity.part), "{count} segments of {units} units");
        assert!(count <= units.div_ceil(shortest), "{count} segments of {units} units");
        assert!(profile.count_if_plain(&text) <= count);
    }
}

#[test]
fn a_profile_is_a_line_of_words() {
    let of_all = Profile {
        alphabet: Alphabet::Without("€|😀".to_owned()),
        concat_ref: ConcatRef::Bits16,
        break_at: BreakAt::Grapheme,
        national: National::Use(Shifts { locking: Some(Turkish), single: None }),
        max_segments: 10,
        max_characters: Some(1_600),
        ..Profile::STANDARD
    };
    for (profile, line) in [
        (
            Profile::STANDARD,
            "concat_ref=8 break=char national=never alphabet=standard max_segments=255 max_characters=none",
        ),
        (
            of_all,
            "concat_ref=16 break=grapheme national=locking:turkish,single:none \
             alphabet=without:U+20AC,U+007C,U+1F600 max_segments=10 max_characters=1600",
        ),
        (
            allowing(&[Urdu, Spanish]),
            "concat_ref=8 break=char national=allow:spanish,urdu alphabet=standard max_segments=255 max_characters=none",
        ),
    ] {
        assert_eq!(profile.to_string(), line);
        assert_eq!(line.parse(), Ok(profile));
    }
}

#[test]
fn what_is_no_profile_says_where_and_what_belongs_there() {
    let standard = Profile::STANDARD.to_string();
    for (from, to, found, wanted) in [
        ("concat_ref=8", "concat_ref=7", "concat_ref=7", "`concat_ref=8` or `16`"),
        (" break=char", "", "national=never", "`break=char` or `grapheme`"),
        ("=never", "=allow:klingon", "national=allow:klingon", "`national=never`"),
        ("=never", "=locking:urdu", "national=locking:urdu", "`national=never`"),
        ("standard", "without:20AC", "alphabet=without:20AC", "`alphabet=standard`"),
        ("standard", "without:U+D800", "alphabet=without:U+D800", "`alphabet=standard`"),
        ("=255", "=256", "max_segments=256", "`max_segments=1` to `255`"),
        ("=255", "=0", "max_segments=0", "`max_segments=1` to `255`"),
        (" max_characters=none", "", "", "`max_characters=none` or `1600`"),
        ("=none", "=many", "max_characters=many", "`max_characters=none` or `1600`"),
        ("=none", "=+5", "max_characters=+5", "max_characters=5`"),
        ("=none", "=none ", "max_characters=none ", "max_characters=none`"),
    ] {
        let line = standard.replace(from, to);
        let fault: ProfileFault = line.parse::<Profile>().expect_err(&line);
        assert!(fault.found.ends_with(found), "{line}: {fault}");
        assert!(fault.wanted.contains(wanted), "{line}: {fault}");
        assert_eq!(
            fault.to_string(),
            format!("segments cannot be counted by `{}`; write {}", fault.found, fault.wanted)
        );
    }
}

#[test]
fn counting_and_splitting_allocate_nothing() {
    let texts = [
        String::new(),
        "Hi Ann, your order is on its way.".to_owned(),
        "{x}€é ".repeat(200),
        "ลดราคา👨‍👩‍👧 ".repeat(100),
        "Değerli müşterimiz, iyi günler! ".repeat(40),
    ];
    let clusters = keeping_clusters();
    let profiles = [
        Profile::STANDARD,
        Profile { concat_ref: ConcatRef::Bits16, ..Profile::STANDARD },
        clusters,
        allowing(&Language::ALL),
        using(Some(Language::Hindi), Some(Language::Hindi)),
    ];
    for text in &texts {
        for profile in &profiles {
            let allocated = allocation_counter::measure(|| {
                let parts = profile.split(text).map(|part| part.units).sum::<u32>();
                let forcing = profile.forcing(text).count();
                let counted = profile.count(text);
                assert!(parts == counted.units && forcing <= text.len());
                assert!(profile.count_if_plain(text) <= counted.count && profile.left(text) <= 160);
            });
            assert_eq!(allocated.count_total, 0, "{profile} {:?}", text.chars().next());
        }
    }
}
