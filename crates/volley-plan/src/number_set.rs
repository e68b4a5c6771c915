//! A set of phone numbers in four bytes a slot, for millions of them.
//!
//! The numbers of a list begin alike: they are kept in tables by their upper 32 bits, which are the
//! same for four milliard numbers of one country, and a slot holds the lower 32. A miss of the
//! cache is most of what a look-up costs, and half the memory has half as many of them;
//! [`NumberSet::look_ahead`] has the processor fetch many slots at the same time.

use volley_core::Msisdn;

/// A table grows when so many of so many slots are in use.
const FULL: (usize, usize) = (3, 4);
/// A table that grew has so many slots for every so many numbers.
const SLOTS: (usize, usize) = (5, 3);
/// What a table starts with.
const LEAST: usize = 8;
/// The most numbers that are looked ahead to at a time.
pub(crate) const AHEAD: usize = 256;
/// After so many numbers the share of each table in all that are expected is known well enough.
const SAMPLE: usize = 256;

/// Phone numbers, each once.
#[derive(Clone, Default)]
pub(crate) struct NumberSet {
    /// By the upper bits, the place of their table and 1; 0 where there is none.
    places: Vec<u32>,
    tables: Vec<Table>,
    length: usize,
    /// How many numbers there may be in the end.
    expected: usize,
}

impl NumberSet {
    /// How many numbers it has.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Some `count` numbers more may come. Room for them is made once it is known how they begin.
    pub(crate) fn expect(&mut self, count: usize) {
        self.expected = self.length + count;
    }

    /// Whether it has `number`.
    pub(crate) fn contains(&self, number: Msisdn) -> bool {
        let (upper, lower) = halves(number);
        self.table(upper).is_some_and(|table| table.contains(lower))
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Msisdn> {
        (0..).zip(&self.places).filter(|(_, place)| **place > 0).flat_map(|(upper, place)| {
            let lower = self.tables[*place as usize - 1].iter();
            lower.filter_map(move |lower| Msisdn::from_digits(upper << 32 | u64::from(lower)))
        })
    }

    /// Adds `number`; whether it is new.
    #[expect(clippy::inline_always, reason = "called for every row, and a call would make it a fifth longer")]
    #[inline(always)]
    pub(crate) fn insert(&mut self, number: Msisdn) -> bool {
        let (upper, lower) = halves(number);
        let place = match self.places.get(upper) {
            Some(&place) if place > 0 => place as usize - 1,
            _ => self.add_table(upper),
        };
        let table = &mut self.tables[place];
        let is_new = table.insert(lower);
        if is_new {
            self.length += 1;
            if table.length * FULL.1 >= table.slots.len() * FULL.0 {
                let share = self.expected.saturating_mul(table.length) / self.length;
                let is_known = self.length >= SAMPLE;
                table.grow(if is_known { share.max(table.length * 2) } else { table.length * 2 });
            }
        }
        is_new
    }

    /// Looks where `numbers`, at most [`AHEAD`], belong before they are inserted, all of them at the
    /// same time.
    #[inline]
    pub(crate) fn look_ahead(&self, numbers: impl Iterator<Item = Msisdn>) {
        // Where first and what is there second: with little between them the processor has more of
        // those loads under way that wait for memory.
        let mut slots = [(0, 0); AHEAD];
        let mut count = 0;
        for (slot, number) in slots.iter_mut().zip(numbers) {
            let (upper, lower) = halves(number);
            let place = self.places.get(upper).copied().unwrap_or(0) as usize;
            // Nothing is known of numbers that no table is for.
            *slot = (place, self.tables.get(place.wrapping_sub(1)).map_or(0, |table| table.home(lower)));
            count += 1;
        }
        // The sum is used, so that the slots are read.
        let sum = slots[..count].iter().fold(0_u32, |sum, &(place, home)| {
            let table = self.tables.get(place.wrapping_sub(1));
            sum.wrapping_add(table.map_or(0, |table| table.slots[home]))
        });
        std::hint::black_box(sum);
    }

    #[inline]
    fn table(&self, upper: usize) -> Option<&Table> {
        let place = self.places.get(upper)?.checked_sub(1)?;
        self.tables.get(place as usize)
    }

    /// A table for numbers with other upper bits than all before; gives its place.
    #[cold]
    fn add_table(&mut self, upper: usize) -> usize {
        if upper >= self.places.len() {
            self.places.resize(upper + 1, 0);
        }
        self.tables.push(Table::with_slots(LEAST));
        self.places[upper] =
            u32::try_from(self.tables.len()).expect("a number has 15 digits, so they are few");
        self.tables.len() - 1
    }
}

/// The upper and the lower 32 bits of a number.
#[expect(clippy::cast_possible_truncation, reason = "the halves are meant, and 15 digits have 50 bits")]
#[inline]
fn halves(number: Msisdn) -> (usize, u32) {
    ((number.digits() >> 32) as usize, number.digits() as u32)
}

/// The lower bits of numbers whose upper bits are the same; open addressing.
#[derive(Clone)]
struct Table {
    /// 0 where nothing is.
    slots: Vec<u32>,
    /// How many it has.
    length: usize,
    has_zero: bool,
}

impl Table {
    #[expect(
        clippy::slow_vector_initialization,
        reason = "memory that is first read and then written is fetched twice"
    )]
    fn with_slots(count: usize) -> Self {
        let mut slots = Vec::new();
        slots.resize(count, 0);
        Self { slots, length: 0, has_zero: false }
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        let zero = self.has_zero.then_some(0);
        zero.into_iter().chain(self.slots.iter().copied().filter(|&lower| lower != 0))
    }

    fn contains(&self, lower: u32) -> bool {
        if lower == 0 { self.has_zero } else { self.slots[self.place(lower)] == lower }
    }

    /// Adds `lower`; whether it is new.
    #[inline]
    fn insert(&mut self, lower: u32) -> bool {
        let is_new = if lower == 0 {
            !std::mem::replace(&mut self.has_zero, true)
        } else {
            let place = self.place(lower);
            let is_new = self.slots[place] == 0;
            self.slots[place] = lower;
            is_new
        };
        self.length += usize::from(is_new);
        is_new
    }

    /// Where `lower` is, or the empty slot where it belongs.
    #[inline]
    fn place(&self, lower: u32) -> usize {
        let mut place = self.home(lower);
        while self.slots[place] != 0 && self.slots[place] != lower {
            place += 1;
            if place == self.slots.len() {
                place = 0;
            }
        }
        place
    }

    /// Where the search for `lower` begins.
    #[inline]
    fn home(&self, lower: u32) -> usize {
        // The upper half of the product is as good as random; then it is spread out.
        let mixed = u64::from(lower).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        ((mixed * self.slots.len() as u64) >> 32) as usize
    }

    /// Moves all to a table with room for `count`.
    #[cold]
    fn grow(&mut self, count: usize) {
        let mut larger = Self::with_slots(count.saturating_mul(SLOTS.0) / SLOTS.1);
        for lower in self.iter().filter(|&lower| lower != 0) {
            let place = larger.place(lower);
            larger.slots[place] = lower;
        }
        (larger.length, larger.has_zero) = (self.length, self.has_zero);
        *self = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn number(digits: u64) -> Msisdn {
        Msisdn::from_digits(digits).expect("7 to 15 digits")
    }

    #[test]
    fn neighbours_lie_apart() {
        let mut set = NumberSet::default();
        set.expect(100_000);
        let mut longest = 0;
        for digits in 61_491_500_000..61_491_600_000 {
            assert!(set.insert(number(digits)));
            let (upper, lower) = halves(number(digits));
            let table = set.table(upper).expect("it was inserted there");
            let steps = (table.place(lower) + table.slots.len() - table.home(lower)) % table.slots.len();
            longest = longest.max(steps);
        }
        assert!(longest < 200, "found in a few steps, not {longest}");
        assert_eq!(set.tables.len(), 1);
    }

    #[test]
    fn room_is_made_by_how_numbers_begin() {
        let mut set = NumberSet::default();
        set.expect(1_000_000);
        for digits in 0..1_000 {
            set.insert(number(61_491_500_000 + digits));
            if digits % 10 == 0 {
                set.insert(number(447_400_000_000 + digits));
            }
        }
        let slots: Vec<usize> = set.tables.iter().map(|table| table.slots.len()).collect();
        let each = |count: usize| count * SLOTS.0 / SLOTS.1;
        assert!(
            slots[0] > each(800_000) && slots[1] < each(200_000),
            "ten of eleven begin with 61: {slots:?}"
        );
    }

    proptest! {
        #[test]
        fn knows_what_the_standard_set_knows(
            near in proptest::collection::vec(0_u64..300, 0..600),
            far in proptest::collection::vec(1_000_000_u64..=999_999_999_999_999, 0..50),
            room in 0_usize..400,
        ) {
            let (mut set, mut known) = (NumberSet::default(), HashSet::new());
            set.expect(room);
            // Around numbers whose lower half is 0.
            let near = near.into_iter().map(|near| (15 << 32) - 150 + near);
            for number in near.chain(far).map(number) {
                set.look_ahead([number].into_iter());
                prop_assert_eq!(set.contains(number), known.contains(&number));
                prop_assert_eq!(set.insert(number), known.insert(number));
                prop_assert_eq!(set.len(), known.len());
            }
            prop_assert!(known.iter().all(|number| set.contains(*number)));
            prop_assert_eq!(set.iter().count(), known.len());
            prop_assert_eq!(set.iter().collect::<HashSet<_>>(), known);
        }
    }
}
