//! What was accepted against what arrived: the truth, from both ends.

use std::collections::HashMap;

use courierx_core::id::MessageId;

/// Each message by its number: whether it was accepted, how often it arrived.
#[derive(Debug, Default)]
pub(super) struct Tally {
    numbers: HashMap<MessageId, u32>,
    accepted: u64,
    arrivals: Vec<u16>,
    delivered: u64,
    duplicates: u64,
    unknown: u64,
    /// What the engine is done with and that was not seen to arrive.
    missing: Vec<MessageId>,
}

impl Tally {
    /// The outbox took it.
    pub(super) fn accept(&mut self, number: u32, message: MessageId) {
        self.accepted += 1;
        self.numbers.insert(message, number);
    }

    /// A vendor took it.
    pub(super) fn arrive(&mut self, number: u32) {
        let at = number as usize;
        if self.arrivals.len() <= at {
            self.arrivals.resize(at + 1, 0);
        }
        self.arrivals[at] = self.arrivals[at].saturating_add(1);
        if self.arrivals[at] == 1 {
            self.delivered += 1;
        } else {
            self.duplicates += 1;
        }
    }

    /// The engine does not know what became of a hand-over.
    pub(super) fn doubt(&mut self) {
        self.unknown += 1;
    }

    /// The engine is done with it.
    pub(super) fn end(&mut self, message: MessageId) {
        self.missing.push(message);
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Messages that arrived, each once.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Arrivals of what had arrived before.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Hand-overs whose outcome nobody knew.
    pub(super) fn unknown(&self) -> u64 {
        self.unknown
    }

    /// What the engine is done with and no vendor has. To be asked after everything that arrived was told.
    pub(super) fn lost(&mut self) -> u64 {
        let Self { numbers, arrivals, missing, .. } = self;
        let arrived = |number: u32| arrivals.get(number as usize).is_some_and(|&times| times > 0);
        // A message may be through before its sender has said that it was accepted.
        missing.retain(|message| !numbers.get(message).is_some_and(|&number| arrived(number)));
        missing.iter().filter(|message| numbers.contains_key(message)).count() as u64
    }

    /// What was accepted and no vendor has, whatever the engine says of it.
    pub(super) fn not_arrived(&self) -> u64 {
        let arrived = |number: &u32| self.arrivals.get(*number as usize).is_some_and(|&times| times > 0);
        self.numbers.values().filter(|number| !arrived(number)).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_with_and_did_not_arrive_is_lost() {
        let (mut tally, ids) = (Tally::default(), [MessageId::new(), MessageId::new(), MessageId::new()]);
        // The second was through before it was known to be accepted, the third is under way.
        tally.end(ids[0]);
        tally.end(ids[1]);
        tally.arrive(1);
        assert_eq!(tally.lost(), 0, "nobody knows yet what these are");
        for (number, id) in (0..).zip(ids) {
            tally.accept(number, id);
        }
        assert_eq!((tally.accepted(), tally.delivered(), tally.lost(), tally.not_arrived()), (3, 1, 1, 2));
        tally.arrive(0);
        tally.arrive(2);
        tally.arrive(2);
        assert_eq!((tally.delivered(), tally.duplicates(), tally.lost(), tally.not_arrived()), (3, 1, 0, 0));
    }
}
