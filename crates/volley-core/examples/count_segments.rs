//! Counts the segments of a text as a provider bills them, and says which characters make it dear.
//!
//! `cargo run -p volley-core --example count_segments -- "Sale ends today – 20% off"`

use std::env;
use volley_core::{Profile, character_name, code_point, fold};

fn main() {
    let text = env::args().nth(1).unwrap_or_else(|| "Sale ends today – 20% off".to_owned());
    print!("{}", account(&text, &Profile::STANDARD));
}

/// What `text` takes where a provider counts by `profile`, a line each.
fn account(text: &str, profile: &Profile) -> String {
    let segments = profile.count(text);
    let mut lines = vec![format!(
        "{}, {} units, segments: {}, units left in the last: {}",
        segments.encoding,
        segments.units,
        segments.count,
        profile.left(text)
    )];
    let parts = (1..).zip(profile.split(text));
    lines.extend(parts.map(|(number, part)| format!("part {number}: {} units", part.units)));
    for (index, character) in profile.forcing(text) {
        let (point, name) = (code_point(character), character_name(character));
        lines.push(format!("character {}: {point} {name} is not in GSM-7", index + 1));
    }
    let mut folded = String::new();
    if fold(text, profile, &mut folded) {
        let saved = segments.count - profile.count(&folded).count;
        lines.push(format!("segments saved with look-alikes: {saved}"));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use volley_core::ConcatRef;

    #[test]
    fn a_plain_text_is_one_part() {
        let said = account("Sale ends today", &Profile::STANDARD);
        assert_eq!(said, "GSM-7, 15 units, segments: 1, units left in the last: 145\npart 1: 15 units\n");
    }

    #[test]
    fn a_long_dash_is_named_and_what_it_costs_is_said() {
        let text = format!("Sale ends today – {}", "x".repeat(80));
        let said = account(&text, &Profile::STANDARD);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(
            lines,
            [
                "UCS-2, 98 units, segments: 2, units left in the last: 36",
                "part 1: 67 units",
                "part 2: 31 units",
                "character 17: U+2013 EN DASH is not in GSM-7",
                "segments saved with look-alikes: 1",
            ]
        );
    }

    #[test]
    fn a_provider_that_counts_with_16_bit_references_has_smaller_parts() {
        let profile = Profile { concat_ref: ConcatRef::Bits16, ..Profile::STANDARD };
        let said = account(&"x".repeat(161), &profile);
        assert!(said.contains("part 1: 152 units\npart 2: 9 units\n"), "{said}");
    }
}
