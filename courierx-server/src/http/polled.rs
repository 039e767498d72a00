//! Questions that clients ask again and again, answered from what is [remembered](crate::answers) where that is as
//! good as looking.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::clock::Timestamp;
use courierx_core::store::Generation;

use super::ApiError;
use super::openapi::{self, Operation};
use crate::App;
use crate::answers::{Answer, LONGEST, LONGEST_BODY, Question};
use crate::ctx::Ctx;
use crate::error::ServiceError;

/// An answer that stays right for so long, unless something of its tenant is written.
#[derive(Debug)]
pub struct Lasting<A> {
    answer: A,
    lasts: Duration,
}

impl<A> Lasting<A> {
    /// This one.
    pub(super) fn new(answer: A, lasts: Duration) -> Self {
        Self { answer, lasts }
    }
}

/// How long an answer lasts.
#[derive(Debug, Clone, Copy)]
struct Lasts(Duration);

impl<A: IntoResponse> IntoResponse for Lasting<A> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        response.extensions_mut().insert(Lasts(self.lasts));
        response
    }
}

impl<A: openapi::Answers> openapi::Answers for Lasting<A> {
    fn tell(operation: &mut Operation) {
        A::tell(operation);
    }
}

/// A handler of questions that are asked again and again: its answer may depend on the tenant, on the mode, and on path
/// and query. It stands behind the gate, so whoever asks was let in.
#[derive(Debug, Clone)]
pub(super) struct Polled<H>(pub(super) H);

impl<H, T> Handler<T, Arc<App>> for Polled<H>
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, app: Arc<App>) -> Self::Future {
        // Before anything is read.
        let Some((question, generation)) = question(&request, &app) else {
            return Box::pin(self.0.call(request, app));
        };
        let asked_at = app.now();
        if let Some(answer) = app.answers.find(&question, generation, asked_at) {
            return Box::pin(std::future::ready(again(&answer)));
        }
        Box::pin(async move {
            let response = self.0.call(request, Arc::clone(&app)).await;
            keep(&app, question, (generation, asked_at), response).await
        })
    }
}

/// What is asked, if its answer may be remembered.
fn question(request: &Request, app: &App) -> Option<(Question, Generation)> {
    if app.answers.is_off() {
        return None;
    }
    let ctx = request.extensions().get::<Ctx>()?;
    let generation = app.store.generation(ctx.tenant)?;
    let path = request.uri().path_and_query()?.as_str().into();
    Some((Question { tenant: ctx.tenant, mode: ctx.mode, path }, generation))
}

fn again(answer: &Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body.clone()));
    response.headers_mut().clone_from(&answer.headers);
    response
}

/// Remembers an answer that lasts.
async fn keep(
    app: &App,
    question: Question,
    (generation, made_at): (Generation, Timestamp),
    mut response: Response,
) -> Response {
    let Some(Lasts(lasts)) = response.extensions_mut().remove::<Lasts>() else { return response };
    let bytes = response.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    if response.status() != StatusCode::OK || bytes.is_none_or(|bytes| bytes > LONGEST_BODY) {
        return response;
    }
    let (parts, body) = response.into_parts();
    // It is written already, so nothing is waited for.
    let body = match to_bytes(body, LONGEST_BODY).await {
        Ok(body) => body,
        Err(error) => return ApiError::from(ServiceError::internal(error)).into_response(),
    };
    let answer = Answer {
        generation,
        made_at,
        ends_at: made_at.after(lasts.min(LONGEST)),
        headers: parts.headers.clone(),
        // As large as it is, not as large as its buffer was.
        body: Bytes::copy_from_slice(&body),
    };
    app.answers.keep(question, answer);
    Response::from_parts(parts, Body::from(body))
}
