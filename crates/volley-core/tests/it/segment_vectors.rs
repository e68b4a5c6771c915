//! Every case of `data/vectors/segments-{gsm7,ucs2}.jsonl`, every field.

use serde_json::Value;
use volley_core::Profile;

const GSM7: &str = include_str!("../../../../data/vectors/segments-gsm7.jsonl");
const UCS2: &str = include_str!("../../../../data/vectors/segments-ucs2.jsonl");

#[test]
fn every_default_vector_has_the_standards_answer() {
    let mut judged = 0;
    for line in GSM7.lines().chain(UCS2.lines()) {
        let case: Value = serde_json::from_str(line).expect("a JSON object a line");
        let id = &case["id"];
        let text = case["text"].as_str().expect("a text");
        let counted = Profile::STANDARD.count(text);
        assert_eq!(counted.encoding.to_string(), case["encoding"], "{id}");
        assert_eq!(u64::from(counted.units), case["units"], "{id}");
        assert_eq!(u64::from(counted.count), case["segments"], "{id}");
        let parts: Vec<&str> = Profile::STANDARD.split(text).map(|part| part.text).collect();
        let expected: Vec<&str> =
            case["split"].as_array().expect("parts").iter().filter_map(Value::as_str).collect();
        assert_eq!(parts, expected, "{id}");
        judged += 1;
    }
    assert!(judged > 2_000, "only {judged} cases were judged");
}
