//! `/api/v1/sandbox/messages`: what arrived in the sandbox.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::MessageId;
use courierx_core::message::RecipientField;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::ctx::Ctx;
use crate::http::paging::DEEPEST;
use crate::http::{Answer, ApiResult, Id, Page, Paged, Pages, Params};
use crate::services::sandbox::{self, SandboxMessage};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SandboxMessage)]
pub struct Rendered<'a> {
    id: MessageId,
    from: Option<String>,
    to: Vec<String>,
    cc: Vec<String>,
    /// For whom the sandbox took it, whatever the headers say.
    recipients: Vec<&'a str>,
    subject: Option<&'a str>,
    html_body: Option<&'a str>,
    text_body: Option<&'a str>,
    /// Whether what it says is not kept any more.
    content_purged: bool,
    headers: Vec<Header<'a>>,
    attachments: Vec<File<'a>>,
    received_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SandboxHeader)]
pub struct Header<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SandboxFile)]
pub struct File<'a> {
    filename: &'a str,
    content_type: &'a str,
    bytes: usize,
}

fn render(message: &SandboxMessage) -> Rendered<'_> {
    let content = message.content.as_ref();
    let email = content.map(courierx_core::provider::Content::email);
    let mailboxes = |field| {
        let all = email.map_or(&[][..], |email| email.mailboxes(field));
        all.iter().map(ToString::to_string).collect()
    };
    let headers = content.into_iter().flat_map(|content| content.headers().iter());
    let files = email.into_iter().flat_map(courierx_core::message::Email::attachments);
    Rendered {
        id: message.message.record.id,
        from: email.map(|email| email.from().to_string()),
        to: mailboxes(RecipientField::To),
        cc: mailboxes(RecipientField::Cc),
        recipients: message.recipients.iter().map(courierx_core::message::Address::as_str).collect(),
        subject: message.subject.as_deref(),
        html_body: content.and_then(|content| content.html()),
        text_body: content.and_then(|content| content.text()),
        // The subject is kept as long as the content, which a long list leaves out.
        content_purged: message.subject.is_none(),
        headers: headers.map(|one| Header { name: one.name.as_str(), value: one.value.as_str() }).collect(),
        attachments: files
            .map(|file| File {
                filename: file.file_name().as_str(),
                content_type: file.content_type().as_str(),
                bytes: file.content().len(),
            })
            .collect(),
        received_at: message.attempt.finished_at,
    }
}

/// `GET /api/v1/sandbox/messages`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<Pages>,
) -> ApiResult<Page<Rendered<'static>>> {
    let paging = params.paging();
    params.finish()?;
    let (skip, limit) = (paging.skip()?, paging.per_page() as usize);
    let (messages, total, reading) = sandbox::list(&ctx, &app, skip, limit, DEEPEST).await?;
    Ok(Paged { items: messages.iter().map(render).collect(), total, paging }.read(reading)?)
}

/// `GET /api/v1/sandbox/messages/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<MessageId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let (message, reading) = sandbox::get(&ctx, &app, id).await?;
    Ok(Answer::read(&render(&message), reading)?)
}
