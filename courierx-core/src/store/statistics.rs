//! What is counted of messages, by day and tenant.

use super::CounterDelta;
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::message::Mode;
use crate::names::names;

/// What stands before the names of what is counted of messages in test mode.
const TEST: &str = "test/";

names! {
    /// A statistic of messages: each counts recipients, or what was reported of them.
    #[non_exhaustive]
    Statistic, "the statistics of messages",
    /// Accepted, to be sent.
    Accepted = "accepted",
    /// Accepted, and ended before anything was handed over: counted at the day of the acceptance.
    Returned = "returned",
    /// Taken by a provider.
    Sent = "sent",
    /// Given up.
    Failed = "failed",
    /// Kept from the recipient by a suppression list.
    Suppressed = "suppressed",
    /// Reported as delivered.
    Delivered = "delivered",
    /// Reported as bounced.
    Bounced = "bounced",
    /// Reported as marked as spam.
    Complained = "complained",
    /// Reported as dropped by the provider that had taken it.
    Dropped = "dropped",
    /// Reported as opened: each time.
    Opened = "opened",
    /// Reported as clicked: each time.
    Clicked = "clicked",
    /// Reported as unsubscribed.
    Unsubscribed = "unsubscribed",
    /// Opened by a machine: a mail program that fetches everything beforehand, a scanner.
    MachineOpened = "machine_opened",
    /// Clicked by a machine.
    MachineClicked = "machine_clicked",
    /// Of those opened: told by our own links.
    OwnOpened = "own_opened",
    /// Of those clicked: told by our own links.
    OwnClicked = "own_clicked",
}

impl Statistic {
    /// The name of its counter. Messages in test mode have counters of their own.
    pub fn counter(self, mode: Mode) -> String {
        in_mode(self.as_str().to_owned(), mode)
    }

    /// The name of its counter for one kind of provider.
    pub fn counter_of(self, provider: &str, mode: Mode) -> String {
        in_mode(format!("{self}/{provider}"), mode)
    }

    /// What a provider's report of this kind adds to.
    pub const fn reported(kind: EventKind) -> Option<Self> {
        Some(match kind {
            EventKind::Delivered => Self::Delivered,
            EventKind::BouncedHard | EventKind::BouncedSoft => Self::Bounced,
            EventKind::Complained => Self::Complained,
            EventKind::Failed | EventKind::Suppressed => Self::Dropped,
            EventKind::Opened => Self::Opened,
            EventKind::Clicked => Self::Clicked,
            EventKind::Unsubscribed => Self::Unsubscribed,
            _ => return None,
        })
    }

    /// What a report of this kind adds to, if a machine or somebody else was its cause.
    pub const fn seen(kind: EventKind, machine: bool) -> Option<Self> {
        match kind {
            EventKind::Opened if machine => Some(Self::MachineOpened),
            EventKind::Clicked if machine => Some(Self::MachineClicked),
            _ => Self::reported(kind),
        }
    }

    /// What a report of ours adds to besides.
    pub(crate) const fn own(kind: EventKind, machine: bool) -> Option<Self> {
        match kind {
            EventKind::Opened if !machine => Some(Self::OwnOpened),
            EventKind::Clicked if !machine => Some(Self::OwnClicked),
            _ => None,
        }
    }

    /// So many more at this moment.
    pub(crate) fn add(self, mode: Mode, at: Timestamp, amount: usize) -> CounterDelta {
        CounterDelta { name: self.counter(mode), at, amount: i64::try_from(amount).unwrap_or(i64::MAX) }
    }

    /// So many more at this moment, of one kind of provider.
    pub(crate) fn add_of(self, provider: &str, mode: Mode, at: Timestamp, amount: usize) -> CounterDelta {
        CounterDelta { name: self.counter_of(provider, mode), ..self.add(mode, at, amount) }
    }
}

/// The name of a counter of messages in this mode.
pub(super) fn in_mode(name: String, mode: Mode) -> String {
    match mode {
        Mode::Live => name,
        Mode::Test => format!("{TEST}{name}"),
    }
}
