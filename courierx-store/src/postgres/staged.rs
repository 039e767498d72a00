//! Effects of messages that applications accepted in transactions of their own: taken in after their commits.
//!
//! Whoever claims a job, or looks at events or counters, takes in what is staged first, so an event of a message
//! never stands after those of its delivery.

use courierx_core::clock::Timestamp;
use courierx_core::event::NewEvent;
use courierx_core::id::{AttemptId, EventId, MessageId, TenantId};
use courierx_core::store::{CounterDelta, Effects, StoreResult};
use courierx_core::suppression::{NewSuppression, Scope};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::Shared;
use super::codec::{self, Columns};
use super::error::Run;
use super::transaction::{Tx, in_transaction, on_connection};

/// What is taken in at once.
const MOST: i64 = 1000;

/// The part of [`Effects`] that has to wait.
#[derive(Serialize, Deserialize)]
struct Body {
    events: Vec<Event>,
    deltas: Vec<(String, i64, i64)>,
    suppressions: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Event {
    id: EventId,
    message: Option<MessageId>,
    recipient: Option<u32>,
    attempt: Option<AttemptId>,
    connection: Option<String>,
    kind: String,
    at: i64,
    detail: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    pattern: String,
    scope: String,
    reason: String,
    source: String,
    expires_at: Option<i64>,
    note: Option<String>,
    source_message: Option<MessageId>,
}

/// What is to be staged of these effects; nothing if nothing has to wait.
pub(super) fn body(effects: &Effects) -> Run<Option<String>> {
    let Effects { events, deltas, suppressions, .. } = effects;
    if events.is_empty() && deltas.is_empty() && suppressions.is_empty() {
        return Ok(None);
    }
    let events = events.iter().map(|event| Event {
        id: event.id,
        message: event.message,
        recipient: event.recipient,
        attempt: event.attempt,
        connection: event.connection.as_ref().map(ToString::to_string),
        kind: event.kind.as_str().to_owned(),
        at: event.at.as_micros(),
        detail: event.detail.clone(),
    });
    let deltas = deltas.iter().map(|delta| (delta.name.clone(), delta.at.as_micros(), delta.amount));
    let suppressions = suppressions.iter().map(|entry| Entry {
        pattern: entry.pattern.as_str().to_owned(),
        scope: entry.scope.as_str().to_owned(),
        reason: entry.reason.as_str().to_owned(),
        source: entry.source.clone(),
        expires_at: entry.expires_at.map(Timestamp::as_micros),
        note: entry.note.clone(),
        source_message: entry.source_message,
    });
    let body =
        Body { events: events.collect(), deltas: deltas.collect(), suppressions: suppressions.collect() };
    codec::json(&body).map(Some)
}

impl Body {
    fn into_effects(self) -> Run<Effects> {
        let mut effects = Effects::default();
        for staged in self.events {
            let at = Timestamp::from_micros(staged.at);
            // An event without a message is made of one with a message, since that is how events are made.
            let message = staged.message.unwrap_or(MessageId::from_bytes([0; 16]));
            let mut event = NewEvent::of_message(message, codec::text(&staged.kind)?, at);
            event.id = staged.id;
            event.message = staged.message;
            event.recipient = staged.recipient;
            event.attempt = staged.attempt;
            event.connection = staged.connection.as_deref().map(codec::text).transpose()?;
            event.detail = staged.detail;
            effects.events.push(event);
        }
        let delta = |(name, at, amount)| CounterDelta { name, at: Timestamp::from_micros(at), amount };
        effects.deltas = self.deltas.into_iter().map(delta).collect();
        for entry in self.suppressions {
            let (pattern, reason) = (codec::text(&entry.pattern)?, codec::text(&entry.reason)?);
            let mut new = NewSuppression::new(pattern, reason, entry.source).scope(Scope::named(entry.scope));
            new.expires_at = entry.expires_at.map(Timestamp::from_micros);
            new.note = entry.note;
            new.source_message = entry.source_message;
            effects.suppressions.push(new);
        }
        Ok(effects)
    }
}

impl Shared {
    /// Takes in what is staged, if anything is.
    pub(super) async fn take_in_staged(&self) -> StoreResult<()> {
        while on_connection!(self, |connection| any(connection))? {
            in_transaction!(self, |tx| take_in(tx))?;
        }
        Ok(())
    }
}

/// Whether anything is staged.
async fn any(connection: &mut PgConnection) -> Run<bool> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM staged)").fetch_one(connection).await?)
}

/// Takes the oldest in. Two processes may come at once: the second waits for the first, and finds the rest.
async fn take_in(tx: &mut Tx<'_>) -> Run<()> {
    let rows = sqlx::query(
        "DELETE FROM staged WHERE id IN (SELECT id FROM staged ORDER BY id LIMIT $1 FOR UPDATE)
         RETURNING id, tenant, body",
    )
    .bind(MOST)
    .fetch_all(&mut *tx.connection)
    .await?;
    let mut staged = Vec::with_capacity(rows.len());
    for row in &rows {
        let id: i64 = row.column(0)?;
        staged.push((id, row.id::<TenantId>(1)?, row.json::<Body>(2)?.into_effects()?));
    }
    staged.sort_unstable_by_key(|(id, ..)| *id);
    for (_, tenant, effects) in &staged {
        tx.pending.apply(*tenant, effects);
    }
    Ok(())
}
