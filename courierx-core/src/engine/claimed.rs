//! Reading the messages of jobs that were claimed.

use super::open::KEY_WAIT;
use super::outbox::Inner;
use crate::store::{Claimed, JobNext, StoreError, StoreResult, StoredMessage};

impl Inner {
    /// Reads the message of each job, none for a job or a tenant without it. One that is damaged, or that a newer
    /// version wrote, waits alone: the batch that it was claimed with goes on.
    ///
    /// What comes with each job, such as its lease, is let go of with it.
    pub(super) async fn read_claimed<L>(
        &self,
        claimed: Vec<(Claimed, L)>,
    ) -> StoreResult<Vec<(Claimed, L, Option<StoredMessage>)>> {
        match self.load(claimed.iter().map(|(one, _)| one)).await {
            Err(StoreError::Corrupt { .. }) => {}
            found => {
                let read = claimed.into_iter().zip(found?);
                return Ok(read.map(|((one, lease), stored)| (one, lease, stored)).collect());
            }
        }
        let mut read = Vec::with_capacity(claimed.len());
        for (one, lease) in claimed {
            match self.load(std::iter::once(&one)).await {
                Ok(mut found) => read.push((one, lease, found.pop().flatten())),
                Err(error @ StoreError::Corrupt { .. }) => self.put_off(&one, &error).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    async fn load(
        &self,
        claimed: impl Iterator<Item = &Claimed> + Clone,
    ) -> StoreResult<Vec<Option<StoredMessage>>> {
        let keys: Vec<_> =
            claimed.clone().filter_map(|one| Some((one.job.tenant, one.job.message?))).collect();
        let mut found = self.store.load(&keys).await?.into_iter();
        Ok(claimed.map(|one| one.job.message.and_then(|_| found.next().flatten())).collect())
    }

    async fn put_off(&self, claimed: &Claimed, error: &StoreError) -> StoreResult<()> {
        // Whoever operates this has to see it: nothing else tells of it.
        tracing::error!(
            message = ?claimed.job.message,
            error = error as &dyn std::error::Error,
            "a message cannot be read from the store; it waits"
        );
        let next = JobNext::RetryAt { at: self.now().after(KEY_WAIT), round: claimed.job.round };
        self.store.finish(&[(claimed.lease, next)]).await?;
        Ok(())
    }
}
