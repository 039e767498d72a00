//! Takes back what a provider was told, as far as it lets us.

use courierx_core::id::{RecordId, TenantId};
use courierx_core::provider::{CallbackState, EmailProvider as _, Refusal, RefusalKind};
use courierx_core::store::{ConfigsExt as _, JobNext};

use super::{again, options, provider, received, scrubbed};
use crate::App;
use crate::error::ServiceResult;
use crate::model::provider_connections::{Account, Callbacks, Former, ProviderConnection, Registration};
use crate::secret::Secret;

/// How often a job that came before its cause looks for it.
const MOST_LOOKS: u32 = 4;

/// Removes what was set up for a connection that is gone.
pub(super) async fn remove(
    app: &App,
    tenant: TenantId,
    id: RecordId,
    record: ProviderConnection,
    round: u32,
) -> ServiceResult<JobNext> {
    if app.store.get::<ProviderConnection>(tenant, id).await?.is_some() {
        // It is not gone yet, or its removal was not committed.
        let next = again(app.now(), round, None).filter(|_| round < MOST_LOOKS);
        return Ok(next.unwrap_or(JobNext::Finish));
    }
    received::forget(app, tenant, id).await?;
    let Some(token) = token(app, tenant, id, &record) else { return Ok(JobNext::Finish) };
    let mut ways = record.webhook.former.clone();
    ways.extend(present(&record));
    let mut next = JobNext::Finish;
    for way in &ways {
        if let Err(refusal) = take_back(app, tenant, id, &record, way, &token, |_| true).await {
            let detail = scrubbed(&refusal.detail, &token);
            tracing::warn!(%tenant, connection = %id, detail, "a callback was not removed");
            let can_be = !matches!(refusal.kind, RefusalKind::Auth | RefusalKind::Content);
            if let Some(later) = again(app.now(), round, refusal.retry_after).filter(|_| can_be) {
                next = later;
            }
        }
    }
    Ok(next)
}

/// What is set up for the account that a connection has.
pub(super) fn present(record: &ProviderConnection) -> Option<Former> {
    let registration = record.webhook.registration.clone()?;
    Some(Former {
        account: record.account.clone(),
        mode: record.mode,
        credentials: record.credentials.clone(),
        registration,
    })
}

/// The token in the URL of a connection.
pub(super) fn token(
    app: &App,
    tenant: TenantId,
    id: RecordId,
    record: &ProviderConnection,
) -> Option<Secret> {
    record.callbacks.open(&app.vault, tenant, &id).ok().flatten().map(|secrets| secrets.token)
}

/// Removes what is set up for one account, if what is found there is meant.
pub(super) async fn take_back(
    app: &App,
    tenant: TenantId,
    id: RecordId,
    record: &ProviderConnection,
    way: &Former,
    token: &Secret,
    is_meant: impl Fn(&CallbackState) -> bool,
) -> Result<(), Refusal> {
    let mut record = record.clone();
    record.account = way.account.clone();
    record.credentials.clone_from(&way.credentials);
    record.mode = way.mode;
    // Without credentials that can be opened nothing can be asked, now or later.
    let provider = provider(app, tenant, id, &record)
        .map_err(|problem| Refusal::new(RefusalKind::Auth, problem.message))?;
    let Some(setup) = provider.callback_setup() else { return Ok(()) };
    let url = format!("{}{}", way.registration.base, Callbacks::path(record.kind(), token));
    let options = options();
    if setup.status(&url, &options).await?.is_some_and(|found| is_meant(&found)) {
        setup.remove(&url, &options).await?;
    }
    Ok(())
}

/// Whether what is found in a former account is what the present one has, seen with other credentials perhaps.
pub(super) fn is_present(
    found: &CallbackState,
    former: &Former,
    account: &Account,
    now: &Registration,
) -> bool {
    if former.registration.base != now.base {
        return false;
    }
    match (&former.account, account) {
        // What a domain has is not named apart.
        (Account::Mailgun(then), Account::Mailgun(now)) => {
            (&then.domain, then.region, &then.base_url) == (&now.domain, now.region, &now.base_url)
        }
        // What is named after the URL has the same name in every account; topics have not.
        (Account::AwsSes(_), _) => found.topic == now.topic,
        _ => found.id == now.id,
    }
}
