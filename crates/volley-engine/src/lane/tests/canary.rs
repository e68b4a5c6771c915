//! The first recipients, who are judged before anybody else is sent to.

use super::*;

/// Of ten recipients, which one request each would carry.
fn ten() -> Canary {
    Canary { recipients: 10, seen: Seen::default(), tolerance: Some(Micros::ZERO) }
}

fn with(canary: Canary, size: u32) -> Lane {
    lane(LaneSettings { canary: Some(canary), max_in_flight: 10, chunk: size, ..settings() }, 40, size)
}

/// What one accepted recipient was billed, and the segments that were counted for them.
fn billed(billed: Billed, segments: Option<u64>) -> Outcome {
    Outcome::Answered(Answer { request_id: None, verdicts: Verdicts::AllAccepted, billed, segments })
}

fn each(verdicts: Vec<Verdict>) -> Outcome {
    let verdicts = Verdicts::Each(verdicts);
    Outcome::Answered(Answer { request_id: None, verdicts, billed: Billed::Unknown, segments: None })
}

fn taken(billed: Option<i64>, segments: Option<u32>) -> Verdict {
    Verdict::Accepted { id: None, billed: billed.map(Micros), segments }
}

fn refused() -> Verdict {
    Verdict::Refused { code: "no such number".into() }
}

/// Everybody else is handed out by now: how many recipients, and why no more are.
fn sent_and_stopped(lane: &mut Lane) -> (u32, Option<(StopReason, String)>) {
    let mut sent = 0;
    loop {
        match lane.poll(SECOND, Micros::ZERO) {
            Step::Send(work) => {
                sent += work.chunk.len();
                lane.on_end(work, &accepted(), SECOND, SECOND, 0);
            }
            Step::Done(Ending::Finished) => return (sent, None),
            Step::Done(Ending::Stopped { reason, detail }) => {
                return (sent, Some((reason, detail.as_str().to_owned())));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn no_more_than_the_canary_is_handed_out_until_all_of_it_is_answered() {
    let mut lane = with(ten(), 4);
    let first: Vec<Work> = (0..3).map(|_| next_work(&mut lane, SECOND)).collect();
    assert_eq!(first.iter().map(|work| work.chunk.len()).collect::<Vec<_>>(), [4, 4, 2]);
    for work in first {
        assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Wait(Pause::InFlight)));
        lane.on_end(work, &accepted(), SECOND, SECOND, 0);
    }
    let next = next_work(&mut lane, SECOND);
    assert_eq!(
        (next.chunk.first, next.chunk.len()),
        (Position(10), 2),
        "the rest of the request that was cut"
    );
    lane.on_end(next, &accepted(), SECOND, SECOND, 0);
    assert_eq!(sent_and_stopped(&mut lane), (28, None));
}

#[test]
fn what_the_first_ten_came_to_decides_whether_the_others_are_sent_to() {
    let fine = accepted();
    let lost = || failed(Class::TimedOut);
    let bad = || failed(Class::BadRequest);
    let price = |micros| billed(Billed::Money(Micros(micros)), None);
    for (what, outcomes, stops) in [
        ("all well", vec![], false),
        ("one refused", vec![bad()], false),
        ("one in doubt", vec![lost()], false),
        ("two refused", vec![bad(), bad()], true),
        ("two in doubt", vec![lost(), lost()], true),
        ("one of each", vec![bad(), fine.clone(), lost()], true),
        ("one refused in its verdict", vec![each(vec![refused()])], false),
        ("two refused in their verdicts", vec![each(vec![refused()]), each(vec![refused()])], true),
        ("ten who asked for it", vec![failed(Class::OptedOut); 10], false),
        ("billed as planned", vec![price(PRICE.0); 10], false),
        ("one billed more", vec![price(PRICE.0), price(PRICE.0 + 1)], true),
        ("one billed less", vec![price(PRICE.0 - 1)], true),
        ("one billed for nothing", vec![price(0)], true),
        ("one with an absurd bill", vec![price(i64::MAX), price(i64::MAX)], true),
        ("billed in their verdicts", vec![each(vec![taken(Some(PRICE.0), Some(1))])], false),
        ("billed more in a verdict", vec![each(vec![taken(Some(PRICE.0 + 1), None)])], true),
        ("another unit", vec![billed(Billed::Units(Micros(7)), None)], false),
        ("one segment more", vec![billed(Billed::Unknown, Some(2))], true),
        ("one segment more in a verdict", vec![each(vec![taken(None, Some(2))])], true),
    ] {
        let mut lane = with(ten(), 1);
        let works: Vec<Work> = outcomes.iter().map(|_| next_work(&mut lane, SECOND)).collect();
        for (work, outcome) in works.into_iter().zip(&outcomes) {
            lane.on_end(work, outcome, SECOND, SECOND, 0);
        }
        let before = u32::try_from(outcomes.len()).expect("few");
        let (sent, stopped) = sent_and_stopped(&mut lane);
        if stops {
            let (reason, detail) = stopped.unwrap_or_else(|| panic!("{what}: it went on"));
            assert_eq!((reason, sent), (StopReason::Canary, 0), "{what}: {detail}");
        } else {
            assert_eq!((sent + before, stopped), (40, None), "{what}");
        }
    }
}

#[test]
fn a_bill_is_as_planned_within_what_the_plan_rounds_away() {
    for (more, tolerance, stops) in
        [(4_999, Some(Micros(10_000)), false), (10_001, Some(Micros(10_000)), true), (900_000, None, false)]
    {
        let mut lane = with(Canary { tolerance, ..ten() }, 1);
        let work = next_work(&mut lane, SECOND);
        lane.on_end(work, &billed(Billed::Money(Micros(PRICE.0 + more)), None), SECOND, SECOND, 0);
        assert_eq!(sent_and_stopped(&mut lane).1.is_some(), stops, "{more} more, {tolerance:?}");
    }
}

#[test]
fn the_reason_says_what_was_seen() {
    let mut lane = with(ten(), 1);
    for class in [Class::TimedOut, Class::BadRequest] {
        let work = next_work(&mut lane, SECOND);
        lane.on_end(work, &failed(class), SECOND, SECOND, 0);
    }
    let (_, stopped) = sent_and_stopped(&mut lane);
    let told = "of the first 10 recipients 1 refused, 1 in doubt; the last: seen";
    assert_eq!(stopped, Some((StopReason::Canary, told.to_owned())));
}

#[test]
fn whoever_was_not_taken_is_tried_again_within_the_canary() {
    let mut lane = with(ten(), 1);
    let mut now = SECOND;
    for class in [Class::Throttled, Class::ConnectTimeout, Class::UnavailableUntaken] {
        let work = next_work(&mut lane, now);
        lane.on_end(work, &failed(class), now, now, 0);
        now += Duration::from_hours(1);
    }
    // Nobody is settled yet: ten may go, and no eleventh.
    let works: Vec<Work> = (0..8).map(|_| next_work(&mut lane, now)).collect();
    for work in works {
        lane.on_end(work, &accepted(), now, now, 0);
    }
    let last = [next_work(&mut lane, now), next_work(&mut lane, now)];
    assert!(matches!(lane.poll(now, Micros::ZERO), Step::Wait(Pause::InFlight)));
    for work in last {
        lane.on_end(work, &accepted(), now, now, 0);
    }
    now += Duration::from_hours(1);
    assert!(matches!(lane.poll(now, Micros::ZERO), Step::Send(_)), "it went well");
}

#[test]
fn a_later_run_sends_to_the_rest_of_the_canary_and_judges_all_of_it() {
    let after = |settled, refused| Seen { settled, refused, ..Seen::default() };
    for (seen, first, stops) in
        [(after(7, 0), 3, false), (after(7, 1), 3, false), (after(10, 1), 0, false), (after(10, 2), 0, true)]
    {
        let mut lane = with(Canary { seen, ..ten() }, 4);
        if first > 0 {
            let work = next_work(&mut lane, SECOND);
            assert_eq!(work.chunk.len(), first, "{seen:?}");
            lane.on_end(work, &accepted(), SECOND, SECOND, 0);
        }
        let (sent, stopped) = sent_and_stopped(&mut lane);
        assert_eq!((sent, stopped.is_some()), (if stops { 0 } else { 40 - first }, stops), "{seen:?}");
    }
    // One more refusal in the second run is the second of ten.
    let mut lane = with(Canary { seen: after(7, 1), ..ten() }, 1);
    let work = next_work(&mut lane, SECOND);
    lane.on_end(work, &failed(Class::BadRequest), SECOND, SECOND, 0);
    assert_eq!(sent_and_stopped(&mut lane).0, 0);
    // What earlier runs were billed counts too.
    let seen =
        Seen { settled: 3, bills: 3, billed: Micros(150_001), planned: Micros(150_000), ..Seen::default() };
    assert_eq!(sent_and_stopped(&mut with(Canary { seen, ..ten() }, 1)).0, 0);
}

#[test]
fn who_stops_a_lane_first_is_not_talked_over() {
    let mut lane = with(ten(), 1);
    let works = [next_work(&mut lane, SECOND), next_work(&mut lane, SECOND)];
    lane.stop(StopReason::Interrupted, "");
    for work in works {
        lane.on_end(work, &failed(Class::BadRequest), SECOND, SECOND, 0);
    }
    let (sent, stopped) = sent_and_stopped(&mut lane);
    assert_eq!((sent, stopped), (0, Some((StopReason::Interrupted, String::new()))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the answers are and in whatever order they come, nobody beyond the canary is
    /// handed out before all of it is settled, and nobody at all once it went wrong.
    #[test]
    fn nobody_beyond_the_canary_is_handed_out_before_it_went_well(
        recipients in 1_u64..30,
        size in 1_u32..7,
        max_in_flight in 1_u32..6,
        answers in prop::collection::vec((0_usize..6, any::<usize>()), 1..80),
    ) {
        let canary = Canary { recipients, ..ten() };
        let settings = LaneSettings { canary: Some(canary), max_in_flight, chunk: size, ..settings() };
        let mut lane = lane(settings, 40, size);
        let (mut now, mut settled, mut bad) = (SECOND, 0_u64, 0_u64);
        let mut out: Vec<Work> = Vec::new();
        let mut answers = answers.into_iter();
        loop {
            match lane.poll(now, Micros::ZERO) {
                Step::Send(work) => {
                    prop_assert!(bad * 10 <= recipients, "it went wrong before");
                    out.push(work);
                    let in_hand: u64 = out.iter().map(|work| u64::from(work.chunk.len())).sum();
                    prop_assert!(settled >= recipients || settled + in_hand <= recipients);
                    continue;
                }
                Step::Wait(pause) if out.is_empty() => {
                    now = pause.until().expect("nothing is in flight");
                    continue;
                }
                Step::Wait(_) => {}
                Step::Done(_) => break,
                step @ (Step::Fetch { .. } | Step::Trial(_)) => panic!("{step:?}"),
            }
            let Some((kind, which)) = answers.next() else { break };
            let work = out.swap_remove(which % out.len());
            let all = u64::from(work.chunk.len());
            let (outcome, ends, goes_wrong) = match kind {
                0 | 1 => (accepted(), all, 0),
                2 => (failed(Class::BadRequest), all, all),
                3 => (failed(Class::Throttled), 0, 0),
                4 => (failed(Class::ConnectTimeout), 0, 0),
                _ => (failed(Class::Conflict), all, all),
            };
            if settled < recipients {
                bad += goes_wrong;
            }
            settled += ends;
            lane.on_end(work, &outcome, now, now, which as u64);
        }
    }
}
