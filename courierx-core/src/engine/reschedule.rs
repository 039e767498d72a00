//! Another date for a message that is kept.

use super::content::ContentError;
use super::outbox::Outbox;
use crate::clock::Timestamp;
use crate::id::{MessageId, TenantId};
use crate::message::InvalidEmail;
use crate::store::{Reschedule, RescheduleResult, ScopedKey, StoreError};

/// Why a message did not get another date. It has the one that it had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RescheduleError {
    /// Its `deliver_by` is not after that date.
    #[error(transparent)]
    Invalid(#[from] InvalidEmail),
    /// Its content cannot be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The store failed; see there whether to try again.
    #[error("the message could not be changed")]
    Store(#[from] StoreError),
}

impl Outbox {
    /// Moves the date of a message whose delivery has not begun; at once, if the date is past.
    ///
    /// A deadline that the message set itself stays; one that its lane gives moves along. So does the time for
    /// which its idempotency key is remembered.
    pub async fn reschedule(
        &self,
        tenant: TenantId,
        message: MessageId,
        send_at: Timestamp,
    ) -> Result<RescheduleResult, RescheduleError> {
        let Some(stored) = self.get(tenant, message).await? else {
            return Ok(RescheduleResult::NotFound);
        };
        let Some(email) = self.content(&stored).await? else {
            // Only what is settled loses its content.
            return Ok(RescheduleResult::TooLate);
        };
        let send_at = send_at.max(self.inner.now());
        let email = email.to_builder().send_at(send_at).build()?;
        let ttl = self.inner.options.idempotency_ttl;
        let key = email.idempotency_key().map(|key| (ScopedKey::new(key, email.mode()), send_at.after(ttl)));
        let deliver_by = self.deadline(&email, send_at);
        let change = Reschedule { tenant, message, send_at, deliver_by, key };
        Ok(self.inner.store.reschedule(&change).await?)
    }
}
