//! What follows for a recipient from what a provider reports: a function of the report and of what is known, without
//! a store.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{NewSuppression, Pattern, Reason, Scope};
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::message::AddressKey;
use crate::provider::{BounceClass, ProviderEvent};

/// For how long somebody gets no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lasting {
    /// Not at all.
    Never,
    /// For so long.
    For(Duration),
    /// Until somebody removes the entry.
    Forever,
}

/// Whom events hold mail back from, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Policy {
    /// After a hard bounce: addresses are given to other people, and mistakes of servers are mended.
    pub hard_bounce: Lasting,
    /// After a complaint.
    pub complaint: Lasting,
    /// After somebody unsubscribed.
    pub unsubscribe: Lasting,
    /// After too many soft bounces in a row.
    pub soft_bounces: Lasting,
    /// How many soft bounces in a row are too many; none ever if 0.
    pub soft_bounces_in_a_row: u32,
}

impl Default for Policy {
    /// 90 days after a hard bounce and after the fourth soft one in a row, for ever after a complaint and after
    /// somebody unsubscribed.
    fn default() -> Self {
        let season = Lasting::For(Duration::from_hours(90 * 24));
        Self {
            hard_bounce: season,
            complaint: Lasting::Forever,
            unsubscribe: Lasting::Forever,
            soft_bounces: season,
            soft_bounces_in_a_row: 4,
        }
    }
}

/// What an event says about its recipient, whoever reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report<'a> {
    /// What happened.
    pub kind: EventKind,
    /// What a bounce is about, if it is known.
    pub class: Option<BounceClass>,
    /// Which of the provider's lists the recipient is on.
    pub listed: Option<Reason>,
    /// Which of the sender's lists the recipient left; none if it is all mail.
    pub list: Option<&'a str>,
}

impl Report<'_> {
    /// A report of which nothing but its kind is known.
    pub const fn of(kind: EventKind) -> Self {
        Self { kind, class: None, listed: None, list: None }
    }

    /// Whether it is a bounce that says something of the mailbox: one for the sender's reputation, the message or a
    /// full mailbox does not, and one that nobody explains is given the benefit of no doubt.
    const fn is_soft_bounce(&self) -> bool {
        let about_the_mailbox = matches!(
            self.class,
            None | Some(BounceClass::NoMailbox | BounceClass::Unreachable | BounceClass::Undetermined)
        );
        matches!(self.kind, EventKind::BouncedSoft) && about_the_mailbox
    }

    const fn is_hard_bounce(&self) -> bool {
        matches!(self.kind, EventKind::BouncedHard)
            && matches!(self.class, None | Some(BounceClass::NoMailbox | BounceClass::Undetermined))
    }
}

impl<'a> From<&'a ProviderEvent> for Report<'a> {
    fn from(event: &'a ProviderEvent) -> Self {
        Self {
            kind: event.kind,
            class: event.bounce.as_ref().map(|bounce| bounce.class),
            listed: event.listed,
            list: event.list.as_deref(),
        }
    }
}

/// What follows from a report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consequence {
    /// Why the recipient gets no mail.
    pub reason: Reason,
    /// Which mail.
    pub scope: Scope,
    /// Until when; for ever if none.
    pub expires_at: Option<Timestamp>,
}

impl Consequence {
    /// The entry for this recipient, which this source reported.
    pub fn entry(self, recipient: &AddressKey, source: impl Into<String>) -> NewSuppression {
        let mut entry =
            NewSuppression::new(Pattern::address(recipient), self.reason, source).scope(self.scope);
        entry.expires_at = self.expires_at;
        entry
    }
}

impl Policy {
    /// What follows for the recipient from `report`, which came at `now`, after so many soft bounces
    /// [in a row](Self::soft_in_a_row) with this one; none if mail may go on.
    pub fn follows(&self, report: Report<'_>, soft_in_a_row: u32, now: Timestamp) -> Option<Consequence> {
        let too_many = self.soft_bounces_in_a_row > 0 && soft_in_a_row >= self.soft_bounces_in_a_row;
        let reason = match report.kind {
            EventKind::BouncedHard if report.is_hard_bounce() => Reason::Bounce,
            EventKind::BouncedSoft if report.is_soft_bounce() && too_many => {
                return self.soft_bounces.ends(Reason::Bounce, Scope::ALL, now);
            }
            EventKind::Complained => Reason::Complaint,
            EventKind::Unsubscribed => Reason::Unsubscribe,
            // The provider will refuse whatever comes; other providers would not know it.
            EventKind::Suppressed => report.listed?,
            _ => return None,
        };
        let lasting = match reason {
            Reason::Bounce => self.hard_bounce,
            Reason::Complaint => self.complaint,
            Reason::Unsubscribe => self.unsubscribe,
            Reason::Manual => return None,
        };
        let left = report.list.filter(|_| reason == Reason::Unsubscribe);
        lasting.ends(reason, left.map_or(Scope::ALL, Scope::named), now)
    }

    /// How many soft bounces there are in a row after `report`, if there were `before` of them before it.
    pub fn soft_in_a_row(before: u32, report: Report<'_>) -> u32 {
        match report.kind {
            // Who reads it has it.
            EventKind::Delivered | EventKind::Opened | EventKind::Clicked => 0,
            _ if report.is_soft_bounce() => before.saturating_add(1),
            _ => before,
        }
    }
}

impl Lasting {
    fn ends(self, reason: Reason, scope: Scope, now: Timestamp) -> Option<Consequence> {
        let expires_at = match self {
            Self::Never => return None,
            Self::For(time) => Some(now.after(time)),
            Self::Forever => None,
        };
        Some(Consequence { reason, scope, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use BounceClass::{Content, MailboxFull, NoMailbox, Undetermined, Unreachable};
    use EventKind as Kind;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    /// Who gets no mail after what, why, for how many days, and of which list.
    #[test]
    fn what_suppresses_is_a_table() {
        let days = |count: u64| Some(NOW.after(Duration::from_hours(24 * count)));
        let of = |kind| Report::of(kind);
        let bounce = |kind, class| Report { class: Some(class), ..Report::of(kind) };
        let listed = |reason| Report { listed: Some(reason), ..Report::of(Kind::Suppressed) };
        let left = |list| Report { list: Some(list), ..Report::of(Kind::Unsubscribed) };
        let some = |reason, end| Some((reason, "", end));
        let policy = BounceClass::Policy;
        let table = [
            (of(Kind::BouncedHard), 0, some(Reason::Bounce, days(90))),
            (bounce(Kind::BouncedHard, NoMailbox), 0, some(Reason::Bounce, days(90))),
            (bounce(Kind::BouncedHard, policy), 9, None),
            (bounce(Kind::BouncedHard, MailboxFull), 9, None),
            (bounce(Kind::BouncedHard, Content), 9, None),
            (of(Kind::BouncedSoft), 3, None),
            (of(Kind::BouncedSoft), 4, some(Reason::Bounce, days(90))),
            (bounce(Kind::BouncedSoft, Undetermined), 4, some(Reason::Bounce, days(90))),
            (bounce(Kind::BouncedSoft, Unreachable), 5, some(Reason::Bounce, days(90))),
            (bounce(Kind::BouncedSoft, policy), 4, None),
            (bounce(Kind::BouncedSoft, MailboxFull), 100, None),
            (bounce(Kind::BouncedSoft, Content), 4, None),
            (of(Kind::Complained), 0, some(Reason::Complaint, None)),
            (of(Kind::Unsubscribed), 0, some(Reason::Unsubscribe, None)),
            (left("42"), 0, Some((Reason::Unsubscribe, "42", None))),
            (listed(Reason::Bounce), 0, some(Reason::Bounce, days(90))),
            (listed(Reason::Complaint), 0, some(Reason::Complaint, None)),
            (listed(Reason::Unsubscribe), 0, some(Reason::Unsubscribe, None)),
            (listed(Reason::Manual), 0, None),
            (of(Kind::Suppressed), 0, None),
            (of(Kind::Failed), 9, None),
            (of(Kind::Deferred), 9, None),
            (of(Kind::Delivered), 9, None),
            (of(Kind::Opened), 9, None),
            (of(Kind::Resubscribed), 9, None),
            (of(Kind::Other), 9, None),
        ];
        for (report, soft, expected) in table {
            let found = Policy::default().follows(report, soft, NOW);
            let found = found.as_ref().map(|one| (one.reason, one.scope.as_str(), one.expires_at));
            assert_eq!(found, expected, "{report:?} after {soft}");
        }
    }

    #[test]
    fn what_follows_can_be_configured() {
        let policy = Policy {
            hard_bounce: Lasting::Forever,
            complaint: Lasting::Never,
            soft_bounces_in_a_row: 0,
            ..Policy::default()
        };
        let follows = |kind, soft| policy.follows(Report::of(kind), soft, NOW);
        assert_eq!(follows(Kind::BouncedHard, 0).map(|one| one.expires_at), Some(None));
        assert_eq!(follows(Kind::Complained, 0), None);
        assert_eq!(follows(Kind::BouncedSoft, u32::MAX), None);
    }

    #[test]
    fn a_row_of_soft_bounces_ends_with_what_arrives() {
        let next = |before, kind, class| Policy::soft_in_a_row(before, Report { class, ..Report::of(kind) });
        assert_eq!(next(0, Kind::BouncedSoft, None), 1);
        assert_eq!(next(3, Kind::BouncedSoft, Some(Unreachable)), 4);
        assert_eq!(next(3, Kind::BouncedSoft, Some(MailboxFull)), 3);
        assert_eq!(next(3, Kind::BouncedSoft, Some(BounceClass::Policy)), 3);
        assert_eq!(next(3, Kind::Deferred, None), 3);
        assert_eq!(next(3, Kind::Delivered, None), 0);
        assert_eq!(next(3, Kind::Clicked, None), 0);
        assert_eq!(next(u32::MAX, Kind::BouncedSoft, None), u32::MAX);
    }
}
