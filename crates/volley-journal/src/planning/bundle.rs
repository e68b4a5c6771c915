//! Messages on their way to the writing thread.

use crate::packs::{Carriage, Text};
use volley_core::{Msisdn, PriceId};

/// Messages that are handed over together.
const MESSAGES: usize = 2_048;

/// Bytes of texts after which a bundle is full though it has fewer messages.
const TEXT_BYTES: usize = 256 << 10;

/// Neighbours in the order of the file. Emptied and filled again, it allocates nothing.
#[derive(Default)]
pub(super) struct Bundle {
    /// Who gets a text, and whether it is another one than the message before has.
    messages: Vec<(Line, bool)>,
    /// The length of each of those texts, and how it is carried.
    texts: Vec<(u32, Carriage)>,
    /// The texts, one directly behind the other.
    bodies: String,
}

/// One line of the table `recipient` but for its position and its text.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) to: Msisdn,
    pub(super) row: u32,
    pub(super) price: Option<PriceId>,
}

impl Bundle {
    /// Adds the next message.
    pub(super) fn push(&mut self, line: Line, text: Text<'_>) {
        let last = self.texts.last().map(|(length, _)| &self.bodies[self.bodies.len() - *length as usize..]);
        let is_other = last != Some(text.body);
        if is_other {
            let length = u32::try_from(text.body.len()).expect("a text is shorter than 4 GiB");
            self.texts.push((length, text.carriage));
            self.bodies.push_str(text.body);
        }
        self.messages.push((line, is_other));
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages.len() == MESSAGES || self.bodies.len() >= TEXT_BYTES
    }

    /// The messages: who gets it, and whether it is another text than the one before, which the
    /// first always is.
    pub(super) fn messages(&self) -> &[(Line, bool)] {
        &self.messages
    }

    /// The texts that differ from the one before, in the order of their messages.
    pub(super) fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let mut rest = self.bodies.as_str();
        self.texts.iter().map(move |(length, carriage)| {
            let body;
            (body, rest) = rest.split_at(*length as usize);
            Text { body, carriage: *carriage }
        })
    }

    pub(super) fn clear(&mut self) {
        self.messages.clear();
        self.texts.clear();
        self.bodies.clear();
    }
}
