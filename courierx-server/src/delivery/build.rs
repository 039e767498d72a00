//! Makes a tenant's router of its configuration, out of what is there already where that still fits.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use courierx_core::clock::Clock;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::router::{Connection, ConnectionId, InvalidConnectionId, InvalidRouter, Router};
use courierx_core::store::Versioned;
use courierx_providers::Sandbox;

use super::loopback::Loopback;
use super::measured::{AllSendMeters, Measured};
use super::routes::TenantState;
use super::setup::Setup;
use super::unusable::Unusable;
use super::watch::Counting;
use super::{Providers, Purpose};
use crate::auth::random_hex;
use crate::http::Meters;
use crate::model::provider_connections::{Account, ConnectionStatus, ProviderConnection, ProviderKind};
use crate::secret::Secret;

/// The connection that every tenant has: the sandbox, behind all others.
pub const SANDBOX: &str = "sandbox";

/// Of how many hand-overs a sandbox remembers what became of them.
const SANDBOX_REMEMBERS: usize = 256;

/// What of a tenant's connections outlives a change of its configuration.
#[derive(Debug, Default)]
pub(super) struct Kept {
    sandbox: Option<Connection>,
    connections: HashMap<RecordId, (ProviderConnection, Connection)>,
}

/// Why a router cannot be made. It would be a mistake of ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    #[error(transparent)]
    Name(#[from] InvalidConnectionId),
    #[error(transparent)]
    Router(#[from] InvalidRouter),
}

/// Makes routers.
#[derive(Debug)]
pub(super) struct Builder {
    providers: Providers,
    loopback: Loopback,
    sends: AllSendMeters,
    meters: Arc<Meters>,
    clock: Arc<dyn Clock>,
    /// With which sandboxes sign what they call back. The same for all, so that one that is made anew reads
    /// what the one before it signed.
    signing: Secret,
}

impl Builder {
    pub(super) fn new(providers: Providers, meters: Arc<Meters>, clock: Arc<dyn Clock>) -> Self {
        Self {
            providers,
            loopback: Loopback::new(),
            sends: AllSendMeters::new(&meters),
            meters,
            clock,
            signing: Secret::new(random_hex().as_str()),
        }
    }

    pub(super) fn loopback(&self) -> &Loopback {
        &self.loopback
    }

    /// A router over these connections and the sandbox, by these rules.
    pub(super) fn router(
        &self,
        tenant: TenantId,
        setup: Setup,
        state: TenantState,
        kept: &mut Kept,
    ) -> Result<Router, BuildError> {
        let rules = setup.rules()?;
        let mut records = setup.connections;
        // The router keeps this order among those of one priority.
        records
            .sort_by_key(|one| (one.value.priority, Reverse(one.value.weight), one.value.created_at, one.id));
        let sandbox = match &kept.sandbox {
            Some(connection) => connection.clone(),
            None => self.sandbox(tenant, SANDBOX.parse()?).with_priority(u32::MAX),
        };
        let mut connections = Vec::with_capacity(records.len() + 1);
        let mut next = HashMap::with_capacity(records.len());
        for record in records {
            let Versioned { id, value, .. } = record;
            let fits = |(before, _): &(ProviderConnection, Connection)| {
                before.is_same_way_as(&value) && before.callbacks == value.callbacks
            };
            let known = kept.connections.remove(&id).filter(fits);
            let connection = match known {
                Some((_, connection)) => Some(connection),
                None => self.connection(tenant, id, &value)?,
            };
            let usable = connection.is_some();
            let connection = match connection {
                Some(connection) => connection,
                None => Connection::new(id.to_string().parse()?, Unusable::new(value.kind().as_str())),
            };
            let connection = connection
                .with_priority(value.priority)
                .with_weight(value.weight)
                .with_enabled(usable && value.status == ConnectionStatus::Active);
            let connection = limited(connection, &value);
            connections.push(connection.clone());
            if usable {
                next.insert(id, (value, connection));
            }
        }
        kept.connections = next;
        kept.sandbox = Some(sandbox.clone());
        connections.push(sandbox);
        let counting = Counting::new(Arc::clone(&self.meters), &connections);
        let router = Router::builder().watcher(counting).connections(connections).rules(rules);
        let router = if state.sandbox_takes_live_mail { router } else { router.sandbox_for_tests_only() };
        Ok(router.paused(state.suspended).build()?)
    }

    /// The connection of a record; none if it cannot be used, which concerns it alone.
    fn connection(
        &self,
        tenant: TenantId,
        id: RecordId,
        value: &ProviderConnection,
    ) -> Result<Option<Connection>, BuildError> {
        let name: ConnectionId = id.to_string().parse()?;
        if let Account::Sandbox {} = value.account {
            return Ok(Some(self.sandbox(tenant, name)));
        }
        Ok(match self.providers.provider(tenant, &id, value, Purpose::Delivery) {
            Ok(provider) => {
                let measured = Measured::new(provider, self.sends.of(value.kind()).clone());
                Some(Connection::new(name, measured).with_account(value.fingerprint()))
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(%tenant, connection = %id, error, "a connection cannot be used");
                None
            }
        })
    }

    /// A sandbox that keeps no message, since the store has them all.
    fn sandbox(&self, tenant: TenantId, name: ConnectionId) -> Connection {
        let sandbox = Sandbox::new()
            .clock(Arc::clone(&self.clock))
            .signing_secret(self.signing.expose())
            .capacity(SANDBOX_REMEMBERS)
            .keep_bytes(0);
        let provider =
            self.loopback.attach(sandbox, self.sends.of(ProviderKind::Sandbox).clone(), tenant, name.clone());
        Connection::new(name, provider)
    }
}

/// The connection within the limits of its record, and without those that it had before.
fn limited(connection: Connection, value: &ProviderConnection) -> Connection {
    let limits = &value.limits;
    let of_the_provider = connection.provider().capability().max_in_flight;
    let most = match limits.max_in_flight.and_then(|most| usize::try_from(most).ok()) {
        // It opens no more connections: who is let in beyond that would only wait there.
        Some(most) if value.kind() == ProviderKind::Smtp => most.min(of_the_provider),
        Some(most) => most,
        None => of_the_provider,
    };
    let connection =
        connection.with_max_in_flight(most).with_rate(limits.rate_limit).with_quotas(limits.quotas());
    if limits.drain { connection.draining() } else { connection }
}
