//! What is to be done.

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::Lane;
use courierx_core::store::{JobKind, NewJob};
use serde::{Deserialize, Serialize};

use crate::model::provider_connections::ProviderConnection;

/// The kind of these jobs.
pub(super) const KIND: JobKind = JobKind::new("callback_setup");

/// A job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Work {
    /// To see to it that the provider of a connection calls back.
    Ensure {
        /// The connection.
        connection: RecordId,
    },
    /// To see to it that it does so no more.
    Remove {
        /// Whose it was, if that is not whose job this is: a deleted tenant's jobs go with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<TenantId>,
        /// The connection, which is gone.
        connection: RecordId,
        /// What it was; its secrets are sealed.
        record: Box<ProviderConnection>,
    },
}

impl Work {
    /// The job, due then.
    pub(super) fn job(&self, run_at: Timestamp) -> Result<NewJob, serde_json::Error> {
        Ok(NewJob::new(KIND, Lane::Transactional, run_at, serde_json::to_vec(self)?))
    }
}
