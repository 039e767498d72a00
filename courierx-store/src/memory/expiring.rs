//! A map whose entries end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeFrom;

use courierx_core::clock::Timestamp;

/// A map whose entries end at a moment of their own; ended ones are swept at every insertion, so that it
/// does not grow beyond what is alive.
pub(super) struct Expiring<K, V> {
    entries: BTreeMap<K, (Timestamp, V)>,
    ends: BTreeSet<(Timestamp, K)>,
}

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), ends: BTreeSet::new() }
    }
}

impl<K: Ord + Clone, V> Expiring<K, V> {
    /// The entry, if there is one that has not ended.
    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<&V> {
        self.entries.get(key).filter(|(end, _)| *end > now).map(|(_, value)| value)
    }

    /// Writes an entry over whatever was there.
    pub(super) fn insert(&mut self, key: K, value: V, end: Timestamp, now: Timestamp) {
        self.sweep(now);
        if let Some((before, _)) = self.entries.insert(key.clone(), (end, value)) {
            self.ends.remove(&(before, key.clone()));
        }
        self.ends.insert((end, key));
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, key: &K) {
        if let Some((end, _)) = self.entries.remove(key) {
            self.ends.remove(&(end, key.clone()));
        }
    }

    /// How many entries there are, ended ones among them.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Keeps only entries with such keys.
    pub(super) fn retain(&mut self, stays: impl Fn(&K) -> bool) {
        self.entries.retain(|key, _| stays(key));
        self.ends.retain(|(_, key)| stays(key));
    }

    /// Entries that have not ended, in the order of their keys.
    pub(super) fn range(&self, from: RangeFrom<K>, now: Timestamp) -> impl Iterator<Item = (&K, &V)> {
        self.entries.range(from).filter(move |(_, (end, _))| *end > now).map(|(key, (_, value))| (key, value))
    }

    fn sweep(&mut self, now: Timestamp) {
        while let Some((end, _)) = self.ends.first() {
            if *end > now {
                return;
            }
            if let Some((_, key)) = self.ends.pop_first() {
                self.entries.remove(&key);
            }
        }
    }
}
