//! Looking: what is known of everything at a moment becomes figures.

use std::time::Duration;

use courierx_core::clock::{Clock as _, SystemClock, Timestamp};
use courierx_core::event::EventKind;
use courierx_core::router::BreakerState;

use super::DemoError;
use super::engine::is_end;
use super::figures::{SLICES, Slice, Tone};
use super::show::Show;
use super::stage::Stage;
use super::stream;

impl Show {
    /// Reads everything there is to read.
    pub(super) async fn look(&mut self) -> Result<(), DemoError> {
        for at in self.engine.failovers() {
            self.count_failover(at);
        }
        self.look_at_connections();
        // Events before arrivals: what the engine is done with has arrived by then, or never will.
        for event in self.engine.events().await? {
            if event.kind == EventKind::OutcomeUnknown && event.attempt.is_some() {
                self.tally.doubt();
            }
            if let (true, Some(message)) = (is_end(&event), event.message) {
                self.tally.end(message);
            }
        }
        for number in self.stage.arrived().iter().filter_map(stream::number) {
            self.tally.arrive(number);
        }
        let (figures, tally) = (&mut self.figures, &mut self.tally);
        figures.queued = self.engine.depth().await?;
        figures.accepted = tally.accepted();
        figures.delivered = tally.delivered();
        figures.duplicates = tally.duplicates();
        figures.unknown = tally.unknown();
        figures.lost = tally.lost();
        Ok(())
    }

    /// A message that one connection did not take is handed to the other.
    fn count_failover(&mut self, at: Timestamp) {
        self.figures.failovers += 1;
        let after = at.since(self.killed_at);
        if let Some(incident) = self.figures.incidents.last_mut() {
            incident.first_failover.get_or_insert(after);
        }
    }

    fn look_at_connections(&mut self) {
        let (now, taken) = (SystemClock.now(), self.stage.taken());
        let healths: Vec<_> = self.engine.health(now).collect();
        for (at, health) in healths.into_iter().enumerate() {
            let before = self.figures.providers[at].breaker;
            self.compare(at, before, health.breaker);
            let provider = &mut self.figures.providers[at];
            provider.breaker = health.breaker;
            provider.open_for = match health.breaker {
                BreakerState::Open { until } => until.since(now),
                _ => Duration::ZERO,
            };
            provider.in_flight = health.in_flight;
            provider.in_flight_limit = health.in_flight_limit;
            provider.latency = health.latency;
            provider.taken = taken[at] as u64;
        }
        self.slice(taken);
    }

    /// Tells what became of a breaker since it was last looked at.
    fn compare(&mut self, at: usize, before: BreakerState, after: BreakerState) {
        if let Some((tone, text)) = change(before, after) {
            self.figures.tell(tone, format!("{} {text}", Stage::NAMES[at]));
        }
        let elapsed = self.figures.elapsed;
        if at == 0
            && after == BreakerState::Closed
            && let Some(incident) = self.figures.incidents.last_mut()
            && let Some(revived) = incident.revived_at
        {
            incident.full_share.get_or_insert(elapsed.saturating_sub(revived));
        }
    }

    /// Shares what was taken out among the slices of time that are over.
    fn slice(&mut self, taken: [usize; 2]) {
        let done = self.figures.providers[0].history.len();
        let over = self.figures.elapsed.as_micros() / self.figures.slice().as_micros().max(1);
        let new = usize::try_from(over).unwrap_or(SLICES).min(SLICES).saturating_sub(done);
        if new == 0 {
            return;
        }
        let providers = self.figures.providers.iter_mut().zip(taken).zip(&mut self.sliced);
        for ((provider, taken), sliced) in providers {
            let sum = taken - std::mem::replace(sliced, taken);
            provider.history.extend((0..new).map(|at| Slice {
                taken: (sum * (at + 1) / new - sum * at / new) as u64,
                breaker: provider.breaker,
            }));
        }
    }
}

/// What to say of a change, if it is one.
fn change(before: BreakerState, after: BreakerState) -> Option<(Tone, String)> {
    Some(match (before, after) {
        _ if before == after => return None,
        (BreakerState::Open { .. } | BreakerState::HalfOpen, BreakerState::Open { .. }) => {
            (Tone::Bad, "still fails: its breaker opens again".to_owned())
        }
        (_, BreakerState::Open { .. }) => {
            (Tone::Bad, "fails: its breaker opens, mail takes the other way".to_owned())
        }
        (_, BreakerState::HalfOpen) => (Tone::Between, "is probed, with one message at a time".to_owned()),
        (BreakerState::SlowStart { .. }, BreakerState::SlowStart { share }) => {
            (Tone::Between, format!("gets {:.0} % of its mail", share * 100.0))
        }
        (_, BreakerState::SlowStart { share }) => (
            Tone::Between,
            format!("works again: its breaker closes, it gets {:.0} % of its mail", share * 100.0),
        ),
        (_, BreakerState::Closed) => (Tone::Good, "has its full share again".to_owned()),
    })
}
