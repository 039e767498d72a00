//! What goes wrong.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;

/// Everything that goes wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client was not told what it needs, or nothing that makes sense.
    #[error("{0}")]
    Configuration(String),
    /// A request that cannot be written: an identifier that is none.
    #[error("{0}")]
    Request(String),
    /// 400, 413, 422: the request cannot be accepted as it is; `fields` says why.
    #[error("{0}")]
    Validation(Box<Refusal>),
    /// 401: there is no key, it is wrong, or it has ended.
    #[error("{0}")]
    Authentication(Box<Refusal>),
    /// 403: the key lacks a scope, or may not do this.
    #[error("{0}")]
    Permission(Box<Refusal>),
    /// 404: there is no such thing for this key.
    #[error("{0}")]
    NotFound(Box<Refusal>),
    /// 409: in use, taken, too late, or an idempotency key of another message.
    #[error("{0}")]
    Conflict(Box<Refusal>),
    /// 429: too many requests; `retry_after` says when the next one is welcome.
    #[error("{0}")]
    RateLimit(Box<Refusal>),
    /// 5xx: the server cannot serve the request.
    #[error("{0}")]
    Server(Box<Refusal>),
    /// Another status, such as that of a redirect, which is not followed.
    #[error("{0}")]
    Other(Box<Refusal>),
    /// The answer is not what a server of this API says.
    #[error("the answer cannot be read; does the base URL lead to a CourierX server?")]
    Answer(#[source] serde_json::Error),
    /// The answer to a request for a stream is none.
    #[error("the answer ({status}) is no stream; does the base URL lead to a CourierX server?")]
    NoStream {
        /// The HTTP status.
        status: u16,
    },
    /// A stream is not answered in time, says nothing any more, or has an event without an end.
    #[error("the stream says nothing any more")]
    Silence,
    /// There is no answer in time. Whether the request was served is not known.
    #[error("no answer in time")]
    Timeout(#[source] reqwest::Error),
    /// There is no answer: the server cannot be reached, or the connection broke.
    #[error("the server cannot be reached")]
    Connection {
        /// Whether the request certainly never left.
        not_sent: bool,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

/// What the server says of a request that it refuses.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message} ({status} {code})")]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error for programs, such as `validation_error` or `suppressed`.
    pub code: String,
    /// The error for people.
    pub message: String,
    /// One sentence for each thing that is wrong, if the server lists them.
    pub errors: Vec<String>,
    /// What is wrong, by the field's name in the API.
    pub fields: BTreeMap<String, Vec<String>>,
    /// When the next request is welcome.
    pub retry_after: Option<Duration>,
    /// What to name when asking the operator about it.
    pub request_id: Option<String>,
    /// The whole answer; of a batch it has `results`.
    pub body: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    error: Option<String>,
    code: Option<String>,
    errors: Vec<String>,
    details: BTreeMap<String, Vec<String>>,
}

impl Error {
    /// What the server says, if it refused the request.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Validation(refusal)
            | Self::Authentication(refusal)
            | Self::Permission(refusal)
            | Self::NotFound(refusal)
            | Self::Conflict(refusal)
            | Self::RateLimit(refusal)
            | Self::Server(refusal)
            | Self::Other(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The error for programs, if the server refused the request.
    pub fn code(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.code.as_str())
    }

    /// The error that an answer of this status is.
    pub(crate) fn of(status: u16, headers: &HeaderMap, text: &str) -> Self {
        let body: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        let said = Said::deserialize(&body).unwrap_or_default();
        let first = said.errors.first().cloned();
        let refusal = Box::new(Refusal {
            status,
            code: said.code.unwrap_or_else(|| status.to_string()),
            message: said.error.or(first).unwrap_or_else(|| "the server refuses".to_owned()),
            errors: said.errors,
            fields: said.details,
            retry_after: retry_after(headers, SystemTime::now()),
            request_id: text_of(headers, "x-request-id").map(str::to_owned),
            body,
        });
        match status {
            400 | 413 | 422 => Self::Validation(refusal),
            401 => Self::Authentication(refusal),
            403 => Self::Permission(refusal),
            404 => Self::NotFound(refusal),
            409 => Self::Conflict(refusal),
            429 => Self::RateLimit(refusal),
            500.. => Self::Server(refusal),
            _ => Self::Other(refusal),
        }
    }
}

impl From<reqwest::Error> for Error {
    fn from(source: reqwest::Error) -> Self {
        // Its address stands in every log otherwise, with what was asked for.
        let source = source.without_url();
        if source.is_timeout() && !source.is_connect() {
            Self::Timeout(source)
        } else {
            Self::Connection { not_sent: source.is_connect(), source }
        }
    }
}

pub(crate) fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What `Retry-After` says: a number of seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = text_of(headers, RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}
