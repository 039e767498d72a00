//! Why a service did not do what it was asked.

use std::time::Duration;

use courierx_core::blobs::BlobError;
use courierx_core::engine::AcceptError;
use courierx_core::message::InvalidEmail;
use courierx_core::store::{CommitError, Excess, StoreError};

/// The result of a service's call.
pub type ServiceResult<T> = Result<T, ServiceError>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a service did not do what it was asked, named for what the caller can do.
///
/// What a variant carries as text is meant for the client. What is not is a `source`, which is logged and
/// has no way into an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Values are wrong: each with the field it stands in.
    #[error("the request is invalid")]
    Invalid(Vec<FieldError>),
    /// The request cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// Nobody is logged in, or with something that is not valid any more.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// Whoever asks may not do that.
    #[error("{0}")]
    Forbidden(String),
    /// The tenant has no such thing.
    #[error("not found")]
    NotFound,
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// A name that must be unique is somebody else's.
    #[error("{} {}", .0.field, .0.message)]
    Taken(FieldError),
    /// It has happened already, and cannot be stopped or changed any more.
    #[error("{0}")]
    TooLate(&'static str),
    /// What is asked for cannot be done as things are; `code` is for programs.
    #[error("{message}")]
    Refused {
        /// For programs.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// The tenant's plan does not include it, or no more of it.
    #[error("{0}")]
    PlanLimit(String),
    /// The operator has suspended the tenant.
    #[error("the account is suspended")]
    Suspended,
    /// The tenant has had as much mail accepted as it may in this period.
    #[error(
        "no more than {} recipients may be accepted in a {}, and {} are",
        .excess.allowance.cap, .excess.allowance.each, .excess.used
    )]
    QuotaExceeded {
        /// What there is too little left of.
        excess: Excess,
        /// When there is room again.
        retry_after: Duration,
    },
    /// The body is larger than allowed.
    #[error("the body has more than {max} bytes")]
    TooLarge {
        /// How large it may be, in bytes.
        max: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// Too many requests.
    #[error("{message}")]
    TooMany {
        /// For people.
        message: &'static str,
        /// When to try again.
        retry_after: Duration,
    },
    /// It cannot be done at the moment; nothing was changed, or trying again is harmless.
    #[error("the service is unavailable at the moment")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// Why.
        #[source]
        source: Source,
    },
    /// Something is wrong on our side.
    #[error("an internal error occurred")]
    Internal(#[source] Source),
}

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field, as the client calls it: `to_email`, `headers[X-Foo]`.
    pub field: String,
    /// What is wrong, to be read after the name of the field: `is missing`.
    pub message: String,
}

impl FieldError {
    /// This is wrong with this field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl ServiceError {
    /// One field is wrong.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// Something is wrong on our side.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(_) | StoreError::Unavailable(_) => {
                Self::Unavailable { retry_after: Duration::from_secs(1), source: Box::new(error) }
            }
            // An operator has to act; a client that comes back in a minute may find that done.
            StoreError::Full(_) | StoreError::Closed => {
                Self::Unavailable { retry_after: Duration::from_mins(1), source: Box::new(error) }
            }
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<BlobError> for ServiceError {
    fn from(error: BlobError) -> Self {
        // As with the store: who may act needs a minute.
        let seconds = if error.is_temporary() { 1 } else { 60 };
        Self::Unavailable { retry_after: Duration::from_secs(seconds), source: Box::new(error) }
    }
}

impl From<CommitError> for ServiceError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::DuplicateKey { key, .. } => Self::field(key, "has already been taken"),
            CommitError::VersionConflict { .. } => {
                Self::Conflict("it was changed by somebody else meanwhile; read it again".to_owned())
            }
            CommitError::BrokenReference { kind, .. } => {
                Self::Conflict(format!("a {kind} that it names was removed meanwhile; read it again"))
            }
            CommitError::InUse { by, .. } => Self::Conflict(format!("it is in use by a {by}")),
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<serde_json::Error> for ServiceError {
    /// Of what we write ourselves; what a client sends is read elsewhere.
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<InvalidEmail> for ServiceError {
    fn from(error: InvalidEmail) -> Self {
        let fields = error.problems().iter();
        Self::Invalid(
            fields.map(|one| FieldError::new(one.field.to_string(), one.problem.to_string())).collect(),
        )
    }
}

impl From<AcceptError> for ServiceError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Invalid(invalid) => invalid.into(),
            AcceptError::Store(error) => error.into(),
            AcceptError::Blobs(error) => error.into(),
            AcceptError::Render(error) => {
                Self::Refused { code: "template_error", message: error.to_string() }
            }
            AcceptError::Suppressed { .. } => {
                Self::Refused { code: "suppressed", message: "Recipient is suppressed".to_owned() }
            }
            AcceptError::IdempotencyConflict { message } => {
                Self::Conflict(format!("the idempotency key was used for another message ({message})"))
            }
            other => Self::Internal(Box::new(other)),
        }
    }
}
