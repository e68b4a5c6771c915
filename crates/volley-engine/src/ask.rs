//! Questions to a provider beside sending, one after the other and within the account's rates.

use crate::{
    backoff,
    pace::{Go, Pacer},
    transport::{Observed, Transport},
};
use std::time::Duration;
use tokio::time::Instant;
use volley_core::{Class, Failure, Fate, Pacing, Rate};
use volley_provider::inquiry::Inquiry;

/// How often a question is asked that gets no answer, unless somebody is in a hurry. All of them
/// can be asked twice without harm.
const TRIES: u32 = 4;

/// The longest silence that is waited for. Whoever asks for more is asked another day.
const LONGEST_SILENCE: Duration = Duration::from_mins(5);

/// Asks one provider account.
#[derive(Debug)]
pub struct Asker<T> {
    transport: T,
    pacer: Pacer,
    start: Instant,
    tries: u32,
}

impl<T: Transport> Asker<T> {
    /// Asks over `transport`, within stacked `rates` that earlier requests, made so long ago,
    /// count against.
    pub fn new(transport: T, rates: &[Rate], pacing: Pacing, earlier: &[Duration]) -> Self {
        let mut pacer = Pacer::new(rates, pacing, Duration::ZERO, 1);
        for ago in earlier {
            pacer.on_earlier(Duration::ZERO, *ago);
        }
        Self { transport, pacer, start: Instant::now(), tries: TRIES }
    }

    /// The same for somebody who would rather have no answer than wait: asks once.
    #[must_use]
    pub fn in_a_hurry(self) -> Self {
        Self { tries: 1, ..self }
    }

    /// Asks the question that `make` makes, again where no answer came, and three times as often
    /// where the provider says "too fast": then it was not heard at all. Waits for five minutes of
    /// silence at most.
    ///
    /// # Errors
    /// What the last answer, or the lack of one, says.
    pub async fn ask<A>(&mut self, make: impl Fn() -> Inquiry<A>) -> Result<A, Failure> {
        let (mut throttled, mut failed) = (0, 0);
        loop {
            self.wait_for_the_rate().await;
            let (request, read) = make().into_parts();
            let answer = match self.transport.send(request).await {
                Observed::Reply(reply) => read(&reply),
                Observed::Failed(failure) => Err(failure),
            };
            self.pacer.on_end(self.start.elapsed());
            let failure = match answer {
                Ok(answer) => {
                    tracing::debug!(target: "transport", "a question was answered");
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            let Failure { class, reason, .. } = &failure;
            tracing::debug!(target: "transport", ?class, row = class.rule().row, %reason, "a question was not answered");
            let now = self.start.elapsed();
            let wait = if failure.class == Class::Throttled {
                throttled += 1;
                let silence = backoff::silence(throttled, failure.retry_after);
                self.pacer.on_throttled(now, silence);
                silence
            } else {
                failed += 1;
                let wait = failure.retry_after.unwrap_or(Duration::from_secs(1) * failed);
                self.pacer.hold(now + wait);
                wait
            };
            // What may have been taken is asked again as well: it is only a question.
            let is_worth_it = failure.class == Class::Throttled
                || matches!(failure.class.rule().fate, Fate::Retry | Fate::Doubt);
            let asked = failed.max(if self.tries == 1 { throttled } else { throttled / 3 });
            if !is_worth_it || asked >= self.tries || wait > LONGEST_SILENCE {
                return Err(failure);
            }
        }
    }

    async fn wait_for_the_rate(&mut self) {
        loop {
            match self.pacer.poll(self.start.elapsed()) {
                Go::Now => return,
                Go::At(at) => tokio::time::sleep_until(self.start + at).await,
                Go::AfterReply => unreachable!("one question at a time"),
            }
        }
    }
}
