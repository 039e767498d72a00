//! How errors are told.
//!
//! Every error is `{"error": text, "code": name}`. Wrong values (422) also have `errors`, one sentence for each,
//! and `details`, the messages by field.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use courierx_core::clock::Timestamp;
use courierx_core::store::Excess;
use serde::Serialize;

use crate::error::{FieldError, ServiceError};

/// Wrong fields that an answer names; of more it tells only that there are.
pub(super) const TOLD: usize = 50;

/// The result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

/// An error on its way to a client.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    retry_after: Option<Duration>,
    /// Whether a user and a password have to be shown by whoever showed nothing, and not a token.
    basic: bool,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    error: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<Box<Quota>>,
}

/// What there is too little left of.
#[derive(Debug, Clone, Serialize)]
struct Quota {
    period: String,
    limit: u64,
    used: u64,
    resets_at: Timestamp,
}

impl ApiError {
    /// An error of this status.
    pub fn status(status: StatusCode, code: &'static str, error: impl Into<String>) -> Self {
        let body = ErrorBody {
            error: error.into(),
            code,
            errors: Vec::new(),
            details: BTreeMap::new(),
            quota: None,
        };
        Self { status, body, retry_after: None, basic: false }
    }

    /// Its code and its text.
    pub(in crate::http) fn told(&self) -> (&'static str, &str) {
        (self.body.code, &self.body.error)
    }

    /// The body, for an answer that tells of several things.
    pub(in crate::http) fn into_body(self) -> impl Serialize + std::fmt::Debug {
        self.body
    }

    fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    fn code(mut self, code: &'static str) -> Self {
        self.body.code = code;
        self
    }

    /// Asks for a user and a password, if that is what is missing (RFC 7617).
    pub(in crate::http) fn ask_for_password(mut self) -> Self {
        self.basic = true;
        self
    }

    fn quota(mut self, excess: &Excess) -> Self {
        self.body.quota = Some(Box::new(Quota {
            period: excess.allowance.each.to_string(),
            limit: excess.allowance.cap,
            used: excess.used,
            resets_at: excess.resets_at,
        }));
        self
    }

    fn invalid(mut fields: Vec<FieldError>) -> Self {
        let more = fields.len() > TOLD;
        fields.truncate(TOLD);
        let mut errors: Vec<_> = fields.iter().map(|one| format!("{} {}", one.field, one.message)).collect();
        if more {
            errors.push("and more".to_owned());
        }
        let mut error = Self::status(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", errors.join("; "));
        for FieldError { field, message } in fields {
            error.body.details.entry(field).or_default().push(message);
        }
        error.body.errors = errors;
        error
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        use ServiceError as E;
        let text = error.to_string();
        match error {
            E::Invalid(fields) => Self::invalid(fields),
            E::BadRequest(_) => Self::status(StatusCode::BAD_REQUEST, "bad_request", text),
            E::Unauthorized(_) => Self::status(StatusCode::UNAUTHORIZED, "unauthorized", text),
            E::PlanLimit(_) => Self::status(StatusCode::FORBIDDEN, "plan_limit", text),
            E::Suspended => Self::status(StatusCode::FORBIDDEN, "account_suspended", text),
            E::QuotaExceeded { excess, retry_after } => {
                let error = Self::status(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", text);
                error.quota(&excess).retry_after(retry_after)
            }
            E::Forbidden(_) => Self::status(StatusCode::FORBIDDEN, "forbidden", text),
            E::NotFound => Self::status(StatusCode::NOT_FOUND, "not_found", "Not found"),
            E::Conflict(_) => Self::status(StatusCode::CONFLICT, "conflict", text),
            E::Taken(field) => {
                Self { status: StatusCode::CONFLICT, ..Self::invalid(vec![field]).code("taken") }
            }
            E::TooLate(_) => Self::status(StatusCode::CONFLICT, "too_late", text),
            E::Refused { code, .. } => {
                let mut refused = Self::status(StatusCode::UNPROCESSABLE_ENTITY, code, text.clone());
                refused.body.errors = vec![text];
                refused
            }
            E::TooLarge { .. } => Self::status(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text),
            E::TooSlow => Self::status(StatusCode::REQUEST_TIMEOUT, "timeout", text),
            E::TooMany { retry_after, .. } => {
                Self::status(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", text)
                    .retry_after(retry_after)
            }
            E::Unavailable { retry_after, source } => {
                tracing::warn!(error = &*source as &dyn std::error::Error, "a request could not be served");
                Self::status(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text).retry_after(retry_after)
            }
            E::Internal(source) => {
                tracing::error!(error = &*source as &dyn std::error::Error, "a request failed");
                Self::status(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", text)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let mut response = (self.status, axum::Json(&self.body)).into_response();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let seconds = seconds.max(1);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(quota) = &self.body.quota {
            let headers = response.headers_mut();
            let mut set =
                |name, value: u64| drop(headers.insert(HeaderName::from_static(name), value.into()));
            set("x-quota-limit", quota.limit);
            set("x-quota-remaining", quota.limit.saturating_sub(quota.used));
            set("x-quota-reset", quota.resets_at.as_secs().unsigned_abs());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // The two of the internal API tell which header they are about.
            let internal = self.body.code != "unauthorized";
            let scheme = match internal {
                _ if self.basic => "Basic realm=\"CourierX\"",
                true => "X-Internal-Secret",
                false => "Bearer",
            };
            let scheme = HeaderValue::from_static(scheme);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// The answer to a request whose handler panicked. What it said is for the log.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Response<Body> {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(said, "a handler panicked");
    ApiError::status(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "an internal error occurred")
        .into_response()
}
