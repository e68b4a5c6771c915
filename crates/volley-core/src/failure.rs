//! The failure table: what was seen, whether the provider may have taken the request, and what
//! to do about its recipients and its lane.
//!
//! One question decides everything: *may the provider have taken this chunk?* "No" must be
//! proved; without proof the answer is "maybe", and "maybe" is never sent again by itself. An
//! adapter asks its own list of body codes first; what is left is judged here. `docs/failures.md`
//! prints the same table with its reasons, and a test keeps the two alike.

/// What was seen of one attempt. Each variant is a row of the table, named in [`Rule::row`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Name resolution failed.
    NameResolution,
    /// Connection refused, no route, network unreachable.
    ConnectRefused,
    /// The connect limit ran out: name, TCP and TLS together.
    ConnectTimeout,
    /// TLS failed: certificate or protocol.
    TlsFailed,
    /// The proxy refused the tunnel.
    ProxyRefused,
    /// No file descriptor or local port left.
    NoDescriptor,
    /// The request could not be built.
    Unbuildable,
    /// Pacer, breaker, cap, window, opt-out or drain said no before the first byte.
    HeldBack,
    /// The transport states that it wrote no byte.
    Unwritten,
    /// The recipient asked not to be texted after the plan was made.
    OptedOut,
    /// An error while the request was written.
    WriteFailed,
    /// Reset or end of stream before a complete answer head.
    ReplyLost,
    /// The overall limit ran out, also where the phase is unknown.
    TimedOut,
    /// The answer head is not HTTP, too large, or has two lengths.
    BadHead,
    /// The head was complete, its body cut or over its limit.
    BodyCut,
    /// The process that made the attempt is gone; seen at the next start.
    ProcessGone,
    /// The attempt was abandoned: a second Ctrl-C.
    Abandoned,
    /// The answer names another number or reference.
    WrongReply,
    /// Every recipient answered for, or some as told and the missing ones in doubt.
    Answered,
    /// Unknown, repeated or surplus recipients or ids in an answer.
    Unmatched,
    /// A success status with a code that nobody listed.
    UnlistedCode,
    /// A success status whose body is empty, HTML, of another type, or no JSON or XML.
    NotTheApi,
    /// 202 or 204 without an id.
    NoId,
    /// 301, 302, 303: never followed.
    MovedMaybe,
    /// 307, 308: never followed.
    MovedUntaken,
    /// 400, 422.
    BadRequest,
    /// 401, 403.
    Credentials,
    /// 402, or a listed code for no funds.
    NoFunds,
    /// 404, 405, 406, 410, 411, 415, 501, 505, 511.
    WrongAddress,
    /// 408.
    RequestTimeout,
    /// 409, or "duplicate" on a send.
    Conflict,
    /// 413, 414, 431.
    TooLarge,
    /// 421, 425.
    Misdirected,
    /// 429, or a listed "too fast" code.
    Throttled,
    /// 503 that the adapter does not declare as "not taken".
    Unavailable,
    /// 503 that the adapter declares as "not taken".
    UnavailableUntaken,
    /// 500, 502, 504, 507, 520 to 527 and every other 5xx.
    ServerError,
    /// Any other 4xx.
    OtherRefusal,
}

/// May the provider have taken it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Proved not to.
    No,
    /// Nobody can tell yet.
    Maybe,
    /// The answer says, recipient by recipient.
    AsAnswered,
}

/// What becomes of the recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Pending again after a wait that grows with each try.
    Retry,
    /// Pending again at once, or when the lane's own pause is over.
    Back,
    /// Pending again in smaller chunks; a single recipient is refused.
    Split,
    /// Refused, final.
    Refuse,
    /// In doubt until someone proves otherwise.
    Doubt,
    /// As the answer says.
    AsAnswered,
}

/// What becomes of the lane, beside the recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneEffect {
    /// It goes on.
    GoOn,
    /// It sends nothing before `Retry-After`, and slows down.
    Throttle,
    /// It goes on, but so many of these in a row make it pause. Then one recipient is tried at a
    /// time, until one is answered or the campaign's patience is over, which stops it.
    PauseAfter(u32, StopReason),
    /// It goes on, but so many of these in a row stop it.
    StopAfter(u32, StopReason),
    /// Nothing more is claimed for this account.
    Stop(StopReason),
}

/// Why a lane claims nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The provider cannot be reached.
    Unreachable,
    /// Address, certificate or another setting is wrong.
    Configuration,
    /// The credentials were refused.
    Credentials,
    /// The account has no funds.
    Balance,
    /// The cost cap would be passed.
    CostCap,
    /// Too many answers that leave doubt.
    Breaker,
    /// The provider asks for more silence than a run waits for.
    Silence,
    /// Answers do not come from the API, or do not fit what was sent.
    Suspicious,
    /// The same refusal for everybody.
    RefusedAlike,
    /// The first recipients, who were to be judged before the others are sent to, went wrong.
    Canary,
    /// The journal could not be written.
    Journal,
    /// The operator asked.
    Interrupted,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The row's name in `docs/failures.md`: A before the first byte, B while sending, C answers.
    pub row: &'static str,
    /// May the provider have taken it?
    pub taken: Taken,
    /// What becomes of the recipients.
    pub fate: Fate,
    /// What becomes of the lane.
    pub lane: LaneEffect,
}

/// How many doubtful answers in a row open the breaker.
const BREAKER: LaneEffect = LaneEffect::PauseAfter(5, StopReason::Breaker);

impl Class {
    /// Every class, in the order of the table.
    pub const ALL: [Self; 38] = [
        Self::NameResolution,
        Self::ConnectRefused,
        Self::ConnectTimeout,
        Self::TlsFailed,
        Self::ProxyRefused,
        Self::NoDescriptor,
        Self::Unbuildable,
        Self::HeldBack,
        Self::Unwritten,
        Self::OptedOut,
        Self::WriteFailed,
        Self::ReplyLost,
        Self::TimedOut,
        Self::BadHead,
        Self::BodyCut,
        Self::ProcessGone,
        Self::Abandoned,
        Self::WrongReply,
        Self::Answered,
        Self::Unmatched,
        Self::UnlistedCode,
        Self::NotTheApi,
        Self::NoId,
        Self::MovedMaybe,
        Self::MovedUntaken,
        Self::BadRequest,
        Self::Credentials,
        Self::NoFunds,
        Self::WrongAddress,
        Self::RequestTimeout,
        Self::Conflict,
        Self::TooLarge,
        Self::Misdirected,
        Self::Throttled,
        Self::Unavailable,
        Self::UnavailableUntaken,
        Self::ServerError,
        Self::OtherRefusal,
    ];

    /// The row that decides. Columns: row, taken, recipients, lane.
    #[rustfmt::skip]
    pub const fn rule(self) -> Rule {
        use {Fate as F, LaneEffect as L, StopReason as S, Taken as T};
        let (row, taken, fate, lane) = match self {
            Self::NameResolution     => ("A1",  T::No,         F::Retry,      L::PauseAfter(5, S::Unreachable)),
            Self::ConnectRefused     => ("A2",  T::No,         F::Retry,      L::PauseAfter(5, S::Unreachable)),
            Self::ConnectTimeout     => ("A3",  T::No,         F::Retry,      L::GoOn),
            Self::TlsFailed          => ("A4",  T::No,         F::Back,       L::Stop(S::Configuration)),
            Self::ProxyRefused       => ("A5",  T::No,         F::Back,       L::Stop(S::Configuration)),
            Self::NoDescriptor       => ("A6",  T::No,         F::Retry,      L::GoOn),
            Self::Unbuildable        => ("A7",  T::No,         F::Refuse,     L::StopAfter(5, S::RefusedAlike)),
            Self::HeldBack           => ("A8",  T::No,         F::Back,       L::GoOn),
            Self::Unwritten          => ("A10", T::No,         F::Retry,      L::GoOn),
            Self::OptedOut           => ("A11", T::No,         F::Refuse,     L::GoOn),
            Self::WriteFailed        => ("B1",  T::Maybe,      F::Doubt,      BREAKER),
            Self::ReplyLost          => ("B2",  T::Maybe,      F::Doubt,      BREAKER),
            Self::TimedOut           => ("B3",  T::Maybe,      F::Doubt,      BREAKER),
            Self::BadHead            => ("B4",  T::Maybe,      F::Doubt,      BREAKER),
            Self::BodyCut            => ("B5",  T::Maybe,      F::Doubt,      BREAKER),
            Self::ProcessGone        => ("B7",  T::Maybe,      F::Doubt,      L::GoOn),
            Self::Abandoned          => ("B9",  T::Maybe,      F::Doubt,      L::GoOn),
            Self::WrongReply         => ("B11", T::Maybe,      F::Doubt,      L::Stop(S::Suspicious)),
            Self::Answered           => ("C1",  T::AsAnswered, F::AsAnswered, L::GoOn),
            Self::Unmatched          => ("C3",  T::Maybe,      F::Doubt,      L::Stop(S::Suspicious)),
            Self::UnlistedCode       => ("C5",  T::Maybe,      F::Doubt,      L::StopAfter(3, S::Suspicious)),
            Self::NotTheApi          => ("C6",  T::Maybe,      F::Doubt,      L::Stop(S::Suspicious)),
            Self::NoId               => ("C7",  T::Maybe,      F::Doubt,      L::StopAfter(3, S::Suspicious)),
            Self::MovedMaybe         => ("C8",  T::Maybe,      F::Doubt,      L::Stop(S::Configuration)),
            Self::MovedUntaken       => ("C9",  T::No,         F::Back,       L::Stop(S::Configuration)),
            Self::BadRequest         => ("C10", T::No,         F::Refuse,     L::GoOn),
            Self::Credentials        => ("C11", T::No,         F::Back,       L::Stop(S::Credentials)),
            Self::NoFunds            => ("C12", T::No,         F::Back,       L::Stop(S::Balance)),
            Self::WrongAddress       => ("C13", T::No,         F::Back,       L::Stop(S::Configuration)),
            Self::RequestTimeout     => ("C14", T::Maybe,      F::Doubt,      BREAKER),
            Self::Conflict           => ("C15", T::Maybe,      F::Doubt,      L::GoOn),
            Self::TooLarge           => ("C16", T::No,         F::Split,      L::GoOn),
            Self::Misdirected        => ("C17", T::No,         F::Retry,      L::GoOn),
            Self::Throttled          => ("C18", T::No,         F::Back,       L::Throttle),
            Self::Unavailable        => ("C19", T::Maybe,      F::Doubt,      BREAKER),
            Self::UnavailableUntaken => ("C19", T::No,         F::Retry,      L::Throttle),
            Self::ServerError        => ("C20", T::Maybe,      F::Doubt,      BREAKER),
            Self::OtherRefusal       => ("C21", T::No,         F::Refuse,     L::StopAfter(5, S::RefusedAlike)),
        };
        Rule { row, taken, fate, lane }
    }

    /// What an HTTP status says by itself, where the adapter's own list says nothing.
    ///
    /// A success status alone proves nothing: its body was not what the adapter expects.
    pub const fn of_status(status: u16) -> Self {
        match status {
            301..=303 => Self::MovedMaybe,
            307 | 308 => Self::MovedUntaken,
            400 | 422 => Self::BadRequest,
            401 | 403 => Self::Credentials,
            402 => Self::NoFunds,
            404 | 405 | 406 | 410 | 411 | 415 | 501 | 505 | 511 => Self::WrongAddress,
            408 => Self::RequestTimeout,
            409 => Self::Conflict,
            413 | 414 | 431 => Self::TooLarge,
            421 | 425 => Self::Misdirected,
            429 => Self::Throttled,
            503 => Self::Unavailable,
            400..=499 => Self::OtherRefusal,
            500..=599 => Self::ServerError,
            _ => Self::NotTheApi,
        }
    }
}

impl StopReason {
    /// The contract's exit code for a run that ended this way.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Configuration => 2,
            Self::Credentials => 4,
            Self::Unreachable
            | Self::Breaker
            | Self::Silence
            | Self::Suspicious
            | Self::RefusedAlike
            | Self::Canary
            | Self::Journal => 5,
            Self::Balance | Self::CostCap => 8,
            Self::Interrupted => 130,
        }
    }

    /// What happened, as the end of a sentence that starts with "stopped:".
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Unreachable => "the provider cannot be reached",
            Self::Configuration => "the provider's address or a setting is wrong",
            Self::Credentials => "the provider refused the credentials",
            Self::Balance => "the account has no funds",
            Self::CostCap => "the next request could pass the cost cap",
            Self::Breaker => "too many requests ended in doubt",
            Self::Silence => "the provider asks for more than an hour of silence",
            Self::Suspicious => "the answers do not look like this provider's",
            Self::RefusedAlike => "request after request was refused alike",
            Self::Canary => "the canary went wrong and nobody else was sent to",
            Self::Journal => "the journal cannot be written",
            Self::Interrupted => "interrupted",
        }
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Unreachable => "check the network and resume",
            Self::Configuration => "correct it and resume",
            Self::Credentials => "correct them and resume",
            Self::Balance => "top it up and resume",
            Self::CostCap => "resume with a higher --max-cost",
            Self::Breaker => "see `volley doubt list`, then resume",
            Self::Silence => "resume when that is over",
            Self::Suspicious => "check base_url, then resume",
            Self::RefusedAlike => "see the reason, then resume",
            Self::Canary => "see `volley report`, then resume to send to the others",
            Self::Journal => "mend that and resume",
            Self::Interrupted => "resume goes on",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_proved_untaken_is_ever_sent_again() {
        for class in Class::ALL {
            let Rule { row, taken, fate, .. } = class.rule();
            let fits = match taken {
                Taken::No => !matches!(fate, Fate::Doubt | Fate::AsAnswered),
                Taken::Maybe => fate == Fate::Doubt,
                Taken::AsAnswered => fate == Fate::AsAnswered,
            };
            assert!(fits, "{row} {class:?}");
        }
    }

    #[test]
    fn statuses_fall_into_the_rows_of_the_table() {
        for (row, statuses) in [
            ("C8", &[301_u16, 302, 303][..]),
            ("C9", &[307, 308]),
            ("C10", &[400, 422]),
            ("C11", &[401, 403]),
            ("C12", &[402]),
            ("C13", &[404, 405, 406, 410, 411, 415, 501, 505, 511]),
            ("C14", &[408]),
            ("C15", &[409]),
            ("C16", &[413, 414, 431]),
            ("C17", &[421, 425]),
            ("C18", &[429]),
            ("C19", &[503]),
            ("C20", &[500, 502, 504, 507, 520, 523, 527, 599]),
            ("C21", &[418, 451, 499]),
            ("C6", &[0, 100, 200, 202, 204, 226, 300, 304, 305, 600, 999]),
        ] {
            for &status in statuses {
                assert_eq!(Class::of_status(status).rule().row, row, "{status}");
            }
        }
    }

    #[test]
    fn every_class_is_listed_once() {
        for (index, class) in Class::ALL.iter().enumerate() {
            assert!(!Class::ALL[..index].contains(class), "{class:?}");
            assert_eq!(*class as usize, index, "{class:?} out of order");
        }
    }
}
