//! What one seed makes of a campaign.

use super::{
    books::{Person, Plan},
    face::{Form, Slate},
    journal::lock,
    provider::{FAULTS, FIRST_NUMBER, Face, Fault, Manners, Provider},
    random::Random,
    world::{Bug, Eyes, Shared, Trouble, World},
};
use crate::world::adapter;
use std::{
    num::NonZeroU32,
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};
use volley_core::{
    Batch, Digest, Micros, Msisdn, Pacing, PlanHash, PlanTerms, Price, Profile, Rate, Rounding, UnixMillis,
};
use volley_journal::{FrozenPlan, RowCounts};
use volley_provider::adapter::Adapter;

/// What holds for all processes of a campaign.
pub(super) struct Setup {
    pub(super) adapter: Arc<dyn Adapter>,
    pub(super) plan: Arc<Plan>,
    pub(super) rates: Vec<Rate>,
    pub(super) pacing: Pacing,
    /// How long the engine tries again where request after request fails.
    pub(super) patience: Duration,
    pub(super) max_in_flight: u32,
    /// Processes that meet faults; those behind them meet none.
    pub(super) troubled: u32,
    /// How many of a hundred processes are killed.
    pub(super) kills: u64,
    /// How many of a hundred are told to stop.
    pub(super) signals: u64,
    /// How many of a hundred pauses between processes somebody resolves doubt in.
    pub(super) resolves: u64,
    /// Whether that person also has people sent to again.
    pub(super) resends: bool,
    /// How many of a hundred pauses the clock is set in, or in the process behind them.
    pub(super) clocks: u64,
    /// How many of a hundred pauses somebody asks in not to be texted.
    pub(super) opts_out: u64,
    /// How many are sent to and judged before the others.
    pub(super) canary: Option<NonZeroU32>,
    /// Drives the processes.
    pub(super) random: Random,
}

/// Rates, as they stand in a campaign.
const RATES: [&str; 6] = ["", "2/s", "5/s", "10/s 60/m", "50/s", "20/m"];

/// What a message may cost; the gateway knows the first one alone.
pub(super) const PRICES: [Micros; 3] = [Micros(50_000), Micros(75_000), Micros(100_000)];

/// The longest way through the network. A process that starts anew takes at least as long, so
/// that nothing of the one before it is still under way.
pub(super) const LONGEST_WAY_MS: u64 = 200;

/// A campaign by its seed, and the world that it runs in.
pub(super) fn draw(seed: u64, bug: Option<Bug>, eyes: Eyes) -> (Setup, Shared) {
    let mut random = Random::new(seed, 1);
    let kind = *random.pick(&[
        "slate",
        "slate",
        "slate",
        "slate",
        "transmitsms",
        "mesms",
        "maxotel",
        "fonedynamics",
    ]);
    let is_own = kind == "slate";
    let adapter: Arc<dyn Adapter> = if is_own {
        let max = random.small(1..=12);
        let batch = *random.pick(&[Batch::One, Batch::SharedText { max }, Batch::PerItem { max }]);
        Arc::new(Slate::new(batch))
    } else {
        adapter(kind)
    };
    let plan = Arc::new(plan(&mut random, adapter.as_ref(), is_own));
    let face = if is_own { Face::Own } else { Face::gateway(seed) };
    let manners = manners(&mut random, is_own);
    let provider = Provider::new(&plan, face, manners, Random::new(seed, 2));
    let slowest_ms = *random.pick(&[0, 3, 30, 400]);
    let mut world = World::new(&plan, provider, (0..=slowest_ms, Random::new(seed, 3)), bug, eyes);
    let hours = *random.pick(&["", "", "", "00:00-24:00", "06:00-22:00", "09:30-18:00"]);
    world.window = Some(hours).filter(|hours| !hours.is_empty()).map(|hours| hours.parse().expect("hours"));
    world.most_chunks = *random.pick(&[1, 3, usize::MAX]);
    if random.strikes(25) {
        for _ in 0..random.between(1..=3) {
            let trouble = *random.pick(&[Trouble::Full, Trouble::Fault]);
            world.troubles.push((stretch(&mut random, 120_000), trouble));
        }
    }
    let rates = random.pick(&RATES).split_whitespace().map(|rate| rate.parse().expect("a rate")).collect();
    let setup = Setup {
        adapter,
        plan,
        rates,
        pacing: *random.pick(&[Pacing::Strict, Pacing::Strict, Pacing::Spaced]),
        patience: Duration::from_secs(*random.pick(&[0, 60, 600])),
        max_in_flight: random.small(1..=6),
        troubled: random.small(1..=7),
        kills: *random.pick(&[0, 40, 80]),
        signals: *random.pick(&[0, 0, 30]),
        resolves: *random.pick(&[0, 50]),
        resends: random.strikes(40),
        clocks: *random.pick(&[0, 0, 40]),
        opts_out: *random.pick(&[0, 0, 40]),
        canary: NonZeroU32::new(random.small(1..=10)).filter(|_| random.strikes(25)),
        random: Random::new(seed, 4),
    };
    (setup, Arc::new(Mutex::new(world)))
}

/// A while within the first minutes.
fn stretch(random: &mut Random, longest_ms: u64) -> Range<Duration> {
    let start = random.millis(0..=60_000);
    start..start + random.millis(1..=longest_ms)
}

fn manners(random: &mut Random, is_own: bool) -> Manners {
    // A few kinds of faults at a time: with all of them at once, the gravest would end every
    // process before the others had a say.
    let known = |fault: &&Fault| is_own || !fault.is_own();
    let faults: Vec<Fault> = FAULTS.iter().filter(known).copied().collect();
    let faults = (0..random.between(0..=6)).map(|_| *random.pick(&faults)).collect();
    let longest_ms = *random.pick(&[5_000, 20_000, 900_000]);
    let storms = if random.strikes(20) { vec![stretch(random, longest_ms)] } else { Vec::new() };
    Manners {
        faults,
        percent: *random.pick(&[2, 10, 30, 60]),
        storms,
        unusable: *random.pick(&[0, 0, 10]),
        way_ms: *random.pick(&[0, 5, 60])..=*random.pick(&[60, LONGEST_WAY_MS]),
        timeout: Duration::from_secs(*random.pick(&[10, 30])),
        form: *random.pick(&[Form::Short, Form::Long, Form::Priced]),
        discounts: random.strikes(30),
    }
}

fn plan(random: &mut Random, adapter: &dyn Adapter, is_own: bool) -> Plan {
    let batch = adapter.capabilities().batch;
    let everybody = random.small(1..=60);
    let chunk = random.small(1..=batch.ceiling().min(12));
    let texts: Vec<Arc<str>> =
        (0..random.between(1..=3)).map(|text| Arc::from(format!("Sale {text} ends today"))).collect();
    let mut people = Vec::new();
    for position in 0..everybody {
        let to = Msisdn::from_digits(FIRST_NUMBER + u64::from(position)).expect("a number");
        // Where a text is shared, those who get the same one stand together.
        let text = if batch.shares_text() {
            position as usize * texts.len() / everybody as usize
        } else {
            usize::try_from(random.between(0..=texts.len() as u64 - 1)).expect("a few")
        };
        let cost = if is_own { *random.pick(&PRICES) } else { PRICES[0] };
        people.push(Person { to, text, cost });
    }
    let estimated = Micros(people.iter().map(|person| person.cost.0).sum());
    let has_cap = random.strikes(40);
    let percent = i64::from(random.small(10..=110));
    let terms = PlanTerms {
        campaign: "simulation".to_owned(),
        sender: Some("Volley".to_owned()),
        provider: adapter.kind().to_owned(),
        send_at: None,
        currency: Some("AUD".to_owned()),
        batch,
        chunk,
    };
    let accepted = u64::from(everybody);
    let digest = Digest([0; 32]);
    let frozen = FrozenPlan {
        terms,
        hash: PlanHash { whole: digest, recipients: digest, texts: digest, prices: digest, terms: digest },
        created_at: UnixMillis(0),
        rows: RowCounts { rows: accepted, accepted, ..RowCounts::default() },
        segments: accepted,
        estimated: Some(estimated),
        prices: Vec::<Price>::new(),
        rounding: Rounding::Exact,
        profile: Profile::STANDARD,
        provider: "{}".to_owned(),
    };
    let cap = has_cap.then(|| Micros(estimated.0 * percent / 100));
    Plan { frozen, people, texts, cap }
}

impl Setup {
    /// The most recipients that one kill may leave in doubt: those of all requests under way, and
    /// those whose intents one commit made ahead of them.
    pub(super) fn most_doubt_of_a_kill(&self) -> u64 {
        (u64::from(self.max_in_flight) + AHEAD) * self.chunk()
    }

    /// The most that a run may leave in doubt by itself: four storms of two full flights or a
    /// thousandth of the plan, and whoever is in flight when that is passed.
    pub(super) fn most_doubt_of_a_run(&self) -> u64 {
        let flight = u64::from(self.max_in_flight) * self.chunk();
        4 * (2 * flight).max(self.plan.people.len() as u64 / 1_000) + self.most_doubt_of_a_kill()
    }

    fn chunk(&self) -> u64 {
        u64::from(self.plan.frozen.terms.chunk)
    }
}

/// How many intents may be durable beyond those whose requests are under way.
const AHEAD: u64 = 0;

/// Ends all faults: what is left has to be done now.
pub(super) fn calm(world: &Shared) {
    let mut world = lock(world);
    world.provider.is_calm = true;
    world.troubles.clear();
}
