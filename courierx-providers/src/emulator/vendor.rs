//! What differs between vendors.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use bytes::Bytes;
use courierx_core::clock::Timestamp;
use courierx_core::provider::Callback;
use courierx_core::provider::conformance::Received;
use serde_json::Value;

use super::Fault;
use super::calls::{Happening, Listener};

/// A request that an emulator has read completely.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// The method.
    pub method: Method,
    /// The path, as it came: percent-encoded.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl ApiRequest {
    /// A header, if it is there exactly once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        if values.next().is_some() { None } else { value.to_str().ok() }
    }
}

/// An answer of a vendor's.
#[derive(Debug, Clone)]
pub struct ApiAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What the vendor took responsibility for by it.
    pub(super) taken: Vec<Received>,
    /// What the vendor calls them: each, or all of them.
    pub(super) ids: Vec<String>,
}

impl ApiAnswer {
    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), taken: Vec::new(), ids: Vec::new() }
    }

    /// An answer in text.
    pub(super) fn text(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::empty(status).header("content-type", content_type);
        answer.body = body.into();
        answer
    }

    /// An answer in JSON.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Says what the vendor took responsibility for.
    pub(super) fn taking(mut self, messages: impl IntoIterator<Item = Received>) -> Self {
        self.taken.extend(messages);
        self
    }

    /// Says what the vendor calls what it took.
    pub(super) fn under(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        self.ids.extend(ids);
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// A vendor's API: accepts what the real one accepts, and refuses the rest in its words.
pub(super) trait Vendor: Send + Sync + 'static {
    /// Answers a request. Whatever is wrong with it is the vendor's own error, with `taken` empty.
    fn answer(&self, request: &ApiRequest) -> ApiAnswer;

    /// The vendor's own words for a fault; none if it never says such a thing, so that the request is answered
    /// as if there were none.
    fn fault(&self, fault: Fault) -> Option<ApiAnswer>;

    /// In what form it reports something that happened; none if it does not.
    fn report(&self, happened: &Happening) -> Option<Value>;

    /// Where it was told to call back.
    fn listeners(&self) -> Vec<Listener>;

    /// Whether it tells one of them of this.
    fn tells(&self, _: &Listener, _: &Happening) -> bool {
        true
    }

    /// What it calls back before it tells anything, each once: where, and what.
    fn greetings(&self, _: Timestamp) -> Vec<(String, Callback)> {
        Vec::new()
    }

    /// Forgets what it keeps of earlier requests, for questions and repetitions.
    fn forget(&self) {}
}
