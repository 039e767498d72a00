//! Files that a message names by their URLs.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use courierx_core::id::TenantId;
use courierx_core::message::{Attachment, InvalidEmail};
use serde::Serialize;
use tokio::time::Instant;

use crate::App;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::services::places::{AtOnce, Place};

/// Files that are fetched for one request, each once; those that cannot be count as well.
pub const MAX_FILES: usize = 10;
/// Bytes of one file.
pub const MAX_FILE_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of all files of one request.
pub const MAX_BYTES: usize = 25 * 1024 * 1024;
/// How long fetching all files of one request may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Requests that fetch files at once.
pub const AT_ONCE: AtOnce = AtOnce { of_one: 2, of_all: 16 };

/// A file that is fetched when the message is accepted.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub struct RemoteFile {
    /// Where it is.
    pub url: String,
    /// Its name.
    pub file_name: String,
    /// What it is; what the server says, unless it is given.
    pub content_type: Option<String>,
    /// What the HTML calls it, if it is shown there.
    pub content_id: Option<String>,
}

impl fmt::Debug for RemoteFile {
    /// Without the URL, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFile").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// What came of a file. What is wrong is named by the attachment's own fields, as its place differs between messages.
type Got = Result<Attachment, Vec<FieldError>>;

/// The files of one request, which are fetched once however many messages have them, also those that cannot be.
pub(super) struct Files<'a> {
    app: &'a App,
    tenant: TenantId,
    place: Option<Place>,
    until: Instant,
    tried: HashMap<RemoteFile, Got>,
    bytes: usize,
}

impl<'a> Files<'a> {
    /// Nothing is fetched yet.
    pub(super) fn new(app: &'a App, tenant: TenantId) -> Self {
        let until = Instant::now() + PATIENCE;
        Self { app, tenant, place: None, until, tried: HashMap::new(), bytes: 0 }
    }

    /// The file, which stands at this place among the attachments of its message.
    pub(super) async fn get(&mut self, place: usize, file: &RemoteFile) -> ServiceResult<Attachment> {
        let got = match self.tried.get(file).cloned() {
            Some(known) => known,
            None => self.get_once(file).await,
        };
        got.map_err(|wrong| at(place, wrong))
    }

    /// Tries to fetch a file, and remembers what came of it.
    async fn get_once(&mut self, file: &RemoteFile) -> Got {
        if self.tried.len() == MAX_FILES {
            return Err(of_url(format!(
                "is one too many: at most {MAX_FILES} files are fetched for a request"
            )));
        }
        let (until, work) = (self.until, self.fetch(file));
        let got = tokio::time::timeout_at(until, work).await.unwrap_or_else(|_elapsed| {
            Err(of_url(format!("could not be fetched within {} seconds", PATIENCE.as_secs())))
        });
        self.tried.insert(file.clone(), got.clone());
        got
    }

    async fn fetch(&mut self, file: &RemoteFile) -> Got {
        if self.place.is_none() {
            let place = self.app.fetch_places.take(self.tenant).await;
            self.place = Some(place.map_err(|error| of_url(error.to_string()))?);
        }
        let left = MAX_BYTES - self.bytes;
        let fetching = self.app.providers.files().fetch(&file.url, left.min(MAX_FILE_BYTES), PATIENCE);
        let fetched = fetching.await.map_err(|error| of_url(error.to_string()))?;
        self.bytes += fetched.content.len();
        attachment(file, fetched.content_type, fetched.content).map_err(|invalid| fields(&invalid))
    }
}

fn attachment(file: &RemoteFile, told: Option<String>, content: Vec<u8>) -> Result<Attachment, InvalidEmail> {
    let make = |content_type: &str, content: Vec<u8>| match &file.content_id {
        Some(id) => Attachment::inline(id, &file.file_name, content_type, content),
        None => Attachment::new(&file.file_name, content_type, content),
    };
    let unknown = "application/octet-stream";
    if let Some(given) = &file.content_type {
        return make(given, content);
    }
    // What a server says of its file may be nothing that can stand in a message.
    let told = told.filter(|told| make(told, Vec::new()).is_ok());
    make(told.as_deref().unwrap_or(unknown), content)
}

/// What is wrong with the URL.
fn of_url(text: String) -> Vec<FieldError> {
    vec![FieldError::new("url", text)]
}

/// What is wrong with an attachment of its own.
fn fields(invalid: &InvalidEmail) -> Vec<FieldError> {
    let problems = invalid.problems().iter();
    problems.map(|one| FieldError::new(one.field.to_string(), one.problem.to_string())).collect()
}

/// What is wrong with the attachment at this place of its message.
fn at(place: usize, wrong: Vec<FieldError>) -> ServiceError {
    let named = |one: FieldError| FieldError::new(format!("attachments[{place}].{}", one.field), one.message);
    ServiceError::Invalid(wrong.into_iter().map(named).collect())
}
