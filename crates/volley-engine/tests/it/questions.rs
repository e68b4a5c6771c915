//! Questions to a provider, on virtual time and with answers that are written down.

use bytes::Bytes;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;
use volley_core::{Class, Failure, Pacing, UnixMillis};
use volley_engine::{Asker, Observed, Transport};
use volley_provider::{
    http::{Body, HttpRequest, Method, Reply},
    inquiry::Inquiry,
};

/// Answers with the next line of a script, and writes down when it was asked.
struct Script {
    start: Instant,
    lines: Mutex<Vec<Observed>>,
    asked: Arc<Mutex<Vec<Duration>>>,
}

impl Transport for Script {
    async fn send(&self, _: HttpRequest) -> Observed {
        self.asked.lock().expect("no panic").push(self.start.elapsed());
        self.lines.lock().expect("no panic").remove(0)
    }
}

fn replied(status: u16) -> Observed {
    Observed::Reply(Reply { status, headers: Vec::new(), body: Bytes::new(), at: UnixMillis(0) })
}

fn failed(class: Class) -> Observed {
    Observed::Failed(Failure::new(class, "as the script says"))
}

/// What came of a question under this script, and when it was asked.
async fn ask(lines: Vec<Observed>) -> (Result<u16, Class>, Vec<Duration>) {
    let asked = Arc::default();
    let script = Script { start: Instant::now(), lines: Mutex::new(lines), asked: Arc::clone(&asked) };
    let rates = ["2/s".parse().expect("a rate")];
    let mut desk = Asker::new(script, &rates, Pacing::Strict, &[]);
    let question = || {
        let request = HttpRequest {
            method: Method::Get,
            url: "http://127.0.0.1/balance".to_owned(),
            secret_tail: None,
            headers: Vec::new(),
            body: Body::Whole(Bytes::new()),
        };
        Inquiry::new(request, |reply: &Reply| match reply.status {
            200 => Ok(reply.status),
            status => {
                let seconds = reply.header("retry-after").map_or(7, |text| text.parse().expect("seconds"));
                let wait = (status == 429).then_some(Duration::from_secs(seconds));
                Err(Failure { retry_after: wait, ..Failure::new(Class::of_status(status), "said no") })
            }
        })
    };
    let answer = desk.ask(question).await.map_err(|failure| failure.class);
    let asked = asked.lock().expect("no panic").clone();
    (answer, asked)
}

#[tokio::test(start_paused = true)]
async fn a_question_that_got_no_answer_is_asked_again() {
    let (answer, asked) = ask(vec![failed(Class::ReplyLost), replied(503), replied(200)]).await;
    assert_eq!((answer, asked.len()), (Ok(200), 3));
}

#[tokio::test(start_paused = true)]
async fn a_question_is_asked_four_times_at_most() {
    let lines = (0..9).map(|_| failed(Class::TimedOut)).collect();
    let (answer, asked) = ask(lines).await;
    assert_eq!((answer, asked.len()), (Err(Class::TimedOut), 4));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer() {
    for (status, class) in [(401, Class::Credentials), (400, Class::BadRequest), (404, Class::WrongAddress)] {
        let (answer, asked) = ask(vec![replied(status), replied(200)]).await;
        assert_eq!((answer, asked.len()), (Err(class), 1), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_more_than_five_minutes_of_silence_is_not_waited_for() {
    let start = Instant::now();
    let mut reply = replied(429);
    if let Observed::Reply(reply) = &mut reply {
        reply.headers.push(("retry-after".to_owned(), "86400".to_owned()));
    }
    let (answer, asked) = ask(vec![reply, replied(200)]).await;
    assert_eq!((answer, asked.len()), (Err(Class::Throttled), 1));
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_silence_gets_it() {
    let (answer, asked) = ask(vec![replied(429), replied(429), replied(200)]).await;
    assert_eq!(answer, Ok(200));
    let gaps: Vec<Duration> = asked.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    assert!(gaps.iter().all(|gap| *gap >= Duration::from_secs(7)), "{gaps:?}");
}
