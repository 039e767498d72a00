//! The end of a round: what became of it is written down.

use std::time::Duration;

use super::deliver::Delivery;
use super::rest::{self, Rest};
use super::settle::decided;
use super::worker::PAUSES;
use crate::clock::Timestamp;
use crate::event::{EventKind, NewEvent};
use crate::store::{
    AttemptResult, Decided, Effects, FencedStep, JobNext, Settlement, StoreError, StoreResult,
};

impl Delivery<'_> {
    /// Nothing can be handed over in this round: the end, or a dated wait.
    pub(super) async fn rest(mut self, rest: &Rest, result: Option<AttemptResult>) -> StoreResult<()> {
        let now = self.inner.now();
        let tried = self.claimed.job.round.saturating_add(1);
        rest.tell(&mut self.round);
        let (next, ended) = rest::conclude(rest, &self.round, &self.record, tried, now);
        self.ended.extend(ended);
        let (decided, mut effects) = (self.decided(now), self.news());
        if matches!(next, JobNext::RetryAt { .. }) {
            let why = rest.scheduled.iter().find_map(|recipient| self.round.why(*recipient));
            if let Some(why) = why {
                let event = NewEvent::of_message(self.record.id, EventKind::Deferred, now).detail(why);
                effects.events.push(event);
            }
        }
        let step = FencedStep { lease: self.claimed.lease, next, decided, effects };
        self.settle(result, Some(step)).await
    }

    /// What follows for those who were decided about in this round.
    fn decided(&mut self, now: Timestamp) -> Vec<Decided> {
        let ended = std::mem::take(&mut self.ended);
        let (why, handed) = (|one| self.round.why(one), |one| self.round.was_handed_over(one));
        decided(&self.record, &ended, why, handed, now)
    }

    /// Events about connections that are not written down yet.
    fn news(&mut self) -> Effects {
        Effects { events: std::mem::take(&mut self.news), ..Effects::default() }
    }

    /// Gives the job back as it is, to be claimed again at once.
    pub(super) async fn release(self, result: Option<AttemptResult>) -> StoreResult<()> {
        self.release_for(Duration::ZERO, result).await
    }

    /// Gives the job back as it is, to be claimed again after this long.
    pub(super) async fn release_for(
        mut self,
        pause: Duration,
        result: Option<AttemptResult>,
    ) -> StoreResult<()> {
        let now = self.inner.now();
        let (decided, effects) = (self.decided(now), self.news());
        let next = JobNext::RetryAt { at: now.after(pause), round: self.claimed.job.round };
        let step = FencedStep { lease: self.claimed.lease, next, decided, effects };
        self.settle(result, Some(step)).await
    }

    /// Writes down what a provider answered and what follows. An answer that is lost is an unknown outcome,
    /// so a store that fails is asked until it takes it, or the process stops.
    pub(super) async fn settle(
        &self,
        result: Option<AttemptResult>,
        step: Option<FencedStep>,
    ) -> StoreResult<()> {
        let settlement = Settlement { tenant: self.record.tenant, message: self.record.id, result, step };
        let mut pause = PAUSES.0;
        let settled = loop {
            match self.inner.store.settle(vec![settlement.clone()]).await {
                Ok(settled) => break settled,
                Err(error @ (StoreError::Closed | StoreError::Invalid(_))) => return Err(error),
                Err(error) if self.cancel.is_cancelled() => return Err(error),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(message = %self.record.id, error, "an answer waits for the store");
                }
            }
            tokio::select! {
                // One more time, and then it is over.
                () = self.cancel.cancelled() => {}
                () = self.inner.clock.sleep_until(self.inner.now().after(pause)) => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        };
        if settlement.step.is_some() && settled.first().is_some_and(|one| !one.stepped) {
            tracing::debug!(message = %self.record.id, "another owner holds the job; the result is recorded");
        }
        self.inner.changed();
        Ok(())
    }
}
