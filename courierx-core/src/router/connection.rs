//! Connections: configured uses of a provider, by the name the application gave them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::breaker::Breaker;
use super::gate::Gate;
use super::places::Places;
use crate::clock::Timestamp;
use crate::provider::{EmailProvider, RefusalKind};

/// The name of a connection: one configured use of a provider. 1 to 64 of `A–Z a–z 0–9 . _ -`.
///
/// It is part of what de-duplicates at the provider, so it stays the same as long as the account does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionId(Arc<str>);

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
        if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
            return Err(InvalidConnectionId);
        }
        Ok(Self(name.into()))
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
    priority: u32,
    enabled: bool,
    gate: Arc<Gate>,
    breaker: Arc<Breaker>,
    places: Arc<Places>,
}

impl Connection {
    /// A connection of this name, of the highest priority.
    pub fn new(id: ConnectionId, provider: impl EmailProvider) -> Self {
        let places = Places::new(provider.capability().max_in_flight);
        Self {
            id,
            provider: Arc::new(provider),
            priority: 0,
            enabled: true,
            gate: Arc::default(),
            breaker: Arc::default(),
            places: Arc::new(places),
        }
    }

    /// Its place in the order of preference: smaller is preferred, and of equal ones the one named first.
    #[must_use]
    pub fn with_priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }

    /// Whether it is used at all.
    #[must_use]
    pub fn with_enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
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
        self.priority
    }

    /// Whether it is used at all.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Whether a message with this seed is within the share that the connection gets now.
    pub(super) fn gets(&self, seed: u64, now: Timestamp) -> bool {
        self.breaker.permission(now).gets(draw(seed, &self.id))
    }

    /// Whether a hand-over may go ahead although its breaker is open.
    pub(super) fn may_go_ahead(&self, can_wait: bool, now: Timestamp) -> bool {
        self.breaker.permission(now).may_go_ahead(can_wait, now)
    }

    pub(crate) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// The places among its hand-overs.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }
}

/// A number between 0 and 1: the same for a message and a connection whenever it is asked for.
fn draw(seed: u64, connection: &ConnectionId) -> f64 {
    let salt = connection.as_str().bytes().fold(seed, |hash, byte| {
        // FNV-1a: spread, not secret.
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    fastrand::Rng::with_seed(salt).f64()
}

/// A connection that was not chosen, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The connection.
    pub connection: ConnectionId,
    /// Why.
    pub reason: SkipReason,
}

/// Why a connection was not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipReason {
    /// It cannot carry this message.
    Capability {
        /// What it lacks, for people.
        lacks: String,
    },
    /// It is switched off or being drained.
    Disabled,
    /// It is a sandbox, kept for messages in test mode, and this one is meant to arrive.
    SandboxForTests,
    /// It refused this message, in a way that trying again now does not change.
    Refused {
        /// How.
        kind: RefusalKind,
    },
    /// It asked to be left alone, or its quota is used up, until then.
    NotBefore {
        /// Until when.
        until: Timestamp,
        /// What it refused with.
        kind: RefusalKind,
    },
    /// It failed too often and is left alone until then, but for probes.
    Failing {
        /// Until when.
        until: Timestamp,
    },
    /// It has just come back, and others take most of its share for a while.
    Recovering,
    /// It was tried in this round already.
    Tried,
    /// An earlier hand-over there may have succeeded, and others come first.
    Unknown,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capability { lacks } => write!(f, "cannot carry the message: {lacks}"),
            Self::Disabled => f.write_str("switched off"),
            Self::SandboxForTests => f.write_str("a sandbox, which takes only messages in test mode here"),
            Self::Refused { kind } => write!(f, "refused the message ({kind})"),
            Self::NotBefore { until, kind } => write!(f, "not before {until} ({kind})"),
            Self::Failing { until } => write!(f, "fails, and is left alone until {until}"),
            Self::Recovering => f.write_str("has just come back, and gets few messages at first"),
            Self::Tried => f.write_str("tried in this round"),
            Self::Unknown => f.write_str("may have sent the message already"),
        }
    }
}
