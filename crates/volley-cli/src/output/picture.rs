//! Where a campaign stands while it is sent, as it is drawn on a terminal or told in a line.

use super::{Ink, Screen, board::MARGIN, count, duration, screen};
use crate::speed::{self, Speed};
use std::time::Duration;
use volley_core::Totals;

/// The columns of a bar where there is room for it.
const BAR: usize = 24;

/// One moment of a campaign. All of it is settled or counted, nothing is only read.
pub(crate) struct Picture<'a> {
    pub(crate) totals: Totals,
    pub(crate) speed: &'a Speed,
    /// How long a pause that is known still lasts.
    pub(crate) paused_for: Duration,
    /// What was spent so far, and of how much.
    pub(crate) cost: Option<String>,
    /// Why nothing is sent at this moment.
    pub(crate) held: Option<String>,
}

impl Picture<'_> {
    fn planned(&self) -> u64 {
        let Totals { pending, accepted, refused, in_doubt } = self.totals;
        pending + accepted + refused + in_doubt
    }

    /// Of 100, how many recipients are settled; 100 only where nobody is left.
    pub(crate) fn percent(&self) -> u64 {
        let planned = self.planned();
        let settled = planned - self.totals.pending;
        (settled * 100).checked_div(planned).unwrap_or(100)
    }

    /// How long the rest takes, with the pause before it.
    pub(crate) fn left(&self) -> Option<Duration> {
        let left = self.speed.left(self.totals.pending).filter(|_| self.totals.pending > 0);
        left.map(|left| left.saturating_add(self.paused_for))
    }

    /// The counts, each with its word; what is nobody's is left out beside accepted and pending.
    fn counts(&self) -> Vec<(Option<Ink>, String)> {
        let Totals { pending, accepted, refused, in_doubt } = self.totals;
        let all = [
            (Some(Ink::Good), accepted, "accepted", true),
            (Some(Ink::Watch), refused, "refused", false),
            (Some(Ink::Bad), in_doubt, "in doubt", false),
            (None, pending, "pending", true),
        ];
        let shown = all.into_iter().filter(|(_, number, _, always)| *always || *number > 0);
        shown.map(|(ink, number, word, _)| (ink, format!("{} {word}", count(number)))).collect()
    }

    /// How fast it goes, requests against their limit; recipients where a request carries many.
    fn rates(&self) -> Vec<String> {
        let recipients = self.speed.recipients().zip(self.speed.requests());
        let many = recipients.filter(|(recipients, requests)| *recipients > requests * 1.1);
        let many = many.map(|(recipients, _)| format!("{} recipients/s", speed::shown(recipients)));
        self.speed.against_the_limit().into_iter().chain(many).collect()
    }

    /// Lines that fit `screen`, for drawing over them again.
    pub(crate) fn lines(&self, screen: &Screen) -> Vec<String> {
        let width = screen.width.saturating_sub(MARGIN).max(2);
        let left = self.left().map(|left| format!("  {} left", duration(left))).unwrap_or_default();
        let said = format!("{:>3} %{left}", self.percent());
        let mut lines = match width.checked_sub(said.len() + BAR + 3) {
            Some(_) => {
                let part = self.percent() as f64 / 100.0;
                let bar = screen.bar(part, BAR);
                let room = " ".repeat(BAR - bar.chars().count());
                vec![format!("[{}{room}] {said}", screen.paint(Ink::Good, &bar))]
            }
            None => screen::wrap(said.trim_start(), width),
        };
        let counts = self.counts().into_iter().map(|(ink, text)| match ink {
            Some(ink) => (screen.paint(ink, &text), text),
            None => (text.clone(), text),
        });
        let rates = self.rates().into_iter().map(|text| (text.clone(), text));
        lines.extend(flowing(counts.chain(rates), screen.dot(), width));
        lines.extend(self.cost.iter().flat_map(|cost| screen::wrap(cost, width)));
        let held = self.held.iter().flat_map(|held| screen::wrap(held, width));
        lines.extend(held.map(|line| screen.paint(Ink::Watch, &line)));
        lines
    }

    /// The same in one line, for a pipe.
    pub(crate) fn line(&self) -> String {
        let mut pieces = vec![format!("{} %", self.percent())];
        pieces.extend(self.counts().into_iter().map(|(_, text)| text));
        pieces.extend(self.rates());
        pieces.extend(self.left().map(|left| format!("{} left", duration(left))));
        pieces.extend(self.cost.clone());
        pieces.extend(self.held.clone());
        pieces.join(", ")
    }
}

/// Pieces one behind the other, in lines of at most `width` columns that break between pieces. Each
/// comes as it is painted, and plain for its width.
fn flowing(pieces: impl Iterator<Item = (String, String)>, dot: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    let between = dot.chars().count();
    for (painted, plain) in pieces {
        let columns = plain.chars().count();
        match lines.last_mut() {
            Some((line, used)) if *used + between + columns <= width => {
                line.push_str(dot);
                line.push_str(&painted);
                *used += between + columns;
            }
            _ if columns > width => lines.extend(screen::wrap(&plain, width).into_iter().map(|line| {
                let columns = line.chars().count();
                (line, columns)
            })),
            _ => lines.push((painted, columns)),
        }
    }
    lines.into_iter().map(|(line, _)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speed::Seen;
    use unicode_width::UnicodeWidthStr;

    fn moving() -> Speed {
        let mut speed = Speed::under(&["100/s".parse().expect("a rate")]);
        for (seconds, requests) in [(0, 0), (4, 400)] {
            let at = Duration::from_secs(seconds);
            speed.see(Seen { at, requests, settled: requests * 5 }, false);
        }
        speed
    }

    fn picture(speed: &Speed) -> Picture<'_> {
        Picture {
            totals: Totals { pending: 2_000, accepted: 1_990, refused: 7, in_doubt: 3 },
            speed,
            paused_for: Duration::from_secs(30),
            cost: Some("USD 99.5000 of 200.0000".to_owned()),
            held: Some("send window opens 09:00 Asia/Bangkok".to_owned()),
        }
    }

    #[test]
    fn a_line_has_counts_rates_time_cost_and_the_cause_of_a_pause() {
        assert_eq!(
            picture(&moving()).line(),
            "50 %, 1,990 accepted, 7 refused, 3 in doubt, 2,000 pending, 100 of 100 requests/s, \
             500 recipients/s, 34 s left, USD 99.5000 of 200.0000, send window opens 09:00 Asia/Bangkok"
        );
    }

    #[test]
    fn every_width_holds_all_of_it_and_no_line_is_wider() {
        let speed = moving();
        for width in [1, 5, 10, 20, 40, 80, 200] {
            for unicode in [true, false] {
                let screen = Screen { width, unicode, ..Screen::stdout() };
                let lines = picture(&speed).lines(&screen);
                let most = width.saturating_sub(MARGIN).max(2);
                assert!(lines.iter().all(|line| line.width() <= most), "{width}: {lines:#?}");
                let all = lines.join(" ").replace([' ', '·', ','], "");
                for word in ["50%", "34sleft", "1990accepted", "7refused", "3indoubt", "99.5000", "09:00"] {
                    assert!(all.contains(word), "{width}: no {word} in {lines:#?}");
                }
            }
        }
    }

    #[test]
    fn only_who_is_settled_counts_and_a_hundred_is_everybody() {
        let speed = Speed::under(&[]);
        for (pending, percent) in [(10_000, 0), (9_901, 0), (1, 99), (0, 100)] {
            let totals = Totals { pending, accepted: 10_000 - pending, ..Totals::default() };
            assert_eq!(Picture { totals, ..picture(&speed) }.percent(), percent, "{pending}");
        }
    }
}
