//! Agrees to being called back, where a provider asks first: topics of SNS.

use std::time::Duration;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::provider::Confirmation;
use courierx_core::store::ConfigsExt as _;

use crate::App;
use crate::callback_setup;
use crate::error::{ServiceError, ServiceResult};
use crate::model::provider_connections::ProviderConnection;

/// Fetches the URL by which a topic knows that it may call back. That the topic is one of the connection's, and the
/// host the provider's, was verified with the signature; redirects are not followed.
pub(super) async fn confirm(
    app: &App,
    tenant: TenantId,
    connection: RecordId,
    confirmation: &Confirmation,
) -> ServiceResult<()> {
    let Confirmation { topic, url, .. } = confirmation;
    let found = app.store.get::<ProviderConnection>(tenant, connection).await?;
    let account = found.ok_or(ServiceError::NotFound)?.value.account;
    match app.providers.sns(&account).get(url).await {
        Ok(_) => {
            tracing::info!(%tenant, %connection, topic, "a topic calls back from now on");
            // What is shown of it is looked at anew.
            callback_setup::ask(app, tenant, connection).await
        }
        Err(error) => {
            let source = &error as &dyn std::error::Error;
            tracing::warn!(%tenant, %connection, topic, error = source, "a topic could not be confirmed");
            // The topic asks again.
            Err(ServiceError::Unavailable { retry_after: Duration::from_secs(30), source: error.into() })
        }
    }
}
