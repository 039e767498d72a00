//! Committing changes: all or none.

use std::collections::BTreeSet;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{
    AuditEntry, Change, CommitError, ConfigRecord, KeyValue, OnDelete, StoreError, StoreResult,
};

use super::{Place, Records};

/// What a place held before, to be put back if a later change fails.
type Undo = Vec<(Place, Option<ConfigRecord>)>;

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
        let (mut undo, mut notes) = (Undo::new(), Vec::new());
        let outcome = changes.into_iter().try_for_each(|change| match change {
            Change::Put { record, expected } => self.put(*record, expected, now, &mut undo),
            Change::Delete { kind, id, expected } => self.delete((tenant, kind, id), expected, &mut undo),
            Change::Note(entry) => {
                notes.push(*entry);
                Ok(())
            }
        });
        if let Err(error) = outcome {
            for (place, before) in undo.into_iter().rev() {
                self.replace(&place, before);
            }
            return Ok(Err(error));
        }
        for (place, _) in undo {
            self.announce(place);
        }
        Ok(Ok(notes))
    }

    fn put(
        &mut self,
        mut record: ConfigRecord,
        expected: Option<u64>,
        now: Timestamp,
        undo: &mut Undo,
    ) -> Result<(), CommitError> {
        let place = (record.tenant, record.kind.clone(), record.id);
        let version = self.by_place.get(&place).map(|present| present.version);
        if version != expected {
            return Err(CommitError::VersionConflict { kind: place.1, id: place.2 });
        }
        if let Some(key) = self.taken_key(&record) {
            return Err(CommitError::DuplicateKey { kind: place.1, key: key.name.clone() });
        }
        let broken = record.references.iter().find(|reference| {
            let target = (record.tenant, reference.kind.clone(), reference.id);
            target != place && !self.by_place.contains_key(&target)
        });
        if let Some(reference) = broken {
            return Err(CommitError::BrokenReference { kind: reference.kind.clone(), id: reference.id });
        }
        record.version = version.unwrap_or(0) + 1;
        record.updated_at = now;
        let before = self.replace(&place, Some(record));
        undo.push((place, before));
        Ok(())
    }

    /// A key of `record` that another record has.
    fn taken_key<'a>(&self, record: &'a ConfigRecord) -> Option<&'a KeyValue> {
        let unique = record.unique.iter().find(|key| {
            let owner = self.unique.get(&(record.tenant, record.kind.clone(), (*key).clone()));
            owner.is_some_and(|owner| *owner != record.id)
        });
        let global = || {
            record.global.iter().find(|key| {
                let owner = self.global.get(&(record.kind.clone(), (*key).clone()));
                owner.is_some_and(|owner| *owner != (record.tenant, record.id))
            })
        };
        unique.or_else(global)
    }

    fn delete(&mut self, place: Place, expected: Option<u64>, undo: &mut Undo) -> Result<(), CommitError> {
        let version = self.by_place.get(&place).map(|present| present.version);
        if expected.is_some() && version != expected {
            return Err(CommitError::VersionConflict { kind: place.1, id: place.2 });
        }
        if version.is_none() {
            return Ok(());
        }
        for place in self.closure(place)? {
            let before = self.replace(&place, None);
            undo.push((place, before));
        }
        Ok(())
    }

    /// A record and all that goes with it, unless something that stays needs one of them.
    fn closure(&self, place: Place) -> Result<BTreeSet<Place>, CommitError> {
        let mut doomed = BTreeSet::from([place.clone()]);
        let mut open = vec![place];
        let mut needs = Vec::new();
        while let Some(target) = open.pop() {
            for (place, on_delete) in self.referring_to(&target) {
                match on_delete {
                    OnDelete::Restrict => needs.push((place.clone(), target.clone())),
                    OnDelete::Cascade => {
                        if doomed.insert(place.clone()) {
                            open.push(place.clone());
                        }
                    }
                }
            }
        }
        match needs.into_iter().find(|(place, _)| !doomed.contains(place)) {
            Some(((_, by, _), (_, kind, id))) => Err(CommitError::InUse { kind, id, by }),
            None => Ok(doomed),
        }
    }

    fn referring_to<'a>(&'a self, target: &'a Place) -> impl Iterator<Item = (&'a Place, OnDelete)> {
        self.by_place.iter().filter(|(place, _)| place.0 == target.0).flat_map(move |(place, record)| {
            record
                .references
                .iter()
                .filter(|reference| reference.kind == target.1 && reference.id == target.2)
                .map(move |reference| (place, reference.on_delete))
        })
    }

    /// Puts a record, or nothing, into a place, with its keys; returns what was there.
    pub(super) fn replace(&mut self, place: &Place, record: Option<ConfigRecord>) -> Option<ConfigRecord> {
        let (tenant, kind, id) = place;
        let before = self.by_place.remove(place);
        for key in before.iter().flat_map(|before| &before.unique) {
            self.unique.remove(&(*tenant, kind.clone(), key.clone()));
        }
        for key in before.iter().flat_map(|before| &before.global) {
            self.global.remove(&(kind.clone(), key.clone()));
        }
        if let Some(record) = record {
            for key in &record.unique {
                self.unique.insert((*tenant, kind.clone(), key.clone()), *id);
            }
            for key in &record.global {
                self.global.insert((kind.clone(), key.clone()), (*tenant, *id));
            }
            self.by_place.insert(place.clone(), record);
        }
        before
    }
}
