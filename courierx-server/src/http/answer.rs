//! Answers, with the type of what is in them: the document of the API is made of these types.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use axum::http::{StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::openapi::{Answers, Operation};
use super::room::held;
use crate::error::ServiceResult;
use crate::services::reading::Reading;

/// A `T` in JSON, with this status.
///
/// It is written when it is made, so `T` may borrow what the handler has: an answer with a `T<'a>` is one with a
/// `T<'static>` too.
#[derive(Debug)]
pub struct Answer<T, const STATUS: u16 = 200>(Response, PhantomData<fn(T)>);

/// A `T` that was made just now.
pub type Created<T> = Answer<T, 201>;
/// A `T` that is under way.
pub type Accepted<T> = Answer<T, 202>;

impl<T: Serialize, const STATUS: u16> Answer<T, STATUS> {
    /// This one.
    pub fn of(body: &T) -> Self {
        Self((status(STATUS), axum::Json(body)).into_response(), PhantomData)
    }
}

impl<T: Serialize, const STATUS: u16> Answer<T, STATUS> {
    /// What was read of mail.
    pub(in crate::http) fn read(body: &T, reading: Reading) -> ServiceResult<Self> {
        let json = [(header::CONTENT_TYPE, "application/json")];
        Ok(Self((status(STATUS), json, held(body, reading)?).into_response(), PhantomData))
    }
}

impl<T, const STATUS: u16> Answer<T, STATUS> {
    /// What has the schema of a `T`, by other means.
    pub(in crate::http) fn like(body: &impl Serialize) -> Self {
        Self((status(STATUS), axum::Json(body)).into_response(), PhantomData)
    }

    /// What is written already.
    pub(in crate::http) fn written(body: Vec<u8>) -> Self {
        let json = [(header::CONTENT_TYPE, "application/json")];
        Self((status(STATUS), json, body).into_response(), PhantomData)
    }
}

impl<T, const STATUS: u16> IntoResponse for Answer<T, STATUS> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: ToSchema, const STATUS: u16> Answers for Answer<T, STATUS> {
    fn tell(operation: &mut Operation) {
        let schema = operation.schema::<T>();
        operation.answer(STATUS, describe(STATUS), Some(("application/json", schema)));
    }
}

/// It is done, and there is nothing to say.
#[derive(Debug)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl Answers for NoContent {
    fn tell(operation: &mut Operation) {
        operation.answer(204, "Done", None);
    }
}

/// One of two answers, of different statuses.
#[derive(Debug)]
pub enum Either<A, B> {
    /// The first.
    One(A),
    /// The second.
    Other(B),
}

impl<A: IntoResponse, B: IntoResponse> IntoResponse for Either<A, B> {
    fn into_response(self) -> Response {
        match self {
            Self::One(one) => one.into_response(),
            Self::Other(other) => other.into_response(),
        }
    }
}

impl<A: Answers, B: Answers> Answers for Either<A, B> {
    fn tell(operation: &mut Operation) {
        A::tell(operation);
        B::tell(operation);
    }
}

/// A text that is no JSON.
#[derive(Debug)]
pub struct Text {
    /// Its media type.
    pub media: &'static str,
    /// The text.
    pub body: String,
}

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, self.media)], self.body).into_response()
    }
}

impl Answers for Text {
    fn tell(operation: &mut Operation) {
        operation.answer(200, describe(200), Some(("text/plain", json!({ "type": "string" }))));
    }
}

/// Server-sent events, with a `T` in JSON as the data of each.
pub struct Streamed<T>(Response, PhantomData<fn(T)>);

impl<T> Streamed<T> {
    /// Those of this stream.
    pub fn of(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Self {
        // What stands in between and collects answers would hold them back.
        let headers = [("x-accel-buffering", "no")];
        Self((headers, Sse::new(events)).into_response(), PhantomData)
    }
}

impl<T> fmt::Debug for Streamed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").finish_non_exhaustive()
    }
}

impl<T> IntoResponse for Streamed<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: ToSchema> Answers for Streamed<T> {
    fn tell(operation: &mut Operation) {
        let data = operation.schema::<T>();
        let schema = json!({
            "type": "string", "contentMediaType": "text/event-stream", "x-data": data,
            "description": "The `data` of each event is one of these, in JSON",
        });
        operation.answer(
            200,
            "As it happens, for as long as nobody ends it",
            Some(("text/event-stream", schema)),
        );
    }
}

fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn describe(status: u16) -> &'static str {
    match status {
        201 => "Created",
        202 => "Accepted",
        422 => "Refused",
        503 => "Not at the moment",
        _ => "OK",
    }
}
