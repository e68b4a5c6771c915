//! Laws that hold for every text and every profile, and the twin that is as slow as it is plain.

use crate::twin::Twin;
use proptest::{collection, prelude::*, sample::select};
use unicode_segmentation::UnicodeSegmentation;
use volley_core::{
    Alphabet, BreakAt, ConcatRef, Encoding, Language, MAX_SEGMENTS, National, Part, Profile, Shifts,
};

/// Texts that meet the rules: plain, with extension characters, in the scripts of every table, and
/// with all that is joined to clusters; of one kind, or of several.
fn text() -> impl Strategy<Value = String> {
    let kind = select(vec![
        "[ -~]{0,400}",
        "[a-z\n\r]{0,400}",
        "[a-z€\\[\\]{}^~|\\\\\u{c}]{0,300}",
        "[a-zà-ü@£Δ]{0,300}",
        "[a-zğışİŞçãõ∞ªº€]{0,300}",
        "[a-z\u{900}-\u{97f}]{0,200}",
        "[\u{980}-\u{d7f}]{0,100}",
        "[a-z\u{600}-\u{6ff}]{0,200}",
        "[ก-๙ ]{0,200}",
        "[😀-😏 ]{0,200}",
        "[👨👩👧👦👍🏽\u{200d}\u{fe0f}🇦-🇿]{0,100}",
        "(👩\u{200d}👩\u{200d}👧\u{200d}👦 ?){0,20}",
        "[a\u{301}]{0,300}",
        "(\r\n|[가-힣\u{1100}-\u{11ff}\u{600}]){0,150}",
        "\\PC{0,200}",
        "(?s).{0,50}",
    ]);
    let one = kind.prop_flat_map(|pattern| pattern);
    collection::vec(one, 1..4).prop_map(|texts| texts.concat())
}

fn language() -> impl Strategy<Value = Language> {
    select(Language::ALL.to_vec())
}

fn national() -> impl Strategy<Value = National> {
    let shifts = (proptest::option::of(language()), proptest::option::of(language()));
    prop_oneof![
        Just(National::Never),
        shifts.prop_map(|(locking, single)| National::Use(Shifts { locking, single })),
        collection::vec(language(), 0..4)
            .prop_map(|languages| National::Allow(languages.into_iter().collect())),
        Just(National::Allow(Language::ALL.into_iter().collect())),
    ]
}

fn profile() -> impl Strategy<Value = Profile> {
    let alphabet = prop_oneof![
        2 => Just(Alphabet::Standard),
        1 => "[a-z€{é\n\u{905}😀]{0,3}".prop_map(Alphabet::Without),
    ];
    (
        alphabet,
        select(vec![ConcatRef::Bits8, ConcatRef::Bits16]),
        select(vec![BreakAt::Character, BreakAt::Grapheme]),
        national(),
        1..=MAX_SEGMENTS,
        any::<Option<usize>>(),
    )
        .prop_map(|(alphabet, concat_ref, break_at, national, max_segments, max_characters)| Profile {
            alphabet,
            concat_ref,
            break_at,
            national,
            max_segments,
            max_characters,
            ..Profile::STANDARD
        })
}

/// Without whole clusters. With them a larger one can be cheaper: one that outgrows a part is cut.
fn profile_that_cuts_anywhere() -> impl Strategy<Value = Profile> {
    profile().prop_map(|profile| Profile { break_at: BreakAt::Character, ..profile })
}

fn twin() -> Twin {
    Twin::new(|text| text.graphemes(true).collect())
}

proptest! {
    #[test]
    fn the_slow_twin_agrees_under_every_profile(text in text(), profile in profile()) {
        let twin = twin();
        let sent = twin.send(&text, &profile);
        let counted = profile.count(&text);
        prop_assert_eq!((counted.encoding, counted.shifts), (sent.encoding, sent.shifts));
        prop_assert_eq!((counted.units as usize, counted.count as usize), (sent.units, sent.parts.len()));
        let parts: Vec<_> = profile.split(&text).map(|part| (part.text.to_owned(), part.units as usize)).collect();
        prop_assert_eq!(parts, sent.parts);
        prop_assert_eq!(profile.left(&text) as usize, sent.left);
        let forcing: Vec<_> = profile.forcing(&text).collect();
        prop_assert_eq!(forcing, twin.forcing(&text, &profile));
        prop_assert_eq!(profile.count_if_plain(&text) as usize, twin.parts_if_plain(&text, &profile));
    }

    #[test]
    fn the_slow_twin_agrees_with_the_standard(text in text()) {
        let sent = twin().send(&text, &Profile::STANDARD);
        let counted = Profile::STANDARD.count(&text);
        prop_assert_eq!(counted.encoding, sent.encoding);
        prop_assert_eq!((counted.units as usize, counted.count as usize), (sent.units, sent.parts.len()));
    }

    #[test]
    fn the_parts_are_the_text_and_each_is_as_full_as_it_goes(text in text(), profile in profile()) {
        let counted = profile.count(&text);
        let capacity = profile.capacity(counted.encoding, counted.shifts);
        let parts: Vec<Part> = profile.split(&text).collect();
        prop_assert_eq!(parts.iter().map(|part| part.text).collect::<String>(), &text[..]);
        prop_assert_eq!(parts.iter().map(|part| part.units).sum::<u32>(), counted.units);
        prop_assert_eq!(parts.len(), counted.count as usize);
        let room = if parts.len() == 1 { capacity.single } else { capacity.part };
        for part in &parts {
            prop_assert!(part.units <= room, "{} units, {} fit", part.units, room);
        }
        for pair in parts.windows(2) {
            let both = pair[0].units + pair[1].units;
            prop_assert!(both > room, "{} units in two parts, {} fit one", both, room);
        }
    }

    #[test]
    fn adding_a_character_never_makes_a_text_cheaper(
        text in text(),
        more in any::<char>(),
        profile in profile_that_cuts_anywhere(),
    ) {
        let longer = format!("{text}{more}");
        prop_assert!(profile.count(&longer).count >= profile.count(&text).count);
    }

    #[test]
    fn no_stricter_profile_is_cheaper(
        text in text(),
        profile in profile_that_cuts_anywhere(),
        removed in "[a-z€é]{1,3}",
    ) {
        let count = |profile: &Profile| profile.count(&text).count;
        let larger_header = Profile { concat_ref: ConcatRef::Bits16, ..profile.clone() };
        prop_assert!(count(&larger_header) >= count(&profile));
        let whole_clusters = Profile { break_at: BreakAt::Grapheme, ..profile.clone() };
        prop_assert!(count(&whole_clusters) >= count(&profile));
        let whole = Profile { alphabet: Alphabet::Standard, ..profile };
        let without = Profile { alphabet: Alphabet::Without(removed), ..whole.clone() };
        prop_assert!(count(&without) >= count(&whole));
        let every = National::Allow(Language::ALL.into_iter().collect());
        let cheapest = count(&Profile { national: every, ..whole.clone() });
        prop_assert!(count(&whole) >= cheapest);
    }

    #[test]
    fn a_text_is_ucs2_exactly_when_a_character_forces_it(text in text(), profile in profile()) {
        let is_ucs2 = profile.count(&text).encoding == Encoding::Ucs2;
        let is_forced = profile.forcing(&text).next().is_some();
        match profile.national {
            National::Allow(_) => prop_assert!(is_ucs2 || !is_forced),
            National::Never | National::Use(_) => prop_assert_eq!(is_ucs2, is_forced),
        }
    }

    #[test]
    fn what_is_left_can_be_added_and_no_more(text in text(), profile in profile()) {
        let counted = profile.count(&text);
        let left = profile.left(&text) as usize;
        // A line feed is one unit in every alphabet, and attaches to nothing.
        let with = |more: usize| profile.count(&format!("{text}{}", "\n".repeat(more)));
        let filled = with(left);
        if (filled.encoding, filled.shifts) == (counted.encoding, counted.shifts) {
            prop_assert_eq!(filled.count, counted.count);
            let over = with(left + 1);
            prop_assert!(over.count > counted.count || over.shifts != counted.shifts);
        }
    }

    #[test]
    fn a_profile_is_read_back_as_it_was_written(profile in profile()) {
        prop_assert_eq!(profile.to_string().parse::<Profile>(), Ok(profile));
    }

    #[test]
    fn whatever_is_read_as_a_profile_is_written_alike(
        text in "(concat_ref=(8|16|7) break=(char|grapheme|x) national=(never|allow:[a-z,]{0,9}|locking:urdu,single:none) alphabet=(standard|without:(U\\+[0-9A-F]{1,5},?){0,3}) max_segments=[0-9]{1,3} max_characters=(none|[0-9]{1,3}))| {0,6}|\\PC{0,40}",
    ) {
        if let Ok(profile) = text.parse::<Profile>() {
            prop_assert_eq!(profile.to_string(), text);
        }
    }
}
