//! Committing changes: all or none.
//!
//! As in the databases, versions are compared change by change, keys and references once all are applied.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{
    AuditEntry, Change, CommitError, ConfigRecord, KeyValue, OnDelete, Reference, StoreError, StoreResult,
};

use super::{Place, Records};

/// Changes that are being applied.
struct Commit<'r> {
    records: &'r mut Records,
    tenant: TenantId,
    now: Timestamp,
    /// What was in each place that changed, to be put back if anything stands against a change.
    before: BTreeMap<Place, Option<ConfigRecord>>,
    /// The places that changed, in order, to be announced.
    changed: Vec<Place>,
}

impl Records {
    /// Applies changes in their order, or none of them; answers what is to be noted then.
    pub(super) fn commit(
        &mut self,
        tenant: TenantId,
        changes: Vec<Change>,
        now: Timestamp,
    ) -> StoreResult<Result<Vec<AuditEntry>, CommitError>> {
        for change in &changes {
            if let Change::Put { record, .. } = change
                && record.tenant != tenant
            {
                return Err(StoreError::Invalid("a record of another tenant in one commit".to_owned()));
            }
        }
        let mut commit = Commit { records: self, tenant, now, before: BTreeMap::new(), changed: Vec::new() };
        let outcome = commit.apply(changes);
        let Commit { before, changed, .. } = commit;
        if outcome.is_ok() {
            for place in changed {
                self.announce(place);
            }
        } else {
            self.restore(before);
        }
        Ok(outcome)
    }

    /// Puts back what was there before.
    fn restore(&mut self, before: BTreeMap<Place, Option<ConfigRecord>>) {
        for place in before.keys() {
            self.take(place);
        }
        for (place, record) in before {
            if let Some(record) = record {
                self.by_place.insert(place.clone(), record);
                // They were its own before, so they are nobody else's.
                _ = self.insert_keys(&place);
            }
        }
    }

    /// Takes a record out of its place, with its keys; returns what was there.
    pub(super) fn take(&mut self, place: &Place) -> Option<ConfigRecord> {
        let record = self.by_place.remove(place)?;
        let (tenant, kind, id) = place;
        // While changes are applied, a record need not have the keys that it names.
        for key in &record.unique {
            let key = (*tenant, kind.clone(), key.clone());
            if self.unique.get(&key) == Some(id) {
                self.unique.remove(&key);
            }
        }
        for key in &record.global {
            let key = (kind.clone(), key.clone());
            if self.global.get(&key) == Some(&(*tenant, *id)) {
                self.global.remove(&key);
            }
        }
        Some(record)
    }

    /// Gives the record in this place its keys; refuses one that another record has.
    fn insert_keys(&mut self, place: &Place) -> Result<(), CommitError> {
        let Some(record) = self.by_place.get(place) else { return Ok(()) };
        let (tenant, kind, id) = place;
        let taken = |key: &KeyValue| CommitError::DuplicateKey { kind: kind.clone(), key: key.name.clone() };
        for key in &record.unique {
            match self.unique.entry((*tenant, kind.clone(), key.clone())) {
                Entry::Vacant(free) => free.insert(*id),
                Entry::Occupied(_) => return Err(taken(key)),
            };
        }
        for key in &record.global {
            match self.global.entry((kind.clone(), key.clone())) {
                Entry::Vacant(free) => free.insert((*tenant, *id)),
                Entry::Occupied(_) => return Err(taken(key)),
            };
        }
        Ok(())
    }

    /// What refers to a record, in order.
    fn referring_to(&self, target: &Place) -> Vec<(Place, OnDelete)> {
        let refers = |(place, record): (&Place, &ConfigRecord)| {
            let to_it = |one: &&Reference| one.kind == target.1 && one.id == target.2;
            let mut ways = record.references.iter().filter(to_it).map(|one| one.on_delete);
            let first = ways.next()?;
            // Of two references to the same record the stricter counts.
            let way = ways.find(|way| *way == OnDelete::Restrict).unwrap_or(first);
            Some((place.clone(), way))
        };
        self.by_place.iter().filter(|(place, _)| place.0 == target.0).filter_map(refers).collect()
    }

    /// Refuses a record of this place that refers to nothing.
    fn check_references(&self, place: &Place) -> Result<(), CommitError> {
        let references = self.by_place.get(place).into_iter().flat_map(|record| &record.references);
        for Reference { kind, id, .. } in references {
            if !self.by_place.contains_key(&(place.0, kind.clone(), *id)) {
                return Err(CommitError::BrokenReference { kind: kind.clone(), id: *id });
            }
        }
        Ok(())
    }
}

impl Commit<'_> {
    fn apply(&mut self, changes: Vec<Change>) -> Result<Vec<AuditEntry>, CommitError> {
        let (mut written, mut removed) = (Vec::<Place>::new(), Vec::<Place>::new());
        let mut notes = Vec::new();
        for change in changes {
            match change {
                Change::Put { record, expected } => {
                    let place = (record.tenant, record.kind.clone(), record.id);
                    self.put(&place, *record, expected)?;
                    written.retain(|other| *other != place);
                    written.push(place);
                }
                Change::Delete { kind, id, expected } => {
                    let place = (self.tenant, kind, id);
                    let version = self.version(&place);
                    if expected.is_some() && version != expected {
                        return Err(conflict(place));
                    }
                    if version.is_some() {
                        self.set(&place, None);
                        removed.push(place);
                    }
                }
                Change::Note(entry) => notes.push(*entry),
            }
        }
        for place in &written {
            self.records.insert_keys(place)?;
        }
        self.cascade(removed)?;
        for place in &written {
            self.records.check_references(place)?;
        }
        Ok(notes)
    }

    fn version(&self, place: &Place) -> Option<u64> {
        self.records.by_place.get(place).map(|record| record.version)
    }

    /// Puts a record, or nothing, into a place, without its keys.
    fn set(&mut self, place: &Place, record: Option<ConfigRecord>) {
        let before = self.records.take(place);
        self.before.entry(place.clone()).or_insert(before);
        if let Some(record) = record {
            self.records.by_place.insert(place.clone(), record);
        }
        self.changed.push(place.clone());
    }

    fn put(
        &mut self,
        place: &Place,
        mut record: ConfigRecord,
        expected: Option<u64>,
    ) -> Result<(), CommitError> {
        let version = self.version(place);
        if version != expected {
            return Err(conflict(place.clone()));
        }
        record.version = version.unwrap_or(0) + 1;
        record.updated_at = self.now;
        self.set(place, Some(record));
        Ok(())
    }

    /// Removes what refers to removed records, or refuses because something does.
    fn cascade(&mut self, mut removed: Vec<Place>) -> Result<(), CommitError> {
        while let Some(target) = removed.pop() {
            if self.records.by_place.contains_key(&target) {
                // Removed and written again in the same commit.
                continue;
            }
            for (place, on_delete) in self.records.referring_to(&target) {
                if on_delete == OnDelete::Restrict {
                    let ((_, kind, id), (_, by, _)) = (target, place);
                    return Err(CommitError::InUse { kind, id, by });
                }
                self.set(&place, None);
                removed.push(place);
            }
        }
        Ok(())
    }
}

fn conflict((_, kind, id): Place) -> CommitError {
    CommitError::VersionConflict { kind, id }
}
