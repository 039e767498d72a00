//! Agrees to being called back, where a provider asks first: topics of SNS.

use std::time::Duration;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::provider::Confirmation;

use crate::App;
use crate::error::{ServiceError, ServiceResult};

/// What is read of the answer, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// How long it is waited for: SNS waits 15 seconds for ours.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches the URL by which a topic knows that it may call back. That the topic is one of the connection's, and the
/// host the provider's, was verified with the signature; redirects are not followed.
pub(super) async fn confirm(
    app: &App,
    tenant: TenantId,
    connection: RecordId,
    confirmation: &Confirmation,
) -> ServiceResult<()> {
    let Confirmation { topic, url, .. } = confirmation;
    match app.providers.webhooks().fetch(url, MAX_BYTES, PATIENCE).await {
        Ok(_) => {
            tracing::info!(%tenant, %connection, topic, "a topic calls back from now on");
            Ok(())
        }
        Err(error) => {
            let source = &error as &dyn std::error::Error;
            tracing::warn!(%tenant, %connection, topic, error = source, "a topic could not be confirmed");
            // The topic asks again.
            Err(ServiceError::Unavailable { retry_after: Duration::from_secs(30), source: error.into() })
        }
    }
}
