//! The document of the API, for programs and for people: a page that is part of the program and asks nobody else.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Answer;
use super::openapi::{self, Answers, Operation};

/// As clients get it: without spaces.
static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| openapi::document().to_string().into_bytes());

/// What the page may do: read the document, and nothing of anybody else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// A file of the page.
#[derive(Debug)]
pub(super) struct File<const KIND: usize>(&'static str);

/// The media types of the files.
const KINDS: [&str; 3] =
    ["text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"];

impl<const KIND: usize> IntoResponse for File<KIND> {
    fn into_response(self) -> Response {
        const NOSNIFF: (HeaderName, HeaderValue) =
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static(KINDS[KIND]));
        let policy = (header::CONTENT_SECURITY_POLICY, POLICY);
        // The next version of the program may bring another.
        let cache = (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        ([kind, policy, cache, NOSNIFF], Bytes::from_static(self.0.as_bytes())).into_response()
    }
}

impl<const KIND: usize> Answers for File<KIND> {
    fn tell(operation: &mut Operation) {
        let media = KINDS[KIND].split(';').next().unwrap_or_default();
        operation.answer(200, "A file", Some((media, json!({ "type": "string" }))));
    }
}

/// `GET /api/v1/openapi.json`
pub(super) async fn document() -> Answer<Value> {
    Answer::written(DOCUMENT.clone())
}

/// `GET /api/v1/docs`
pub(super) async fn page() -> File<0> {
    File(include_str!("page.html"))
}

/// `GET /api/v1/docs/page.js`
pub(super) async fn script() -> File<1> {
    File(include_str!("page.js"))
}

/// `GET /api/v1/docs/page.css`
pub(super) async fn style() -> File<2> {
    File(include_str!("page.css"))
}
