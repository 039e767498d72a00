//! Writing back what changed of messages, one statement for each table.

use courierx_core::clock::Timestamp;
use courierx_core::provider::RecipientOutcome;
use courierx_core::store::AttemptRecord;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::codec;
use super::super::error::{Fault, Run};
use super::message::Draft;
use super::recipients;

/// Writes statuses, and recipients where they changed.
pub(super) async fn messages(connection: &mut PgConnection, drafts: &[Draft]) -> Run<()> {
    let changed: Vec<_> = drafts.iter().filter(|draft| draft.message.record != draft.read.record).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let mut texts = Vec::with_capacity(changed.len());
    for draft in &changed {
        let (now, read) = (&draft.message.record.recipients, &draft.read.record.recipients);
        texts.push(if now == read { None } else { Some(recipients::of_records(now)?) });
    }
    let records = || changed.iter().map(|draft| &draft.message.record);
    sqlx::query(
        "UPDATE messages m SET status = new.status, recipients = coalesce(new.recipients, m.recipients)
         FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::text[]), (SELECT $4::text[])) AS new (tenant, id, status, recipients)
         WHERE m.tenant = new.tenant AND m.id = new.id",
    )
    .bind(records().map(|record| Uuid::from(record.tenant)).collect::<Vec<_>>())
    .bind(records().map(|record| Uuid::from(record.id)).collect::<Vec<_>>())
    .bind(records().map(|record| record.status.as_str()).collect::<Vec<_>>())
    .bind(texts)
    .execute(connection)
    .await?;
    Ok(())
}

/// An attempt of a message that is being changed.
type Attempt<'a> = (&'a Draft, &'a AttemptRecord);

fn tenants(attempts: &[Attempt<'_>]) -> Vec<Uuid> {
    attempts.iter().map(|(draft, _)| Uuid::from(draft.message.record.tenant)).collect()
}

fn messages_of(attempts: &[Attempt<'_>]) -> Vec<Uuid> {
    attempts.iter().map(|(draft, _)| Uuid::from(draft.message.record.id)).collect()
}

fn numbers(attempts: &[Attempt<'_>]) -> Run<Vec<i32>> {
    let number = |(_, one): &Attempt<'_>| one.number.try_into();
    attempts.iter().map(number).collect::<Result<_, _>>().map_err(|_| Fault::invalid("too many attempts"))
}

fn results(attempts: &[Attempt<'_>]) -> Run<Vec<String>> {
    attempts.iter().map(|(_, one)| codec::json(&one.recipients)).collect()
}

/// Writes attempts that were begun.
pub(super) async fn new_attempts(connection: &mut PgConnection, drafts: &[Draft]) -> Run<()> {
    let new = |draft: &'_ Draft| draft.read.attempts.len();
    let begun: Vec<Attempt<'_>> = drafts
        .iter()
        .flat_map(|draft| draft.message.attempts.iter().skip(new(draft)).map(move |one| (draft, one)))
        .collect();
    if begun.is_empty() {
        return Ok(());
    }
    let (mut skipped, mut grants) = (Vec::with_capacity(begun.len()), Vec::with_capacity(begun.len()));
    for (draft, attempt) in &begun {
        skipped.push(codec::list(&attempt.skipped)?);
        grants.push(codec::list(draft.grants.get(&attempt.id).map_or(&[][..], Vec::as_slice))?);
    }
    sqlx::query(
        "INSERT INTO attempts (tenant, message, number, id, connection, provider, delivery, job, token, started_at,
                               recipients, skipped, grants)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int4[], $4::uuid[], $5::text[], $6::text[], $7::uuid[],
                              $8::int8[], $9::int8[], $10::int8[], $11::text[], $12::text[], $13::text[])",
    )
    .bind(tenants(&begun))
    .bind(messages_of(&begun))
    .bind(numbers(&begun)?)
    .bind(begun.iter().map(|(_, one)| Uuid::from(one.id)).collect::<Vec<_>>())
    .bind(begun.iter().map(|(_, one)| one.connection.as_str()).collect::<Vec<_>>())
    .bind(begun.iter().map(|(_, one)| one.provider.as_str()).collect::<Vec<_>>())
    .bind(begun.iter().map(|(_, one)| Uuid::from_bytes(*one.delivery.as_bytes())).collect::<Vec<_>>())
    .bind(begun.iter().map(|(_, one)| one.lease.job.0).collect::<Vec<_>>())
    .bind(begun.iter().map(|(_, one)| one.lease.token.0).collect::<Vec<_>>())
    .bind(begun.iter().map(|(_, one)| one.started_at.as_micros()).collect::<Vec<_>>())
    .bind(results(&begun)?)
    .bind(skipped)
    .bind(grants)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what became of attempts, and by what identifiers providers may tell of them.
pub(super) async fn changed_attempts(connection: &mut PgConnection, drafts: &[Draft]) -> Run<()> {
    let mut changed: Vec<Attempt<'_>> = Vec::new();
    for draft in drafts {
        let pairs = draft.message.attempts.iter().zip(&draft.read.attempts);
        changed.extend(pairs.filter(|(now, read)| now != read).map(|(now, _)| (draft, now)));
    }
    if changed.is_empty() {
        return Ok(());
    }
    let said = |(_, one): &Attempt<'_>| one.provider_message_id.as_deref().map(codec::said);
    sqlx::query(
        "UPDATE attempts a SET finished_at = new.finished_at, provider_message_id = new.provider_message_id,
                               recipients = new.recipients
         FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::int4[]), (SELECT $4::int8[]), (SELECT $5::text[]), (SELECT $6::text[]))
              AS new (tenant, message, number, finished_at, provider_message_id, recipients)
         WHERE a.tenant = new.tenant AND a.message = new.message AND a.number = new.number",
    )
    .bind(tenants(&changed))
    .bind(messages_of(&changed))
    .bind(numbers(&changed)?)
    .bind(changed.iter().map(|(_, one)| one.finished_at.map(Timestamp::as_micros)).collect::<Vec<_>>())
    .bind(changed.iter().map(said).collect::<Vec<_>>())
    .bind(results(&changed)?)
    .execute(&mut *connection)
    .await?;
    provider_ids(connection, &changed).await
}

async fn provider_ids(connection: &mut PgConnection, changed: &[Attempt<'_>]) -> Run<()> {
    let (mut attempts, mut ids): (Vec<Attempt<'_>>, Vec<String>) = (Vec::new(), Vec::new());
    for (draft, attempt) in changed {
        for result in &attempt.recipients {
            if let Some(RecipientOutcome::Accepted(acceptance)) = &result.outcome
                && let Some(id) = acceptance.provider_message_id()
            {
                // Usually one identifier for all recipients; some providers give each its own.
                attempts.push((draft, attempt));
                ids.push(codec::said(id));
            }
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO provider_ids (tenant, connection, provider_message_id, message, number)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::int4[]) ON CONFLICT DO NOTHING",
    )
    .bind(tenants(&attempts))
    .bind(attempts.iter().map(|(_, one)| one.connection.as_str()).collect::<Vec<_>>())
    .bind(ids)
    .bind(messages_of(&attempts))
    .bind(numbers(&attempts)?)
    .execute(connection)
    .await?;
    Ok(())
}
