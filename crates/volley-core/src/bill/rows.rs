//! Row numbers as ranges, as many as fit.

use std::fmt;

/// Numbers of rows in ascending order, neighbours joined to ranges.
///
/// Keeps so many ranges, in whatever order they come the lowest, and counts what does not fit; so
/// its size is bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    ranges: Vec<(u32, u32)>,
    most: usize,
    beyond: u64,
}

impl Rows {
    /// No rows yet; at most `most` ranges will be kept.
    pub const fn new(most: usize) -> Self {
        Self { ranges: Vec::new(), most, beyond: 0 }
    }

    /// Adds one row.
    pub fn add(&mut self, row: u32) {
        self.add_range(row, row);
    }

    /// Adds all rows of `other`.
    pub fn add_all(&mut self, other: &Self) {
        for &(first, last) in &other.ranges {
            self.add_range(first, last);
        }
        self.beyond += other.beyond;
    }

    /// First and last row of each range that was kept, ascending.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// How many rows did not fit.
    pub const fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Whether no row was added.
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.beyond == 0
    }

    fn add_range(&mut self, first: u32, last: u32) {
        // Those from here on touch the new one or lie behind it.
        let start = self.ranges.partition_point(|range| range.1.saturating_add(1) < first);
        let touching =
            self.ranges[start..].iter().take_while(|range| range.0 <= last.saturating_add(1)).count();
        let joined = self.ranges[start..start + touching]
            .iter()
            .fold((first, last), |joined, range| (joined.0.min(range.0), joined.1.max(range.1)));
        self.ranges.splice(start..start + touching, [joined]);
        if self.ranges.len() > self.most
            && let Some((first, last)) = self.ranges.pop()
        {
            self.beyond += u64::from(last - first) + 1;
        }
    }
}

/// `3, 7 to 9 and 12 more`.
impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match last - first {
                0 => write!(f, "{first}")?,
                1 => write!(f, "{first}, {last}")?,
                _ => write!(f, "{first} to {last}")?,
            }
        }
        match (self.beyond, self.ranges.is_empty()) {
            (0, _) => Ok(()),
            (beyond, true) => write!(f, "{beyond} rows"),
            (beyond, false) => write!(f, " and {beyond} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined_and_what_does_not_fit_is_counted() {
        for (rows, shown) in [
            (&[][..], ""),
            (&[3], "3"),
            (&[3, 4], "3, 4"),
            (&[3, 4, 5, 9], "3 to 5, 9"),
            (&[9, 3, 4, 5], "3 to 5, 9"),
            (&[203, 525, 342], "203, 342, 525"),
            (&[3, 5, 4], "3 to 5"),
            (&[5, 4, 4, 3], "3 to 5"),
            (&[9, 7, 5, 3, 1], "1, 3, 5 and 2 more"),
            (&[1, 3, 5, 7, 8, 9, 11], "1, 3, 5 and 4 more"),
            (&[1, 3, 5, 7, 6], "1, 3, 5, 6 and 1 more"),
            (&[u32::MAX, 0], "0, 4294967295"),
        ] {
            let mut all = Rows::new(3);
            for row in rows {
                all.add(*row);
            }
            assert_eq!(all.to_string(), shown);
            let mut again = Rows::new(3);
            again.add_all(&all);
            assert_eq!(again, all);
        }
    }
}
