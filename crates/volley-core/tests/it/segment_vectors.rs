//! Every case of `data/vectors`, every field.

use serde_json::Value;
use volley_core::{
    BreakAt, ConcatRef, Encoding, Language, MAX_SEGMENTS, National, Part, Profile, Segments, Shifts,
};

const FILES: [&str; 3] = [
    include_str!("../../../../data/vectors/segments-gsm7.jsonl"),
    include_str!("../../../../data/vectors/segments-ucs2.jsonl"),
    include_str!("../../../../data/vectors/segments-options.jsonl"),
];

fn cases() -> impl Iterator<Item = Value> {
    let lines = FILES.into_iter().flat_map(str::lines);
    lines.map(|line| serde_json::from_str(line).expect("a JSON object a line"))
}

/// The standard's profile, with the options of a case.
fn profile(options: &Value) -> Profile {
    let language = |name: &Value| -> Option<Language> {
        name.as_str().map(|name| name.parse().expect("a language with tables"))
    };
    let shifts = Shifts { locking: language(&options["locking"]), single: language(&options["single"]) };
    let national = match options["allow"].as_array() {
        Some(allowed) => National::Allow(allowed.iter().filter_map(language).collect()),
        None if shifts == Shifts::default() => National::Never,
        None => National::Use(shifts),
    };
    let concat_ref = match options["concat_ref"].as_u64() {
        None => ConcatRef::Bits8,
        Some(16) => ConcatRef::Bits16,
        Some(other) => panic!("a reference of {other} bits"),
    };
    let break_at = match options["break"].as_str() {
        None => BreakAt::Character,
        Some("grapheme") => BreakAt::Grapheme,
        Some(other) => panic!("break {other}"),
    };
    Profile { concat_ref, break_at, national, ..Profile::STANDARD }
}

fn texts(values: &Value) -> Vec<&str> {
    values.as_array().into_iter().flatten().map(|text| text.as_str().expect("a text")).collect()
}

#[test]
fn every_field_of_every_vector_is_what_the_standard_says() {
    let (mut judged, mut naive_is_wrong) = (0, 0);
    for case in cases() {
        let (id, options) = (&case["id"], &case["options"]);
        let text = case["text"].as_str().expect("a text");
        let profile = profile(options);

        let Segments { encoding, units, count, shifts } = profile.count(text);
        assert_eq!(encoding.to_string(), case["encoding"], "{id}");
        assert_eq!(u64::from(units), case["units"], "{id}");
        assert_eq!(u64::from(count), case["segments"], "{id}");
        assert_eq!(count > MAX_SEGMENTS, case["over_limit"].as_bool().unwrap_or(false), "{id}");

        let parts: Vec<Part> = profile.split(text).collect();
        let split: Vec<&str> = parts.iter().map(|part| part.text).collect();
        assert_eq!(split, texts(&case["split"]), "{id}");
        let segment_units: Vec<u64> = parts.iter().map(|part| u64::from(part.units)).collect();
        let expected: Vec<u64> =
            case["segment_units"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        assert_eq!(segment_units, expected, "{id}");

        let capacity = profile.capacity(encoding, shifts);
        let naive = if units <= capacity.single { 1 } else { units.div_ceil(capacity.part) };
        assert_eq!(u64::from(naive), case["naive_segments"], "{id}");
        naive_is_wrong += u32::from(naive != count);

        if case.get("national").is_some_and(Value::is_object) {
            let name = |language: Option<Language>| language.map(Language::name);
            assert_eq!(name(shifts.locking), case["national"]["locking"].as_str(), "{id}");
            assert_eq!(name(shifts.single), case["national"]["single"].as_str(), "{id}");
        } else {
            assert_eq!(shifts, Shifts::default(), "{id}");
        }

        let mut non_gsm = Vec::new();
        for (_, character) in Profile::STANDARD.forcing(text) {
            if encoding == Encoding::Ucs2 && !non_gsm.contains(&character) {
                non_gsm.push(character);
            }
        }
        let non_gsm: Vec<String> = non_gsm.into_iter().map(String::from).collect();
        assert_eq!(non_gsm, texts(&case["non_gsm"]), "{id}");
        judged += 1;
    }
    assert_eq!((judged, naive_is_wrong), (3_508, 229));
}
