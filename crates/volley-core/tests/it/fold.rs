//! Smart folding: its table, and the laws of what it does to a text.

use proptest::{prelude::*, sample};
use volley_core::{
    Alphabet, Encoding, Language, National, Profile, Shifts, Substitution, TYPOGRAPHIC, fold, replacements,
    substitute_char,
};

/// What `text` is folded to under `profile`, if it is.
fn folded(text: &str, profile: &Profile) -> Option<String> {
    let mut out = String::from("of an earlier text");
    fold(text, profile, &mut out).then_some(out)
}

fn is_gsm7(text: &str) -> bool {
    Profile::STANDARD.count(text).encoding == Encoding::Gsm7
}

/// A text that takes two segments in UCS-2 and one in GSM-7, and ends with `end`.
fn long(end: &str) -> String {
    format!("{}{end}", "Sale ends today. ".repeat(5))
}

#[test]
fn the_table_is_sorted_and_names_nothing_twice() {
    for pair in TYPOGRAPHIC.windows(2) {
        assert!(pair[0].from < pair[1].from, "{pair:?}");
    }
}

#[test]
fn what_is_sent_is_all_of_it_in_gsm_7() {
    for Substitution { from, to } in TYPOGRAPHIC {
        assert!(is_gsm7(to), "{from:?} becomes {to:?}");
    }
}

#[test]
fn what_is_replaced_is_one_character_beyond_gsm_7_or_a_mark_behind_a_letter() {
    for Substitution { from, to } in TYPOGRAPHIC {
        let forcing: Vec<_> = Profile::STANDARD.forcing(from).map(|(index, _)| index).collect();
        match from.chars().count() {
            1 => assert_eq!(forcing, [0], "{from:?}"),
            2 => {
                assert_eq!(forcing, [1], "{from:?}: the mark alone forces UCS-2");
                assert!(from.starts_with(|letter: char| letter.is_ascii_alphabetic()), "{from:?}");
                assert_eq!(to.chars().count(), 1, "{from:?} is one letter");
            }
            length => panic!("{from:?} has {length} characters"),
        }
    }
}

#[test]
fn no_entry_begins_with_another() {
    for one in TYPOGRAPHIC {
        for other in TYPOGRAPHIC.iter().filter(|other| other.from != one.from) {
            assert!(!other.from.starts_with(one.from), "{one:?} hides {other:?}");
        }
    }
}

#[test]
fn every_group_is_replaced_as_it_reads() {
    for (written, sent) in [
        ("‘don’t’", "'don't'"),
        ("“so” „so“ «so»", "\"so\" \"so\" \"so\""),
        ("6′ 2″", "6' 2\""),
        ("‹so›", "<so>"),
        ("9–5 — co\u{2011}op −3", "9-5 - co-op -3"),
        ("and so on…", "and so on..."),
        ("• one ‣ two · three", "* one * two . three"),
        ("3×4 1⁄2", "3x4 1/2"),
        ("5\u{2126} 3\u{212b} 2\u{212a}", "5Ω 3Å 2K"),
        ("ﬁne ﬂoor oﬀ oﬃce baﬄe", "fine floor off office baffle"),
        ("a\u{a0}b\tc\u{2009}d\u{3000}e", "a b c d e"),
        ("a\u{2028}b\u{2029}c", "a\nb\nc"),
        ("in\u{ad}vis\u{200b}ib\u{2060}le\u{feff}", "invisible"),
        ("\u{202a}0491 570 006\u{202c}", "0491 570 006"),
        ("ＳＡＬＥ！ ５０％～［｀］", "SALE! 50%~[']"),
        ("cafe\u{301} a\u{300} C\u{327}a A\u{30a} n\u{303} U\u{308}", "café à Ça Å ñ Ü"),
    ] {
        assert_eq!(folded(&long(written), &Profile::STANDARD), Some(long(sent)), "{written:?}");
    }
}

#[test]
fn every_letter_of_gsm_7_that_can_be_written_as_two_characters_is_put_together() {
    let composed: Vec<&str> =
        TYPOGRAPHIC.iter().filter(|one| one.from.chars().count() == 2).map(|one| one.to).collect();
    for letter in "àèéùìòÇÅåÄÖÑÜäöñüÉ".chars() {
        assert!(composed.contains(&letter.to_string().as_str()), "{letter} has no entry");
    }
    assert_eq!(composed.len(), 18);
}

#[test]
fn a_text_with_one_character_that_nothing_looks_like_is_left_alone() {
    for end in [
        "ça",              // a letter that GSM-7 lacks
        "c\u{327}a",       // the same in two characters
        "a\u{301}",        // a mark on a letter that GSM-7 has without it
        "a\u{300}\u{301}", // two marks on one letter
        "’\u{301}",        // a mark on a look-alike
        "\u{301}",
        "\u{43e}ff", // Cyrillic o
        "λ",
        "½",
        "™",
        "。",
        "\u{202e}so\u{202c}", // shown backwards
        "😀",
        "👩\u{200d}🚀",
        "สวัสดี",
    ] {
        let text = long(&format!("Don’t miss {end}"));
        assert_eq!(folded(&text, &Profile::STANDARD), None, "{end:?}");
    }
    assert_eq!(folded("\u{301}", &Profile::STANDARD), None);
}

#[test]
fn a_text_is_folded_only_where_that_saves_a_segment() {
    let fits = "x".repeat(69);
    assert_eq!(folded(&format!("{fits}’"), &Profile::STANDARD), None, "one segment either way");
    assert_eq!(folded(&format!("{fits}x’"), &Profile::STANDARD), Some(format!("{fits}x'")));
    assert_eq!(folded(&"…".repeat(71), &Profile::STANDARD), None, "213 full stops take two segments as well");
    assert_eq!(folded(&"…".repeat(134), &Profile::STANDARD), None, "402 take three instead of two");
}

#[test]
fn a_character_that_the_profile_can_write_is_no_look_alike() {
    let portuguese = Shifts { locking: Some(Language::Portuguese), single: None };
    let profile = Profile { national: National::Use(portuguese), ..Profile::STANDARD };
    // The Portuguese table has the grave accent and no curly quotes.
    assert_eq!(folded(&long("`so’"), &profile), Some(long("`so'")));
}

#[test]
fn joiners_stay_where_national_tables_write_the_scripts_they_shape() {
    let hindi = Shifts { locking: Some(Language::Hindi), single: None };
    let profile = Profile { national: National::Use(hindi), ..Profile::STANDARD };
    let text = "क्\u{200d}ष ".repeat(20);
    assert_eq!(profile.count(&text.replace('\u{200d}', "")).encoding, Encoding::Gsm7, "it could be dropped");
    assert_eq!(folded(&text, &profile), None);
    assert_eq!(replacements(&text, &profile).count(), 0);
}

#[test]
fn what_a_route_lacks_stands_for_nothing() {
    let profile = Profile { alphabet: Alphabet::Without("'".to_owned()), ..Profile::STANDARD };
    assert_eq!(folded(&long("Don’t"), &profile), None);
}

#[test]
fn replacements_name_where_each_look_alike_begins() {
    let found: Vec<(usize, &str, &str)> = replacements("“cafe\u{301}” 😀 \u{ad}", &Profile::STANDARD)
        .map(|(at, one)| (at, one.from, one.to))
        .collect();
    assert_eq!(found, [(0, "“", "\""), (4, "e\u{301}", "é"), (6, "”", "\""), (10, "\u{ad}", "")]);
}

#[test]
fn one_character_has_what_stands_for_it() {
    for (character, stands) in [
        ('’', Some("'")),
        ('…', Some("...")),
        ('\u{feff}', Some("")),
        ('\u{301}', None),
        ('ç', None),
        ('a', None),
    ] {
        assert_eq!(substitute_char(TYPOGRAPHIC, character), stands, "{character:?}");
    }
}

/// Texts in which folding has something to do, and texts in which it has not.
fn text() -> impl Strategy<Value = String> {
    let piece = || {
        prop_oneof![
            6 => "[ -~]{0,40}",
            3 => sample::select(TYPOGRAPHIC).prop_map(|one| one.from.to_owned()),
            1 => "[a-zA-Z][\u{300}-\u{30a}]",
        ]
    };
    prop_oneof![
        8 => proptest::collection::vec(piece(), 0..60).prop_map(|pieces| pieces.concat()),
        1 => "\\PC{0,200}",
        1 => any::<String>(),
    ]
}

/// Ways of counting under which other characters force UCS-2.
fn profile() -> impl Strategy<Value = Profile> {
    let turkish = Shifts { locking: Some(Language::Turkish), single: None };
    let languages = [Language::Portuguese, Language::Hindi].into_iter().collect();
    let nationals = [National::Never, National::Never, National::Use(turkish), National::Allow(languages)];
    let alphabets = [Alphabet::Standard, Alphabet::Standard, Alphabet::Without("'~é".to_owned())];
    (sample::select(nationals.to_vec()), sample::select(alphabets.to_vec()))
        .prop_map(|(national, alphabet)| Profile { national, alphabet, ..Profile::STANDARD })
}

/// Pairs first, then single characters, each over the whole text.
fn slow_fold(text: &str) -> Option<String> {
    let mut result = text.to_owned();
    for length in [2, 1] {
        for Substitution { from, to } in TYPOGRAPHIC.iter().filter(|one| one.from.chars().count() == length) {
            result = result.replace(from, to);
        }
    }
    let cheaper = Profile::STANDARD.count(&result).count < Profile::STANDARD.count(text).count;
    (!is_gsm7(text) && is_gsm7(&result) && cheaper).then_some(result)
}

proptest! {
    #[test]
    fn the_slow_twin_folds_alike(text in text()) {
        prop_assert_eq!(folded(&text, &Profile::STANDARD), slow_fold(&text));
    }

    #[test]
    fn a_folded_text_is_cheaper_gsm_7_and_folding_it_again_changes_nothing(text in text(), profile in profile()) {
        if let Some(result) = folded(&text, &profile) {
            let (before, after) = (profile.count(&text), profile.count(&result));
            prop_assert_eq!((before.encoding, after.encoding), (Encoding::Ucs2, Encoding::Gsm7));
            prop_assert!(after.count < before.count);
            prop_assert_eq!(profile.forcing(&result).next(), None);
            prop_assert_eq!(folded(&result, &profile), None);
            prop_assert_eq!(replacements(&text, &profile).count(), profile.forcing(&text).count());
        }
    }

    #[test]
    fn a_gsm_7_text_is_never_touched(text in "[ -_a-~\n£é€]{0,400}") {
        prop_assert_eq!(folded(&text, &Profile::STANDARD), None);
        prop_assert_eq!(replacements(&text, &Profile::STANDARD).count(), 0);
    }

    #[test]
    fn replacements_stand_in_the_text_where_they_say(text in text()) {
        let characters: Vec<char> = text.chars().collect();
        let mut end = 0;
        for (index, one) in replacements(&text, &Profile::STANDARD) {
            prop_assert!(index >= end, "{:?} overlaps the one before", one);
            end = index + one.from.chars().count();
            prop_assert_eq!(characters[index..end].iter().collect::<String>(), one.from);
        }
    }
}
