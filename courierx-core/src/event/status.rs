//! How far a message has come: kept per attempt, derived for the recipient and for the message.
//!
//! Every rule here is a maximum over what is known, so events may arrive in any order and any number of
//! times and the result is the same.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($type:ident, $what:literal, $($variant:ident = $name:literal,)*) => {
        impl $type {
            /// The name under which it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownStatus;

            fn from_str(text: &str) -> Result<Self, UnknownStatus> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownStatus($what)),
                }
            }
        }
    };
}

/// A text that names no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the status of {0}")]
pub struct UnknownStatus(&'static str);

/// How far one attempt has come for one recipient. Later ones override earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// Certainly not sent.
    Refused,
    /// Nobody knows: on the wire, or without an answer.
    Unknown,
    /// The provider took responsibility.
    Sent,
    /// The provider took it and then said that it will not deliver it.
    Dropped,
    /// The recipient's server took it.
    Delivered,
    /// The recipient's server refused it for good.
    Bounced,
    /// The recipient marked it as spam.
    Complained,
}

names! {
    AttemptStatus, "an attempt",
    Refused = "refused",
    Unknown = "unknown",
    Sent = "sent",
    Dropped = "dropped",
    Delivered = "delivered",
    Bounced = "bounced",
    Complained = "complained",
}

impl AttemptStatus {
    /// Whether the message may be on its way to the recipient, so that sending again may duplicate it.
    pub const fn may_have_been_sent(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

/// What we decided about a recipient, whatever providers report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// To be sent, or sent.
    Open,
    /// On a suppression list: not sent.
    Suppressed,
    /// Canceled before it was sent.
    Canceled,
    /// Given up.
    Failed,
    /// Given up waiting for what became of it.
    Unknown,
}

names! {
    Disposition, "a disposition",
    Open = "open",
    Suppressed = "suppressed",
    Canceled = "canceled",
    Failed = "failed",
    Unknown = "unknown",
}

/// How far a message has come for one recipient: the best over its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientStatus {
    /// Not handed over yet, or to be handed over again.
    Pending,
    /// On a suppression list.
    Suppressed,
    /// Canceled before it was sent.
    Canceled,
    /// Nobody knows, and nobody waits any longer.
    Unknown,
    /// Given up, or dropped by the provider that had taken it.
    Failed,
    /// A provider took responsibility.
    Sent,
    /// The recipient's server refused it for good.
    Bounced,
    /// The recipient's server took it.
    Delivered,
    /// The recipient marked it as spam.
    Complained,
}

names! {
    RecipientStatus, "a recipient",
    Pending = "pending",
    Suppressed = "suppressed",
    Canceled = "canceled",
    Unknown = "unknown",
    Failed = "failed",
    Sent = "sent",
    Bounced = "bounced",
    Delivered = "delivered",
    Complained = "complained",
}

impl RecipientStatus {
    /// The status that follows from what we decided and how far each attempt has come.
    ///
    /// Over several attempts the best counts: complained, delivered, bounced, sent, dropped, in this order.
    /// What providers report is stronger than what we decided: a message given up as failed may still turn
    /// out to be delivered.
    pub fn derive(disposition: Disposition, attempts: impl IntoIterator<Item = AttemptStatus>) -> Self {
        let rank = |status| match status {
            AttemptStatus::Refused | AttemptStatus::Unknown => 0,
            AttemptStatus::Dropped => 1,
            AttemptStatus::Sent => 2,
            AttemptStatus::Bounced => 3,
            AttemptStatus::Delivered => 4,
            AttemptStatus::Complained => 5,
        };
        match attempts.into_iter().max_by_key(|status| rank(*status)) {
            Some(AttemptStatus::Complained) => Self::Complained,
            Some(AttemptStatus::Delivered) => Self::Delivered,
            Some(AttemptStatus::Bounced) => Self::Bounced,
            Some(AttemptStatus::Sent) => Self::Sent,
            Some(AttemptStatus::Dropped) => Self::Failed,
            Some(AttemptStatus::Refused | AttemptStatus::Unknown) | None => match disposition {
                Disposition::Open => Self::Pending,
                Disposition::Suppressed => Self::Suppressed,
                Disposition::Canceled => Self::Canceled,
                Disposition::Failed => Self::Failed,
                Disposition::Unknown => Self::Unknown,
            },
        }
    }
}

/// How far a message has come before its recipients tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessagePhase {
    /// Its time has not come.
    Scheduled,
    /// It waits for its turn.
    Queued,
    /// At least one attempt was begun.
    Sending,
}

/// How far a message has come as a whole, derived from its recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// Waits for the time it is scheduled for.
    Scheduled,
    /// Waits for its turn.
    Queued,
    /// Being handed over, or to be tried again.
    Sending,
    /// Nobody knows for at least one recipient.
    Unknown,
    /// A provider took responsibility for every recipient.
    Sent,
    /// Every recipient's server took it.
    Delivered,
    /// Given up for at least one recipient.
    Failed,
    /// Bounced for at least one recipient.
    Bounced,
    /// At least one recipient marked it as spam.
    Complained,
    /// Every recipient is on a suppression list.
    Suppressed,
    /// Canceled before it was sent.
    Canceled,
}

names! {
    MessageStatus, "a message",
    Scheduled = "scheduled",
    Queued = "queued",
    Sending = "sending",
    Unknown = "unknown",
    Sent = "sent",
    Delivered = "delivered",
    Failed = "failed",
    Bounced = "bounced",
    Complained = "complained",
    Suppressed = "suppressed",
    Canceled = "canceled",
}

impl MessageStatus {
    /// The status of a message whose recipients stand like this.
    ///
    /// While a recipient is pending the phase tells; then the worst end, if there is one, else the least
    /// advanced of those that were sent to; and `canceled` or `suppressed` if nobody was.
    pub fn derive(phase: MessagePhase, recipients: impl IntoIterator<Item = RecipientStatus>) -> Self {
        let mut worst: Option<(u8, Self)> = None;
        for recipient in recipients {
            let ranked = match recipient {
                RecipientStatus::Pending => {
                    return match phase {
                        MessagePhase::Scheduled => Self::Scheduled,
                        MessagePhase::Queued => Self::Queued,
                        MessagePhase::Sending => Self::Sending,
                    };
                }
                RecipientStatus::Complained => (7, Self::Complained),
                RecipientStatus::Bounced => (6, Self::Bounced),
                RecipientStatus::Failed => (5, Self::Failed),
                RecipientStatus::Unknown => (4, Self::Unknown),
                RecipientStatus::Sent => (3, Self::Sent),
                RecipientStatus::Delivered => (2, Self::Delivered),
                RecipientStatus::Canceled => (1, Self::Canceled),
                RecipientStatus::Suppressed => (0, Self::Suppressed),
            };
            if worst.is_none_or(|(rank, _)| ranked.0 > rank) {
                worst = Some(ranked);
            }
        }
        worst.map_or(Self::Suppressed, |(_, status)| status)
    }

    /// Whether nothing more will be handed over. Providers may still report what became of it.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Queued | Self::Sending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AttemptStatus as A;
    use RecipientStatus as R;

    #[test]
    fn a_recipient_stands_at_the_best_of_its_attempts() {
        let derive = |attempts: &[A]| R::derive(Disposition::Open, attempts.iter().copied());
        assert_eq!(derive(&[]), R::Pending);
        assert_eq!(derive(&[A::Refused, A::Unknown]), R::Pending);
        assert_eq!(derive(&[A::Unknown, A::Sent]), R::Sent);
        assert_eq!(derive(&[A::Dropped, A::Sent]), R::Sent);
        assert_eq!(derive(&[A::Bounced, A::Delivered]), R::Delivered);
        assert_eq!(derive(&[A::Complained, A::Delivered]), R::Complained);
        assert_eq!(R::derive(Disposition::Failed, [A::Refused]), R::Failed);
        assert_eq!(R::derive(Disposition::Failed, [A::Delivered]), R::Delivered);
        assert_eq!(R::derive(Disposition::Unknown, [A::Unknown]), R::Unknown);
    }

    #[test]
    fn a_message_stands_at_its_worst_end_once_nobody_is_pending() {
        let derive = |recipients: &[R]| MessageStatus::derive(MessagePhase::Sending, recipients.iter().copied());
        assert_eq!(derive(&[R::Bounced, R::Pending]), MessageStatus::Sending);
        assert_eq!(derive(&[R::Delivered, R::Bounced, R::Sent]), MessageStatus::Bounced);
        assert_eq!(derive(&[R::Delivered, R::Sent, R::Suppressed]), MessageStatus::Sent);
        assert_eq!(derive(&[R::Delivered, R::Unknown]), MessageStatus::Unknown);
        assert_eq!(derive(&[R::Suppressed, R::Canceled]), MessageStatus::Canceled);
        assert_eq!(derive(&[R::Suppressed]), MessageStatus::Suppressed);
        assert_eq!(
            MessageStatus::derive(MessagePhase::Scheduled, [R::Pending, R::Suppressed]),
            MessageStatus::Scheduled
        );
    }
}
