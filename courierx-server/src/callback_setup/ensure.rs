//! Sees to it that the provider of a connection calls back.

use std::time::Duration;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::provider::{CallbackState, EmailProvider as _};
use courierx_core::store::{Change, ConfigsExt as _, JobNext, Versioned};

use super::remove::{is_present, take_back};
use super::{again, is_conflict, options, place, problem, provider, received, scrubbed};
use crate::App;
use crate::auth::random_hex;
use crate::error::{ServiceError, ServiceResult};
use crate::model::provider_connections::{
    Account, CallbackSecrets, Callbacks, Cause, Former, Problem, ProviderConnection, ProviderKind,
    Registration,
};
use crate::secret::Secret;
use crate::upkeep::lead::{Lead, Turn};

/// How long somebody who crashed keeps others from a connection: longer than all questions to a provider take.
const TURN: Duration = Duration::from_mins(5);
/// How long whoever has to wait for that leaves it alone, and whoever finds nothing to do yet.
const MOMENT: Duration = Duration::from_secs(3);
/// How often a change is made again that somebody else's came in between.
const TRIES: usize = 5;

type Connection = Versioned<ProviderConnection>;

/// Does it for a connection, in turn with whoever else does.
pub(super) async fn ensure(app: &App, tenant: TenantId, id: RecordId, round: u32) -> ServiceResult<JobNext> {
    match Lead::take_for(&app.store, &format!("callback_setup/{id}"), TURN).await? {
        Turn::Later(at) => Ok(JobNext::RetryAt { at: at.min(app.now().after(MOMENT)).max(app.now()), round }),
        Turn::Ours(lead) => {
            let next = in_turn(app, tenant, id, round).await;
            lead.give_back().await?;
            next
        }
    }
}

async fn in_turn(app: &App, tenant: TenantId, id: RecordId, round: u32) -> ServiceResult<JobNext> {
    // A server that nobody reaches shows so wherever somebody looks.
    let Ok(base) = place(app) else { return Ok(JobNext::Finish) };
    let Some((asked, secrets)) = prepared(app, tenant, id).await? else {
        // What this follows from may be about to be committed.
        let is_early = round == 0;
        let later = JobNext::RetryAt { at: app.now().after(MOMENT), round: 1 };
        return Ok(if is_early { later } else { JobNext::Finish });
    };
    let password = secrets.keys.first().map(Secret::expose).unwrap_or_default();
    let url = base.at(&Callbacks::path(asked.value.kind(), &secrets.token));
    let provider = match provider(app, tenant, id, &asked.value) {
        Ok(provider) => provider,
        Err(problem) => return failed(app, &asked, problem, round, None).await,
    };
    let Some(setup) = provider.callback_setup() else { return Ok(JobNext::Finish) };
    let state = match setup.ensure(&url, password, &options()).await {
        Ok(state) => state,
        Err(refusal) => {
            let wait = refusal.retry_after;
            let mut problem = problem(refusal);
            problem.message = scrubbed(&problem.message, &secrets.token);
            return failed(app, &asked, problem, round, wait).await;
        }
    };
    let base = base.to_string();
    let Some(current) = write(app, &asked, |now| keep(app, &asked, now, &state, &base)).await? else {
        return Ok(JobNext::Finish);
    };
    let is_clean = clean(app, &current, &secrets.token).await?;
    if state.awaits_agreement || !is_clean {
        // Amazon asks at once, perhaps before anybody here knew of its topic: it is asked to ask again.
        return Ok(again(app.now(), round, None).unwrap_or(JobNext::Finish));
    }
    if !received::is_proven(app, tenant, id).await?
        && let Err(refusal) = setup.try_out(&url, &options()).await
    {
        // Its first callback will tell as well.
        let detail = scrubbed(&refusal.detail, &secrets.token);
        tracing::debug!(connection = %id, detail, "callbacks were not tried out");
    }
    Ok(JobNext::Finish)
}

/// Writes down why nothing could be set up, and puts it off.
async fn failed(
    app: &App,
    asked: &Connection,
    problem: Problem,
    round: u32,
    wait: Option<Duration>,
) -> ServiceResult<JobNext> {
    let (tenant, id, message) = (asked.tenant, asked.id, problem.message.as_str());
    tracing::warn!(%tenant, connection = %id, message, "no callbacks set up");
    let told = |connection: &mut ProviderConnection| {
        connection.webhook.problem = Some(problem.clone());
        Ok(())
    };
    write(app, asked, told).await?;
    // What somebody has to mend is tried a few times, as rights at some providers need a moment.
    let more = problem.cause == Cause::Provider || round < 3;
    Ok(again(app.now(), round, wait).filter(|_| more).unwrap_or(JobNext::Finish))
}

/// A connection whose callbacks this server sets up, with its secrets: what it needs for that is written down first, as
/// it is called back as soon as the provider knows.
async fn prepared(
    app: &App,
    tenant: TenantId,
    id: RecordId,
) -> ServiceResult<Option<(Connection, CallbackSecrets)>> {
    for _ in 0..TRIES {
        let Some(current) = app.store.get::<ProviderConnection>(tenant, id).await? else { return Ok(None) };
        let value = &current.value;
        if !value.kind().calls_back() || !value.webhook.auto_managed {
            return Ok(None);
        }
        let secrets = value.callbacks.open(&app.vault, tenant, &id).ok().flatten();
        let needs_password = value.kind() == ProviderKind::Postmark;
        if let Some(secrets) = &secrets
            && !(needs_password && secrets.keys.is_empty())
        {
            return Ok(Some((current.clone(), secrets.clone())));
        }
        let mut secrets = secrets.unwrap_or_default();
        if needs_password && secrets.keys.is_empty() {
            secrets.add_key(Secret::new(random_hex().as_str()));
        }
        let mut connection = current.value.clone();
        connection.callbacks.seal(&secrets, &app.vault, tenant, &id)?;
        let change = Change::update(tenant, id, current.version, &connection)?;
        let written = app.commit(tenant, vec![change]).await;
        if !is_conflict(&written) {
            written?;
        }
    }
    Err(ServiceError::Conflict("the connection is changed all the time".to_owned()))
}

/// Writes down what came of it, unless the connection is another one by now: whoever changed it asked for another job.
/// Answers what it is then.
async fn write(
    app: &App,
    asked: &Connection,
    change: impl Fn(&mut ProviderConnection) -> ServiceResult<()>,
) -> ServiceResult<Option<Connection>> {
    let (tenant, id) = (asked.tenant, asked.id);
    for _ in 0..TRIES {
        let Some(current) = app.store.get::<ProviderConnection>(tenant, id).await? else { return Ok(None) };
        if !current.value.is_same_way_as(&asked.value) || !current.value.webhook.auto_managed {
            return Ok(None);
        }
        let mut connection = current.value.clone();
        change(&mut connection)?;
        let change = Change::update(tenant, id, current.version, &connection)?;
        let written = app.commit(tenant, vec![change]).await;
        if !is_conflict(&written) {
            written?;
            return Ok(app.store.get::<ProviderConnection>(tenant, id).await?);
        }
    }
    Err(ServiceError::Conflict("the connection is changed all the time".to_owned()))
}

/// Keeps what a provider told of what is set up there.
fn keep(
    app: &App,
    asked: &Connection,
    connection: &mut ProviderConnection,
    state: &CallbackState,
    base: &str,
) -> ServiceResult<()> {
    let (tenant, id) = (asked.tenant, asked.id);
    if let Some(key) = &state.key {
        let key = Secret::new(key.expose());
        let mut secrets =
            connection.callbacks.open(&app.vault, tenant, &id).ok().flatten().unwrap_or_default();
        // Sealing makes another text of the same: what did not change is left as it is.
        if secrets.keys.first() != Some(&key) {
            secrets.add_key(key);
            connection.callbacks.seal(&secrets, &app.vault, tenant, &id)?;
        }
    }
    if let Some(topic) = &state.topic
        && !connection.callbacks.topics.contains(topic)
    {
        connection.callbacks.topics.push(topic.clone());
    }
    let registration = Registration {
        id: state.id.clone(),
        base: base.to_owned(),
        topic: state.topic.clone(),
        awaits_agreement: state.awaits_agreement,
    };
    // The server was reached another way before.
    if let Some(before) = super::remove::present(connection)
        && before.registration.base != registration.base
    {
        connection.webhook.former.push(before);
    }
    if let (Account::AwsSes(account), Some(set)) = (&mut connection.account, &state.configuration_set)
        && account.configuration_set.is_none()
    {
        account.configuration_set = Some(set.clone());
    }
    connection.webhook.registration = Some(registration);
    connection.webhook.problem = None;
    connection.webhook.synced_at = Some(app.now());
    Ok(())
}

/// Removes what was set up for accounts that the connection had before, unless it is what it has now; answers whether
/// there is nothing left. An account that does not let us in any more is left alone.
async fn clean(app: &App, current: &Connection, token: &Secret) -> ServiceResult<bool> {
    let value = &current.value;
    let Some(now) = &value.webhook.registration else { return Ok(true) };
    let mut left = Vec::new();
    for former in &value.webhook.former {
        let is_other = |found: &CallbackState| !is_present(found, former, &value.account, now);
        let removed = take_back(app, current.tenant, current.id, value, former, token, is_other).await;
        if let Err(refusal) = removed {
            let detail = scrubbed(&refusal.detail, token);
            tracing::warn!(connection = %current.id, detail, "a former callback was not removed");
            if problem(refusal).cause == Cause::Provider {
                left.push(former.clone());
            }
        }
    }
    if left.len() == value.webhook.former.len() {
        return Ok(left.is_empty());
    }
    let done = |one: &Former| value.webhook.former.contains(one) && !left.contains(one);
    let forget = |connection: &mut ProviderConnection| {
        connection.webhook.former.retain(|one| !done(one));
        Ok(())
    };
    write(app, current, forget).await?;
    Ok(left.is_empty())
}
