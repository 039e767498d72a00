//! Rules as decisions use them: tiers of connections, by position.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::rule::{Conditions, InvalidDomain, Rule, Strategy};
use super::{Connection, ConnectionId};
use crate::message::{Email, Mode};

/// The most steps in which turns are spread.
const MOST_TURNS: u32 = 1000;

/// A rule that is ready to be used.
#[derive(Debug)]
pub(super) struct Plan {
    /// None for what happens without a rule.
    pub(super) name: Option<Arc<str>>,
    conditions: Conditions,
    pub(super) strategy: Strategy,
    pub(super) tiers: Vec<Tier>,
}

/// Connections that share the work.
#[derive(Debug)]
pub(super) struct Tier {
    pub(super) members: Vec<Seat>,
    /// Whose turn it is, as positions among the members; empty where nobody takes turns.
    turns: Vec<u16>,
    next: AtomicUsize,
}

/// A connection in a tier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    /// Its position among the router's connections.
    pub(super) connection: usize,
    pub(super) weight: u32,
}

/// Every plan of a router; the last is for every message.
#[derive(Debug)]
pub(super) struct Plans {
    special: Vec<Plan>,
    fallback: Plan,
    /// Which of the special ones name a recipient's domain, and which all domains below one.
    named: Domains,
    below: Domains,
}

/// Positions of plans by the domain that they are for, first rule first.
type Domains = HashMap<Box<str>, Vec<usize>>;

/// What a message comes under, as far as that does not depend on the recipient.
pub(super) struct Candidates<'a> {
    /// Which of the special plans are for some of its recipients, by position.
    for_some: Vec<bool>,
    /// The first one that is for all of them.
    for_all: Option<usize>,
    /// The recipients' domains, by position; none if no candidate looks at them.
    domains: Vec<&'a str>,
}

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRule {
    /// A rule names a connection that there is not.
    #[error("the rule {rule:?} names the connection {connection}, which there is not")]
    UnknownConnection {
        /// The rule.
        rule: String,
        /// The connection.
        connection: ConnectionId,
    },
    /// A rule names a connection twice.
    #[error("the rule {rule:?} names the connection {connection} twice")]
    TwiceNamed {
        /// The rule.
        rule: String,
        /// The connection.
        connection: ConnectionId,
    },
    /// A condition names no domain.
    #[error("the rule {rule:?} has a condition that cannot be met")]
    Domain {
        /// The rule.
        rule: String,
        /// What a domain looks like.
        #[source]
        source: InvalidDomain,
    },
}

impl Plans {
    pub(super) fn new(rules: Vec<Rule>, connections: &[Connection]) -> Result<Self, InvalidRule> {
        let fallback = Plan::new(None, Conditions::any(), Strategy::Priority, own_seats(connections));
        let special =
            rules.into_iter().map(|rule| Plan::of(rule, connections)).collect::<Result<Vec<_>, _>>()?;
        let (mut named, mut below) = (Domains::new(), Domains::new());
        for (position, plan) in special.iter().enumerate() {
            for pattern in &plan.conditions.recipient_domains {
                let (domains, domain) = match pattern.strip_prefix("*.") {
                    Some(parent) => (&mut below, parent),
                    None => (&mut named, pattern.as_str()),
                };
                domains.entry(domain.into()).or_default().push(position);
            }
        }
        Ok(Self { special, fallback, named, below })
    }

    /// The plans that a message can come under. Rules are not for messages in test mode, which reach only a sandbox.
    pub(super) fn candidates<'a>(&self, email: &'a Email) -> Candidates<'a> {
        let mut candidates = Candidates { for_some: Vec::new(), for_all: None, domains: Vec::new() };
        if email.mode() == Mode::Test {
            return candidates;
        }
        for (position, plan) in self.special.iter().enumerate() {
            let holds = plan.conditions.hold(email);
            if holds && plan.conditions.recipient_domains.is_empty() {
                // Those after it are for nobody.
                candidates.for_all = Some(position);
                break;
            }
            candidates.for_some.push(holds);
        }
        if candidates.for_some.contains(&true) {
            candidates.domains = email.recipients().map(|one| one.mailbox.address().domain()).collect();
        }
        candidates
    }

    /// The plan for a message to one recipient: the first whose conditions hold.
    pub(super) fn plan(&self, candidates: &Candidates<'_>, recipient: u32) -> &Plan {
        let index = usize::try_from(recipient).unwrap_or(usize::MAX);
        let special = candidates.domains.get(index).and_then(|domain| self.first_for(domain, candidates));
        let special = special.or(candidates.for_all).and_then(|position| self.special.get(position));
        special.unwrap_or(&self.fallback)
    }

    /// The first of the candidates that name this domain or one above it.
    fn first_for(&self, domain: &str, candidates: &Candidates<'_>) -> Option<usize> {
        let is_candidate = |position: &usize| candidates.for_some.get(*position).is_some_and(|holds| *holds);
        let first = |plans: &Vec<usize>| plans.iter().copied().find(is_candidate);
        let parents =
            domain.match_indices('.').filter(|(dot, _)| *dot > 0).map(|(dot, _)| &domain[dot + 1..]);
        let above = parents.filter_map(|parent| self.below.get(parent).and_then(first)).min();
        self.named.get(domain).and_then(first).into_iter().chain(above).min()
    }
}

/// A connection on its way to a tier.
struct Placed {
    tier: (bool, u32, usize),
    seat: Seat,
}

fn own_seats(connections: &[Connection]) -> Vec<Placed> {
    let place = |(position, one): (usize, &Connection)| Placed {
        tier: (false, one.priority(), 0),
        seat: Seat { connection: position, weight: one.weight() },
    };
    connections.iter().enumerate().map(place).collect()
}

impl Plan {
    fn of(rule: Rule, connections: &[Connection]) -> Result<Self, InvalidRule> {
        let Rule { name, conditions, strategy, members } = rule;
        let conditions = match conditions.normalised() {
            Ok(conditions) => conditions,
            Err(source) => return Err(InvalidRule::Domain { rule: name, source }),
        };
        let goes_by_own = strategy.goes_by_own_priority();
        let mut seats = if members.is_empty() { own_seats(connections) } else { Vec::new() };
        if !goes_by_own {
            for one in &mut seats {
                one.tier.1 = 0;
            }
        }
        for (place, member) in members.into_iter().enumerate() {
            let id = member.connection;
            let Some(connection) = connections.iter().position(|one| *one.id() == id) else {
                return Err(InvalidRule::UnknownConnection { rule: name, connection: id });
            };
            if seats.iter().any(|one| one.seat.connection == connection) {
                return Err(InvalidRule::TwiceNamed { rule: name, connection: id });
            }
            let own = if goes_by_own { connections[connection].priority() } else { 0 };
            let weight = member.weight.unwrap_or_else(|| connections[connection].weight());
            let tier = (member.failover_only, member.priority.unwrap_or(own), place);
            seats.push(Placed { tier, seat: Seat { connection, weight } });
        }
        Ok(Self::new(Some(name.into()), conditions, strategy, seats))
    }

    /// Whether two that could take a message are compared.
    pub(super) fn compares(&self, tier: &Tier) -> bool {
        self.strategy == Strategy::Priority && tier.members.len() > 1
    }

    fn new(
        name: Option<Arc<str>>,
        conditions: Conditions,
        strategy: Strategy,
        mut seats: Vec<Placed>,
    ) -> Self {
        seats.sort_by_key(|one| one.tier);
        let together = |one: &Placed, other: &Placed| {
            strategy != Strategy::FailoverOnly && (one.tier.0, one.tier.1) == (other.tier.0, other.tier.1)
        };
        let tier = |seats: &[Placed]| Tier::new(seats.iter().map(|one| one.seat).collect(), strategy);
        let tiers = seats.chunk_by(together).map(tier).collect();
        Self { name, conditions, strategy, tiers }
    }
}

impl Tier {
    fn new(members: Vec<Seat>, strategy: Strategy) -> Self {
        let takes_turns = strategy == Strategy::RoundRobin && members.len() > 1;
        let turns = if takes_turns { turns(&members) } else { Vec::new() };
        Self { members, turns, next: AtomicUsize::new(0) }
    }

    /// Takes a turn, or says which comes next.
    pub(super) fn turn(&self, take: bool) -> usize {
        if take { self.next.fetch_add(1, Ordering::Relaxed) } else { self.next.load(Ordering::Relaxed) }
    }

    /// Whose turn this is, as a position among the members; nobody's if nobody has a share.
    pub(super) fn whose(&self, turn: usize) -> Option<usize> {
        let position = turn.checked_rem(self.turns.len())?;
        Some(usize::from(self.turns[position]))
    }
}

/// Turns in proportion to the weights, spread as evenly as can be: each step adds everybody's weight to their
/// credit, the one with most takes the turn and pays for all.
fn turns(members: &[Seat]) -> Vec<u16> {
    let total: u64 = members.iter().map(|one| u64::from(one.weight)).sum();
    let scale = |weight: u32| {
        let weight = if total > u64::from(MOST_TURNS) {
            (u64::from(weight) * u64::from(MOST_TURNS)).div_ceil(total)
        } else {
            u64::from(weight)
        };
        i64::try_from(weight).unwrap_or(i64::MAX)
    };
    let weights: Vec<i64> = members.iter().map(|one| scale(one.weight)).collect();
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let sum: i64 = weights.iter().sum::<i64>() / divisor;
    let mut credit = vec![0_i64; weights.len()];
    let mut turns = Vec::new();
    for _ in 0..sum {
        credit.iter_mut().zip(&weights).for_each(|(credit, weight)| *credit += weight / divisor);
        // Of equal ones the first.
        let best = (0..credit.len()).rev().max_by_key(|position| credit[*position]).unwrap_or(0);
        credit[best] -= sum;
        turns.push(u16::try_from(best).unwrap_or(u16::MAX));
    }
    turns
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(weights: &[u32]) -> Vec<Seat> {
        let seat = |(connection, weight): (usize, &u32)| Seat { connection, weight: *weight };
        weights.iter().enumerate().map(seat).collect()
    }

    #[test]
    fn turns_are_spread_by_weight() {
        assert_eq!(turns(&seats(&[1, 1, 1])), [0, 1, 2]);
        assert_eq!(turns(&seats(&[4, 2])), [0, 1, 0]);
        assert_eq!(turns(&seats(&[5, 1, 1])), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(turns(&seats(&[0, 7])), [1]);
        assert!(turns(&seats(&[0, 0])).is_empty());
        let many = turns(&seats(&[1_000_000, 1]));
        assert!(many.len() <= 1002 && many.contains(&1));
    }

    #[test]
    fn it_is_always_the_turn_of_somebody_who_has_a_share() {
        let tier = Tier::new(seats(&[2, 1, 0]), Strategy::RoundRobin);
        assert_eq!([0, 1, 2, 3].map(|turn| tier.whose(turn)), [0, 1, 0, 0].map(Some));
        assert_eq!(Tier::new(seats(&[0, 0]), Strategy::RoundRobin).whose(7), None);
    }

    #[test]
    fn a_recipient_comes_under_the_first_rule_for_their_domain() {
        let rules = [
            Rule::new("tagged").when(Conditions::any().tag("otp").recipient_domain("example.com")),
            Rule::new("below").when(Conditions::any().recipient_domain("*.example.com")),
            Rule::new("named")
                .when(Conditions::any().recipient_domain("a.b.example.com").recipient_domain("example.org")),
            Rule::new("all").when(Conditions::any().lane(crate::message::Lane::Critical)),
            Rule::new("too late").when(Conditions::any().recipient_domain("example.net")),
        ];
        let plans = Plans::new(rules.to_vec(), &[]).unwrap();
        let names = |email: crate::message::EmailBuilder| {
            let email = email
                .cc("b@a.b.example.com")
                .cc("c@example.org")
                .cc("d@notexample.com")
                .cc("e@example.net")
                .from("hi@acme.example")
                .subject("Hello")
                .text("Hello")
                .build()
                .unwrap();
            let candidates = plans.candidates(&email);
            (0..6)
                .map(|one| plans.plan(&candidates, one).name.as_deref())
                .map(<Option<&str>>::unwrap_or_default)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let email = || Email::to("a@example.com");
        assert_eq!(names(email()), ", below, named, , too late, ");
        assert_eq!(names(email().tag("otp")), "tagged, below, named, , too late, ");
        let critical = email().lane(crate::message::Lane::Critical);
        assert_eq!(names(critical), "all, below, named, all, all, all");
        assert_eq!(names(email().tag("otp").mode(Mode::Test)), ", , , , , ");
    }
}
