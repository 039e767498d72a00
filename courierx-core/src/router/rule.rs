//! Rules: which connections a message may take, and how they share the work.

use serde::{Deserialize, Serialize};

use super::ConnectionId;
use crate::message::{Address, Email, Lane};
use crate::names::names;

names! {
    /// How the connections of a rule share the work.
    ///
    /// Those of one priority are a tier; the next tier gets what no connection of the ones before it can take now.
    /// Whatever the strategy, connections marked [`failover_only`](Member::failover_only) come after all others.
    #[derive(Default)]
    Strategy, "priority, weighted, round_robin, failover_only",
    /// Inside a tier two are drawn by weight, and the one that does better at the moment is taken.
    #[default]
    Priority = "priority",
    /// Inside a tier each gets the share of its weight.
    Weighted = "weighted",
    /// Inside a tier they take turns, evenly spread by weight.
    RoundRobin = "round_robin",
    /// Nothing is shared: each is used only while all before it are out.
    FailoverOnly = "failover_only",
}

impl Strategy {
    /// Whether a connection's own priority counts where a rule says none. Who shares by weight or by turns asks for
    /// it: a priority of the connection's own would undo that.
    pub const fn goes_by_own_priority(self) -> bool {
        matches!(self, Self::Priority | Self::FailoverOnly)
    }
}

/// A rule: for which messages it is, and which way they take.
///
/// ```
/// use courierx_core::message::Lane;
/// use courierx_core::router::{Conditions, Member, Rule, Strategy};
///
/// let rule = Rule::new("one-time codes")
///     .when(Conditions::any().lane(Lane::Critical))
///     .strategy(Strategy::Weighted)
///     .via(Member::new("postmark".parse()?).with_weight(3))
///     .via(Member::new("ses".parse()?))
///     .via(Member::new("smtp".parse()?).failover_only());
/// # Ok::<(), courierx_core::router::InvalidConnectionId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(super) name: String,
    pub(super) conditions: Conditions,
    pub(super) strategy: Strategy,
    pub(super) members: Vec<Member>,
}

impl Rule {
    /// A rule of this name for every message, over every connection, by priority.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            conditions: Conditions::any(),
            strategy: Strategy::default(),
            members: Vec::new(),
        }
    }

    /// For these messages only.
    #[must_use]
    pub fn when(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }

    /// How its connections share the work.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Adds a connection that the messages may take. A rule without any uses all that there are.
    #[must_use]
    pub fn via(mut self, member: Member) -> Self {
        self.members.push(member);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A connection's part in a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub(super) connection: ConnectionId,
    pub(super) priority: Option<u32>,
    pub(super) weight: Option<u32>,
    pub(super) failover_only: bool,
}

impl Member {
    /// This connection, with its own weight, and its own priority where the strategy goes by it.
    pub fn new(connection: ConnectionId) -> Self {
        Self { connection, priority: None, weight: None, failover_only: false }
    }

    /// Its tier: smaller comes first, and equal ones share the work.
    #[must_use]
    pub fn with_priority(mut self, priority: u32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Its share among those of its tier. With 0 it gets nothing while others can take it.
    #[must_use]
    pub fn with_weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// Uses it only when every other connection of the rule is out.
    #[must_use]
    pub fn failover_only(mut self) -> Self {
        self.failover_only = true;
        self
    }
}

/// For which messages a rule is: those that meet every condition that is set. Of the values of one condition, one
/// is enough.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// It has one of these tags.
    pub tags: Vec<String>,
    /// The author's address is of one of these domains, or with `*.` in front, of one below it.
    pub from_domains: Vec<String>,
    /// The recipient's address is.
    pub recipient_domains: Vec<String>,
    /// It is in one of these lanes.
    pub lanes: Vec<Lane>,
    /// It has all of these metadata.
    pub metadata: Vec<(String, String)>,
}

impl Conditions {
    /// Every message.
    pub fn any() -> Self {
        Self::default()
    }

    /// With this tag, or another one that is named.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// From this domain, or another one that is named.
    #[must_use]
    pub fn from_domain(mut self, domain: impl Into<String>) -> Self {
        self.from_domains.push(domain.into());
        self
    }

    /// To this domain, or another one that is named.
    #[must_use]
    pub fn recipient_domain(mut self, domain: impl Into<String>) -> Self {
        self.recipient_domains.push(domain.into());
        self
    }

    /// In this lane, or another one that is named.
    #[must_use]
    pub fn lane(mut self, lane: Lane) -> Self {
        self.lanes.push(lane);
        self
    }

    /// With this value among its metadata.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// Whether an email meets all of them that are not about its recipients.
    pub(super) fn hold(&self, email: &Email) -> bool {
        let has_tag = |tag: &String| email.tags().iter().any(|one| one.as_str() == tag);
        let has = |(key, value): &(String, String)| {
            email.metadata().iter().any(|(one, is)| one.as_str() == key && is == value)
        };
        (self.tags.is_empty() || self.tags.iter().any(has_tag))
            && (self.lanes.is_empty() || self.lanes.contains(&email.lane()))
            && is_matched(&self.from_domains, email.from().address().domain())
            && self.metadata.iter().all(has)
    }

    /// The same with domains as addresses have them, which is how a router needs and makes them; for who keeps
    /// conditions, and wants to know at once that they are right.
    pub fn normalised(mut self) -> Result<Self, InvalidDomain> {
        for domain in self.from_domains.iter_mut().chain(&mut self.recipient_domains) {
            let (below, parent) = match domain.strip_prefix("*.") {
                Some(parent) => ("*.", parent),
                None => ("", domain.as_str()),
            };
            let Ok(address) = format!("x@{parent}").parse::<Address>() else {
                return Err(InvalidDomain(domain.clone()));
            };
            *domain = format!("{below}{}", address.domain());
        }
        Ok(self)
    }
}

/// A condition names a domain that none can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a domain; write example.com, or *.example.com for all below it")]
pub struct InvalidDomain(pub String);

/// Whether a domain is one of these, all of them as addresses have them; any is, if there are none.
fn is_matched(domains: &[String], domain: &str) -> bool {
    let matches = |pattern: &String| match pattern.strip_prefix("*.") {
        Some(parent) => {
            domain.strip_suffix(parent).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        }
        None => pattern == domain,
    };
    domains.is_empty() || domains.iter().any(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_and_those_below_it_are_two_things() {
        let is_of = |pattern: &str, domain| {
            let conditions = Conditions::any().from_domain(pattern).normalised().unwrap();
            is_matched(&conditions.from_domains, domain)
        };
        for (domain, is_one, is_below) in [
            ("xn--bcher-kva.example", true, false),
            ("mail.xn--bcher-kva.example", false, true),
            ("a.b.xn--bcher-kva.example", false, true),
            ("badxn--bcher-kva.example", false, false),
            (".xn--bcher-kva.example", false, false),
            ("example", false, false),
        ] {
            let found = (is_of("Bücher.example", domain), is_of("*.bücher.EXAMPLE", domain));
            assert_eq!(found, (is_one, is_below), "{domain}");
        }
        for wrong in ["", "*.", "a b", "*.*.example", "x@example.com"] {
            let conditions = Conditions::any().recipient_domain(wrong);
            assert_eq!(conditions.normalised(), Err(InvalidDomain(wrong.to_owned())));
        }
    }

    #[test]
    fn every_condition_has_to_hold_and_one_value_is_enough() {
        let email = Email::to("ada@example.com")
            .from("hi@acme.example")
            .subject("Code")
            .text("4711")
            .tag("otp")
            .tag("de")
            .lane(Lane::Critical)
            .metadata("region", "eu")
            .build()
            .unwrap();
        let holds = |conditions: Conditions| conditions.hold(&email);
        assert!(holds(Conditions::any()));
        assert!(holds(Conditions::any().tag("receipt").tag("otp")));
        assert!(!holds(Conditions::any().tag("otp").lane(Lane::Bulk)));
        assert!(holds(Conditions::any().tag("otp").lane(Lane::Bulk).lane(Lane::Critical)));
        assert!(holds(Conditions::any().tag("otp").from_domain("acme.example")));
        assert!(!holds(Conditions::any().tag("otp").from_domain("example.com")));
        assert!(holds(Conditions::any().metadata("region", "eu")));
        assert!(!holds(Conditions::any().metadata("region", "eu").metadata("region", "us")));
    }
}
