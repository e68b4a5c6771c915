//! The lane as a table: what it does after which answers.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use volley_core::{Answer, Billed, Msisdn, Planned, RowNumber};

mod breaking;
mod canary;

const SECOND: Duration = Duration::from_secs(1);
/// What each recipient of these tests costs.
const PRICE: Micros = Micros(50_000);

fn settings() -> LaneSettings {
    LaneSettings {
        rates: Vec::new(),
        pacing: Pacing::Spaced,
        least_round_trip: Duration::ZERO,
        max_in_flight: 1,
        chunk: 10,
        planned: 1_000,
        max_cost: None,
        probe: false,
        patience: Duration::ZERO,
        silent_for: Duration::ZERO,
        not_before: Duration::ZERO,
        canary: None,
    }
}

fn chunks(plan: u32, size: u32) -> Vec<Chunk> {
    let recipient = |position: u32| Planned {
        row: RowNumber(position + 1),
        to: Msisdn::from_digits(61_491_570_000 + u64::from(position)).expect("fictitious"),
        text: 0,
        segments: 1,
        cost: PRICE,
    };
    (0..plan)
        .step_by(size as usize)
        .map(|first| Chunk {
            first: Position(first),
            texts: vec![Arc::from("Hi")],
            recipients: (first..plan.min(first + size)).map(recipient).collect(),
        })
        .collect()
}

/// A lane with `plan` recipients in chunks of `size`, all of them fetched.
fn lane(settings: LaneSettings, plan: u32, size: u32) -> Lane {
    let mut lane = Lane::new(settings);
    lane.on_chunks(chunks(plan, size));
    lane.on_chunks(Vec::new());
    lane
}

fn accepted() -> Outcome {
    let (request_id, billed) = (Some("1".to_owned()), Billed::Unknown);
    Outcome::Answered(Answer { request_id, verdicts: Verdicts::AllAccepted, billed, segments: None })
}

fn failed(class: Class) -> Outcome {
    Failure::new(class, "seen").into()
}

fn next_work(lane: &mut Lane, now: Duration) -> Work {
    match lane.poll(now, Micros::ZERO) {
        Step::Send(work) => work,
        other => panic!("expected work, not {other:?}"),
    }
}

/// Gives each request in turn the same answer; how many were made before the lane stopped.
fn requests_until_stopped(class: Class) -> (u32, Option<StopReason>) {
    let mut lane = lane(LaneSettings { planned: 1_000_000, ..settings() }, 400, 10);
    let mut now = Duration::ZERO;
    for made in 0..100 {
        loop {
            match lane.poll(now, Micros::ZERO) {
                Step::Send(work) => {
                    lane.on_end(work, &failed(class), now, now, 0);
                    break;
                }
                Step::Wait(pause) => now = pause.until().expect("nothing is in flight"),
                Step::Done(Ending::Stopped { reason, .. }) => return (made, Some(reason)),
                Step::Done(Ending::Finished) => return (made, None),
                step @ (Step::Fetch { .. } | Step::Trial(_)) => panic!("{step:?}"),
            }
        }
    }
    (100, None)
}

#[test]
fn failures_stop_the_lane_as_the_table_says() {
    use StopReason as S;
    for (class, requests, reason) in [
        (Class::NameResolution, 5, Some(S::Unreachable)),
        (Class::ConnectRefused, 5, Some(S::Unreachable)),
        (Class::ConnectTimeout, 100, None),
        (Class::TlsFailed, 1, Some(S::Configuration)),
        (Class::Unbuildable, 5, Some(S::RefusedAlike)),
        (Class::ReplyLost, 5, Some(S::Breaker)),
        (Class::NotTheApi, 1, Some(S::Suspicious)),
        (Class::MovedUntaken, 1, Some(S::Configuration)),
        (Class::BadRequest, 40, None),
        (Class::Credentials, 1, Some(S::Credentials)),
        (Class::NoFunds, 1, Some(S::Balance)),
        (Class::Throttled, 100, None),
        (Class::OtherRefusal, 5, Some(S::RefusedAlike)),
    ] {
        assert_eq!(requests_until_stopped(class), (requests, reason), "{class:?}");
    }
}

#[test]
fn five_lost_replies_in_a_row_open_the_breaker_and_an_answer_in_between_does_not() {
    for (answer_after, stopped) in [(None, true), (Some(4), false)] {
        let mut lane = lane(LaneSettings { chunk: 1, planned: 100_000, ..settings() }, 40, 1);
        for request in 0..8 {
            let Step::Send(work) = lane.poll(SECOND, Micros::ZERO) else { break };
            let outcome = if answer_after == Some(request) { accepted() } else { failed(Class::ReplyLost) };
            lane.on_end(work, &outcome, SECOND, SECOND, 0);
        }
        assert_eq!(lane.stopped.is_some(), stopped, "answered after {answer_after:?}");
    }
}

#[test]
fn doubt_above_two_flights_or_a_thousandth_of_the_plan_stops_the_lane() {
    for (planned, requests_in_doubt) in [(1_000, 3), (40_000, 5)] {
        let mut lane = lane(LaneSettings { planned, ..settings() }, 400, 10);
        let mut made = 0;
        while let Step::Send(work) = lane.poll(SECOND, Micros::ZERO) {
            lane.on_end(work, &failed(Class::Conflict), SECOND, SECOND, 0);
            made += 1;
        }
        assert_eq!(made, requests_in_doubt, "of {planned}");
    }
}

#[test]
fn a_throttled_chunk_goes_again_first_and_not_before_the_stated_time() {
    let mut lane = lane(settings(), 30, 10);
    let work = next_work(&mut lane, SECOND);
    let mut failure = Failure::new(Class::Throttled, "too fast");
    failure.retry_after = Some(9 * SECOND);
    lane.on_end(work, &failure.into(), 2 * SECOND, 2 * SECOND, 0);
    for now in [2, 5, 10] {
        let step = lane.poll(now * SECOND, Micros::ZERO);
        assert!(matches!(step, Step::Wait(Pause::Throttled(at)) if at == 11 * SECOND), "{now}: {step:?}");
    }
    assert_eq!(next_work(&mut lane, 11 * SECOND).chunk.first, Position(0));
}

#[test]
fn refusals_of_one_flight_count_once() {
    let mut lane = lane(LaneSettings { max_in_flight: 4, ..settings() }, 80, 10);
    let flight: Vec<Work> = (0..4).map(|_| next_work(&mut lane, SECOND)).collect();
    for work in flight {
        lane.on_end(work, &failed(Class::Throttled), SECOND, SECOND, 0);
    }
    assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Wait(Pause::Throttled(at)) if at == 2 * SECOND));
    let again = next_work(&mut lane, 2 * SECOND);
    lane.on_end(again, &failed(Class::Throttled), 2 * SECOND, 2 * SECOND, 0);
    let step = lane.poll(2 * SECOND, Micros::ZERO);
    assert!(matches!(step, Step::Wait(Pause::Throttled(at)) if at == 4 * SECOND), "{step:?}");
}

/// An answer of one verdict for each of ten recipients, by a word of ten letters: taken, refused,
/// no funds, later, in doubt.
fn each(verdicts: &str) -> Outcome {
    let untaken = |class| Verdict::NotTaken { class, reason: "later".into() };
    let verdict = |letter| match letter {
        't' => Verdict::Accepted { id: Some("m".to_owned()), billed: None, segments: None },
        'r' => Verdict::Refused { code: "no".into() },
        'f' => untaken(Class::NoFunds),
        'l' => untaken(Class::Throttled),
        _ => Verdict::InDoubt { reason: "unsaid".into() },
    };
    let verdicts = Verdicts::Each(verdicts.chars().map(verdict).collect());
    Outcome::Answered(Answer { request_id: None, verdicts, billed: Billed::Unknown, segments: None })
}

#[test]
fn whoever_was_not_taken_is_sent_again_and_nobody_else() {
    let mut lane = lane(settings(), 10, 10);
    let work = next_work(&mut lane, SECOND);
    lane.on_end(work, &each("tllrtdltll"), SECOND, SECOND, 0);
    assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Wait(Pause::Throttled(_) | Pause::Retry(_))));
    let again: Vec<(u32, u32)> = (0..3)
        .map(|step| {
            let work = next_work(&mut lane, (step + 5) * SECOND);
            let part = (work.chunk.first.0, work.chunk.len());
            let taken = "t".repeat(part.1 as usize);
            lane.on_end(work, &each(&taken), (step + 5) * SECOND, (step + 5) * SECOND, 0);
            part
        })
        .collect();
    assert_eq!(again, [(1, 2), (6, 1), (8, 2)]);
    assert!(matches!(lane.poll(20 * SECOND, Micros::ZERO), Step::Done(Ending::Finished)));
}

#[test]
fn an_item_without_funds_stops_the_lane_and_stays_pending() {
    let mut lane = lane(settings(), 20, 10);
    let work = next_work(&mut lane, SECOND);
    lane.on_end(work, &each("ttttlftttt"), SECOND, SECOND, 0);
    let step = lane.poll(SECOND, Micros::ZERO);
    let stopped = matches!(&step, Step::Done(Ending::Stopped { reason: StopReason::Balance, .. }));
    assert!(stopped, "{step:?}");
}

#[test]
fn doubt_is_never_sent_again() {
    let mut lane = lane(settings(), 20, 10);
    let work = next_work(&mut lane, SECOND);
    lane.on_end(work, &failed(Class::ReplyLost), SECOND, SECOND, 0);
    assert_eq!(next_work(&mut lane, SECOND).chunk.first, Position(10));
}

#[test]
fn a_chunk_too_large_is_halved_and_a_single_one_refused() {
    let mut lane = lane(settings(), 10, 10);
    let work = next_work(&mut lane, SECOND);
    lane.on_end(work, &failed(Class::TooLarge), SECOND, SECOND, 0);
    let head = next_work(&mut lane, SECOND);
    assert_eq!((head.chunk.first, head.chunk.len()), (Position(0), 5));
    let refused = final_outcome(failed(Class::TooLarge), 1);
    assert!(matches!(refused, Outcome::Failed(failure) if failure.class.rule().fate == Fate::Refuse));
    assert_eq!(final_outcome(failed(Class::TooLarge), 2), failed(Class::TooLarge));
}

#[test]
fn the_cap_is_decided_with_nothing_in_flight_and_never_passed() {
    let cap = Micros(20 * PRICE.0);
    let mut lane = lane(LaneSettings { max_in_flight: 4, max_cost: Some(cap), ..settings() }, 40, 10);
    let first = next_work(&mut lane, SECOND);
    let second = next_work(&mut lane, SECOND);
    assert!(matches!(lane.poll(SECOND, Micros(20 * PRICE.0)), Step::Wait(Pause::InFlight)));
    for work in [first, second] {
        lane.on_end(work, &accepted(), SECOND, SECOND, 0);
    }
    let ending = lane.poll(SECOND, Micros(20 * PRICE.0));
    assert!(matches!(ending, Step::Done(Ending::Stopped { reason: StopReason::CostCap, .. })), "{ending:?}");
}

#[test]
fn a_cheaper_bill_leaves_room_under_the_cap() {
    let cap = Micros(20 * PRICE.0);
    let mut lane = lane(LaneSettings { max_cost: Some(cap), ..settings() }, 40, 10);
    for billed in [0, 5, 10] {
        let Step::Send(work) = lane.poll(SECOND, Micros(billed * PRICE.0)) else { panic!("{billed} fit") };
        lane.on_end(work, &accepted(), SECOND, SECOND, 0);
    }
}

#[test]
fn a_probe_is_one_recipient_alone_and_opens_the_lane_when_answered() {
    let mut lane = lane(LaneSettings { probe: true, max_in_flight: 4, ..settings() }, 20, 10);
    let probe = next_work(&mut lane, SECOND);
    assert_eq!((probe.chunk.first, probe.chunk.len()), (Position(0), 1));
    assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Wait(Pause::InFlight)));
    lane.on_end(probe, &accepted(), SECOND, SECOND, 0);
    let rest = next_work(&mut lane, SECOND);
    assert_eq!((rest.chunk.first, rest.chunk.len()), (Position(1), 9));
}

#[test]
fn a_probe_without_an_answer_stops_at_once() {
    let mut lane = lane(LaneSettings { probe: true, ..settings() }, 20, 10);
    let probe = next_work(&mut lane, SECOND);
    lane.on_end(probe, &failed(Class::ServerError), SECOND, SECOND, 0);
    let step = lane.poll(SECOND, Micros::ZERO);
    assert!(matches!(step, Step::Done(Ending::Stopped { reason: StopReason::Breaker, .. })), "{step:?}");
}

#[test]
fn stopping_waits_for_what_is_in_flight_and_claims_nothing_more() {
    let mut lane = lane(LaneSettings { max_in_flight: 2, ..settings() }, 40, 10);
    let work = next_work(&mut lane, SECOND);
    lane.stop(StopReason::Interrupted, "");
    assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Wait(Pause::Draining)));
    lane.on_end(work, &accepted(), SECOND, SECOND, 0);
    let step = lane.poll(SECOND, Micros::ZERO);
    assert!(matches!(step, Step::Done(Ending::Stopped { reason: StopReason::Interrupted, .. })));
}

#[test]
fn a_quick_lane_hands_out_more_than_it_has_places_for_and_no_other() {
    for (chunk, left, handed_out) in [(1, 400, 4 + 80), (1, 79, 4), (2, 400, 4)] {
        let mut lane = lane(LaneSettings { max_in_flight: 4, chunk, ..settings() }, 2_000, chunk);
        (0..left).for_each(|_| lane.on_sent());
        // A tenth of them left while one commit was under way.
        lane.on_commit(SECOND, SECOND / 10);
        let steps = std::iter::from_fn(|| match lane.poll(SECOND, Micros::ZERO) {
            Step::Send(work) => Some(work),
            _ => None,
        });
        assert_eq!(steps.count(), handed_out, "{left} left in a second, chunks of {chunk}");
    }
}

#[test]
fn what_was_withdrawn_is_next_again() {
    let mut lane = lane(settings(), 30, 10);
    let work = next_work(&mut lane, SECOND);
    lane.on_withdrawn(work, SECOND);
    assert_eq!(lane.in_flight(), 0);
    assert_eq!(next_work(&mut lane, SECOND).chunk.first, Position(0));
}

#[test]
fn nothing_may_leave_while_the_provider_wants_silence_or_after_a_stop() {
    let mut lane = lane(settings(), 30, 10);
    let work = next_work(&mut lane, SECOND);
    assert!(lane.may_send(SECOND));
    lane.on_end(work, &failed(Class::Throttled), SECOND, SECOND, 0);
    assert_eq!([1, 2].map(|second| lane.may_send(second * SECOND)), [false, true]);
    lane.stop(StopReason::Interrupted, "");
    assert!(!lane.may_send(2 * SECOND));
}

#[test]
fn fetching_goes_on_behind_what_is_known() {
    let mut lane = Lane::new(settings());
    assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Fetch { from: Position(0), most } if most > 0));
    lane.on_chunks(chunks(25, 10));
    for _ in 0..3 {
        let work = next_work(&mut lane, SECOND);
        lane.on_end(work, &accepted(), SECOND, SECOND, 0);
    }
    assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Fetch { from: Position(25), .. }));
    lane.on_chunks(Vec::new());
    assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Done(Ending::Finished)));
}

proptest! {
    /// Whatever the answers, nobody is handed out again after an answer that leaves doubt or
    /// settles, and everybody is handed out until the lane stops.
    #[test]
    fn everybody_is_sent_until_settled_and_nobody_after(
        answers in proptest::collection::vec(0_usize..Class::ALL.len() + 20, 1..120),
        in_flight in 1_u32..5,
        patience in prop_oneof![Just(0_u64), 30_u64..100_000],
        seed in any::<u64>(),
    ) {
        let plan = 60;
        let patience = Duration::from_secs(patience);
        let settings =
            LaneSettings { max_in_flight: in_flight, planned: 60, chunk: 7, patience, ..settings() };
        let mut lane = lane(settings, plan, 7);
        let mut settled = vec![false; plan as usize];
        // Answers that only ever mean "again" would never end, so all is well after a while.
        let mut answers = answers.into_iter().cycle().take(500);
        let mut open: BTreeMap<u32, Work> = BTreeMap::new();
        let (mut now, mut random) = (Duration::ZERO, seed);
        let ending = loop {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match lane.poll(now, Micros::ZERO) {
                Step::Send(work) => {
                    for position in work.chunk.first.0..work.chunk.first.0 + work.chunk.len() {
                        prop_assert!(!settled[position as usize], "{} is settled, seed {}", position, seed);
                    }
                    prop_assert!(open.insert(work.chunk.first.0, work).is_none());
                }
                Step::Wait(pause) => {
                    let Some((_, work)) = open.pop_first() else {
                        now = pause.until().expect("only time can end it");
                        continue;
                    };
                    let class = answers.next().and_then(|answer| Class::ALL.get(answer).copied());
                    let class = class.filter(|class| *class != Class::Answered);
                    let outcome = class.map_or_else(accepted, failed);
                    let outcome = final_outcome(outcome, work.chunk.len());
                    let goes_again = matches!(&outcome, Outcome::Failed(failure)
                        if matches!(failure.class.rule().fate, Fate::Retry | Fate::Back | Fate::Split));
                    for position in work.chunk.first.0..work.chunk.first.0 + work.chunk.len() {
                        settled[position as usize] = !goes_again;
                    }
                    lane.on_end(work, &outcome, now, now, random);
                }
                step @ (Step::Fetch { .. } | Step::Trial(_)) => panic!("{step:?}"),
                Step::Done(ending) => break ending,
            }
            now += Duration::from_millis(1);
        };
        prop_assert!(open.is_empty());
        if ending == Ending::Finished {
            prop_assert!(settled.iter().all(|settled| *settled), "someone was lost, seed {}", seed);
        }
    }
}
