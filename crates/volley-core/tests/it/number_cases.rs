//! Phone numbers by the thousand: of every region, near the edges of its patterns, in every
//! spelling, and the same ones again for the same seed.

/// The metadata that the tables were compiled from; its README says what the lines mean.
const METADATA: &str = include_str!("../../../../data/numbers/metadata.txt");

/// What the metadata says of one region.
pub(crate) struct Plan {
    /// Two letters, or `001` for the numbers of no country.
    pub(crate) region: String,
    pub(crate) code: String,
    international: String,
    trunk: String,
    /// The patterns of all its numbers and of each kind.
    ranges: Vec<String>,
}

/// All plans, in the order of the file.
pub(crate) fn plans() -> Vec<Plan> {
    let blocks = METADATA.split("\n\n").filter(|block| !block.starts_with('#'));
    blocks.map(plan).collect()
}

fn plan(block: &str) -> Plan {
    let mut lines = block.lines();
    let mut heading = lines.next().expect("a heading").split(' ');
    let mut word = || heading.next().expect("a region and its code").trim_start_matches('+').to_owned();
    let (region, code) = (word(), word());
    let (mut international, mut trunk, mut ranges) = (String::new(), String::new(), Vec::new());
    for line in lines {
        let (word, rest) = line.split_once(' ').expect("a word and the rest");
        match word {
            "international" => rest.clone_into(&mut international),
            "trunk" => rest.clone_into(&mut trunk),
            "transform" | "leading" | "local" => {}
            _ => ranges.push(rest.split_once(' ').expect("lengths and a pattern").1.to_owned()),
        }
    }
    Plan { region, code, international, trunk, ranges }
}

/// Numbers that look random and are not (Steele, Lea and Flood's `SplitMix64`).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// Below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).expect("64 bits")).expect("below a usize")
    }

    pub(crate) fn one_of<T: Copy>(&mut self, several: &[T]) -> T {
        several[self.below(several.len())]
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn digit(&mut self) -> char {
        char::from(b'0' + u8::try_from(self.below(10)).expect("a digit"))
    }
}

/// A number of `plan` or something close to one, as somebody might write it.
pub(crate) fn spelling(plan: &Plan, random: &mut Random) -> String {
    let mut national = if random.one_in(8) {
        let length = random.below(15);
        (0..length).map(|_| random.digit()).collect()
    } else {
        matching(&plan.ranges[random.below(plan.ranges.len())], random)
    };
    for _ in 0..random.one_of(&[0, 0, 0, 1, 1, 2]) {
        mutate(&mut national, random);
    }
    let Plan { code, international, trunk, .. } = plan;
    let (international, trunk) = (matching(international, random), matching(trunk, random));
    let mut digits = match random.below(10) {
        0 | 1 => format!("+{code}{national}"),
        2 => format!("{code}{national}"),
        3 => format!("{international}{code}{national}"),
        4 | 5 => format!("{trunk}{national}"),
        6 => format!("+{code}{trunk}{national}"),
        7 => format!("{code}{trunk}{national}"),
        8 => format!("+{international}{code}{national}"),
        _ => national,
    };
    if random.one_in(16) {
        mutate(&mut digits, random);
    }
    let text = if random.one_in(2) { parted(&digits, random) } else { digits.clone() };
    // To a decimal tail Volley has a rule of its own.
    let has_tail = [".0", ".00"].iter().any(|tail| text.trim_end().ends_with(tail));
    if has_tail { digits } else { text }
}

/// Changes, adds or takes out one digit.
fn mutate(digits: &mut String, random: &mut Random) {
    let first = usize::from(digits.starts_with('+'));
    let at = first + random.below(digits.len() + 1 - first);
    match random.below(3) {
        0 => digits.insert(at, random.digit()),
        change => {
            if at < digits.len() {
                digits.remove(at);
                if change == 1 {
                    digits.insert(at, random.digit());
                }
            }
        }
    }
}

/// With blanks, brackets, dashes and dots between, before and after the digits.
fn parted(digits: &str, random: &mut Random) -> String {
    const SIGNS: [&str; 10] = [" ", " ", "-", ".", "(", ")", " (", ") ", " - ", "  "];
    let mut text = String::new();
    for digit in digits.chars() {
        if random.one_in(4) {
            text.push_str(random.one_of(&SIGNS));
        }
        text.push(digit);
    }
    if random.one_in(8) {
        text.push_str(random.one_of(&SIGNS));
    }
    text
}

/// A string that matches `pattern`, in which nothing but digits, `\d`, classes, groups, `|`, `$`,
/// `?` and `{2,3}` may occur.
fn matching(pattern: &str, random: &mut Random) -> String {
    let choices = choices(pattern);
    let mut rest = random.one_of(&choices);
    let mut text = String::new();
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(first_part(rest));
        let (least, most, behind) = repetition(behind);
        for _ in 0..least + random.below(most - least + 1) {
            match part.as_bytes() {
                b"\\d" => text.push(random.digit()),
                [b'[', ..] => text.push(random.one_of(&class(part))),
                [b'(', ..] => {
                    let inner = part[1..part.len() - 1].trim_start_matches("?:");
                    text.push_str(&matching(inner, random));
                }
                b"$" => {}
                _ => text.push_str(part),
            }
        }
        rest = behind;
    }
    text
}

/// `pattern` cut at the `|` that stand in no group.
fn choices(pattern: &str) -> Vec<&str> {
    let mut depth = 0;
    let separates = |character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == '|' && depth == 0
    };
    pattern.split(separates).collect()
}

/// How long the first part of `pattern` is: a digit, a class, a group.
fn first_part(pattern: &str) -> usize {
    match pattern.as_bytes()[0] {
        b'\\' => 2,
        b'[' => pattern.find(']').expect("the end of a class") + 1,
        b'(' => {
            let mut depth = 0;
            let end = pattern.bytes().position(|byte| {
                depth += i32::from(byte == b'(') - i32::from(byte == b')');
                depth == 0
            });
            end.expect("the end of a group") + 1
        }
        _ => 1,
    }
}

/// How often the part before `rest` occurs at least and at most, and what follows.
fn repetition(rest: &str) -> (usize, usize, &str) {
    if let Some(behind) = rest.strip_prefix('?') {
        return (0, 1, behind);
    }
    let Some((times, behind)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return (1, 1, rest);
    };
    let (least, most) = times.split_once(',').unwrap_or((times, times));
    let number = |text: &str| text.parse().expect("a number of times");
    (number(least), number(most), behind)
}

/// The digits of `[02-5]`.
fn class(part: &str) -> Vec<char> {
    let bytes = &part.as_bytes()[1..part.len() - 1];
    let mut digits = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'-' => digits.extend((bytes[at - 1] + 1..bytes[at + 1]).map(char::from)),
            digit => digits.push(char::from(*digit)),
        }
    }
    digits
}
