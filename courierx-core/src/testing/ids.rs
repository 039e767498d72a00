//! Identifiers that are the same whenever a simulation is repeated.

use std::cell::RefCell;

use fastrand::Rng;
use uuid::{Builder, Uuid};

thread_local! {
    static IDS: RefCell<Option<(Rng, u64)>> = const { RefCell::new(None) };
}

/// From now on every identifier that this thread makes follows from the seed: what shares and orders depend on
/// is the same in each repetition of a simulation.
pub fn repeat_ids(seed: u64) {
    IDS.set(Some((Rng::with_seed(seed), 0)));
}

/// The next of them; none unless this thread asked for it.
pub(crate) fn repeatable_id() -> Option<Uuid> {
    IDS.with_borrow_mut(|ids| {
        let (rng, count) = ids.as_mut()?;
        *count += 1;
        let mut random = [0; 10];
        rng.fill(&mut random);
        // As those of real time they are ordered by their creation.
        Some(Builder::from_unix_timestamp_millis(*count, &random).into_uuid())
    })
}
