//! The kinds of events.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::AttemptStatus;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What happened to a message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name under which it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl FromStr for EventKind {
            type Err = UnknownEventKind;

            fn from_str(text: &str) -> Result<Self, UnknownEventKind> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownEventKind),
                }
            }
        }
    };
}

kinds! {
    /// The message was accepted and waits for its turn.
    Queued = "queued",
    /// A provider took responsibility.
    Sent = "sent",
    /// Nobody knows whether a hand-over succeeded.
    OutcomeUnknown = "outcome_unknown",
    /// A delivery was put off and will be tried again, by us or by the provider.
    Deferred = "deferred",
    /// The recipient's server took the message.
    Delivered = "delivered",
    /// The recipient's server refused for good: the mailbox does not exist.
    BouncedHard = "bounced_hard",
    /// The recipient's server refused this message for good, the mailbox may work again.
    BouncedSoft = "bounced_soft",
    /// The recipient marked the message as spam.
    Complained = "complained",
    /// The message was opened.
    Opened = "opened",
    /// A link in the message was followed.
    Clicked = "clicked",
    /// The recipient unsubscribed.
    Unsubscribed = "unsubscribed",
    /// The recipient subscribed again.
    Resubscribed = "resubscribed",
    /// A suppression list kept the message from the recipient.
    Suppressed = "suppressed",
    /// The message will not be sent to the recipient.
    Failed = "failed",
    /// The message was canceled before it was sent.
    Canceled = "canceled",
}

impl EventKind {
    /// How far the attempt has come for the recipient, for the kinds that move it.
    pub const fn attempt_status(self) -> Option<AttemptStatus> {
        match self {
            Self::Sent => Some(AttemptStatus::Sent),
            Self::Delivered => Some(AttemptStatus::Delivered),
            Self::BouncedHard | Self::BouncedSoft => Some(AttemptStatus::Bounced),
            Self::Complained => Some(AttemptStatus::Complained),
            Self::Failed | Self::Suppressed => Some(AttemptStatus::Dropped),
            _ => None,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of event")]
pub struct UnknownEventKind;
