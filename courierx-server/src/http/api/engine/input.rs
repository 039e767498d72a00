//! What programs send to the engine.

use courierx_core::message::{
    DuplicatePolicy, Email, EmailBuilder, HeaderName, IdempotencyKey, Lane, MetadataKey, Tracking, limits,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::http::Input;
use crate::http::api::emails::input::{MAX_ADDRESSES, limit, named, set, texts};
use crate::http::api::emails::parts::{Addresses, AttachedFile};
use crate::services::engine::{AccountInput, Batch, BatchRecipient, ProviderInput, Request};

/// A message to send now, to somebody or to many.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngineEmail {
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Addresses,
    #[serde(default)]
    cc: Addresses,
    #[serde(default)]
    bcc: Addresses,
    #[serde(default, alias = "reply_to")]
    reply_to: Addresses,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    attachments: Option<Vec<AttachedFile>>,
    #[serde(default, alias = "track_opens")]
    track_opens: Option<bool>,
    #[serde(default, alias = "track_clicks")]
    track_clicks: Option<bool>,
    #[serde(default, alias = "tenant_id")]
    tenant_id: Option<String>,
    #[serde(default, alias = "email_id")]
    email_id: Option<String>,
    #[serde(default, alias = "idempotency_key")]
    idempotency_key: Option<String>,
    #[serde(default, alias = "duplicate_policy")]
    duplicate_policy: Option<String>,
    #[serde(default)]
    providers: Option<Vec<ProviderInput>>,
    #[serde(default)]
    recipients: Option<Vec<Recipient>>,
}

/// Who gets a message of a batch.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EngineRecipient)]
struct Recipient {
    #[serde(default)]
    email: String,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default, alias = "email_id")]
    email_id: Option<String>,
}

impl Input for EngineEmail {
    /// A message of moderate size with attachments in base64.
    const MAX_BYTES: usize = 10 * 1024 * 1024;
}

impl Input for AccountInput {}

impl EngineEmail {
    /// One message, and what the client calls it.
    pub(super) fn into_request(mut self) -> ServiceResult<(Request, Option<String>)> {
        let mut wrong = Vec::new();
        if self.recipients.is_some() {
            wrong.push(FieldError::new("recipients", "is for batches; name the recipients in to"));
        }
        for (field, list) in [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)] {
            limit(field, list.0.len(), MAX_ADDRESSES, &mut wrong);
        }
        let key = self.key(&mut wrong);
        let email_id = self.email_id.take();
        let (tenant, providers) = (self.tenant_id.take(), self.providers.take().unwrap_or_default());
        let [to, cc, bcc] = [&mut self.to, &mut self.cc, &mut self.bcc].map(std::mem::take);
        let variables = self.variables.take();
        let mut email = set(self.into_email(&mut wrong), variables, EmailBuilder::variables);
        if wrong.is_empty() {
            email = to.0.iter().fold(email, |email, one| email.to(one.as_str()));
            email = cc.0.iter().fold(email, |email, one| email.cc(one.as_str()));
            email = bcc.0.iter().fold(email, |email, one| email.bcc(one.as_str()));
        }
        right(wrong)?;
        Ok((Request { email, providers, tenant, key }, email_id))
    }

    /// A message to many.
    pub(super) fn into_batch(mut self) -> ServiceResult<Batch> {
        let mut wrong = Vec::new();
        for (field, list) in [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)] {
            if !list.0.is_empty() {
                wrong.push(FieldError::new(
                    field,
                    "is nothing that a batch has; name everybody in recipients",
                ));
            }
        }
        let key = self.key(&mut wrong);
        let (tenant, providers) = (self.tenant_id.take(), self.providers.take().unwrap_or_default());
        let (variables, recipients) = (self.variables.take(), self.recipients.take().unwrap_or_default());
        let email = self.into_email(&mut wrong).lane(Lane::Bulk);
        right(wrong)?;
        let recipient =
            |Recipient { email, variables, email_id }| BatchRecipient { email, variables, email_id };
        let recipients = recipients.into_iter().map(recipient).collect();
        Ok(Batch { email, variables, recipients, providers, tenant, key })
    }

    fn key(&mut self, wrong: &mut Vec<FieldError>) -> Option<IdempotencyKey> {
        let made = IdempotencyKey::new(self.idempotency_key.take()?);
        made.map_err(|problem| wrong.push(FieldError::new("idempotencyKey", problem.to_string()))).ok()
    }

    /// Everything but recipients and variables.
    fn into_email(self, wrong: &mut Vec<FieldError>) -> EmailBuilder {
        limit("replyTo", self.reply_to.0.len(), MAX_ADDRESSES, wrong);
        limit("headers", self.headers.as_ref().map_or(0, Map::len), limits::MAX_HEADERS, wrong);
        limit("metadata", self.metadata.as_ref().map_or(0, Map::len), limits::MAX_METADATA, wrong);
        limit("attachments", self.attachments.as_ref().map_or(0, Vec::len), limits::MAX_ATTACHMENTS, wrong);
        let mut email = Email::builder().duplicate_policy(policy(self.duplicate_policy.as_deref(), wrong));
        // What is far too much is not looked at one by one.
        if !wrong.is_empty() {
            return email;
        }
        email = self.reply_to.0.iter().fold(email, |email, one| email.reply_to(one.as_str()));
        email = self.tags.iter().flatten().fold(email, EmailBuilder::tag);
        for (name, value) in texts(self.headers, "headers", wrong) {
            if let Some(name) = named("headers", &name, HeaderName::new(&*name), wrong) {
                email = email.header(name, value);
            }
        }
        for (name, value) in texts(self.metadata, "metadata", wrong) {
            if let Some(name) = named("metadata", &name, MetadataKey::new(&*name), wrong) {
                email = email.metadata(name, value);
            }
        }
        for (index, file) in self.attachments.into_iter().flatten().enumerate() {
            email = file.attach_to(email, index, wrong);
        }
        email = email.tracking(Tracking { opens: self.track_opens, clicks: self.track_clicks });
        if let Some(from) = &self.from {
            email = email.from(from.as_str());
        }
        email = set(email, self.subject, EmailBuilder::subject);
        email = set(email, self.html, EmailBuilder::html);
        set(email, self.text, EmailBuilder::text)
    }
}

/// What follows an unknown outcome. Unless the client says otherwise it is told, and nothing is sent twice.
fn policy(name: Option<&str>, wrong: &mut Vec<FieldError>) -> DuplicatePolicy {
    let parsed = name.map_or(Ok(DuplicatePolicy::Never), str::parse);
    parsed.unwrap_or_else(|error| {
        wrong.push(FieldError::new("duplicatePolicy", error.to_string()));
        DuplicatePolicy::Never
    })
}

fn right(wrong: Vec<FieldError>) -> ServiceResult<()> {
    if wrong.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(wrong)) }
}

/// The same error, with the fields as they are documented.
pub(super) fn as_the_client_calls_it(error: ServiceError) -> ServiceError {
    let ServiceError::Invalid(mut fields) = error else { return error };
    for FieldError { field, .. } in &mut fields {
        if let Some(rest) = field.strip_prefix("reply_to") {
            *field = format!("replyTo{rest}");
        } else if field.starts_with("attachments[") {
            *field = field.replace(".file_name", ".filename");
        }
    }
    ServiceError::Invalid(fields)
}
