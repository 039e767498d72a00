//! What events are called outside.

use crate::event::EventKind;
use crate::names::names;

names! {
    /// What an endpoint can be told of.
    WebhookEvent, "queued, sent, unknown, delivered, deferred, bounced, complained, opened, clicked, unsubscribed, \
        resubscribed, suppressed, failed, canceled, provider.degraded, provider.recovered",
    /// A message was accepted.
    Queued = "queued",
    /// A provider took a message.
    Sent = "sent",
    /// Nobody knows whether a hand-over succeeded.
    Unknown = "unknown",
    /// A recipient's server took a message.
    Delivered = "delivered",
    /// A delivery was put off.
    Deferred = "deferred",
    /// A recipient's server refused a message for good.
    Bounced = "bounced",
    /// A recipient marked a message as spam.
    Complained = "complained",
    /// A message was opened.
    Opened = "opened",
    /// A link was followed.
    Clicked = "clicked",
    /// A recipient unsubscribed.
    Unsubscribed = "unsubscribed",
    /// A recipient subscribed again.
    Resubscribed = "resubscribed",
    /// A suppression kept a message from a recipient.
    Suppressed = "suppressed",
    /// A message will not be sent.
    Failed = "failed",
    /// A message was canceled.
    Canceled = "canceled",
    /// A connection fails.
    ProviderDegraded = "provider.degraded",
    /// A connection works again.
    ProviderRecovered = "provider.recovered",
}

impl WebhookEvent {
    /// What a kind of event is called outside.
    pub const fn of(kind: EventKind) -> Self {
        match kind {
            EventKind::Queued => Self::Queued,
            EventKind::Sent => Self::Sent,
            EventKind::OutcomeUnknown => Self::Unknown,
            EventKind::Deferred => Self::Deferred,
            EventKind::Delivered => Self::Delivered,
            EventKind::BouncedHard | EventKind::BouncedSoft => Self::Bounced,
            EventKind::Complained => Self::Complained,
            EventKind::Opened => Self::Opened,
            EventKind::Clicked => Self::Clicked,
            EventKind::Unsubscribed => Self::Unsubscribed,
            EventKind::Resubscribed => Self::Resubscribed,
            EventKind::Suppressed => Self::Suppressed,
            EventKind::Failed => Self::Failed,
            EventKind::Canceled => Self::Canceled,
            EventKind::ProviderDegraded => Self::ProviderDegraded,
            EventKind::ProviderRecovered => Self::ProviderRecovered,
        }
    }

    /// Reads a name, also as some clients write it: `email.delivered`.
    pub fn named(text: &str) -> Result<Self, crate::UnknownName> {
        text.strip_prefix("email.").unwrap_or(text).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_and_every_name_a_kind() {
        for name in WebhookEvent::ALL {
            assert!(EventKind::ALL.iter().any(|kind| WebhookEvent::of(*kind) == *name), "{name}");
            assert_eq!(WebhookEvent::named(&format!("email.{name}")), Ok(*name));
        }
        let error = WebhookEvent::named("delivery").unwrap_err().to_string();
        assert!(WebhookEvent::ALL.iter().all(|name| error.contains(name.as_str())), "{error}");
    }
}
