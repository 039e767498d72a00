//! How far a message has come: kept per attempt, derived for the recipient and for the message.
//!
//! Every rule here is a maximum over what is known, so events may arrive in any order and any number of
//! times and the result is the same.

use crate::names::names;

names! {
    /// How far one attempt has come for one recipient. Later ones override earlier ones.
    AttemptStatus, "refused, unknown, sent, dropped, delivered, bounced, complained",
    /// Certainly not sent.
    Refused = "refused",
    /// Nobody knows: on the wire, or without an answer.
    Unknown = "unknown",
    /// The provider took responsibility.
    Sent = "sent",
    /// The provider took it and then said that it will not deliver it.
    Dropped = "dropped",
    /// The recipient's server took it.
    Delivered = "delivered",
    /// The recipient's server refused it for good.
    Bounced = "bounced",
    /// The recipient marked it as spam.
    Complained = "complained",
}

impl AttemptStatus {
    /// Whether the message may be on its way to the recipient, so that sending again may duplicate it.
    pub const fn may_have_been_sent(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

names! {
    /// What we decided about a recipient, whatever providers report.
    Disposition, "open, suppressed, canceled, failed, unknown",
    /// To be sent, or sent.
    Open = "open",
    /// On a suppression list: not sent.
    Suppressed = "suppressed",
    /// Canceled before it was sent.
    Canceled = "canceled",
    /// Given up.
    Failed = "failed",
    /// Given up waiting for what became of it.
    Unknown = "unknown",
}

names! {
    /// How far a message has come for one recipient: the best over its attempts.
    RecipientStatus, "pending, suppressed, canceled, unknown, failed, sent, bounced, delivered, complained",
    /// Not handed over yet, or to be handed over again.
    Pending = "pending",
    /// On a suppression list.
    Suppressed = "suppressed",
    /// Canceled before it was sent.
    Canceled = "canceled",
    /// Nobody knows, and nobody waits any longer.
    Unknown = "unknown",
    /// Given up, or dropped by the provider that had taken it.
    Failed = "failed",
    /// A provider took responsibility.
    Sent = "sent",
    /// The recipient's server refused it for good.
    Bounced = "bounced",
    /// The recipient's server took it.
    Delivered = "delivered",
    /// The recipient marked it as spam.
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

names! {
    /// How far a message has come as a whole, derived from its recipients.
    MessageStatus, "scheduled, queued, sending, unknown, sent, delivered, failed, bounced, complained, suppressed, canceled",
    /// Waits for the time it is scheduled for.
    Scheduled = "scheduled",
    /// Waits for its turn.
    Queued = "queued",
    /// Being handed over, or to be tried again.
    Sending = "sending",
    /// Nobody knows for at least one recipient.
    Unknown = "unknown",
    /// A provider took responsibility for every recipient.
    Sent = "sent",
    /// Every recipient's server took it.
    Delivered = "delivered",
    /// Given up for at least one recipient.
    Failed = "failed",
    /// Bounced for at least one recipient.
    Bounced = "bounced",
    /// At least one recipient marked it as spam.
    Complained = "complained",
    /// Every recipient is on a suppression list.
    Suppressed = "suppressed",
    /// Canceled before it was sent.
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
        let derive =
            |recipients: &[R]| MessageStatus::derive(MessagePhase::Sending, recipients.iter().copied());
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
