//! Recipients that are not handed over to any more, whatever the router would say.

use std::sync::Arc;
use std::time::Duration;

use super::deliver::Delivery;
use super::retry::RetrySchedule;
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::message::AddressKey;
use crate::router::Connection;
use crate::store::StoreResult;

/// How long a look at the suppressions holds: longer than most rounds take.
const FRESH: Duration = Duration::from_mins(1);
/// How often a round decides anew because a connection changed. Whatever changes more often than that is made
/// anew for every question, or never comes to rest.
const CHANGES: u32 = 8;

impl Delivery<'_> {
    /// Whether a decision still holds after the message waited for its place: the connection may be gone or
    /// want to be left alone by now, the deadline have passed, and a recipient be suppressed.
    pub(super) async fn is_still_right(
        &mut self,
        connection: &Connection,
        recipients: &[u32],
        repeats: bool,
    ) -> StoreResult<bool> {
        if !self.is_still_there(connection, repeats).await? {
            return Ok(false);
        }
        let now = self.inner.now();
        if now > self.looked_up.after(FRESH) {
            self.leave_out_suppressed().await?;
        }
        Ok(!self.router.is_paused()
            && !self.is_expired(now)
            && connection.rests_until(repeats, now).is_none()
            && recipients.iter().all(|recipient| self.round.is_open(*recipient)))
    }

    /// Whether the tenant still has the connection, switched on and with the same provider behind it, and not drained
    /// unless that is for a repetition. The round goes on with the connections as they are now.
    async fn is_still_there(&mut self, connection: &Connection, repeats: bool) -> StoreResult<bool> {
        self.router = self.inner.routes.router(self.record.tenant).await?;
        let takes = |present: &&Connection| present.is_enabled() && (repeats || !present.is_draining());
        let present = self.router.connection(connection.id()).filter(takes);
        if present.is_some_and(|present| Arc::ptr_eq(present.provider(), connection.provider())) {
            return Ok(true);
        }
        let is_there = present.is_some();
        self.changes += 1;
        // One that is made anew for every question is as good as it will ever be.
        Ok(is_there && self.changes_without_end())
    }

    /// Whether the connections changed so often that deciding anew leads nowhere.
    pub(super) fn changes_without_end(&self) -> bool {
        self.changes > CHANGES
    }

    /// An earlier owner may have learnt that a recipient does not exist, and lost the job before it could
    /// write down more than the answer; or a provider says so only when it is asked.
    pub(super) fn leave_out_refused(&mut self) {
        for index in self.round.open_recipients() {
            if let Some((kind, end)) = self.round.ended_before(index) {
                self.round.note(index, &format!("refused for good ({kind})"));
                self.end(index, end);
            }
        }
    }

    /// Suppressions are checked again: somebody may have bounced or complained since the message came in.
    pub(super) async fn leave_out_suppressed(&mut self) -> StoreResult<()> {
        let open: Vec<(u32, AddressKey)> = self
            .record
            .recipients
            .iter()
            .filter(|one| self.round.is_open(one.index))
            .map(|one| (one.index, one.address.key()))
            .collect();
        let keys: Vec<AddressKey> = open.iter().map(|(_, key)| key.clone()).collect();
        self.looked_up = self.inner.now();
        let entries =
            self.inner.store.check(self.record.tenant, &self.round.content().email().scope(), &keys).await?;
        for ((index, _), entry) in open.into_iter().zip(entries) {
            if entry.is_some() {
                if self.round.may_have_been_sent(index) {
                    self.round.note(index, "suppressed, after it may have been sent");
                }
                self.end(index, Disposition::Suppressed);
            }
        }
        Ok(())
    }

    /// Nobody wants the message any more after its deadline. Who may have it already waits to learn that.
    pub(super) fn leave_out_expired(&mut self, now: Timestamp) {
        for index in self.round.too_late(now) {
            self.round.note(index, "the deadline has passed");
            self.end(index, Disposition::Failed);
        }
    }

    /// Hand-overs whose outcome was unknown were tries: with the schedule they are over, also if the
    /// provider turned out never to have had the message. So were those whose process died: a message that
    /// ends every process it meets must end, too.
    pub(super) fn leave_out_over(&mut self, unknown: &[u32], crashes: usize) {
        let crashes = u32::try_from(crashes).unwrap_or(u32::MAX);
        let tried = self.claimed.job.round.saturating_add(crashes);
        if !RetrySchedule::of(self.record.retry).is_over(tried) {
            return;
        }
        for &index in unknown {
            if self.round.is_open(index) {
                self.end(index, Disposition::Failed);
            }
        }
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.round.is_expired(now)
    }
}
