//! What an error means.

use std::error::Error;
use std::io;

use courierx_core::blobs::BlobError;

use super::http::Told;

/// What happened, where a source alone would not say it.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Fault {
    text: String,
    source: Box<dyn Error + Send + Sync>,
}

impl Fault {
    pub(super) fn new(text: String, source: Box<dyn Error + Send + Sync>) -> Self {
        Self { text, source }
    }
}

/// Whether it is certain that there is no such object, in a place that is there.
pub(super) fn is_absent(error: &object_store::Error) -> bool {
    match find::<Told>(error) {
        // A bucket that is not there is told by the same status.
        Some(told) => told.status == 404 && told.code.as_deref().is_none_or(|code| code == "NoSuchKey"),
        None => matches!(error, object_store::Error::NotFound { .. }),
    }
}

/// What follows from an error of this place.
pub(super) fn told(error: object_store::Error, place: &str) -> BlobError {
    if let Some(told) = find::<Told>(&error) {
        return of_answer(told.clone(), place);
    }
    if let Some(cause) = find::<io::Error>(&error) {
        let (kind, cause) = (cause.kind(), cause.to_string());
        return of_files(kind, &cause, error, place);
    }
    if find::<object_store::client::HttpError>(&error).is_some() {
        return BlobError::Unavailable(error.into());
    }
    BlobError::Backend(error.into())
}

fn of_answer(told: Told, place: &str) -> BlobError {
    let reason = match told.status {
        408 | 429 | 500.. => return BlobError::Unavailable(told.into()),
        401 | 403 => format!(
            "the credentials for {place} are wrong, or may not do this; they need s3:PutObject, s3:GetObject and \
             s3:DeleteObject on what is there, and s3:ListBucket on the bucket"
        ),
        404 => format!("there is no {place}; make the bucket, or correct its name and the endpoint"),
        300..=399 => format!("{place} is in another region; set the one that it is in"),
        _ => format!("{place} does not take the request; are the endpoint and the region right?"),
    };
    BlobError::Refused { reason, source: Some(told.into()) }
}

fn of_files(kind: io::ErrorKind, cause: &str, error: object_store::Error, place: &str) -> BlobError {
    use io::ErrorKind as K;
    let reason = match kind {
        K::PermissionDenied | K::ReadOnlyFilesystem => format!("{place} cannot be written or read ({cause})"),
        K::StorageFull | K::QuotaExceeded | K::FileTooLarge => format!("{place} has no room ({cause})"),
        K::NotADirectory | K::IsADirectory | K::AlreadyExists => {
            format!("something else is in the way in {place} ({cause})")
        }
        _ => return BlobError::Unavailable(error.into()),
    };
    BlobError::Refused { reason, source: Some(error.into()) }
}

/// The first cause of this type.
fn find<T: Error + 'static>(error: &object_store::Error) -> Option<&T> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An error of files hides what it is made of.
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = (inner as &(dyn Error + 'static)).downcast_ref::<T>()
        {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
