//! Accepting messages: the path whose cost everybody pays.

use std::collections::{HashMap, HashSet};

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{AcceptResult, Excess, Idempotency, NewMessage, ScopedKey, StoreResult};
use courierx_core::vault::Sealed;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::Shared;
use super::super::batcher::Grouped;
use super::super::codec::{self, Columns};
use super::super::counters::Used;
use super::super::error::{Fault, Run};
use super::super::transaction::{Tx, in_transaction};
use super::accept_new::accept_new;
use super::recipients;
use super::statements::Statements;

/// Bytes of content up to which a message is an ordinary one.
const ORDINARY: usize = 64 * 1024;
/// Bytes of content that go into one statement, of which PostgreSQL takes a gigabyte.
pub(super) const AT_ONCE: usize = 64 * 1024 * 1024;
/// How often to look anew for a key that was free a moment ago, and taken when we took it.
const LOOKS: usize = 3;

/// Concurrent calls of [`Ledger::accept`](courierx_core::store::Ledger::accept).
pub(in super::super) struct Accept;

impl Grouped for Accept {
    type Item = NewMessage;
    type Answer = AcceptResult;
    const MOST: usize = 500;

    fn weight(new: &NewMessage) -> usize {
        1 + new.content.as_bytes().len() / ORDINARY
    }

    async fn run(shared: &Shared, items: &[NewMessage]) -> StoreResult<Vec<AcceptResult>> {
        if accept_new(shared, items).await? {
            return Ok(vec![AcceptResult::Stored; items.len()]);
        }
        in_transaction!(shared, |tx| accept_all(tx, items))
    }
}

async fn accept_all(tx: &mut Tx<'_>, items: &[NewMessage]) -> Run<Vec<AcceptResult>> {
    let items: Vec<&NewMessage> = items.iter().collect();
    let mut used = Used::open(tx, &items).await?;
    let mut answers = vec![None; items.len()];
    let mut open: Vec<usize> = (0..items.len()).collect();
    loop {
        let (fits, over) = used.share_out(&items, &open);
        let batch: Vec<_> = fits.iter().map(|place| items[*place]).collect();
        let (stored, new) = Writing::of(tx).store(tx.connection, &batch).await?;
        for (place, answer) in fits.into_iter().zip(stored) {
            answers[place] = Some(answer);
        }
        for one in &new {
            tx.pending.apply(one.tenant, &one.effects);
        }
        used.keep(&new);
        tx.pending.tells_of_others |= new.len() < batch.len();
        // What turned out to be here already leaves its room to others.
        if over.is_empty() || new.len() == batch.len() {
            refuse(tx, &items, &over, &mut answers).await?;
            break;
        }
        open = over.into_iter().map(|(place, _)| place).collect();
    }
    answers.into_iter().collect::<Option<_>>().ok_or_else(Fault::collided)
}

/// Answers for messages that do not fit into what their tenant may have accepted, unless they are here already.
async fn refuse(
    tx: &mut Tx<'_>,
    items: &[&NewMessage],
    over: &[(usize, Excess)],
    answers: &mut [Option<AcceptResult>],
) -> Run<()> {
    if over.is_empty() {
        return Ok(());
    }
    let places: Vec<_> = over.iter().map(|(place, _)| *place).collect();
    Writing::of(tx).recognise(tx.connection, items, &places, answers).await?;
    tx.pending.tells_of_others = true;
    for (place, excess) in over {
        answers[*place].get_or_insert(AcceptResult::OverAllowance(*excess));
    }
    Ok(())
}

/// How messages are written on any connection.
pub(in super::super) struct Writing<'a> {
    pub(in super::super) statements: &'a Statements,
    pub(in super::super) now: Timestamp,
}

impl<'a> Writing<'a> {
    fn of(tx: &Tx<'a>) -> Self {
        Self { statements: &tx.shared.statements, now: tx.now }
    }

    /// Writes messages without their effects, each unless it, or its key, is there already. Answers item by item,
    /// and which messages are new.
    pub(in super::super) async fn store<'n>(
        &self,
        connection: &mut PgConnection,
        items: &[&'n NewMessage],
    ) -> Run<(Vec<AcceptResult>, Vec<&'n NewMessage>)> {
        let mut answers: Vec<Option<AcceptResult>> = vec![None; items.len()];
        let mut new = Vec::with_capacity(items.len());
        for _ in 0..LOOKS {
            let open: Vec<_> = (0..items.len()).filter(|place| answers[*place].is_none()).collect();
            if open.is_empty() {
                break;
            }
            let stored = self.insert(connection, first_of_each(items, &open)).await?;
            let mut rest = Vec::new();
            let mut seen = HashSet::new();
            for place in open {
                let one = items[place];
                if stored.contains(&(one.tenant, one.id)) && seen.insert((one.tenant, one.id)) {
                    answers[place] = Some(AcceptResult::Stored);
                    new.push(one);
                } else {
                    rest.push(place);
                }
            }
            if !rest.is_empty() {
                self.recognise(connection, items, &rest, &mut answers).await?;
            }
        }
        // Somebody's transaction that had the key was undone each time we looked.
        let answers: Option<Vec<_>> = answers.into_iter().collect();
        Ok((answers.ok_or_else(Fault::collided)?, new))
    }

    /// Writes what is not there, and tells what that was.
    async fn insert(
        &self,
        connection: &mut PgConnection,
        mut batch: Vec<&NewMessage>,
    ) -> Run<HashSet<(TenantId, MessageId)>> {
        if batch.iter().any(|new| new.idempotency.is_some()) {
            let taken = self.take_keys(connection, &batch).await?;
            batch.retain(|new| new.idempotency.is_none() || taken.contains(&new.id));
        }
        let mut stored = HashSet::new();
        while !batch.is_empty() {
            let mut bytes = 0;
            let fits = |new: &&&NewMessage| {
                bytes += new.content.as_bytes().len();
                bytes <= AT_ONCE
            };
            let count = batch.iter().take_while(fits).count().max(1);
            let rest = batch.split_off(count);
            stored.extend(self.insert_messages(connection, &batch).await?);
            batch = rest;
        }
        Ok(stored)
    }

    async fn insert_messages(
        &self,
        connection: &mut PgConnection,
        batch: &[&NewMessage],
    ) -> Run<Vec<(TenantId, MessageId)>> {
        let mut recipients_of = Vec::with_capacity(batch.len());
        let mut tags = Vec::with_capacity(batch.len());
        for new in batch {
            recipients_of.push(recipients::of_new(&new.recipients)?);
            tags.push(codec::list(&new.tags)?);
        }
        let each = |of: fn(&NewMessage) -> i64| batch.iter().map(|new| of(new)).collect::<Vec<_>>();
        let named = |of: fn(&NewMessage) -> &'static str| batch.iter().map(|new| of(new)).collect::<Vec<_>>();
        let rows = sqlx::query(self.statements.messages.sql())
            .bind(batch.iter().map(|new| Uuid::from(new.tenant)).collect::<Vec<_>>())
            .bind(batch.iter().map(|new| Uuid::from(new.id)).collect::<Vec<_>>())
            .bind(each(|new| new.created_at.as_micros()))
            .bind(each(|new| new.send_at.as_micros()))
            .bind(batch.iter().map(|new| new.deliver_by.map(Timestamp::as_micros)).collect::<Vec<_>>())
            .bind(batch.iter().map(|new| new.from.as_str()).collect::<Vec<_>>())
            .bind(batch.iter().map(|new| codec::lane(new.lane)).collect::<Vec<_>>())
            .bind(named(|new| new.mode.as_str()))
            .bind(named(|new| new.retry.as_str()))
            .bind(named(|new| new.duplicates.as_str()))
            .bind(tags)
            .bind(named(|new| new.status().as_str()))
            .bind(recipients_of)
            .bind(batch.iter().map(|new| new.summary.as_ref().map(Sealed::as_bytes)).collect::<Vec<_>>())
            .bind(batch.iter().map(|new| new.content.as_bytes()).collect::<Vec<_>>())
            .fetch_all(connection)
            .await?;
        rows.iter().map(|row| Ok((row.id(0)?, row.id(1)?))).collect()
    }

    /// Takes the keys of these messages where they are free: the messages that have theirs.
    async fn take_keys(
        &self,
        connection: &mut PgConnection,
        batch: &[&NewMessage],
    ) -> Run<HashSet<MessageId>> {
        let keyed: Vec<(&NewMessage, &Idempotency)> =
            batch.iter().filter_map(|new| new.idempotency.as_ref().map(|key| (*new, key))).collect();
        let rows = sqlx::query(self.statements.keys.sql())
            .bind(keyed.iter().map(|(new, _)| Uuid::from(new.tenant)).collect::<Vec<_>>())
            .bind(keyed.iter().map(|(_, one)| one.key.as_str()).collect::<Vec<_>>())
            .bind(keyed.iter().map(|(new, _)| Uuid::from(new.id)).collect::<Vec<_>>())
            .bind(keyed.iter().map(|(_, one)| one.digest.as_slice()).collect::<Vec<_>>())
            .bind(keyed.iter().map(|(_, one)| one.expires_at.as_micros()).collect::<Vec<_>>())
            .bind(self.now.as_micros())
            .fetch_all(connection)
            .await?;
        rows.iter().map(|row| row.id(0)).collect()
    }

    /// Answers for messages that were not written: their key is taken, or they are there already.
    async fn recognise(
        &self,
        connection: &mut PgConnection,
        items: &[&NewMessage],
        rest: &[usize],
        answers: &mut [Option<AcceptResult>],
    ) -> Run<()> {
        let taken = self.taken_keys(connection, items, rest).await?;
        let rows = sqlx::query(self.statements.known.sql())
            .bind(rest.iter().map(|place| Uuid::from(items[*place].tenant)).collect::<Vec<_>>())
            .bind(rest.iter().map(|place| Uuid::from(items[*place].id)).collect::<Vec<_>>())
            .fetch_all(connection)
            .await?;
        let known: HashSet<(TenantId, MessageId)> =
            rows.iter().map(|row| Ok((row.id(0)?, row.id(1)?))).collect::<Run<_>>()?;
        for place in rest {
            let new = items[*place];
            let holder = new.idempotency.as_ref().and_then(|one| {
                let (message, digest) = taken.get(&(new.tenant, one.key.as_str().to_owned()))?;
                Some((*message, *digest == one.digest))
            });
            answers[*place] = match holder {
                Some((message, _)) if message == new.id => Some(AcceptResult::Stored),
                Some((message, true)) => Some(AcceptResult::Replayed(message)),
                Some((message, false)) => Some(AcceptResult::Conflict(message)),
                None if known.contains(&(new.tenant, new.id)) => Some(AcceptResult::Stored),
                None => None,
            };
        }
        Ok(())
    }

    /// Which message has each of these keys.
    async fn taken_keys(
        &self,
        connection: &mut PgConnection,
        items: &[&NewMessage],
        rest: &[usize],
    ) -> Run<HashMap<(TenantId, String), (MessageId, Vec<u8>)>> {
        let keyed: Vec<(TenantId, &ScopedKey)> = rest
            .iter()
            .filter_map(|place| Some((items[*place].tenant, &items[*place].idempotency.as_ref()?.key)))
            .collect();
        if keyed.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = sqlx::query(self.statements.taken.sql())
            .bind(keyed.iter().map(|(tenant, _)| Uuid::from(*tenant)).collect::<Vec<_>>())
            .bind(keyed.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>())
            .bind(self.now.as_micros())
            .fetch_all(connection)
            .await?;
        rows.iter().map(|row| Ok(((row.id(0)?, row.column(1)?), (row.id(2)?, row.column(3)?)))).collect()
    }
}

/// Of those at these places the first with each identifier and each key: one statement does not write a row twice.
pub(super) fn first_of_each<'n>(items: &[&'n NewMessage], places: &[usize]) -> Vec<&'n NewMessage> {
    let (mut ids, mut keys) = (HashSet::new(), HashSet::new());
    let is_first = |new: &&'n NewMessage| {
        let key = new.idempotency.as_ref().map(|one| (new.tenant, one.key.as_str()));
        ids.insert((new.tenant, new.id)) && key.is_none_or(|key| keys.insert(key))
    };
    places.iter().map(|place| items[*place]).filter(is_first).collect()
}
