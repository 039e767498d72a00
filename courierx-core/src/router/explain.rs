//! Why a message goes where it goes.

use std::sync::Arc;

use serde::Serialize;

use super::asked::Asked;
use super::known::ConnectionHealth;
use super::plan::Seat;
use super::question::{Decision, Question};
use super::rule::Strategy;
use super::{ConnectionId, Router, SkipReason};
use crate::clock::Timestamp;

/// The decision that would be made now, and what it would be made of.
///
/// What is said of rule and connections is said for the first recipient that is handed over, or if nobody is, for the
/// first open one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// The rule that applies; none if the connections' own priorities do.
    pub rule: Option<Arc<str>>,
    /// How connections share the work.
    pub strategy: Strategy,
    /// The connections by tier, first choice first.
    pub tiers: Vec<Vec<Considered>>,
    /// The decision.
    pub decision: Decision,
}

/// What is thought of a connection for a message.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Considered {
    /// The connection.
    pub connection: ConnectionId,
    /// The kind of provider behind it.
    pub provider: String,
    /// Its share among those of its tier.
    pub weight: u32,
    /// What speaks against it; none if it can be used.
    pub objection: Option<SkipReason>,
    /// A number to compare it by with others of its tier: more is better.
    pub score: f64,
    /// How it does at the moment.
    pub health: ConnectionHealth,
}

impl Router {
    /// The decision that [`decide`](Self::decide) would make now, and why. It changes nothing: no turn is taken.
    pub fn explain(&self, question: &Question<'_>, now: Timestamp) -> Explanation {
        let asked = Asked::new(question, now, false);
        let decision = self.answer(&asked);
        let chosen = match &decision {
            Decision::Send { recipients, .. } => recipients.first(),
            Decision::Rest { .. } => None,
        };
        let is_chosen = |one: &&(u32, bool)| chosen.is_none_or(|chosen| one.0 == *chosen);
        let (first, utf8) = question.open.iter().find(is_chosen).copied().unwrap_or_default();
        let history: Vec<_> = question.history.of_recipient(first).collect();
        let plan = asked.plan(self, first);
        let consider = |seat: &Seat| {
            let connection = &self.connections()[seat.connection];
            Considered {
                connection: connection.id().clone(),
                provider: connection.provider().id().to_string(),
                weight: seat.weight,
                objection: self.objection(connection, &asked, &history, utf8).err(),
                score: connection.score(now),
                health: connection.health(now),
            }
        };
        let tier = |tier| {
            let order = self.order(plan, tier, question.seed, || asked.turn(tier));
            order.seats().iter().map(consider).collect()
        };
        let tiers = plan.tiers.iter().map(tier).collect();
        Explanation { rule: plan.name.clone(), strategy: plan.strategy, tiers, decision }
    }
}
