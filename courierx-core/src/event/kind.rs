//! The kinds of events.

use super::AttemptStatus;
use crate::names::names;

names! {
    /// What happened to a message.
    #[non_exhaustive]
    EventKind, "the kinds of events",
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
    /// A provider reported something else, which is kept and moves nothing.
    Other = "other",
    /// A connection fails, and is left alone for a while. It is no message's event.
    ProviderDegraded = "provider_degraded",
    /// A connection that failed works again. It is no message's event.
    ProviderRecovered = "provider_recovered",
}

impl EventKind {
    /// How far the attempt has come for the recipient at least, if a provider reports this of it; none for a kind that
    /// tells nothing of that.
    pub const fn attempt_status(self) -> Option<AttemptStatus> {
        match self {
            // Whoever tells this had the message, even if no answer to the hand-over ever came.
            Self::Sent | Self::Deferred | Self::Opened | Self::Clicked | Self::Unsubscribed => {
                Some(AttemptStatus::Sent)
            }
            Self::Delivered => Some(AttemptStatus::Delivered),
            Self::BouncedHard | Self::BouncedSoft => Some(AttemptStatus::Bounced),
            Self::Complained => Some(AttemptStatus::Complained),
            Self::Failed | Self::Suppressed => Some(AttemptStatus::Dropped),
            _ => None,
        }
    }
}
