//! For which domains a connection was found not to send.
//!
//! "This sender is not verified" is about a connection and a domain: the connection goes on for everybody else,
//! and is asked again for the domain by one message at a time.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// How long a domain is left alone the first time, and at most: it doubles while it stays refused.
const REST: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(10));
/// How long the others wait for the message that asks again.
const ASKING: Duration = Duration::from_secs(30);
/// How many domains are remembered. Of those beyond it the ones that may be asked again soonest are forgotten.
const MOST: usize = 1000;

/// The domains that were refused, each with when it may be asked for again.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    cells: Mutex<HashMap<Box<str>, Cell>>,
    /// How many there are: nearly always none, and then nobody takes the lock.
    count: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    until: Timestamp,
    strikes: u8,
    /// Whether somebody asks again, until then at most.
    is_asked: bool,
}

impl Senders {
    /// Until when the domain is left alone; none if it may be used.
    pub(crate) fn refused_until(&self, domain: &str, now: Timestamp) -> Option<Timestamp> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.lock().get(domain).map(|cell| cell.until).filter(|until| *until > now)
    }

    /// Begins a hand-over for the domain: of those that were refused one at a time may ask.
    pub(crate) fn begin(&self, domain: &str, now: Timestamp) -> Result<(), Timestamp> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        match self.lock().get_mut(domain) {
            Some(cell) if cell.until > now => Err(cell.until),
            Some(cell) => {
                cell.until = now.after(ASKING);
                cell.is_asked = true;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes note that the domain was refused. While it is left alone only who asks again tells news: the others were
    /// under way before.
    pub(crate) fn refused(&self, domain: &str, now: Timestamp) {
        let mut cells = self.lock();
        if cells.get(domain).is_some_and(|cell| cell.until > now && !cell.is_asked) {
            return;
        }
        let strikes = cells.get(domain).map_or(0, |cell| cell.strikes);
        let until = now.after(REST.0.saturating_mul(1 << strikes.min(8)).min(REST.1));
        if cells.len() >= MOST && !cells.contains_key(domain) {
            let soonest = cells.iter().min_by_key(|(_, cell)| cell.until).map(|(domain, _)| domain.clone());
            soonest.and_then(|domain| cells.remove(&domain));
        }
        cells.insert(domain.into(), Cell { until, strikes: strikes.saturating_add(1), is_asked: false });
        self.count.store(cells.len(), Ordering::Release);
    }

    /// Takes note that a message of the domain was taken.
    pub(crate) fn works(&self, domain: &str) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut cells = self.lock();
        cells.remove(domain);
        self.count.store(cells.len(), Ordering::Release);
    }

    /// The domains that are left alone, and until when.
    pub(crate) fn all(&self, now: Timestamp) -> Vec<(String, Timestamp)> {
        let cells = self.lock();
        let mut all: Vec<_> = cells
            .iter()
            .filter(|(_, cell)| cell.until > now)
            .map(|(one, cell)| (one.to_string(), cell.until))
            .collect();
        all.sort();
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Cell>> {
        // Nothing in here panics half way.
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[test]
    fn one_domain_is_left_alone_longer_and_longer_and_others_are_not() {
        let senders = Senders::default();
        let mut now = NOW;
        for minutes in [1, 2, 4, 8, 10, 10] {
            senders.refused("a.example", now);
            let until = now.after(Duration::from_mins(minutes));
            assert_eq!(senders.refused_until("a.example", now), Some(until));
            assert_eq!(senders.refused_until("b.example", now), None);
            now = until;
            assert_eq!(senders.begin("a.example", now), Ok(()), "one asks");
            assert_eq!(senders.begin("a.example", now), Err(now.after(ASKING)), "the others wait");
        }
        senders.works("a.example");
        assert_eq!(senders.refused_until("a.example", now), None);
        assert_eq!(senders.all(now), []);
    }

    #[test]
    fn several_that_were_under_way_when_it_was_refused_count_once() {
        let senders = Senders::default();
        let until = NOW.after(REST.0);
        for second in 0..5 {
            senders.refused("a.example", NOW.after(Duration::from_secs(second)));
            assert_eq!(senders.refused_until("a.example", NOW), Some(until));
        }
        assert_eq!(senders.begin("a.example", until), Ok(()));
        for second in 1..4 {
            senders.refused("a.example", until.after(Duration::from_secs(second)));
        }
        let longer = until.after(Duration::from_secs(1)).after(REST.0 * 2);
        assert_eq!(senders.refused_until("a.example", until), Some(longer), "who asked again is the second");
    }

    #[test]
    fn it_remembers_so_many() {
        let senders = Senders::default();
        for n in 0..MOST + 10 {
            senders.refused(&format!("{n}.example"), NOW.after(Duration::from_millis(n as u64)));
        }
        let all = senders.all(NOW);
        assert_eq!(all.len(), MOST);
        assert!(all.iter().all(|(domain, _)| domain != "3.example"));
    }
}
