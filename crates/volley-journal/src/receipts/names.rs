//! Whom a receipt is about: the provider's ids, and numbers within a request, to positions.
//!
//! Ids are known by 16 bytes of their BLAKE3 hash, 24 bytes of memory each, and read from the
//! tables when the first receipt comes that names one of their kind: a journal needs no index
//! for them, and a sender that works beside pays for none.

use crate::{
    schema::Fault,
    stored::{count, int},
};
use rusqlite::{Connection, OptionalExtension, Row};
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    ops::Range,
};
use volley_core::{Msisdn, Receipt, Reference};

/// The most numbers that are held, over all requests: those of the largest there can be.
const MOST_NUMBERS: usize = 2_000_000;

/// What the numbers of everybody are held under, which is no attempt.
const WHOLE_PLAN: u64 = 0;

/// The names that a receipt gives its message; empty, or 0, where it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) message_id: String,
    pub(super) request_id: String,
    pub(super) msisdn: u64,
    pub(super) reference: String,
}

impl Named {
    pub(super) fn by(receipt: &Receipt) -> Self {
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        Self {
            message_id: word(&receipt.message_id),
            request_id: word(&receipt.request_id),
            msisdn: receipt.to.map_or(0, Msisdn::digits),
            reference: word(&receipt.reference),
        }
    }

    /// Reads them from the first columns of `row`, in their order.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, Fault> {
        Ok(Self {
            message_id: row.get(0)?,
            request_id: row.get(1)?,
            msisdn: count(row, 2)?,
            reference: row.get(3)?,
        })
    }
}

/// An id, by its hash.
type Key = [u32; 4];

fn key(id: &str) -> Key {
    let hash = blake3::hash(id.as_bytes());
    let mut bytes = hash.as_bytes().chunks_exact(4);
    std::array::from_fn(|_| {
        let four = bytes.next().expect("a hash has 32 bytes");
        u32::from_le_bytes(four.try_into().expect("four bytes"))
    })
}

/// What ids are of. `None`: two that are not the same, which the id cannot tell apart.
struct Ids<T>(HashMap<Key, Option<T>>);

impl<T: Copy + PartialEq> Ids<T> {
    fn add(&mut self, key: Key, of: T) {
        match self.0.entry(key) {
            Entry::Vacant(room) => {
                room.insert(Some(of));
            }
            Entry::Occupied(mut taken) if *taken.get() != Some(of) => {
                taken.insert(None);
            }
            Entry::Occupied(_) => {}
        }
    }

    fn get(&self, id: &str) -> Option<T> {
        self.0.get(&key(id)).copied().flatten()
    }
}

/// One recipient's number in two halves, the higher first, and their position: in the order of
/// their numbers, 12 bytes each.
type Numbered = [u32; 3];

fn halves(digits: u64) -> [u32; 2] {
    let bytes = digits.to_be_bytes();
    [[bytes[0], bytes[1], bytes[2], bytes[3]], [bytes[4], bytes[5], bytes[6], bytes[7]]]
        .map(u32::from_be_bytes)
}

/// Everything that receipts can name.
pub(super) struct Names {
    reference: Reference,
    recipients: u32,
    messages: Option<Ids<u32>>,
    requests: Option<Ids<u64>>,
    numbers: Numbers,
    /// Ids that receipts named and nobody knew.
    awaited: HashSet<Key>,
}

impl Names {
    /// Those of a plan.
    pub(super) fn new(reference: Reference, recipients: u32) -> Self {
        let (numbers, awaited) = (Numbers::default(), HashSet::new());
        Self { reference, recipients, messages: None, requests: None, numbers, awaited }
    }

    /// What the plan's messages are told by.
    pub(super) fn reference(&self) -> &Reference {
        &self.reference
    }

    /// How many recipients the plan has.
    pub(super) fn recipients(&self) -> u32 {
        self.recipients
    }

    /// The position of the one whom `named` names, if it is one.
    pub(super) fn find(&mut self, connection: &Connection, named: &Named) -> Result<Option<u32>, Fault> {
        let ours = self.reference.position(&named.reference).filter(|ours| ours.0 < self.recipients);
        if let Some(position) = ours {
            return self.by_our_word(connection, position.0, named.msisdn).map(Some);
        }
        if !named.message_id.is_empty()
            && let Some(position) = self.messages(connection)?.get(&named.message_id)
        {
            return Ok(Some(position));
        }
        // A request for one may have given the message's id as its own.
        for id in [&named.request_id, &named.message_id] {
            if !id.is_empty()
                && let Some(attempt) = self.requests(connection)?.get(id)
                && let Some(position) = self.in_request(connection, attempt, named.msisdn)?
            {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// The position of the one whom our word for `position` means. A provider may keep one word for
    /// a whole request, that of its first message; a plan has each number once, so the number
    /// `msisdn` then says who of it. One that the plan does not have is written in another way.
    fn by_our_word(&mut self, connection: &Connection, position: u32, msisdn: u64) -> Result<u32, Fault> {
        let mut select = connection.prepare_cached("SELECT msisdn FROM recipient WHERE position = ?")?;
        let at_position: i64 = select.query_row([position], |row| row.get(0))?;
        if msisdn == 0 || at_position.unsigned_abs() == msisdn {
            return Ok(position);
        }
        let found = self.numbers.of(connection, WHOLE_PLAN, 0..self.recipients, halves(msisdn))?;
        Ok(found.unwrap_or(position))
    }

    /// Remembers that `named` named nobody whom it knows.
    pub(super) fn await_for(&mut self, named: &Named) {
        let ids = [&named.message_id, &named.request_id];
        self.awaited.extend(ids.into_iter().filter(|id| !id.is_empty()).map(|id| key(id)));
    }

    /// Forgets what is waited for.
    pub(super) fn await_nothing(&mut self) {
        self.awaited.clear();
    }

    /// Learns the ids that attempt `id` has; whether one of them was waited for.
    pub(super) fn learn(&mut self, connection: &Connection, id: u64) -> Result<bool, Fault> {
        let mut is_awaited = false;
        if let Some(requests) = &mut self.requests {
            let mut select = connection.prepare_cached("SELECT request_id FROM attempt WHERE id = ?")?;
            let request_id: Option<Option<String>> =
                select.query_row([int(id)], |row| row.get(0)).optional()?;
            if let Some(request_id) = request_id.flatten() {
                let key = key(&request_id);
                requests.add(key, id);
                is_awaited |= self.awaited.contains(&key);
            }
        }
        if let Some(messages) = &mut self.messages {
            let mut select = connection.prepare_cached(
                "SELECT provider_id, position FROM verdict WHERE attempt = ?1 AND provider_id IS NOT NULL
                 UNION ALL
                 SELECT provider_id, first FROM resolved WHERE attempt = ?1 AND provider_id IS NOT NULL",
            )?;
            let mut rows = select.query([int(id)])?;
            while let Some(row) = rows.next()? {
                let key = key(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?);
                messages.add(key, row.get(1)?);
                is_awaited |= self.awaited.contains(&key);
            }
        }
        Ok(is_awaited)
    }

    fn messages(&mut self, connection: &Connection) -> Result<&Ids<u32>, Fault> {
        if self.messages.is_none() {
            let (count, rows) = (
                "SELECT (SELECT count(provider_id) FROM verdict) + (SELECT count(provider_id) FROM resolved)",
                "SELECT provider_id, position FROM verdict WHERE provider_id IS NOT NULL
                 UNION ALL SELECT provider_id, first FROM resolved WHERE provider_id IS NOT NULL",
            );
            self.messages = Some(all_ids(connection, count, rows, |row| Ok(row.get(1)?))?);
        }
        Ok(self.messages.as_ref().expect("read just now"))
    }

    fn requests(&mut self, connection: &Connection) -> Result<&Ids<u64>, Fault> {
        if self.requests.is_none() {
            let (all, rows) = (
                "SELECT count(request_id) FROM attempt",
                "SELECT request_id, id FROM attempt WHERE request_id IS NOT NULL",
            );
            self.requests = Some(all_ids(connection, all, rows, |row| count(row, 1))?);
        }
        Ok(self.requests.as_ref().expect("read just now"))
    }

    /// The position of the one with the number `msisdn` in a request, or of its only one.
    fn in_request(
        &mut self,
        connection: &Connection,
        attempt: u64,
        msisdn: u64,
    ) -> Result<Option<u32>, Fault> {
        let mut select = connection.prepare_cached("SELECT first, recipients FROM attempt WHERE id = ?")?;
        let (first, recipients) =
            select.query_row([int(attempt)], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?)))?;
        if recipients == 1 {
            return Ok(Some(first));
        }
        self.numbers.of(connection, attempt, first..first.saturating_add(recipients), halves(msisdn))
    }
}

/// The numbers of the requests that were asked for last.
#[derive(Default)]
struct Numbers {
    requests: HashMap<u64, Vec<Numbered>>,
    /// How many numbers these are.
    held: usize,
}

impl Numbers {
    /// The position of the one with the number `wanted` among those of request `attempt`, who
    /// are at `positions`.
    fn of(
        &mut self,
        connection: &Connection,
        attempt: u64,
        positions: Range<u32>,
        wanted: [u32; 2],
    ) -> Result<Option<u32>, Fault> {
        if !self.requests.contains_key(&attempt) {
            if self.held + positions.len() > MOST_NUMBERS {
                self.requests.clear();
                self.held = 0;
            }
            self.held += positions.len();
            self.requests.insert(attempt, sorted_numbers(connection, positions)?);
        }
        let numbers = &self.requests[&attempt];
        // A plan has each number once.
        let found = numbers.binary_search_by(|one| one[..2].cmp(&wanted[..]));
        Ok(found.ok().map(|index| numbers[index][2]))
    }
}

fn sorted_numbers(connection: &Connection, positions: Range<u32>) -> Result<Vec<Numbered>, Fault> {
    let mut select = connection
        .prepare_cached("SELECT msisdn, position FROM recipient WHERE position >= ? AND position < ?")?;
    let mut numbers = Vec::with_capacity(positions.len());
    let mut rows = select.query([positions.start, positions.end])?;
    while let Some(row) = rows.next()? {
        let [high, low] = halves(count(row, 0)?);
        numbers.push([high, low, row.get(1)?]);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn all_ids<T: Copy + PartialEq>(
    connection: &Connection,
    count: &str,
    rows: &str,
    of: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Ids<T>, Fault> {
    let all: u32 = connection.query_row(count, [], |row| row.get(0))?;
    let mut ids = Ids(HashMap::with_capacity(all as usize));
    let mut select = connection.prepare(rows)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        ids.add(key(id), of(row)?);
    }
    Ok(ids)
}
