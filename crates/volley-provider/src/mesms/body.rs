//! The body of a send call, written while it is sent, from the chunk that is in memory anyway.

use crate::http::{Body, BodySource};
use bytes::{BufMut, Bytes, BytesMut};
use std::sync::Arc;
use volley_core::{Chunk, Msisdn};

/// The most bytes of one piece of a body.
const FRAME: usize = 64 * 1024;
/// The most bytes that one number takes: a comma, two quotes and 15 digits.
const LONGEST_NUMBER: usize = 18;

/// `head`, the numbers of `chunk` as `"66800000001","66800000002"`, `tail`: in memory where it is one
/// frame, which is most often.
pub(super) fn body(mut head: String, tail: &str, chunk: &Arc<Chunk>) -> Body {
    if head.len() + chunk.recipients.len() * LONGEST_NUMBER + tail.len() > FRAME {
        return Body::Streamed(Arc::new(SendBody::new(head, tail.to_owned(), Arc::clone(chunk))));
    }
    head.reserve_exact(chunk.recipients.len() * LONGEST_NUMBER + tail.len());
    let mut whole = head.into_bytes();
    for (index, one) in chunk.recipients.iter().enumerate() {
        put_number(&mut whole, index > 0, one.to);
    }
    whole.extend_from_slice(tail.as_bytes());
    Body::Whole(Bytes::from(whole))
}

/// A number in quotes, behind a comma where it is not the first.
fn put_number(frame: &mut impl BufMut, comma: bool, to: Msisdn) {
    if comma {
        frame.put_u8(b',');
    }
    frame.put_u8(b'"');
    let mut digits = [0; 15];
    let mut start = digits.len();
    let mut left = to.digits();
    while left > 0 {
        start -= 1;
        digits[start] = b'0' + u8::try_from(left % 10).expect("one digit");
        left /= 10;
    }
    frame.put_slice(&digits[start..]);
    frame.put_u8(b'"');
}

/// A body of more than one frame.
struct SendBody {
    head: Bytes,
    tail: Bytes,
    chunk: Arc<Chunk>,
    length: u64,
}

impl SendBody {
    fn new(head: String, tail: String, chunk: Arc<Chunk>) -> Self {
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
            put_number(&mut frame, *next > 0, one.to);
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
