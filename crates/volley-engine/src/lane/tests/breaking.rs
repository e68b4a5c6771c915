//! A lane that breaks off, tries one recipient at a time, and goes on or gives up.

use super::*;

const MILLI: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// What a lane did, and how it ended.
struct Played {
    /// When each request left, and to how many.
    sent: Vec<(Duration, u32)>,
    /// Every pause of a broken lane, each once: what for, and until when.
    broken: Vec<(StopReason, Duration)>,
    /// Recipients in doubt.
    in_doubt: u64,
    /// Recipients settled.
    settled: u64,
    ending: Ending,
    ended: Duration,
}

impl Played {
    /// When each request left that is later than `from`.
    fn after(&self, from: Duration) -> Vec<Duration> {
        self.sent.iter().map(|(at, _)| *at).filter(|at| *at > from).collect()
    }

    fn stopped_for(&self) -> Option<StopReason> {
        match self.ending {
            Ending::Stopped { reason, .. } => Some(reason),
            Ending::Finished => None,
        }
    }
}

/// Lets `lane` send until it is done. A request that leaves at `sent` ends `latency` later as
/// `answer(sent)` has it.
fn play(mut lane: Lane, latency: Duration, answer: impl Fn(Duration) -> Outcome) -> Played {
    let mut now = Duration::ZERO;
    let mut open: VecDeque<(Duration, Work, Outcome)> = VecDeque::new();
    let (mut sent, mut broken) = (Vec::new(), Vec::new());
    let (mut in_doubt, mut settled) = (0, 0);
    loop {
        while open.front().is_some_and(|(at, ..)| *at <= now) {
            let (at, work, outcome) = open.pop_front().expect("seen just now");
            let recipients = u64::from(work.chunk.len());
            match &outcome {
                Outcome::Answered(_) => settled += recipients,
                Outcome::Failed(failure) => match failure.class.rule().fate {
                    Fate::Doubt => in_doubt += recipients,
                    Fate::Refuse => settled += recipients,
                    _ => {}
                },
            }
            lane.on_end(work, &outcome, at, now, 12_345);
        }
        match lane.poll(now, Micros::ZERO) {
            Step::Send(work) => {
                sent.push((now, work.chunk.len()));
                open.push_back((now + latency, work, answer(now)));
            }
            Step::Wait(pause) => {
                if let Pause::Broken { until, reason, .. } = &pause
                    && broken.last() != Some(&(*reason, *until))
                {
                    broken.push((*reason, *until));
                }
                let ends = open.front().map(|(at, ..)| *at);
                now = pause.until().into_iter().chain(ends).min().expect("time or an answer ends it");
            }
            step @ (Step::Fetch { .. } | Step::Trial(_)) => panic!("{step:?}"),
            Step::Done(ending) => {
                return Played { sent, broken, in_doubt, settled, ending, ended: now };
            }
        }
    }
}

/// One recipient a request, four in flight, no rate.
fn one_by_one(patience: Duration) -> LaneSettings {
    LaneSettings { max_in_flight: 4, chunk: 1, planned: 100_000, patience, ..settings() }
}

/// The lane sees this until `end` and is answered from then on.
fn storm(class: Class, end: Duration) -> impl Fn(Duration) -> Outcome {
    move |sent| if sent < end { failed(class) } else { accepted() }
}

#[test]
fn a_storm_of_ten_minutes_puts_five_in_doubt_with_those_in_flight_and_one_for_each_try() {
    for class in [Class::ServerError, Class::ReplyLost, Class::TimedOut, Class::Unavailable] {
        let played = play(lane(one_by_one(HOUR), 2_000, 1), 100 * MILLI, storm(class, 10 * MINUTE));
        assert_eq!(played.ending, Ending::Finished, "{class:?}");
        // Tries at 30 s, 90 s, 210 s and 450 s fail; the one at 750 s is answered.
        assert!(played.in_doubt <= 5 + 4 + 4, "{class:?}: {} in doubt", played.in_doubt);
        assert_eq!(played.in_doubt + played.settled, 2_000, "{class:?}: nobody is lost");
        let (_, opened) = played.broken[0];
        assert!(opened <= Duration::from_secs(31), "{class:?}: it opened {opened:?} after the first request");
        let tries = played.after(Duration::from_secs(1));
        let before_the_end: Vec<_> = tries.iter().take_while(|at| **at < 10 * MINUTE).collect();
        assert_eq!(before_the_end.len(), 4, "{class:?}");
        let apart =
            before_the_end.windows(2).all(|pair| pair[1].saturating_sub(*pair[0]) >= Duration::from_secs(30));
        assert!(apart, "{class:?}: {before_the_end:?}");
        // Then it goes on at full: four at a time, each 100 ms.
        let resumed = tries[4];
        let expected = resumed + 100 * MILLI * (2_000 / 4 + 10);
        assert!(played.ended <= expected, "{class:?}: resumed {resumed:?}, ended {:?}", played.ended);
    }
}

#[test]
fn a_provider_that_is_down_for_an_hour_leaves_no_doubt_and_is_asked_rarely() {
    for class in [Class::ConnectRefused, Class::NameResolution] {
        let settings = LaneSettings { chunk: 10, ..one_by_one(2 * HOUR) };
        let played = play(lane(settings, 2_000, 10), MILLI, storm(class, HOUR));
        assert_eq!((played.ending.clone(), played.in_doubt, played.settled), (Ending::Finished, 0, 2_000));
        let tries = played.after(Duration::from_secs(1));
        let in_vain = tries.iter().filter(|at| **at < HOUR).count();
        assert!(in_vain <= 15, "{class:?}: {in_vain} requests in an hour");
        assert!(tries.iter().all(|at| *at < HOUR + 6 * MINUTE), "{class:?}: over soon after");
        assert!(played.broken.iter().all(|(reason, _)| *reason == StopReason::Unreachable));
    }
}

#[test]
fn patience_is_a_number_of_tries_and_their_last_comes_when_it_ends() {
    for (patience, tries_after_seconds) in [
        (0, &[][..]),
        (29, &[]),
        (30, &[30]),
        (59, &[30]),
        (60, &[30, 60]),
        (180, &[30, 90, 180]),
        (1_800, &[30, 90, 210, 450, 750, 1_050, 1_350, 1_650, 1_800]),
    ] {
        let patience = Duration::from_secs(patience);
        let played =
            play(lane(one_by_one(patience), 500, 1), Duration::ZERO, storm(Class::ServerError, HOUR));
        assert_eq!(played.stopped_for(), Some(StopReason::Breaker), "{patience:?}");
        let tries: Vec<u64> = played.after(Duration::ZERO).iter().map(Duration::as_secs).collect();
        assert_eq!(tries, tries_after_seconds, "{patience:?}");
        assert_eq!(played.ended, Duration::from_secs(tries.last().copied().unwrap_or(0)), "{patience:?}");
    }
}

#[test]
fn a_try_goes_to_one_recipient_when_nothing_else_is_in_flight() {
    let rates = vec!["1/s".parse().expect("a rate")];
    let settings =
        LaneSettings { rates, max_in_flight: 50, chunk: 10, planned: 1_000_000, ..one_by_one(HOUR) };
    // Answers take so long that the last of the storm come after the wait.
    let played = play(lane(settings, 4_000, 10), 40 * SECOND, storm(Class::TimedOut, 30 * SECOND));
    let (tried, recipients) = *played.sent.iter().find(|(at, _)| *at > 44 * SECOND).expect("a try");
    let last_before = played.sent.iter().map(|(at, _)| *at).filter(|at| *at < tried).max().expect("some");
    assert_eq!(recipients, 1);
    assert_eq!(tried, last_before + 40 * SECOND, "when the last answer had come");
    assert!(tried > played.broken[0].1, "which was after the wait");
    assert_eq!(played.ending, Ending::Finished);
}

#[test]
fn an_answer_from_before_the_pause_ends_none() {
    let mut lane = lane(LaneSettings { max_in_flight: 6, ..one_by_one(HOUR) }, 40, 1);
    let mut flight: Vec<Work> = (0..6).map(|_| next_work(&mut lane, SECOND)).collect();
    let answered = flight.pop().expect("six");
    for work in flight {
        lane.on_end(work, &failed(Class::ReplyLost), SECOND, SECOND, 0);
    }
    lane.on_end(answered, &accepted(), 2 * SECOND, 2 * SECOND, 0);
    let step = lane.poll(2 * SECOND, Micros::ZERO);
    let Step::Wait(Pause::Broken { until, reason, detail }) = step else { panic!("{step:?}") };
    assert_eq!((until, reason, detail.as_str()), (31 * SECOND, StopReason::Breaker, "seen"));
}

#[test]
fn what_says_nothing_about_the_trouble_neither_ends_the_pause_nor_lengthens_it() {
    for (class, next_try) in [(Class::BadRequest, 31), (Class::Throttled, 32)] {
        let mut lane = lane(one_by_one(HOUR), 40, 1);
        for _ in 0..5 {
            let work = next_work(&mut lane, SECOND);
            lane.on_end(work, &failed(Class::ReplyLost), SECOND, SECOND, 0);
        }
        let tried = next_work(&mut lane, 31 * SECOND);
        lane.on_end(tried, &failed(class), 31 * SECOND, 31 * SECOND, 0);
        let again = next_work(&mut lane, next_try * SECOND);
        assert!(
            matches!(lane.poll(next_try * SECOND, Micros::ZERO), Step::Wait(Pause::InFlight)),
            "{class:?}"
        );
        lane.on_end(again, &accepted(), 33 * SECOND, 33 * SECOND, 0);
        let two = [next_work(&mut lane, 40 * SECOND), next_work(&mut lane, 50 * SECOND)];
        assert_eq!(two.map(|work| work.chunk.len()), [1, 1], "{class:?}: at full again");
    }
}

#[test]
fn a_try_that_is_answered_with_doubt_is_no_answer() {
    let mut lane = lane(LaneSettings { probe: true, ..one_by_one(HOUR) }, 40, 1);
    let tried = next_work(&mut lane, SECOND);
    let unsaid = Verdicts::AllInDoubt { reason: "unsaid".into() };
    let answer = Answer { request_id: None, verdicts: unsaid, billed: Billed::Unknown, segments: None };
    lane.on_end(tried, &Outcome::Answered(answer), SECOND, SECOND, 0);
    let step = lane.poll(SECOND, Micros::ZERO);
    assert!(matches!(step, Step::Wait(Pause::Broken { until, .. }) if until == 31 * SECOND), "{step:?}");
}

#[test]
fn a_longer_retry_after_is_kept_and_one_beyond_the_patience_ends_the_run() {
    for (asked, expected) in [(5, Some(31)), (120, Some(121)), (700, None)] {
        let mut lane = lane(one_by_one(10 * MINUTE), 40, 1);
        let mut failure = Failure::new(Class::Unavailable, "down for a while");
        failure.retry_after = Some(asked * SECOND);
        for _ in 0..5 {
            let work = next_work(&mut lane, SECOND);
            lane.on_end(work, &failure.clone().into(), SECOND, SECOND, 0);
        }
        match (lane.poll(SECOND, Micros::ZERO), expected) {
            (Step::Wait(pause), Some(until)) => assert_eq!(pause.until(), Some(until * SECOND), "{asked}"),
            (Step::Done(Ending::Stopped { reason: StopReason::Breaker, .. }), None) => {}
            (step, _) => panic!("{asked}: {step:?}"),
        }
    }
}

#[test]
fn doubt_is_counted_anew_when_the_lane_goes_on_and_four_storms_end_the_run() {
    // Every second request is lost, so no row of five: more than a thousandth of the plan opens it.
    let mut lane = lane(one_by_one(24 * HOUR), 1_000, 1);
    let (mut now, mut in_doubt, mut pauses) = (Duration::ZERO, 0, 0);
    let ending = loop {
        match lane.poll(now, Micros::ZERO) {
            Step::Send(work) => {
                let is_tried = lane.breaker.is_open();
                let is_lost = !is_tried && work.chunk.first.0 % 2 == 0;
                in_doubt += u64::from(is_lost);
                let outcome = if is_lost { failed(Class::ReplyLost) } else { accepted() };
                lane.on_end(work, &outcome, now, now, 0);
            }
            Step::Wait(pause) => {
                pauses += 1;
                now = pause.until().expect("nothing is in flight");
            }
            Step::Done(ending) => break ending,
            step @ (Step::Fetch { .. } | Step::Trial(_)) => panic!("{step:?}"),
        }
    };
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Breaker, .. }), "{ending:?}");
    assert_eq!((in_doubt, pauses), (4 * 100 + 1, 3));
}

#[test]
fn nobody_waits_for_a_provider_when_nobody_is_left_to_send_to() {
    let played = play(lane(one_by_one(HOUR), 5, 1), MILLI, storm(Class::ReplyLost, HOUR));
    assert_eq!((played.ending, played.ended), (Ending::Finished, MILLI * 2));
}

#[test]
fn an_interrupt_ends_the_pause() {
    let mut lane = lane(one_by_one(HOUR), 40, 1);
    for _ in 0..5 {
        let work = next_work(&mut lane, SECOND);
        lane.on_end(work, &failed(Class::ReplyLost), SECOND, SECOND, 0);
    }
    lane.stop(StopReason::Interrupted, "");
    let step = lane.poll(2 * SECOND, Micros::ZERO);
    assert!(matches!(step, Step::Done(Ending::Stopped { reason: StopReason::Interrupted, .. })), "{step:?}");
}

#[test]
fn more_than_an_hour_of_silence_ends_the_run_now_and_when_it_is_started_too_soon() {
    let mut asked = lane(settings(), 30, 10);
    let work = next_work(&mut asked, SECOND);
    let mut failure = Failure::new(Class::Throttled, "silence until tomorrow");
    failure.retry_after = Some(2 * HOUR);
    asked.on_end(work, &failure.into(), SECOND, SECOND, 0);
    let early = lane(LaneSettings { silent_for: 118 * MINUTE + 30 * SECOND, ..settings() }, 30, 10);
    for (mut lane, said) in [(asked, "silence until tomorrow"), (early, "for another 1 h 59 min")] {
        let step = lane.poll(SECOND, Micros::ZERO);
        let Step::Done(Ending::Stopped { reason, detail }) = step else { panic!("{step:?}") };
        assert_eq!((reason, detail.as_str()), (StopReason::Silence, said));
        assert_eq!(reason.exit_code(), 5);
    }
}

#[test]
fn the_silence_that_an_earlier_process_was_asked_for_is_kept() {
    let mut lane = lane(LaneSettings { silent_for: 20 * SECOND, ..settings() }, 30, 10);
    let step = lane.poll(SECOND, Micros::ZERO);
    assert!(matches!(step, Step::Wait(Pause::Throttled(at)) if at == 20 * SECOND), "{step:?}");
    assert_eq!(next_work(&mut lane, 20 * SECOND).chunk.first, Position(0));
}
