//! The body of a send call, written while it is sent, from the chunk that is in memory anyway.

use crate::http::BodySource;
use bytes::{BufMut, Bytes, BytesMut};
use std::sync::Arc;
use volley_core::Chunk;

/// The most bytes of one piece of a body.
const FRAME: usize = 64 * 1024;
/// The most bytes that one number takes: a comma, two quotes and 15 digits.
const LONGEST_NUMBER: usize = 18;

/// `head`, the numbers as `"66800000001","66800000002"`, `tail`.
pub(super) struct SendBody {
    head: Bytes,
    tail: Bytes,
    chunk: Arc<Chunk>,
    length: u64,
}

impl SendBody {
    pub(super) fn new(head: String, tail: String, chunk: Arc<Chunk>) -> Self {
        let quoted: u64 = chunk.recipients.iter().map(|one| u64::from(one.to.length()) + 2).sum();
        let commas = chunk.recipients.len().saturating_sub(1) as u64;
        let length = head.len() as u64 + quoted + commas + tail.len() as u64;
        Self { head: Bytes::from(head), tail: Bytes::from(tail), chunk, length }
    }

    /// As many numbers from `next` on as one frame holds; moves `next` behind them.
    fn numbers(&self, next: &mut usize) -> Option<Bytes> {
        let rest = &self.chunk.recipients[*next..];
        if rest.is_empty() {
            return None;
        }
        let mut frame = BytesMut::with_capacity(FRAME.min(rest.len() * LONGEST_NUMBER));
        for one in rest {
            if frame.len() + LONGEST_NUMBER > FRAME {
                break;
            }
            if *next > 0 {
                frame.put_u8(b',');
            }
            frame.put_u8(b'"');
            let mut digits = [0; 15];
            let mut start = digits.len();
            let mut left = one.to.digits();
            while left > 0 {
                start -= 1;
                digits[start] = b'0' + u8::try_from(left % 10).expect("one digit");
                left /= 10;
            }
            frame.put_slice(&digits[start..]);
            frame.put_u8(b'"');
            *next += 1;
        }
        Some(frame.freeze())
    }
}

impl BodySource for SendBody {
    fn length(&self) -> u64 {
        self.length
    }

    fn frames(self: Arc<Self>) -> Box<dyn Iterator<Item = Bytes> + Send> {
        let (head, tail) = (self.head.clone(), self.tail.clone());
        let mut next = 0;
        let numbers = std::iter::from_fn(move || self.numbers(&mut next));
        Box::new(std::iter::once(head).chain(numbers).chain(std::iter::once(tail)))
    }
}
