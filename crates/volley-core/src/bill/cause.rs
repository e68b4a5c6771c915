//! The causes that a difference can have, each with its word and its sentence.

use std::fmt;

/// Why two sums of money about one campaign are not the same. Declared in the order of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each has its sentence in the table below")]
pub enum Cause {
    NotSent,
    Refused,
    InDoubt,
    MissingFromBill,
    Parts,
    PerMessage,
    Rounding,
    Price,
    BilledTwice,
    Credited,
    NotSentButBilled,
    RefusedButBilled,
    InDoubtButBilled,
    SentAgain,
    NotInCampaign,
    Unpriced,
    OtherUnit,
    TotalRounding,
}

impl Cause {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 18] = [
        Self::NotSent,
        Self::Refused,
        Self::InDoubt,
        Self::MissingFromBill,
        Self::Parts,
        Self::PerMessage,
        Self::Rounding,
        Self::Price,
        Self::BilledTwice,
        Self::Credited,
        Self::NotSentButBilled,
        Self::RefusedButBilled,
        Self::InDoubtButBilled,
        Self::SentAgain,
        Self::NotInCampaign,
        Self::Unpriced,
        Self::OtherUnit,
        Self::TotalRounding,
    ];

    /// Its word for machines, the same from version to version.
    pub const fn word(self) -> &'static str {
        self.told().0
    }

    /// What it means and what to do about it, on one line.
    pub const fn sentence(self) -> &'static str {
        self.told().1
    }

    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::NotSent => ("not_sent", "planned and not sent yet, so nothing is due"),
            Self::Refused => ("refused", "refused by the provider, so nothing is due"),
            Self::InDoubt => ("in_doubt", "in doubt: nobody knows whether the provider took it"),
            Self::MissingFromBill => ("missing_from_bill", "taken by the provider and not charged"),
            Self::Parts => ("parts", "charged in another number of parts than expected"),
            Self::PerMessage => ("per_message", "the rate card's price for each message was not charged"),
            Self::Rounding => {
                ("rounding", "rounded in another way, or less than the last decimal of the amounts")
            }
            Self::Price => ("price", "charged at another price; its parts are as expected, or not said"),
            Self::BilledTwice => {
                ("billed_twice", "more than one line for one message; the further ones are counted here")
            }
            Self::Credited => ("credited", "credit notes: lines whose sign is not that of a charge"),
            Self::NotSentButBilled => {
                ("not_sent_but_billed", "charged though it was never sent; claim it back")
            }
            Self::RefusedButBilled => {
                ("refused_but_billed", "charged though the provider refused it; claim it back")
            }
            Self::InDoubtButBilled => (
                "in_doubt_but_billed",
                "charged, so taken, if the line is this campaign's: the doubt can be settled",
            ),
            Self::SentAgain => ("sent_again", "charged for a request whose recipients were sent to again"),
            Self::NotInCampaign => {
                ("not_in_campaign", "charged for a number that this campaign does not have")
            }
            Self::Unpriced => ("unpriced", "taken, and the provider's answer named no price"),
            Self::OtherUnit => {
                ("other_unit", "taken, and the provider's answer is not in the rate card's currency")
            }
            Self::TotalRounding => ("total_rounding", "the plan rounds its total, not each message"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
