//! The texts of rows, put together from short pieces, one behind another.
//!
//! Most pieces are shorter than a [`Step`] of 16 bytes. They are written in whole steps, whose
//! excess the next piece overwrites: to copy as many bytes as are known while compiling takes two
//! instructions and no call. The bench `texts` shows what it saves.

use crate::buffer::Buffer;
use std::{num::NonZeroU32, ops::Range};

/// Bytes that are written at once.
pub(crate) type Step = [u8; STEP];
pub(crate) const STEP: usize = 16;

/// Texts, one behind another, in buffers that are used again.
#[derive(Default)]
pub struct Texts {
    all: Buffer,
    /// Where a value or a text is changed before it joins the others.
    pub(crate) scratch: String,
}

/// Where a text lies in its [`Texts`].
#[derive(Clone, Copy, Default)]
pub(crate) struct TextPlace {
    start: u32,
    end: u32,
}

impl TextPlace {
    /// Bytes of the text.
    pub(crate) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Its place in [`Texts::all`].
    pub(crate) const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The place of the text of so many bytes that ends where this one starts.
    pub(crate) const fn before(self, length: NonZeroU32) -> Self {
        Self { start: self.start - length.get(), end: self.start }
    }

    /// The place of this text and of the one that starts where it ends.
    pub(crate) fn joined(self, next: Self) -> Option<Self> {
        (self.end == next.start).then_some(Self { start: self.start, end: next.end })
    }
}

/// The value that one row has in one column.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    /// What the value lies in.
    text: &'a str,
    start: usize,
    length: usize,
}

impl Texts {
    /// Forgets them and keeps the buffers.
    pub fn clear(&mut self) {
        self.all.clear();
    }

    /// All of them.
    pub fn all(&self) -> &str {
        simdutf8::basic::from_utf8(&self.all).expect("made of pieces of text")
    }

    /// The text at `place`.
    pub(crate) fn get(&self, place: TextPlace) -> &str {
        simdutf8::basic::from_utf8(self.bytes(place)).expect("made of pieces of text")
    }

    /// The bytes of the text at `place`.
    #[inline]
    pub(crate) fn bytes(&self, place: TextPlace) -> &[u8] {
        &self.all[place.range()]
    }

    /// How many bytes they have.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Forgets what was written behind the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.all.truncate(length);
    }

    /// The place of what was written from `start` on.
    #[inline]
    pub(crate) fn from(&self, start: usize) -> TextPlace {
        let offset = |place: usize| u32::try_from(place).expect("texts of a block are far below 4 GiB");
        TextPlace { start: offset(start), end: offset(self.len()) }
    }

    /// Appends `text`.
    pub(crate) fn push(&mut self, text: &str) {
        self.all.push(text.as_bytes());
    }

    /// Room for `least` bytes or more behind the texts. What is written there joins them by
    /// [`written`](Self::written).
    #[inline]
    pub(crate) fn room(&mut self, least: usize) -> &mut [u8] {
        self.all.room(least)
    }

    /// The first `count` bytes of the room, which are text, belong to them now.
    #[inline]
    pub(crate) fn written(&mut self, count: usize) {
        self.all.written(count);
    }
}

impl<'a> Value<'a> {
    /// What lies at `place` in `text`, where characters begin and end.
    #[inline]
    pub(crate) fn within(text: &'a str, place: Range<usize>) -> Self {
        Self { text, start: place.start, length: place.len() }
    }

    /// How many bytes it has.
    #[inline]
    pub(crate) const fn len(self) -> usize {
        self.length
    }

    /// Its bytes from `at` on and, where they are fewer than a step, anything behind them.
    #[inline]
    pub(crate) fn step(self, at: usize) -> Step {
        let bytes = &self.text.as_bytes()[self.start + at..];
        bytes.first_chunk().copied().unwrap_or_else(|| padded(bytes))
    }

    /// The value.
    pub(crate) fn text(self) -> &'a str {
        &self.text[self.start..self.start + self.length]
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::within(text, 0..text.len())
    }
}

/// Writes a step into `room`, if it has so many bytes from `at` on.
#[inline]
pub(crate) fn write(room: &mut [u8], at: usize, step: Step) -> Option<()> {
    *room.get_mut(at..)?.first_chunk_mut()? = step;
    Some(())
}

/// `text` in steps, the last of them filled up.
pub(crate) fn steps(text: &str) -> Vec<Step> {
    text.as_bytes().chunks(STEP).map(padded).collect()
}

/// Fewer bytes than a step, or as many, filled up with zeros.
#[cold]
fn padded(bytes: &[u8]) -> Step {
    let mut step = [0; STEP];
    step[..bytes.len()].copy_from_slice(bytes);
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_their_pieces(pieces in proptest::collection::vec((".{0,40}", any::<bool>()), 0..40)) {
            let (mut texts, mut expected) = (Texts::default(), String::new());
            for (piece, in_steps) in &pieces {
                let start = texts.len();
                if *in_steps {
                    let value = Value::from(piece.as_str());
                    let room = texts.room(value.len() + STEP);
                    for at in (0..value.len()).step_by(STEP) {
                        prop_assert!(write(room, at, value.step(at)).is_some());
                    }
                    texts.written(value.len());
                    prop_assert_eq!(value.text(), piece);
                } else {
                    texts.push(piece);
                }
                prop_assert_eq!(texts.get(texts.from(start)), piece);
                expected.push_str(piece);
            }
            prop_assert_eq!(texts.all(), expected);
        }
    }

    #[test]
    fn neighbours_are_joined_and_others_are_not() {
        let mut texts = Texts::default();
        let [one, two, three] = ["Hi ", "Ann", "!"].map(|text| {
            let start = texts.len();
            texts.push(text);
            texts.from(start)
        });
        assert_eq!(one.joined(two).map(|both| texts.get(both)), Some("Hi Ann"));
        assert!(one.joined(three).is_none() && two.joined(one).is_none());
        let length = NonZeroU32::new(3).expect("three bytes");
        assert_eq!(texts.get(three.before(length)), "Ann");
    }
}
