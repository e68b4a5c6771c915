//! What a number is for, and where.

use super::Region;

/// What a number is for, as libphonenumber types it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NumberKind {
    /// A mobile phone.
    Mobile,
    /// A line to a place.
    Fixed,
    /// One or the other: the region does not tell them apart, as in North America.
    FixedOrMobile,
    /// The callee pays.
    TollFree,
    /// The caller pays for more than the call.
    Premium,
    /// Caller and callee share the price.
    SharedCost,
    /// A phone on the internet.
    Voip,
    /// A person, wherever they are.
    Personal,
    /// A pager.
    Pager,
    /// A company, at whichever of its places ("universal access number").
    Uan,
    /// A mailbox for voice messages.
    Voicemail,
}

impl NumberKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Mobile,
        Self::Fixed,
        Self::FixedOrMobile,
        Self::TollFree,
        Self::Premium,
        Self::SharedCost,
        Self::Voip,
        Self::Personal,
        Self::Pager,
        Self::Uan,
        Self::Voicemail,
    ];

    /// Its word in files: `fixed_or_mobile`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Fixed => "fixed",
            Self::FixedOrMobile => "fixed_or_mobile",
            Self::TollFree => "toll_free",
            Self::Premium => "premium",
            Self::SharedCost => "shared_cost",
            Self::Voip => "voip",
            Self::Personal => "personal",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Voicemail => "voicemail",
        }
    }
}

/// Where a number belongs and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// Its country; `None` for the numbers of no country, such as +800 and +883.
    pub region: Option<Region>,
    /// What it is for.
    pub kind: NumberKind,
}
