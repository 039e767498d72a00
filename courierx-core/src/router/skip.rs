//! Why a connection was not chosen.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ConnectionId;
use crate::clock::Timestamp;
use crate::provider::RefusalKind;

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
    /// It takes nothing new, and finishes what it began.
    Draining,
    /// It does not send for the domain of the author, and is not asked again for it until then.
    SenderRefused {
        /// Until when.
        until: Timestamp,
    },
    /// As many messages as it may be given in this time have been handed to it.
    RateLimited {
        /// When there is room again.
        until: Timestamp,
    },
    /// Too many of the messages that were handed to it again failed again.
    RetryBudget {
        /// When there is room again.
        until: Timestamp,
    },
    /// No place among its hand-overs was free for a while.
    Busy,
    /// It was tried in this round already.
    Tried,
    /// An earlier hand-over there may have succeeded, and others come first.
    Unknown,
}

impl SkipReason {
    /// Its name, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Capability { .. } => "capability",
            Self::Disabled => "disabled",
            Self::SandboxForTests => "sandbox_for_tests",
            Self::Refused { .. } => "refused",
            Self::NotBefore { .. } => "not_before",
            Self::Failing { .. } => "failing",
            Self::Recovering => "recovering",
            Self::Draining => "draining",
            Self::SenderRefused { .. } => "sender_refused",
            Self::RateLimited { .. } => "rate_limited",
            Self::RetryBudget { .. } => "retry_budget",
            Self::Busy => "busy",
            Self::Tried => "tried",
            Self::Unknown => "unknown",
        }
    }

    /// When it ends, where that is known.
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::NotBefore { until, .. }
            | Self::Failing { until }
            | Self::SenderRefused { until }
            | Self::RateLimited { until }
            | Self::RetryBudget { until } => Some(*until),
            _ => None,
        }
    }
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
            Self::Draining => f.write_str("is being drained"),
            Self::SenderRefused { until } => {
                write!(f, "does not send for this domain, not asked before {until}")
            }
            Self::RateLimited { until } => write!(f, "at its rate limit until {until}"),
            Self::RetryBudget { until } => write!(f, "too many retries fail there, none before {until}"),
            Self::Busy => f.write_str("busy"),
            Self::Tried => f.write_str("tried in this round"),
            Self::Unknown => f.write_str("may have sent the message already"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_one_name_for_programs() {
        let (until, kind) = (Timestamp::EPOCH, RefusalKind::Quota);
        for reason in [
            SkipReason::Capability { lacks: "HTML".to_owned() },
            SkipReason::Disabled,
            SkipReason::SandboxForTests,
            SkipReason::Refused { kind },
            SkipReason::NotBefore { until, kind },
            SkipReason::Failing { until },
            SkipReason::Recovering,
            SkipReason::Draining,
            SkipReason::SenderRefused { until },
            SkipReason::RateLimited { until },
            SkipReason::RetryBudget { until },
            SkipReason::Busy,
            SkipReason::Tried,
            SkipReason::Unknown,
        ] {
            let written = serde_json::to_value(&reason).expect("it can be written");
            let (name, fields) = match &written {
                serde_json::Value::String(name) => (name, None),
                other => other
                    .as_object()
                    .and_then(|one| one.iter().next())
                    .map(|(k, v)| (k, Some(v)))
                    .expect("a tag"),
            };
            assert_eq!(reason.code(), name);
            let dated = fields.is_some_and(|fields| fields.get("until").is_some());
            assert_eq!(reason.until().is_some(), dated, "{reason}");
        }
    }
}
