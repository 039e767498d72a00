//! What a direct send takes of a connection's quotas: of the store's counters where there is one, so that all
//! processes count together, else of this process's own.

use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::provider::RecipientOutcome;
use crate::router::{Connection, Taken};
use crate::store::{Grant, Reserved, Store, StoreError};

/// What was taken for one hand-over.
#[must_use]
pub(super) enum Held {
    Nothing,
    Here(Taken, u64),
    InStore(Vec<Grant>),
}

/// Why nothing was taken.
pub(super) enum NoRoom {
    /// There is none before this moment.
    Until(Timestamp),
    Store(StoreError),
}

/// Takes room for so many recipients of every quota, or of none.
pub(super) async fn hold(
    store: Option<(&dyn Store, TenantId)>,
    connection: &Connection,
    amount: usize,
    now: Timestamp,
) -> Result<Held, NoRoom> {
    let amount = amount as u64;
    if amount == 0 || connection.quotas().is_empty() {
        return Ok(Held::Nothing);
    }
    let Some((store, tenant)) = store else {
        let taken = connection.known().used.take(connection.quotas(), amount, now);
        return taken.map(|taken| Held::Here(taken, amount)).map_err(NoRoom::Until);
    };
    let quotas = connection.quotas().iter();
    let batch = quotas.map(|quota| quota.reservation(tenant, connection.id(), amount)).collect();
    let (mut grants, mut full) = (Vec::new(), None);
    for reserved in store.reserve(batch).await.map_err(NoRoom::Store)? {
        match reserved {
            Reserved::Granted(grant) => grants.push(grant),
            Reserved::Exceeded { resets_at, .. } => full = full.max(Some(resets_at)),
        }
    }
    match full {
        None => Ok(Held::InStore(grants)),
        Some(until) => {
            store.release(&grants).await.map_err(NoRoom::Store)?;
            Err(NoRoom::Until(until))
        }
    }
}

/// Gives it back if every recipient was certainly not sent to.
pub(super) async fn settle(
    store: Option<(&dyn Store, TenantId)>,
    connection: &Connection,
    held: Held,
    outcomes: &[RecipientOutcome],
) {
    if outcomes.iter().any(|outcome| !matches!(outcome, RecipientOutcome::Refused(_))) {
        return;
    }
    match (held, store) {
        (Held::Here(taken, amount), _) => {
            connection.known().used.give_back(taken, amount);
            connection.has_room_again();
        }
        (Held::InStore(grants), Some((store, _))) => {
            if let Err(error) = store.release(&grants).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(connection = %connection.id(), error, "a quota counts what was not sent");
            }
            connection.has_room_again();
        }
        (Held::Nothing | Held::InStore(_), _) => {}
    }
}
