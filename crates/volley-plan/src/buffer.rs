//! Bytes in a buffer that is used again and again.
//!
//! What is behind the bytes stays as it is, so that room for more is there without writing zeros
//! into it first, as a `Vec` would.

use std::ops::{Deref, DerefMut};

/// The room that a buffer starts with, in bytes.
const FIRST_ROOM: usize = 4 * 1024;

/// Bytes, and room behind them.
#[derive(Default)]
pub(crate) struct Buffer {
    /// The bytes up to `end`; anything from there on.
    bytes: Vec<u8>,
    end: usize,
}

impl Buffer {
    /// Forgets them and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.end = 0;
    }

    /// Appends `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.written(bytes.len());
    }

    /// Room for `least` bytes or more behind them. What is written there joins them by
    /// [`written`](Self::written).
    #[inline]
    pub(crate) fn room(&mut self, least: usize) -> &mut [u8] {
        if self.bytes.len() - self.end < least {
            self.make_room(least);
        }
        &mut self.bytes[self.end..]
    }

    #[cold]
    fn make_room(&mut self, least: usize) {
        self.bytes.resize((self.end + least).max(self.bytes.len() * 2).max(FIRST_ROOM), 0);
    }

    /// The first `count` bytes of the room belong to them now.
    #[inline]
    pub(crate) fn written(&mut self, count: usize) {
        self.end += count;
    }

    /// Keeps the first `length` of them.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.end = self.end.min(length);
    }

    /// Forgets the first `count` of them.
    pub(crate) fn drop_front(&mut self, count: usize) {
        self.bytes.copy_within(count..self.end, 0);
        self.end -= count;
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.end]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_what_was_put_into_it_and_not_forgotten() {
        let mut buffer = Buffer::default();
        buffer.push(b"abcdef");
        buffer.drop_front(2);
        buffer.truncate(3);
        assert_eq!(&*buffer, b"cde");
        buffer.room(100_000)[..2].copy_from_slice(b"xy");
        buffer.written(2);
        assert_eq!(&*buffer, b"cdexy");
        buffer.clear();
        assert!(buffer.is_empty());
    }
}
