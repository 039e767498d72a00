//! Tables of what vendors' events mean.

use courierx_core::event::EventKind;
use courierx_core::provider::{Bounce, BounceClass, ProviderEvent};
use courierx_core::suppression::Reason;

/// What one of a vendor's events means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meaning {
    /// An event of this kind.
    Is(EventKind),
    /// A bounce, of this class if no code in it is more exact.
    Bounced(BounceClass),
    /// One of the vendor's lists kept the message from its recipient, who is on it for this.
    Listed(Reason),
}

/// A line of a vendor's table. The first that fits counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventRule {
    /// What the vendor calls the event.
    pub name: &'static str,
    /// What it adds: a type, a reason. Whatever it adds if this is empty; one that ends with `/` is a beginning.
    pub detail: &'static str,
    /// What it means.
    pub meaning: Meaning,
}

pub(crate) const fn is(name: &'static str, kind: EventKind) -> EventRule {
    EventRule { name, detail: "", meaning: Meaning::Is(kind) }
}

pub(crate) const fn rule(name: &'static str, detail: &'static str, meaning: Meaning) -> EventRule {
    EventRule { name, detail, meaning }
}

impl EventRule {
    fn fits(&self, name: &str, detail: &str) -> bool {
        let begins = || {
            let start = detail.get(..self.detail.len());
            self.detail.ends_with('/') && start.is_some_and(|start| start.eq_ignore_ascii_case(self.detail))
        };
        self.name == name
            && (self.detail.is_empty() || self.detail.eq_ignore_ascii_case(detail.trim()) || begins())
    }
}

impl Meaning {
    /// What an event of this name with this detail means; something else if no table knows it.
    pub(crate) fn of(rules: &[EventRule], name: &str, detail: &str) -> Self {
        let found = rules.iter().find(|rule| rule.fits(name, detail));
        found.map_or(Self::Is(EventKind::Other), |rule| rule.meaning)
    }

    /// Makes the event what it means. `diagnostic` is what a mail server said, `status` an enhanced code that the
    /// vendor told apart from it.
    pub(crate) fn apply(self, event: &mut ProviderEvent, diagnostic: &str, status: &str) {
        match self {
            Self::Is(kind) => event.kind = kind,
            Self::Bounced(class) => event.bounced(Bounce::new(class, diagnostic).status(status)),
            Self::Listed(reason) => {
                event.kind = EventKind::Suppressed;
                event.listed = Some(reason);
            }
        }
    }
}
