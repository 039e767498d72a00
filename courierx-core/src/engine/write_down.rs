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
        let mut effects = Effects::default();
        if matches!(next, JobNext::RetryAt { .. }) {
            let why = rest.scheduled.iter().find_map(|recipient| self.round.why(*recipient));
            if let Some(why) = why {
                let event = NewEvent::of_message(self.record.id, EventKind::Deferred, now).detail(why);
                effects.events.push(event);
            }
        }
        self.step(next, effects, result).await
    }

    /// What follows for those who were decided about in this round.
    fn decided(&self, now: Timestamp) -> Vec<Decided> {
        let (why, handed) = (|one| self.round.why(one), |one| self.round.was_handed_over(one));
        decided(&self.record, &self.ended, why, handed, now)
    }

    /// Gives the job back as it is, to be claimed again at once.
    pub(super) async fn release(self, result: Option<AttemptResult>) -> StoreResult<()> {
        self.release_for(Duration::ZERO, result).await
    }

    /// Gives the job back as it is, to be claimed again after this long.
    pub(super) async fn release_for(self, pause: Duration, result: Option<AttemptResult>) -> StoreResult<()> {
        let now = self.inner.now();
        let next = JobNext::RetryAt { at: now.after(pause), round: self.claimed.job.round };
        self.step(next, Effects::default(), result).await
    }

    /// Ends the round, if the lease still holds; with it is written what was decided, and what is to be told of
    /// connections.
    async fn step(
        mut self,
        next: JobNext,
        mut effects: Effects,
        result: Option<AttemptResult>,
    ) -> StoreResult<()> {
        let now = self.inner.now();
        effects.events.extend(self.untold.events(now));
        let decided = self.decided(now);
        self.ended.clear();
        let step = FencedStep { lease: self.claimed.lease, next, decided, effects };
        if self.settle(result, Some(step)).await? {
            self.untold.are_told();
        }
        Ok(())
    }

    /// Writes down what a provider answered and what follows. An answer that is lost is an unknown outcome,
    /// so a store that fails is asked until it takes it, or the process stops. Answers whether the step was taken.
    pub(super) async fn settle(
        &self,
        result: Option<AttemptResult>,
        step: Option<FencedStep>,
    ) -> StoreResult<bool> {
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
        let stepped = settled.first().is_some_and(|one| one.stepped);
        if settlement.step.is_some() && !stepped {
            tracing::debug!(message = %self.record.id, "another owner holds the job; the result is recorded");
        }
        self.inner.changed();
        Ok(stepped)
    }
}
