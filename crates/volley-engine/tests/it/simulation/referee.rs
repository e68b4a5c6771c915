//! Holds what the provider did against what the journal says, while no process runs.

use super::{
    books::Recovery,
    journal::lock,
    provider::Seen,
    setup::Setup,
    world::{Shared, World},
};
use std::{collections::BTreeMap, time::Duration};
use volley_core::{Pacing, Rate, State};

/// Whether everything is as it must be.
pub(super) fn look(world: &Shared, setup: &Setup, recovery: Recovery) -> bool {
    let mut world = lock(world);
    let disk = std::sync::Arc::clone(&world.disk);
    let disk = lock(&disk);
    match disk.read(&setup.plan, recovery) {
        Err(fault) => world.convict(format_args!("the journal makes no sense: {fault}")),
        Ok(mut books) => {
            books.audit();
            for broken in &books.broken {
                world.object(format_args!("{broken}"));
            }
            for (position, (state, resends)) in books.states.iter().zip(&books.resends).enumerate() {
                compare(&mut world, position, *state, *resends);
            }
        }
    }
    let mut intents: BTreeMap<[u8; 32], i64> = BTreeMap::new();
    disk.intents().for_each(|(hash, _)| *intents.entry(hash).or_default() += 1);
    for seen in &world.provider.seen {
        *intents.entry(seen.body_hash).or_default() -= 1;
    }
    let without = intents.values().filter(|left| **left < 0).count();
    if without > 0 {
        world.object(format_args!("J3: {without} requests were made that the journal knows nothing of"));
    }
    if setup.pacing == Pacing::Strict {
        for rate in &setup.rates {
            if let Some(overrun) = overrun(&world.provider.seen, *rate, world.clock.was_set_forwards) {
                world.object(format_args!("more than {rate} arrived from {} ms on", overrun.as_millis()));
            }
        }
    }
    world.broken.is_empty()
}

/// J4, J5 and J17 of one recipient.
fn compare(world: &mut World, position: usize, state: State, resends: u32) {
    let taken = world.provider.taken[position];
    // Each time that a person had them sent to again, they may have been taken before.
    let is_right = match state {
        State::Accepted => (1..=1 + resends).contains(&taken),
        State::InDoubt { .. } | State::Claimed { .. } => taken <= 1 + resends,
        State::Pending { .. } | State::Refused => taken <= resends,
    };
    if !is_right {
        world.convict(format_args!(
            "J4: {position} is {state:?}, was taken {taken} times, and sent to again on a word {resends} times"
        ));
    }
}

/// Where a window begins in which more arrived than `rate` allows. Between processes it binds by
/// the wall clock, so not where that was set forwards.
fn overrun(seen: &[Seen], rate: Rate, within_processes: bool) -> Option<Duration> {
    let mut arrivals: Vec<(u32, Duration)> =
        seen.iter().map(|seen| (if within_processes { seen.process } else { 0 }, seen.at)).collect();
    arrivals.sort_unstable();
    let too_many = rate.count().get() as usize;
    let pairs = arrivals.iter().zip(arrivals.iter().skip(too_many));
    pairs
        .filter(|(first, last)| first.0 == last.0 && last.1 < first.1 + rate.window())
        .map(|(first, _)| first.1)
        .next()
}
