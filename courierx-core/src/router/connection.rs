//! Connections: configured uses of a provider, by the name the application gave them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

use super::breaker::{BreakerOptions, Permission};
use super::known::Known;
use super::order::draw;
use super::quota::Quota;
use super::rate::Rate;
use crate::clock::Timestamp;
use crate::provider::EmailProvider;

/// The name of a connection: one configured use of a provider. 1 to 64 of `A–Z a–z 0–9 . _ -`.
///
/// It is part of what de-duplicates at the provider, so it stays the same as long as the account does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// In place, since a counted one would be a word that all threads write.
pub struct ConnectionId(ArrayString<LONGEST>);

const LONGEST: usize = 64;

impl ConnectionId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConnectionId {
    type Err = InvalidConnectionId;

    fn from_str(name: &str) -> Result<Self, InvalidConnectionId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(InvalidConnectionId);
        }
        ArrayString::from(name).map(Self).map_err(|_| InvalidConnectionId)
    }
}

impl TryFrom<String> for ConnectionId {
    type Error = InvalidConnectionId;

    fn try_from(name: String) -> Result<Self, InvalidConnectionId> {
        name.parse()
    }
}

impl From<ConnectionId> for String {
    fn from(id: ConnectionId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({})", self.0)
    }
}

/// A text that cannot name a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a connection's name has 1 to 64 characters of A-Z a-z 0-9 . _ -")]
pub struct InvalidConnectionId;

/// One configured use of a provider, and how the router may use it.
#[derive(Debug, Clone)]
pub struct Connection {
    id: ConnectionId,
    provider: Arc<dyn EmailProvider>,
    priority: Option<u32>,
    weight: u32,
    usage: Usage,
    rate: Option<Rate>,
    quotas: Arc<[Quota]>,
    account: u64,
    most_in_flight: usize,
    known: Arc<Known>,
}

/// Whether a connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usage {
    On,
    /// Only to finish what it began.
    Draining,
    Off,
}

impl Connection {
    /// A connection of this name. Of several that are given no priority the one named first is preferred.
    pub fn new(id: ConnectionId, provider: impl EmailProvider) -> Self {
        let most_in_flight = provider.capability().max_in_flight;
        Self {
            id,
            provider: Arc::new(provider),
            priority: None,
            weight: 1,
            usage: Usage::On,
            rate: None,
            quotas: Arc::default(),
            account: 0,
            most_in_flight,
            known: Arc::new(Known::new(most_in_flight, BreakerOptions::default())),
        }
    }

    /// Its place in the order of preference: smaller is preferred, and of equal ones each gets a share.
    #[must_use]
    pub fn with_priority(mut self, priority: u32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Its share among those of its priority; 1 unless set. With 0 it gets nothing while others can take it.
    #[must_use]
    pub fn with_weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Whether it is used at all.
    #[must_use]
    pub fn with_enabled(mut self, enabled: bool) -> Self {
        self.usage = if enabled { Usage::On } else { Usage::Off };
        self
    }

    /// Gives it nothing new: only what it may have taken already is repeated there, where that is safe.
    #[must_use]
    pub fn draining(mut self) -> Self {
        if self.usage == Usage::On {
            self.usage = Usage::Draining;
        }
        self
    }

    /// Hands it no more than this many messages in a time.
    #[must_use]
    pub fn with_rate(mut self, rate: Option<Rate>) -> Self {
        self.rate = rate;
        self
    }

    /// Hands it no more than these many recipients in each window. Of several quotas for one window the smallest
    /// counts.
    #[must_use]
    pub fn with_quotas(mut self, quotas: impl Into<Arc<[Quota]>>) -> Self {
        // They would share a counter, and each hand-over would count in it twice.
        let mut smallest: Vec<Quota> = Vec::new();
        for quota in quotas.into().iter() {
            match smallest.iter_mut().find(|one| one.window == quota.window) {
                Some(one) => one.cap = one.cap.min(quota.cap),
                None => smallest.push(*quota),
            }
        }
        self.quotas = smallest.into();
        self
    }

    /// Lets at most so many hand-overs be under way at once; as many as the provider says unless set.
    ///
    /// It holds from when a router is built of it. Clones are one connection, whose hand-overs count together: of several
    /// that are given different limits, the one that a router was built of last decides.
    #[must_use]
    pub fn with_max_in_flight(mut self, most: usize) -> Self {
        self.most_in_flight = most;
        self
    }

    /// Which account it is, as a number that says nothing else: where the account behind a name may change, what
    /// other processes found out of another one is not believed.
    #[must_use]
    pub fn with_account(mut self, account: u64) -> Self {
        self.account = account;
        self
    }

    /// When its breaker opens, and how it comes back. It forgets what was known of the connection.
    #[must_use]
    pub fn with_breaker(mut self, options: BreakerOptions) -> Self {
        self.known = Arc::new(Known::new(self.most_in_flight, options));
        self
    }

    /// Holds what is known of it to its limits: from now on it is used with them.
    pub(super) fn take_effect(&self) {
        self.known.places.bound(self.most_in_flight);
    }

    /// The same, with this priority if it has none of its own.
    pub(super) fn or_priority(mut self, priority: u32) -> Self {
        self.priority.get_or_insert(priority);
        self
    }

    /// Its name.
    pub fn id(&self) -> &ConnectionId {
        &self.id
    }

    /// What carries its messages.
    pub fn provider(&self) -> &Arc<dyn EmailProvider> {
        &self.provider
    }

    /// Its place in the order of preference.
    pub fn priority(&self) -> u32 {
        self.priority.unwrap_or_default()
    }

    /// Its share among those of its priority.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// Whether it is used at all.
    pub fn is_enabled(&self) -> bool {
        self.usage != Usage::Off
    }

    /// Whether it gets nothing new.
    pub fn is_draining(&self) -> bool {
        self.usage == Usage::Draining
    }

    /// How many messages it may be handed in a time.
    pub fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// How many recipients it may be handed in each window.
    pub fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    pub(super) fn account(&self) -> u64 {
        self.account
    }

    pub(super) fn shared_quotas(&self) -> &Arc<[Quota]> {
        &self.quotas
    }

    /// What is known of it.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Whether a message with this seed is within the share that the connection gets now.
    pub(super) fn gets(&self, seed: u64, now: Timestamp) -> bool {
        self.known.breaker.permission(now).gets(draw(seed, &self.id))
    }

    /// Whether a hand-over may go ahead although its breaker is open.
    pub(super) fn may_go_ahead(&self, can_wait: bool, now: Timestamp) -> bool {
        self.known.breaker.permission(now).may_go_ahead(can_wait, now)
    }

    /// Whether neither its breaker nor its own wish keeps questions away. They take nothing of its quotas.
    pub(crate) fn is_approachable(&self, now: Timestamp) -> bool {
        let allowed = !matches!(self.known.breaker.permission(now), Permission::No { .. });
        allowed && self.is_closed_until(now).is_none()
    }

    /// When a message that waits for its breaker is to look again.
    pub(super) fn look_again(&self, seed: u64, deadline: Option<Timestamp>, now: Timestamp) -> Timestamp {
        self.known.breaker.permission(now).look_again(draw(seed, &self.id), deadline, now)
    }
}
