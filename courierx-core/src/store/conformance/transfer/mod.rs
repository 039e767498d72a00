//! Moving between two stores: what was moved reads the same, and goes on where it stood.
//!
//! These cases are of pairs, so no macro lists them: a back-end's tests call them with every other. Both sides of a
//! pair share one clock.

mod fill;
mod fragile;
mod look;

use super::{Subject, fixtures};
use crate::event::Sequence;
use crate::store::transfer::{Export, Import, ImportStart, TransferError, is_unfinished, transfer};
use crate::store::{AcceptResult, CommitError, EventQuery, Recorded};
use crate::suppression::Scope;

use fill::Filled;
use fragile::Fragile;

/// Everything is read from the target as from the source, and both go on alike.
pub async fn what_was_moved_reads_the_same(
    source: &Subject,
    from: &dyn Export,
    target: &Subject,
    to: &dyn Import,
) {
    let filled = fill::fill(source).await;
    let before = look::look(source, &filled).await;
    let mut told = 0;
    let report = transfer(from, to, &mut |_| told += 1).await.expect("a move");
    assert!(!report.resumed && told > 0);
    for (table, tally) in &report.tables {
        assert!(tally.rows > 0, "there is something of {} to move", table.name);
    }
    assert_eq!(look::look(source, &filled).await, before, "the source is as it was");
    assert_eq!(look::look(target, &filled).await, before, "the target reads the same");
    assert!(!is_unfinished(target.store()).await.expect("get_state"));
    goes_on(target, &filled).await;
    // Last, because it changes both.
    look::claims(source, target).await;
}

/// Interrupted before and after every page, it goes on, and nothing is there twice.
pub async fn an_interrupted_move_goes_on(
    source: &Subject,
    from: &dyn Export,
    target: &Subject,
    to: &dyn Import,
) {
    let filled = fill::fill(source).await;
    let before = look::look(source, &filled).await;
    let fragile = Fragile::new(to);
    let mut interruptions = 0;
    let report = loop {
        match transfer(from, &fragile, &mut |_| ()).await {
            Ok(report) => break report,
            Err(TransferError::Target(_)) => interruptions += 1,
            Err(error) => panic!("{error:?}"),
        }
        assert!(is_unfinished(target.store()).await.expect("get_state"), "a half is told from a whole");
    };
    assert!(report.resumed && interruptions > report.tables.len(), "{interruptions}");
    assert_eq!(look::look(target, &filled).await, before);
}

/// Nothing is moved over something, and no half is completed with another source.
pub async fn a_target_has_to_be_empty(
    source: &Subject,
    from: &dyn Import,
    target: &Subject,
    to: &dyn Import,
) {
    let filled = fill::fill(source).await;
    let interrupted = transfer(from, &Fragile::new(to), &mut |_| ()).await;
    assert!(matches!(interrupted, Err(TransferError::Target(_))), "{interrupted:?}");
    assert!(matches!(to.begin_import().await, Ok(ImportStart::Unfinished(_))));
    assert!(is_unfinished(target.store()).await.expect("get_state"), "a half is told from a whole");
    fixtures::accept(source, fixtures::message(filled.tenants[0], source.now())).await;
    let other = transfer(from, to, &mut |_| ()).await;
    assert!(matches!(other, Err(TransferError::OtherSource)), "{other:?}");
    let occupied = transfer(to, from, &mut |_| ()).await;
    assert!(matches!(occupied, Err(TransferError::Occupied)), "{occupied:?}");
}

/// What the source knew to recognise is recognised, and new numbers come after the old ones.
async fn goes_on(target: &Subject, filled: &Filled) {
    let store = target.store();
    let last = *filled.events.last().expect("events");
    let replayed = store.accept(vec![filled.repeated.clone()]).await.expect("accept");
    assert_eq!(replayed, [AcceptResult::Replayed(filled.keyed)], "a key is remembered");
    let again = store.record_events(vec![filled.reported.clone()]).await.expect("record_events");
    assert_eq!(again, [Recorded::Duplicate], "a reported event is remembered");
    let new = store.record_events(vec![filled.to_report.clone()]).await.expect("record_events");
    let [Recorded::Stored { sequence, .. }] = new[..] else { panic!("a vendor's identifier finds: {new:?}") };
    assert!(sequence > last, "{sequence:?} comes after what was read until {last:?}");
    let twice = [fixtures::address("soft@example.com").key()];
    let suppressed = store.check(filled.tenants[0], &Scope::ALL, &twice).await.expect("check");
    assert!(suppressed[0].is_some(), "a soft bounce is remembered, and the next one counts with it");
    let mut query = EventQuery::of_tenant(filled.tenants[0], last, 10);
    query.tenant = None;
    let read = store.events(&query).await.expect("events");
    assert_eq!(read.iter().map(|event| event.sequence).collect::<Vec<_>>(), [sequence], "a cursor goes on");
    query.after = Sequence::START;
    query.limit = 1000;
    let all: Vec<_> = store.events(&query).await.expect("events").iter().map(|one| one.sequence).collect();
    assert_eq!(all[..all.len() - 1], filled.events[..], "positions are kept");

    let refused = store.commit_configs(filled.tenants[0], vec![filled.in_use.clone()]).await.expect("commit");
    assert!(matches!(refused, Err(CommitError::InUse { .. })), "references are kept: {refused:?}");
    let refused =
        store.commit_configs(filled.tenants[1], vec![filled.duplicate.clone()]).await.expect("commit");
    assert!(matches!(refused, Err(CommitError::DuplicateKey { .. })), "keys are kept: {refused:?}");
    let released = store.release(&filled.grants).await.expect("release");
    assert_eq!(released, [true, false], "what was taken can be given back, once");
    let id = fixtures::accept(target, fixtures::message(filled.tenants[0], target.now())).await;
    assert!(store.load(&[(filled.tenants[0], id)]).await.expect("load")[0].is_some());
}
