//! `/api/v1/emails/batch`: many messages at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use courierx_core::event::MessageStatus;
use courierx_core::id::MessageId;
use courierx_core::message::{IdempotencyKey, Mailbox};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{RepeatableAs, SendEmail, as_the_client_calls_it};
use crate::App;
use crate::auth::hex;
use crate::ctx::Ctx;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::http::openapi::{Answers, Operation};
use crate::http::{Accepted, Answer, ApiError, ApiResult, Either, Input, Json, parse};
use crate::schema::any_of;
use crate::services::emails::{self, BatchItem, Draft, Texts};

/// Messages of a batch that have nothing in common.
const MAX_EMAILS: usize = 100;
/// Recipients who get a message each.
const MAX_RECIPIENTS: usize = 1000;

/// Either messages, or one message and those who get it. Each is read by itself, so that one that is wrong does not
/// spoil the others.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct SendBatch(Box<RawValue>);

any_of! { SendBatch: Messages, OneToMany }

/// Messages that have nothing in common.
#[derive(ToSchema)]
#[schema(as = BatchOfMessages)]
#[expect(dead_code, reason = "the schema of one form of a batch")]
struct Messages {
    /// At most 100.
    emails: Vec<SendEmail>,
}

/// One message, and everybody who gets one of it.
#[derive(ToSchema)]
#[schema(as = BatchToMany)]
#[expect(dead_code, reason = "the schema of the other form of a batch")]
struct OneToMany {
    /// At most 1000.
    recipients: Vec<Recipient>,
    #[serde(flatten)]
    message: SendEmail,
}

/// What became of the messages of a batch.
#[derive(ToSchema)]
#[schema(as = BatchReport)]
#[expect(dead_code, reason = "the schema of a report")]
pub struct BatchReport {
    /// As in any other refusal, if nothing was accepted.
    #[schema(required = false)]
    error: Option<String>,
    code: Option<String>,
    total: usize,
    accepted: usize,
    refused: usize,
    results: Vec<BatchResult>,
}

/// What became of a message: its identifier, or what is wrong with it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of an item of a report")]
struct BatchResult {
    index: usize,
    id: Option<MessageId>,
    status: Option<MessageStatus>,
    replayed: Option<bool>,
    error: Option<String>,
    code: Option<String>,
    errors: Option<Vec<String>>,
    details: Option<BTreeMap<String, Vec<String>>>,
}

impl Input for SendBatch {
    /// As many of moderate size as of a single one with attachments.
    const MAX_BYTES: usize = 10 * 1024 * 1024;
}

#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    emails: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    recipients: Option<Vec<Box<RawValue>>>,
}

/// Who gets a message of their own.
#[derive(Deserialize, ToSchema)]
#[schema(as = BatchRecipient)]
struct Recipient {
    #[serde(alias = "to", alias = "to_email")]
    email: String,
    #[serde(default, alias = "to_name")]
    name: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
}

/// What became of a message.
#[derive(Debug, Serialize)]
struct Item<E> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<MessageStatus>,
    /// Whether it was accepted by an earlier request with the same key.
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<bool>,
    #[serde(flatten)]
    error: Option<E>,
}

#[derive(Debug, Serialize)]
struct Report<E> {
    /// As in any other refusal, if nothing was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    total: usize,
    accepted: usize,
    refused: usize,
    results: Vec<Item<E>>,
}

/// `POST /api/v1/emails/batch`: 202 if any was accepted, and what became of each.
pub async fn send_batch(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    RepeatableAs(key): RepeatableAs,
    Json(SendBatch(body)): Json<SendBatch>,
) -> ApiResult<Either<Accepted<BatchReport>, Either<OverQuota, Answer<BatchReport, 422>>>> {
    let (drafts, texts) = drafts(&body, key)?;
    drop(body);
    let results = Box::pin(emails::send_batch(&ctx, &app, drafts, texts)).await?;
    let total = results.len();
    let accepted = results.iter().filter(|one| one.is_ok()).count();
    let wait = quota(&results);
    let results = results.into_iter().enumerate().map(|(index, one)| item(index, one)).collect();
    let report = |error, code| Report { error, code, total, accepted, refused: total - accepted, results };
    let refused = Some("No message of the batch was accepted; results says why");
    Ok(match wait {
        _ if accepted > 0 => Either::One(Accepted::like(&report(None, None))),
        Some(wait) => Either::Other(Either::One(OverQuota(
            wait,
            Answer::like(&report(refused, Some("quota_exceeded"))),
        ))),
        None => Either::Other(Either::Other(Answer::like(&report(refused, Some("batch_refused"))))),
    })
}

/// That nothing but a quota is in the way, and for how long.
pub struct OverQuota(Duration, Answer<BatchReport, 429>);

impl IntoResponse for OverQuota {
    fn into_response(self) -> Response {
        let wait = [(header::RETRY_AFTER, (self.0.as_secs() + 1).to_string())];
        (wait, self.1).into_response()
    }
}

impl Answers for OverQuota {
    fn tell(operation: &mut Operation) {
        Answer::<BatchReport, 429>::tell(operation);
    }
}

/// How long to wait where nothing but a quota is in the way.
fn quota(results: &[ServiceResult<BatchItem>]) -> Option<Duration> {
    let wait = |one: &ServiceResult<BatchItem>| match one {
        Err(ServiceError::QuotaExceeded { retry_after, .. }) => Some(*retry_after),
        _ => None,
    };
    results.iter().map(wait).collect::<Option<Vec<_>>>()?.into_iter().max()
}

fn item(index: usize, result: ServiceResult<BatchItem>) -> Item<impl Serialize + std::fmt::Debug> {
    match result {
        Ok(BatchItem { id, status, replayed }) => {
            Item { index, id: Some(id), status: Some(status), replayed: Some(replayed), error: None }
        }
        Err(error) => {
            let error = ApiError::from(as_the_client_calls_it(error)).into_body();
            Item { index, id: None, status: None, replayed: None, error: Some(error) }
        }
    }
}

/// Messages that are made one by one, as they are asked for: a thousand copies of a large one never exist together.
type Drafts = Box<dyn Iterator<Item = ServiceResult<Draft>> + Send>;

fn drafts(body: &RawValue, key: Option<IdempotencyKey>) -> ServiceResult<(Drafts, Texts)> {
    let parts: Parts = parse(body.get().as_bytes())?;
    match (parts.emails, parts.recipients) {
        (Some(emails), None) => {
            limited("emails", emails.len(), MAX_EMAILS)?;
            let emails = emails.into_iter().enumerate();
            let each: Drafts = Box::new(emails.map(move |(index, one)| single(&one, index, key.as_ref())));
            Ok((each, Texts::Own))
        }
        (None, Some(recipients)) => {
            limited("recipients", recipients.len(), MAX_RECIPIENTS)?;
            let message: SendEmail = parse(body.get().as_bytes())?;
            if message.names_recipients() {
                let text =
                    "cannot be combined with to, cc or bcc: everybody in it gets a message of their own";
                return Err(ServiceError::field("recipients", text));
            }
            Ok((to_each(message, recipients, key)?, Texts::Shared))
        }
        (Some(_), Some(_)) => Err(ServiceError::field("emails", "cannot be combined with recipients")),
        (None, None) => Err(ServiceError::field(
            "emails",
            "is missing: the messages; or recipients, who get the message that stands beside it",
        )),
    }
}

fn limited(field: &str, actual: usize, max: usize) -> ServiceResult<()> {
    match actual {
        0 => Err(ServiceError::field(field, "is empty")),
        _ if actual > max => {
            Err(ServiceError::field(field, format!("has {actual} items; at most {max} are allowed")))
        }
        _ => Ok(()),
    }
}

/// A message of its own. Its own key goes before that of the batch.
fn single(one: &RawValue, index: usize, key: Option<&IdempotencyKey>) -> ServiceResult<Draft> {
    let email: SendEmail = parse(one.get().as_bytes())?;
    let own = email.has_key();
    let mut draft = email.into_draft(None)?;
    if let Some(key) = key.filter(|_| !own) {
        draft.email = draft.email.idempotency_key(key_of(key.as_str(), index));
    }
    Ok(draft)
}

/// The same message for each recipient, with variables of their own.
fn to_each(
    mut message: SendEmail,
    recipients: Vec<Box<RawValue>>,
    key: Option<IdempotencyKey>,
) -> ServiceResult<Drafts> {
    let key = message.take_key(key)?;
    let shared = message.into_draft(None)?;
    let draft = move |(index, recipient): (usize, Box<RawValue>)| {
        let Recipient { email, name, variables } = parse(recipient.get().as_bytes())?;
        let mut draft = shared.clone();
        draft.email = match name.filter(|name| !name.is_empty()) {
            Some(name) => draft.email.to(named(&email, name)?),
            None => draft.email.to(email),
        };
        if let Some(variables) = variables {
            draft = draft.with_variables(variables);
        }
        if let Some(key) = &key {
            draft.email = draft.email.idempotency_key(key_of(key.as_str(), index));
        }
        Ok(draft)
    };
    Ok(Box::new(recipients.into_iter().enumerate().map(draft)))
}

fn named(email: &str, name: String) -> ServiceResult<Mailbox> {
    let wrong = |field: &str, problem: courierx_core::message::Problem| {
        ServiceError::Invalid(vec![FieldError::new(field, problem.to_string())])
    };
    let mailbox: Mailbox = email.parse().map_err(|problem| wrong("to_email", problem))?;
    let name = courierx_core::message::DisplayName::new(name).map_err(|problem| wrong("name", problem))?;
    Ok(mailbox.with_name(name))
}

/// The key of one message of a batch that has this key: by its place, and never longer than a key may be.
fn key_of(key: &str, index: usize) -> String {
    format!("batch:{}:{index}", hex(&Sha256::digest(key.as_bytes())))
}
