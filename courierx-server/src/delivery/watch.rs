//! Counts what happens to connections, and how many are in which state.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use courierx_core::clock::Timestamp;
use courierx_core::router::{BreakerState, Connection, ConnectionId, Router, Transition, Watcher};

use crate::http::Meters;
use crate::model::provider_connections::ProviderKind;

/// A connection that is gone, in the place of its kind.
const GONE: &str = "gone";
/// Every state of a breaker, by name.
const STATES: [&str; 4] = ["closed", "slow_start", "open", "half_open"];

/// Counts what happens to one tenant's connections, by the kinds of their providers: the figures of a thousand
/// tenants are as many as those of one.
pub(super) struct Counting {
    meters: Arc<Meters>,
    kinds: HashMap<ConnectionId, ProviderKind>,
}

impl Counting {
    pub(super) fn new(meters: Arc<Meters>, connections: &[Connection]) -> Arc<Self> {
        let kind = |one: &Connection| kind(one).map(|kind| (one.id().clone(), kind));
        Arc::new(Self { meters, kinds: connections.iter().filter_map(kind).collect() })
    }

    fn name(&self, connection: &ConnectionId) -> &'static str {
        self.kinds.get(connection).map_or(GONE, |kind| kind.as_str())
    }
}

impl Watcher for Counting {
    fn moved(&self, connection: &Connection, transition: Transition) {
        let to = match transition {
            Transition::Opened { .. } => "open",
            Transition::Reopened { .. } => "reopened",
            Transition::Closed => "closed",
        };
        let labels = [("provider", self.name(connection.id())), ("to", to)];
        self.meters.counter("courierx_breaker_transitions_total", &labels).increment(1);
    }

    fn failed_over(&self, from: &ConnectionId, to: &Connection) {
        let labels = [("from", self.name(from)), ("to", self.name(to.id()))];
        self.meters.counter("courierx_failovers_total", &labels).increment(1);
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting").field("connections", &self.kinds.len()).finish_non_exhaustive()
    }
}

fn kind(connection: &Connection) -> Option<ProviderKind> {
    ProviderKind::named(connection.provider().id().as_str())
}

/// How many connections of each kind are in which state, and how much is under way there.
#[derive(Debug, Default)]
pub struct Census(HashMap<ProviderKind, Counted>);

#[derive(Debug, Default)]
struct Counted {
    states: [u32; STATES.len()],
    in_flight: usize,
}

impl Census {
    /// Counts the connections of a router that are in use.
    pub(super) fn add(&mut self, router: &Router, now: Timestamp) {
        for connection in router.connections().iter().filter(|one| one.is_enabled()) {
            let Some(kind) = kind(connection) else { continue };
            let counted = self.0.entry(kind).or_default();
            counted.states[position(connection.breaker(now))] += 1;
            counted.in_flight += connection.in_flight();
        }
    }

    /// Sets the gauges, those of kinds that nobody uses too.
    #[expect(clippy::cast_precision_loss, reason = "nobody hands over 2^52 messages at once")]
    pub fn show(&self, meters: &Meters) {
        for kind in ProviderKind::ALL {
            let (none, provider) = (Counted::default(), ("provider", kind.as_str()));
            let counted = self.0.get(kind).unwrap_or(&none);
            for (state, count) in STATES.into_iter().zip(counted.states) {
                meters.gauge("courierx_breaker_state", &[provider, ("state", state)], f64::from(count));
            }
            meters.gauge("courierx_in_flight", &[provider], counted.in_flight as f64);
        }
    }
}

fn position(state: BreakerState) -> usize {
    STATES.iter().position(|name| *name == state.as_str()).unwrap_or_default()
}
