//! `/api/v1/webhooks/{provider}`: where providers call back.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use courierx_core::provider::{Callback, MAX_CALLBACK_BYTES};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::App;
use crate::error::{ServiceError, ServiceResult};
use crate::http::openapi::{Operation, Takes};
use crate::http::{Answer, ApiError, ApiResult, Unread};
use crate::model::provider_connections::ProviderKind;
use crate::services::callbacks::{self, Addressed};

/// That a callback was taken: what it says stands in the events a moment later.
#[derive(Debug, Serialize, ToSchema)]
pub struct Received {
    received: bool,
}

/// Which provider calls back, and about which connection.
#[derive(Debug)]
pub struct ByToken {
    kind: ProviderKind,
    token: String,
}

/// Which provider calls back.
#[derive(Debug)]
pub struct WithoutToken {
    kind: ProviderKind,
}

/// `POST /api/v1/webhooks/{provider}/{token}`
pub async fn receive(
    State(app): State<Arc<App>>,
    ByToken { kind, token }: ByToken,
    callback: Unread,
) -> ApiResult<Answer<Received>> {
    let addressed = callbacks::addressed(&app, kind, &token).await?;
    take(&app, &addressed, callback).await
}

/// `POST /api/v1/webhooks/{provider}`
pub async fn receive_of_the_only_one(
    State(app): State<Arc<App>>,
    WithoutToken { kind }: WithoutToken,
    callback: Unread,
) -> ApiResult<Answer<Received>> {
    let addressed = callbacks::only(&app, kind).await?;
    take(&app, &addressed, callback).await
}

async fn take(app: &App, addressed: &Addressed, callback: Unread) -> ApiResult<Answer<Received>> {
    let taken = async {
        let length =
            callback.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let _place = app.callback_room.take(length).await?;
        let callback = read(callback).await?;
        callbacks::receive(app, addressed, &callback).await
    };
    taken.await.map_err(|error| told(error, addressed.kind))?;
    Ok(Answer::of(&Received { received: true }))
}

/// Some providers show their password only when they are asked for it, as HTTP has it (RFC 9110 §11.6.1).
fn told(error: ServiceError, kind: ProviderKind) -> ApiError {
    let asks = matches!(kind, ProviderKind::AwsSes | ProviderKind::Postmark);
    let error = ApiError::from(error);
    if asks { error.ask_for_password() } else { error }
}

async fn read(request: Unread) -> ServiceResult<Callback> {
    let headers = request.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let query = request.query().to_owned();
    let body = request.read(MAX_CALLBACK_BYTES).await?;
    let mut callback = Callback::new(Vec::from(body));
    (callback.headers, callback.query) = (headers, query);
    Ok(callback)
}

/// The names in a path. What no provider is called is not found.
async fn names<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> ServiceResult<(ProviderKind, Option<String>)> {
    let names = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
    let Path(mut names) = names.map_err(|_| ServiceError::NotFound)?;
    let kind = names.get("provider").and_then(|name| ProviderKind::named(name));
    let kind = kind.filter(|kind| kind.calls_back()).ok_or(ServiceError::NotFound)?;
    Ok((kind, names.remove("token")))
}

impl<S: Send + Sync> FromRequestParts<S> for ByToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (kind, token) = names(parts, state).await?;
        Ok(Self { kind, token: token.ok_or(ServiceError::NotFound)? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WithoutToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self { kind: names(parts, state).await?.0 })
    }
}

fn provider(operation: &mut Operation) {
    let kinds = ProviderKind::ALL.iter().filter(|kind| kind.calls_back()).map(|kind| kind.provider_id());
    let schema = json!({ "type": "string", "enum": kinds.collect::<Vec<_>>() });
    operation.path("provider", "Who calls back", &schema);
    operation.errors([401, 503]);
}

impl Takes for ByToken {
    fn tell(operation: &mut Operation) {
        provider(operation);
        let schema = json!({ "type": "string", "minLength": 1 });
        operation.path(
            "token",
            "What tells whose callback it is, from the connection's `webhook_url`",
            &schema,
        );
    }
}

impl Takes for WithoutToken {
    fn tell(operation: &mut Operation) {
        provider(operation);
    }
}
