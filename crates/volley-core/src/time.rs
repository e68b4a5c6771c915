//! An instant on the wall clock as a plain number.

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
///
/// The journal's unit of time. Only the shells read a clock; the rules take one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// This instant plus `millis` milliseconds; stays at the end of time instead of wrapping.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}
