//! In which order the connections of a tier are asked.

use super::plan::{Plan, Seat, Tier};
use super::rule::Strategy;
use super::{ConnectionId, Router};

/// What draws are for: two that are made for one message and connection tell nothing about each other.
const FOR_SHARES: u64 = 0;
const FOR_WEIGHTS: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number between 0 and 1: the same for a message and a connection whenever it is asked for.
pub(super) fn draw(seed: u64, connection: &ConnectionId) -> f64 {
    draw_for(seed ^ FOR_SHARES, connection)
}

fn draw_for(seed: u64, connection: &ConnectionId) -> f64 {
    let salt = connection.as_str().bytes().fold(seed, |hash, byte| {
        // FNV-1a: spread, not secret.
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    fastrand::Rng::with_seed(salt).f64()
}

/// The members of a tier, first choice first.
pub(super) enum Order<'a> {
    /// As they are.
    Given(&'a [Seat]),
    Made(Vec<Seat>),
}

impl Order<'_> {
    pub(super) fn seats(&self) -> &[Seat] {
        match self {
            Self::Given(seats) => seats,
            Self::Made(seats) => seats,
        }
    }
}

impl Router {
    /// The order for a message with this seed, and with this turn where there are turns.
    pub(super) fn order<'a>(
        &self,
        plan: &Plan,
        tier: &'a Tier,
        seed: u64,
        turn: impl FnOnce() -> usize,
    ) -> Order<'a> {
        if tier.members.len() == 1 {
            return Order::Given(&tier.members);
        }
        match plan.strategy {
            Strategy::RoundRobin => {
                let mut order = self.by_weight(&tier.members, seed);
                // Who stands in for somebody who is out is drawn: if it were who comes next, it would always be the
                // same one, with twice its share.
                let first = tier.whose(turn()).map(|position| tier.members[position].connection);
                if let Some(place) = order.iter().position(|seat| Some(seat.connection) == first) {
                    order[..=place].rotate_right(1);
                }
                Order::Made(order)
            }
            Strategy::Priority | Strategy::Weighted => Order::Made(self.by_weight(&tier.members, seed)),
            Strategy::FailoverOnly => Order::Given(&tier.members),
        }
    }

    /// A draw without putting back, each by its weight: who has the least of exponential times comes first. Taking
    /// one out of it changes nothing among the others.
    fn by_weight(&self, members: &[Seat], seed: u64) -> Vec<Seat> {
        let mut drawn: Vec<(f64, Seat)> = members
            .iter()
            .map(|seat| {
                let id = self.connections()[seat.connection].id();
                // Never 0, whose logarithm is no number to compare.
                let time = -(1.0 - draw_for(seed ^ FOR_WEIGHTS, id)).ln() / f64::from(seat.weight);
                (if seat.weight == 0 { f64::INFINITY } else { time }, *seat)
            })
            .collect();
        drawn.sort_by(|one, other| one.0.total_cmp(&other.0));
        drawn.into_iter().map(|(_, seat)| seat).collect()
    }
}
