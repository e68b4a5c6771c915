//! A provider that does every line of the table of failures, and writes down whom it took.

use super::{
    books::Plan,
    face::{Form, Word, answer, numbers, reply},
    random::Random,
};
use crate::world::plain;
use std::{ops::Range, ops::RangeInclusive, sync::Arc, time::Duration};
use volley_core::{Class, Failure};
use volley_engine::Observed;
use volley_provider::http::{HttpRequest, Reply};
use volley_sim::{Config, Gateway};

/// The number of the first recipient of every plan; the others follow it.
pub(super) const FIRST_NUMBER: u64 = 61_491_570_000;

/// A number that is in no plan.
const STRANGER: u64 = 61_491_579_999;

/// One thing that can go wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Its row in the table of failures.
    pub(super) row: &'static str,
    says: Says,
    took: Took,
}

impl Fault {
    /// Whether only the simulation's own provider does it.
    pub(super) fn is_own(&self) -> bool {
        matches!(self.says, Says::Own(_))
    }
}

/// Whether the provider takes a request that something goes wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Took {
    /// It never hears of it.
    Unheard,
    No,
    /// By a throw of the dice.
    Maybe,
}

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// No whole reply.
    Nothing(Class),
    /// A page of something that stands in front of the provider.
    Page(u16),
    /// A status alone.
    Empty(u16),
    /// "Too fast", and how long to be silent.
    TooFast(&'static str),
    /// What only the simulation's own provider says.
    Own(Quirk),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quirk {
    /// An answer to somebody else's request.
    Stranger,
    /// One number too many.
    Surplus,
    /// The first number twice.
    Repeated,
    /// Half of the numbers only; the others were taken or not.
    Half,
    /// The first half is taken, the rest proved not to be.
    HalfTaken(Word),
    /// Not who.
    Some,
    /// A code that nobody listed.
    Code,
    /// Unavailable, and sure that nothing was taken.
    Untaken,
}

#[rustfmt::skip]
pub(super) const FAULTS: [Fault; 49] = {
    use {Class as C, Quirk as Q, Says as S, Took as T};
    const fn fault(row: &'static str, says: Says, took: Took) -> Fault { Fault { row, says, took } }
    [
        fault("A1",  S::Nothing(C::NameResolution), T::Unheard),
        fault("A2",  S::Nothing(C::ConnectRefused), T::Unheard),
        fault("A3",  S::Nothing(C::ConnectTimeout), T::Unheard),
        fault("A4",  S::Nothing(C::TlsFailed),      T::Unheard),
        fault("A5",  S::Nothing(C::ProxyRefused),   T::Unheard),
        fault("A6",  S::Nothing(C::NoDescriptor),   T::Unheard),
        fault("A7",  S::Nothing(C::Unbuildable),    T::Unheard),
        fault("A10", S::Nothing(C::Unwritten),      T::Unheard),
        fault("B1",  S::Nothing(C::WriteFailed),    T::Maybe),
        fault("B2",  S::Nothing(C::ReplyLost),      T::Maybe),
        fault("B3",  S::Nothing(C::TimedOut),       T::Maybe),
        fault("B4",  S::Nothing(C::BadHead),        T::Maybe),
        fault("B5",  S::Nothing(C::BodyCut),        T::Maybe),
        fault("B11", S::Own(Q::Stranger),              T::Maybe),
        fault("C2",  S::Own(Q::Half),               T::Maybe),
        fault("C2",  S::Own(Q::Some),               T::Maybe),
        fault("C3",  S::Own(Q::Surplus),            T::Maybe),
        fault("C3",  S::Own(Q::Repeated),           T::Maybe),
        fault("C4",  S::Own(Q::HalfTaken(Word::Later)),   T::No),
        fault("C4",  S::Own(Q::HalfTaken(Word::Funds)),   T::No),
        fault("C4",  S::Own(Q::HalfTaken(Word::Refused)), T::No),
        fault("C5",  S::Own(Q::Code),               T::Maybe),
        fault("C6",  S::Page(200),                  T::Maybe),
        fault("C7",  S::Empty(202),                 T::Maybe),
        fault("C7",  S::Empty(204),                 T::Maybe),
        fault("C8",  S::Page(302),                  T::Maybe),
        fault("C9",  S::Page(307),                  T::No),
        fault("C10", S::Page(400),                  T::No),
        fault("C10", S::Page(422),                  T::No),
        fault("C11", S::Page(401),                  T::No),
        fault("C11", S::Page(403),                  T::No),
        fault("C12", S::Page(402),                  T::No),
        fault("C13", S::Page(404),                  T::No),
        fault("C13", S::Page(501),                  T::No),
        fault("C14", S::Page(408),                  T::Maybe),
        fault("C15", S::Page(409),                  T::Maybe),
        fault("C16", S::Page(413),                  T::No),
        fault("C17", S::Page(421),                  T::No),
        fault("C18", S::TooFast("3"),               T::No),
        fault("C18", S::TooFast("Sun, 06 Nov 1994 08:49:37 GMT"), T::No),
        fault("C18", S::TooFast("soon"),            T::No),
        fault("C18", S::TooFast("1800"),            T::No),
        fault("C19", S::Page(503),                  T::Maybe),
        fault("C19", S::Own(Q::Untaken),            T::No),
        fault("C20", S::Page(500),                  T::Maybe),
        fault("C20", S::Page(502),                  T::Maybe),
        fault("C20", S::Page(504),                  T::Maybe),
        fault("C20", S::Page(522),                  T::Maybe),
        fault("C21", S::Page(418),                  T::No),
    ]
};

/// What is at the other end.
pub(super) enum Face {
    /// The simulation's own provider.
    Own,
    /// The gateway that speaks the providers' protocols.
    Gateway(Box<Gateway>),
}

impl Face {
    /// The gateway, drawing from `seed`.
    pub(super) fn gateway(seed: u64) -> Self {
        let config = Config { seed, ..Config::default() }.with_limit(None);
        Self::Gateway(Box::new(Gateway::new(config).expect("a plain configuration")))
    }
}

/// How a provider behaves in one campaign.
pub(super) struct Manners {
    /// What goes wrong, and with how many of a hundred requests.
    pub(super) faults: Vec<Fault>,
    pub(super) percent: u64,
    /// When every request meets a server error.
    pub(super) storms: Vec<Range<Duration>>,
    /// How many of a hundred numbers are refused for good.
    pub(super) unusable: u64,
    /// One way through the network, in milliseconds.
    pub(super) way_ms: RangeInclusive<u64>,
    /// How long the client waits for an answer.
    pub(super) timeout: Duration,
    pub(super) form: Form,
    /// Whether messages may be billed below their price.
    pub(super) discounts: bool,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Duration,
    /// Which of the processes sent it.
    pub(super) process: u32,
    /// What the journal tells it by.
    pub(super) body_hash: [u8; 32],
}

/// The provider.
pub(super) struct Provider {
    plan: Arc<Plan>,
    face: Face,
    manners: Manners,
    random: Random,
    unusable: Vec<bool>,
    /// From here on nothing goes wrong any more.
    pub(super) is_calm: bool,
    requests: u64,
    /// How often each recipient was taken.
    pub(super) taken: Vec<u32>,
    /// Entries of the gateway's ledger that were counted.
    counted: usize,
    pub(super) seen: Vec<Seen>,
}

/// What one request comes to: after a while, something is seen.
pub(super) struct Exchange {
    /// When it arrives at the provider, if it does.
    pub(super) arrives: Option<Duration>,
    pub(super) row: &'static str,
    pub(super) takes: u32,
    pub(super) after: Duration,
    pub(super) observed: Observed,
}

impl Provider {
    pub(super) fn new(plan: &Arc<Plan>, face: Face, manners: Manners, mut random: Random) -> Self {
        let everybody = plan.people.len();
        let unusable = (0..everybody).map(|_| random.strikes(manners.unusable)).collect();
        Self {
            plan: Arc::clone(plan),
            face,
            manners,
            random,
            unusable,
            is_calm: false,
            requests: 0,
            taken: vec![0; everybody],
            counted: 0,
            seen: Vec::new(),
        }
    }

    /// What comes of `request`, whose first byte leaves at `now`.
    pub(super) fn exchange(&mut self, request: &HttpRequest, now: Duration) -> Exchange {
        self.requests += 1;
        let way = self.manners.way_ms.clone();
        let out = self.random.millis(way.clone());
        let mut back = self.random.millis(way);
        if self.random.strikes(2) {
            back += self.random.millis(1_000..=20_000);
        }
        let fault = self.draw(now);
        let arrives = fault.is_none_or(|fault| fault.took != Took::Unheard).then_some(now + out);
        let before = self.taken.iter().sum::<u32>();
        let observed = match fault {
            None => Observed::Reply(self.serve(request, now)),
            Some(fault) => self.spoil(fault, request, now),
        };
        let takes = self.taken.iter().sum::<u32>() - before;
        let after = match &observed {
            Observed::Failed(failure) if failure.class == Class::TimedOut => self.manners.timeout,
            Observed::Failed(failure) if failure.class == Class::ConnectTimeout => Duration::from_secs(5),
            _ => out + back,
        };
        let row = fault.map_or("C1", |fault| fault.row);
        Exchange { arrives, row, takes, after, observed }
    }

    fn draw(&mut self, now: Duration) -> Option<Fault> {
        let (strikes, place) = (self.random.strikes(self.manners.percent), self.random.bits());
        if self.is_calm {
            return None;
        }
        if self.manners.storms.iter().any(|storm| storm.contains(&now)) {
            let errors: Vec<_> = FAULTS.into_iter().filter(|fault| fault.row == "C20").collect();
            return Some(errors[usize::try_from(place % errors.len() as u64).expect("a few")]);
        }
        let faults = &self.manners.faults;
        let place = usize::try_from(place % faults.len().max(1) as u64).expect("a few");
        faults.get(place).copied().filter(|_| strikes)
    }

    /// A request that something goes wrong with.
    fn spoil(&mut self, fault: Fault, request: &HttpRequest, now: Duration) -> Observed {
        if let Says::Own(quirk) = fault.says {
            return Observed::Reply(self.quirk(quirk, request));
        }
        if fault.took == Took::Maybe && self.random.strikes(50) {
            drop(self.serve(request, now));
        }
        let page = "<!DOCTYPE html><html><body>?</body></html>";
        let html = [("content-type", "text/html")];
        Observed::Reply(match fault.says {
            Says::Nothing(class) => return Observed::Failed(Failure::new(class, "simulated")),
            Says::Page(status @ (302 | 307)) => {
                reply(status, &[html[0], ("location", "http://127.0.0.1:1/elsewhere")], page)
            }
            Says::Page(status) => reply(status, &html, page),
            Says::Empty(status) => reply(status, &[], ""),
            Says::TooFast(when) => reply(429, &[html[0], ("retry-after", when)], page),
            Says::Own(_) => unreachable!("handled above"),
        })
    }

    /// A request that is served as ever.
    fn serve(&mut self, request: &HttpRequest, now: Duration) -> Reply {
        match &mut self.face {
            Face::Own => {
                let messages = self.own(request, |_, _| Word::Taken);
                let text = answer(self.requests, self.manners.form, &messages);
                reply(200, &[], text)
            }
            Face::Gateway(gateway) => {
                let answered = gateway.answer(now, &plain(request)).reply;
                let new = gateway.ledger().skip(self.counted);
                for entry in new {
                    self.taken[position(entry.to.digits())] += 1;
                    self.counted += 1;
                }
                let headers: Vec<_> =
                    answered.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                reply(answered.status, &headers, answered.body)
            }
        }
    }

    /// What becomes of the messages of `request`: as `word` says, by their place and their
    /// number, but for those that can never be taken.
    fn own(
        &mut self,
        request: &HttpRequest,
        word: impl Fn(usize, usize) -> Word,
    ) -> Vec<(u64, Word, volley_core::Micros)> {
        let body: Vec<u8> = request.body.frames().flatten().collect();
        let numbers = numbers(&body);
        let all = numbers.len();
        let mut messages = Vec::with_capacity(all);
        for (place, number) in numbers.into_iter().enumerate() {
            let position = position(number);
            let word = if self.unusable[position] { Word::Refused } else { word(place, all) };
            self.taken[position] += u32::from(word == Word::Taken);
            let price = self.plan.people[position].cost;
            let is_cheaper = self.manners.discounts && self.random.strikes(30);
            messages.push((
                number,
                word,
                volley_core::Micros(if is_cheaper { price.0 / 2 } else { price.0 }),
            ));
        }
        messages
    }

    fn quirk(&mut self, quirk: Quirk, request: &HttpRequest) -> Reply {
        let number = self.requests;
        if quirk == Quirk::Untaken {
            return reply(503, &[("retry-after", "2")], "not taken");
        }
        let is_taken = self.random.strikes(50);
        let messages = match quirk {
            Quirk::HalfTaken(rest) => {
                self.own(request, |place, all| if place < all.div_ceil(2) { Word::Taken } else { rest })
            }
            // What is not told may have been taken, or not.
            Quirk::Half if !is_taken => self
                .own(request, |place, all| if place < all.div_ceil(2) { Word::Taken } else { Word::Later }),
            _ if is_taken => self.own(request, |_, _| Word::Taken),
            _ => Vec::new(),
        };
        let long = answer(number, Form::Long, &messages);
        let text = match quirk {
            Quirk::Stranger => format!("request r{number}\n{STRANGER} taken m{number}-0\n"),
            Quirk::Surplus => format!("{long}{STRANGER} taken m{number}-x\n"),
            Quirk::Repeated => {
                let first = long.lines().nth(1).map_or(format!("{STRANGER} refused"), str::to_owned);
                format!("{long}{first}\n{first}\n")
            }
            Quirk::Half => {
                let half = messages.len().div_ceil(2);
                answer(number, Form::Long, &messages[..half])
            }
            Quirk::HalfTaken(_) => long,
            Quirk::Some => format!("request r{number}\nsome"),
            Quirk::Code => "code 77".to_owned(),
            Quirk::Untaken => unreachable!("handled above"),
        };
        reply(200, &[], text)
    }
}

/// Who of the plan has `number`.
pub(super) fn position(number: u64) -> usize {
    usize::try_from(number - FIRST_NUMBER).expect("a number of the plan")
}
