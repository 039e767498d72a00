//! Accepting messages of which nothing is here yet, as almost all are: in one statement, which is the transaction.

use std::collections::BTreeMap;

use courierx_core::clock::Timestamp;
use courierx_core::event::NewEvent;
use courierx_core::id::TenantId;
use courierx_core::store::{NewJob, NewMessage, StoreResult};
use courierx_core::vault::Sealed;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::Shared;
use super::super::codec;
use super::super::conclude::make_durable;
use super::super::effects::Pending;
use super::super::error::Run;
use super::super::transaction::on_connection;
use super::accept::{AT_ONCE, first_of_each};
use super::recipients;

/// Accepts all of them, durably; or none, if one of them or its key may be here, or asks for more than this does.
pub(super) async fn accept_new(shared: &Shared, items: &[NewMessage]) -> StoreResult<bool> {
    let Some(new) = New::of(items) else { return Ok(false) };
    let now = shared.now();
    let is_accepted = on_connection!(shared, |connection| new.write_durably(connection, now))?;
    if is_accepted {
        shared.signal.jobs_changed();
    }
    Ok(is_accepted)
}

/// What is written.
struct New<'n> {
    /// In the order in which everybody locks messages.
    messages: Vec<&'n NewMessage>,
    jobs: Vec<(TenantId, &'n NewJob)>,
    events: Vec<(TenantId, &'n NewEvent)>,
    /// What is added to the statistics of tenants, by the days that they are of.
    counters: BTreeMap<(TenantId, String, i64), i64>,
}

impl<'n> New<'n> {
    /// These messages, if each is itself alone and has effects that most have.
    fn of(items: &'n [NewMessage]) -> Option<Self> {
        let mut messages: Vec<_> = items.iter().collect();
        let places: Vec<_> = (0..items.len()).collect();
        let bytes: usize = items.iter().map(|new| new.content.as_bytes().len()).sum();
        let is_ordinary = |new: &NewMessage| {
            let of_provider = |event: &NewEvent| event.attempt.is_some() || event.connection.is_some();
            new.allowances.is_empty()
                && new.effects.suppressions.is_empty()
                && !new.effects.events.iter().any(of_provider)
        };
        let is_alone = || first_of_each(&messages, &places).len() == messages.len();
        if bytes > AT_ONCE || !items.iter().all(is_ordinary) || !is_alone() {
            return None;
        }
        let mut pending = Pending::default();
        for new in items {
            pending.count(new.tenant, &new.effects.deltas);
        }
        messages.sort_unstable_by_key(|new| (new.tenant, new.id));
        Some(Self {
            messages,
            jobs: items.iter().flat_map(|new| new.effects.jobs.iter().map(|job| (new.tenant, job))).collect(),
            events: items
                .iter()
                .flat_map(|new| new.effects.events.iter().map(|event| (new.tenant, event)))
                .collect(),
            counters: pending.counters,
        })
    }

    /// Writes it and waits for the disk, by one connection: another one, made after a crash, would wait for what is
    /// lost.
    async fn write_durably(&self, connection: &mut PgConnection, now: Timestamp) -> Run<bool> {
        if self.write(connection, now).await?.is_none() {
            return Ok(false);
        }
        make_durable(connection).await?;
        Ok(true)
    }

    /// The position before the first event, or nothing if something is here already. In order of the parameters of
    /// `accept_new` in the schema.
    async fn write(&self, connection: &mut PgConnection, now: Timestamp) -> Run<Option<i64>> {
        fn of<'a, T, V>(rows: &'a [T], column: impl Fn(&'a T) -> V) -> Vec<V> {
            rows.iter().map(column).collect()
        }
        let Self { messages, jobs, events, counters } = self;
        let keyed: Vec<_> =
            messages.iter().filter_map(|new| new.idempotency.as_ref().map(|key| (*new, key))).collect();
        let counters: Vec<_> = counters.iter().collect();
        let mut recipient_lists = Vec::with_capacity(messages.len());
        let mut tags = Vec::with_capacity(messages.len());
        for new in messages {
            recipient_lists.push(recipients::of_new(&new.recipients)?);
            tags.push(codec::list(&new.tags)?);
        }
        // All that is answered: what is read before its end may be told before the commit.
        let first = sqlx::query_scalar(
            "SELECT accept_new($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
                               $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36,
                               $37, $38)",
        )
        .bind(of(messages, |new| Uuid::from(new.tenant)))
        .bind(of(messages, |new| Uuid::from(new.id)))
        .bind(of(messages, |new| new.created_at.as_micros()))
        .bind(of(messages, |new| new.send_at.as_micros()))
        .bind(of(messages, |new| new.deliver_by.map(Timestamp::as_micros)))
        .bind(of(messages, |new| new.from.as_str()))
        .bind(of(messages, |new| codec::lane(new.lane)))
        .bind(of(messages, |new| new.mode.as_str()))
        .bind(of(messages, |new| new.retry.as_str()))
        .bind(of(messages, |new| new.duplicates.as_str()))
        .bind(tags)
        .bind(of(messages, |new| new.status().as_str()))
        .bind(recipient_lists)
        .bind(of(messages, |new| new.summary.as_ref().map(Sealed::as_bytes)))
        .bind(of(messages, |new| new.content.as_bytes()))
        .bind(of(&keyed, |(new, _)| Uuid::from(new.tenant)))
        .bind(of(&keyed, |(_, one)| one.key.as_str()))
        .bind(of(&keyed, |(new, _)| Uuid::from(new.id)))
        .bind(of(&keyed, |(_, one)| one.digest.as_slice()))
        .bind(of(&keyed, |(_, one)| one.expires_at.as_micros()))
        .bind(now.as_micros())
        .bind(of(jobs, |(tenant, _)| Uuid::from(*tenant)))
        .bind(of(jobs, |(_, job)| job.kind.as_str()))
        .bind(of(jobs, |(_, job)| job.message.map(Uuid::from)))
        .bind(of(jobs, |(_, job)| codec::lane(job.lane)))
        .bind(of(jobs, |(_, job)| job.run_at.as_micros()))
        .bind(of(jobs, |(_, job)| job.payload.as_slice()))
        .bind(of(&counters, |((tenant, ..), _)| Uuid::from(*tenant)))
        .bind(of(&counters, |((_, name, _), _)| name.as_str()))
        .bind(of(&counters, |((.., day), _)| *day))
        .bind(of(&counters, |(_, value)| **value))
        .bind(of(events, |(tenant, _)| Uuid::from(*tenant)))
        .bind(of(events, |(_, event)| Uuid::from(event.id)))
        .bind(of(events, |(_, event)| event.message.map(Uuid::from)))
        .bind(of(events, |(_, event)| event.recipient.map(i64::from)))
        .bind(of(events, |(_, event)| event.kind.as_str()))
        .bind(of(events, |(_, event)| event.at.as_micros()))
        .bind(of(events, |(_, event)| event.detail.as_deref().map(codec::said)))
        .fetch_all(connection)
        .await?;
        Ok(first.into_iter().next().flatten())
    }
}
