//! Reading the metadata that the port of libphonenumber carries in it.
//!
//! It is a message of Google's protocol buffers, `PhoneMetadataCollection` of the file
//! `phonemetadata.proto` beside it. Only the fields that say which numbers exist and how they are
//! dialled are taken; formats and examples are passed over.

use super::plan::{Kind, Plan, Range};

/// The tags of `PhoneMetadata` that hold the range of each kind.
const KINDS: [(u64, Kind); 10] = [
    (2, Kind::Fixed),
    (3, Kind::Mobile),
    (4, Kind::TollFree),
    (5, Kind::Premium),
    (6, Kind::SharedCost),
    (7, Kind::Personal),
    (8, Kind::Voip),
    (21, Kind::Pager),
    (25, Kind::Uan),
    (28, Kind::Voicemail),
];

/// The plans in `bytes`, in their order.
pub(super) fn plans(bytes: &[u8]) -> Result<Vec<Plan>, String> {
    let regions = fields(bytes)?.into_iter().filter(|(tag, _)| *tag == 1);
    regions.map(|(_, value)| plan(value.bytes()?)).collect()
}

fn plan(bytes: &[u8]) -> Result<Plan, String> {
    let mut plan = Plan::default();
    for (tag, value) in fields(bytes)? {
        match tag {
            1 => {
                plan.general = range(value.bytes()?)?.ok_or("a region without a general range")?;
                plan.local_lengths = local_lengths(value.bytes()?)?;
            }
            9 => value.text()?.clone_into(&mut plan.region),
            10 => plan.code = u16::try_from(value.number()?).map_err(|_| "a calling code of five digits")?,
            11 => plan.international = pattern(value)?,
            15 => plan.trunk = pattern(value)?,
            16 => value.text()?.clone_into(&mut plan.transform),
            18 => plan.same_mobile_and_fixed = value.number()? == 1,
            22 => plan.main = value.number()? == 1,
            23 => plan.leading = pattern(value)?,
            _ => {
                if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == tag)
                    && let Some(range) = range(value.bytes()?)?
                {
                    plan.kinds.insert(*kind, range);
                }
            }
        }
    }
    Ok(plan)
}

/// One `PhoneNumberDesc`; `None` where it has no pattern, so that no number is of its kind.
fn range(bytes: &[u8]) -> Result<Option<Range>, String> {
    let mut range = Range::default();
    let (mut has_pattern, mut has_numbers) = (false, true);
    for (tag, value) in fields(bytes)? {
        match tag {
            2 => {
                range.pattern = pattern(value)?;
                has_pattern = true;
            }
            9 => match lengths(value)? {
                Some(lengths) => range.lengths |= lengths,
                None => has_numbers = false,
            },
            _ => {}
        }
    }
    Ok((has_pattern && has_numbers).then_some(range))
}

/// The lengths in a `PhoneNumberDesc` that can be dialled within an area only.
fn local_lengths(bytes: &[u8]) -> Result<u32, String> {
    let local = fields(bytes)?.into_iter().filter(|(tag, _)| *tag == 10);
    local.map(|(_, value)| lengths(value)).try_fold(0, |bits, more| Ok(bits | more?.unwrap_or(0)))
}

/// A pattern without the `^(?:` and `)$` that the port puts around each.
fn pattern(value: Value<'_>) -> Result<String, String> {
    let text = value.text()?;
    let inner = text.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
    inner.map(str::to_owned).ok_or_else(|| format!("the pattern `{text}` has no anchors"))
}

/// Bits of the lengths in `value`, which is one number or several in a row; `None` where it is
/// the -1 that stands for "there are no such numbers".
fn lengths(value: Value<'_>) -> Result<Option<u32>, String> {
    let mut numbers = Vec::new();
    match value {
        Value::Number(number) => numbers.push(number),
        Value::Bytes(mut bytes) => {
            while !bytes.is_empty() {
                numbers.push(number(&mut bytes)?);
            }
        }
    }
    if numbers == [(-1_i64).cast_unsigned()] {
        return Ok(None);
    }
    let mut bits = 0;
    for length in numbers {
        let bit = u32::try_from(length).ok().and_then(|length| 1_u32.checked_shl(length));
        bits |= bit.ok_or_else(|| format!("a length of {length}"))?;
    }
    Ok(Some(bits))
}

/// What a field holds.
#[derive(Clone, Copy)]
enum Value<'bytes> {
    Number(u64),
    Bytes(&'bytes [u8]),
}

impl<'bytes> Value<'bytes> {
    fn number(self) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Bytes(_) => Err("bytes where a number belongs".to_owned()),
        }
    }

    fn bytes(self) -> Result<&'bytes [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err("a number where bytes belong".to_owned()),
        }
    }

    fn text(self) -> Result<&'bytes str, String> {
        str::from_utf8(self.bytes()?).map_err(|error| error.to_string())
    }
}

/// The fields of a message with their tags.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u64, Value<'_>)>, String> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Number(number(&mut bytes)?),
            2 => {
                let length = usize::try_from(number(&mut bytes)?).map_err(|error| error.to_string())?;
                let (value, rest) = bytes.split_at_checked(length).ok_or("a field that ends too early")?;
                bytes = rest;
                Value::Bytes(value)
            }
            other => return Err(format!("a field of wire type {other}")),
        };
        fields.push((key >> 3, value));
    }
    Ok(fields)
}

/// Takes a number of variable length off the front of `bytes`.
fn number(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or("a number that ends too early")?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number of more than 64 bits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of bytes, as it stands in a message.
    fn field(tag: u8, value: &[u8]) -> Vec<u8> {
        [&[tag << 3 | 2, u8::try_from(value.len()).expect("a short field")], value].concat()
    }

    #[test]
    fn a_message_becomes_a_plan() {
        let none = [9 << 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
        let general = [&field(2, b"^(?:4\\d{3})$")[..], &[9 << 3, 4, 9 << 3, 6], &field(10, &[3])].concat();
        let mobile = [&field(2, b"^(?:4[1-3]\\d\\d)$")[..], &field(9, &[4]), &field(6, b"4123")].concat();
        let region = [
            &field(1, &general)[..],
            &field(3, &mobile),
            &field(4, &none),
            &field(9, b"AX"),
            &[10 << 3, 0xE6, 0x02], // 358
            &field(11, b"^(?:00)$"),
            &field(15, b"^(?:0)$"),
            &[0xB0, 0x01, 1], // tag 22, the main region of its code
        ];
        let plans = plans(&field(1, &region.concat())).expect("a good message");
        let [plan] = plans.as_slice() else { panic!("one region") };
        assert_eq!((plan.region.as_str(), plan.code, plan.main), ("AX", 358, true));
        assert_eq!((plan.international.as_str(), plan.trunk.as_str()), ("00", "0"));
        let range = |pattern: &str, lengths| Range { pattern: pattern.to_owned(), lengths };
        assert_eq!(plan.general, range("4\\d{3}", 1 << 4 | 1 << 6));
        assert_eq!(plan.local_lengths, 1 << 3);
        assert_eq!(plan.kinds, [(Kind::Mobile, range("4[1-3]\\d\\d", 1 << 4))].into());
    }

    #[test]
    fn damage_is_refused() {
        for bytes in [&b"\x0A\x05\x4A"[..], b"\x80", b"\x0B", b"\x08\x01", b"\x0A\x02\x50\x80"] {
            assert!(plans(bytes).is_err(), "{bytes:x?}");
        }
    }
}
