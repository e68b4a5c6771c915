//! Cutting a text into parts, each as full as it goes.

use super::Part;
use std::{iter, str::Chars};
use unicode_segmentation::{Graphemes, UnicodeSegmentation};

/// What is not cut: a character, or a grapheme cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    bytes: usize,
    units: u32,
}

/// The pieces of a text, in order. A character has the units that `cost` says.
pub(super) struct Pieces<'a, C> {
    cost: C,
    /// Characters that are pieces by themselves and come next.
    loose: Chars<'a>,
    /// What is behind them.
    clusters: Option<Graphemes<'a>>,
    /// No piece has more units.
    largest: u32,
}

impl<'a, C: Fn(char) -> u32> Pieces<'a, C> {
    /// Every character of `text` by itself.
    pub(super) fn characters(text: &'a str, cost: C) -> Self {
        Self { cost, loose: text.chars(), clusters: None, largest: u32::MAX }
    }

    /// The extended grapheme clusters of `text` (Unicode UAX #29); but each character by itself of
    /// CR LF, and of a cluster of more units than `largest`.
    pub(super) fn clusters(text: &'a str, cost: C, largest: u32) -> Self {
        Self { cost, loose: "".chars(), clusters: Some(text.graphemes(true)), largest }
    }
}

impl<C: Fn(char) -> u32> Iterator for Pieces<'_, C> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(character) = self.loose.next() {
                return Some(Piece { bytes: character.len_utf8(), units: (self.cost)(character) });
            }
            let cluster = self.clusters.as_mut()?.next()?;
            let units = cluster.chars().map(&self.cost).fold(0, u32::saturating_add);
            if units <= self.largest && cluster != "\r\n" {
                return Some(Piece { bytes: cluster.len(), units });
            }
            self.loose = cluster.chars();
        }
    }
}

/// Cuts `text` where its `pieces` let it, none of which has more units than `capacity`.
pub(super) fn parts(
    text: &str,
    mut pieces: impl Iterator<Item = Piece>,
    capacity: u32,
) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    let mut next = pieces.next();
    iter::from_fn(move || {
        let mut part = next.take()?;
        for piece in &mut pieces {
            if piece.units > capacity - part.units {
                next = Some(piece);
                break;
            }
            part.bytes += piece.bytes;
            part.units += piece.units;
        }
        let (text, tail) = rest.split_at(part.bytes);
        rest = tail;
        Some(Part { text, units: part.units })
    })
}
