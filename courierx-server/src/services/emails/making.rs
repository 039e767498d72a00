//! What messages take up while they are made, and until they are kept: a request may say little, and name a template
//! of megabytes for a thousand recipients.

use courierx_core::id::TenantId;
use courierx_core::message::Email;
use serde_json::{Map, Value};

use super::batch::MAX_BATCH_BYTES;
use crate::App;
use crate::ctx::Ctx;
use crate::error::{ServiceError, ServiceResult};
use crate::services::room::{Place, SMALL};

/// Bytes of a message besides its texts, files and variables.
const OTHERWISE: usize = 1024;

/// Whether messages are made of the same texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// All of them are.
    Shared,
    /// Each has its own.
    Own,
}

/// The room for the messages of one request, which is given back when this is dropped. What is small takes none.
pub(in crate::services) struct Making<'a> {
    app: &'a App,
    tenant: TenantId,
    texts: Texts,
    /// Messages that are not made yet.
    left: usize,
    /// Bytes of those that are.
    made: usize,
    /// Bytes as MIME, of the same.
    estimated: usize,
    /// For how many bytes there is room.
    reserved: usize,
    places: Vec<Place>,
}

impl<'a> Making<'a> {
    /// One message, or so many.
    pub(super) fn new(ctx: &Ctx, app: &'a App, texts: Texts, left: usize) -> Self {
        let (tenant, places) = (ctx.tenant, Vec::new());
        Self { app, tenant, texts, left, made: 0, estimated: 0, reserved: SMALL, places }
    }

    /// Whose messages they are.
    pub(in crate::services) const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Takes room for a template's texts of so many bytes, in every message that will have them. To be called before
    /// they are read: what waits for room must not take up any.
    pub(in crate::services) async fn of_texts(&mut self, bytes: usize) -> ServiceResult<()> {
        let copies = match self.texts {
            Texts::Shared => self.left,
            Texts::Own => 1,
        };
        self.reserve(self.made.saturating_add((bytes + OTHERWISE).saturating_mul(copies))).await
    }

    /// Counts a message, and takes room for those that will be like it.
    pub(super) async fn made(&mut self, email: &Email) -> ServiceResult<()> {
        let bytes = bytes_of(email);
        self.left = self.left.saturating_sub(1);
        self.made += bytes;
        self.estimated += email.estimated_bytes();
        if self.made.max(self.estimated) > MAX_BATCH_BYTES {
            return Err(ServiceError::Refused {
                code: "batch_too_large",
                message: format!(
                    "The messages have more than {MAX_BATCH_BYTES} bytes together. Send them in several batches."
                ),
            });
        }
        if self.made <= self.reserved {
            return Ok(());
        }
        let more = match self.texts {
            Texts::Shared => bytes.saturating_mul(self.left),
            // Not again for every message.
            Texts::Own => self.made,
        };
        self.reserve(self.made.saturating_add(more)).await
    }

    /// Makes it so many bytes for which there is room; more than a batch may have is refused before it is there.
    async fn reserve(&mut self, bytes: usize) -> ServiceResult<()> {
        let bytes = bytes.min(MAX_BATCH_BYTES);
        let Some(more) = bytes.checked_sub(self.reserved).filter(|more| *more > 0) else { return Ok(()) };
        let room = &self.app.making;
        let place = if self.places.is_empty() {
            room.take(self.tenant, more).await?
        } else {
            room.try_take(self.tenant, more)?
        };
        self.places.push(place);
        self.reserved = bytes;
        Ok(())
    }
}

/// Bytes that a message takes in memory, about.
fn bytes_of(email: &Email) -> usize {
    let texts: usize = [email.html(), email.text()].into_iter().flatten().map(str::len).sum();
    let files: usize = email.attachments().iter().map(|file| file.content().len()).sum();
    OTHERWISE + texts + files + email.variables().map_or(0, bytes_of_all)
}

fn bytes_of_all(values: &Map<String, Value>) -> usize {
    values.iter().map(|(name, value)| size_of::<String>() + name.len() + bytes_of_value(value)).sum()
}

/// Not as JSON, where a number in a list may have two.
fn bytes_of_value(value: &Value) -> usize {
    let within: usize = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(bytes_of_value).sum(),
        Value::Object(values) => bytes_of_all(values),
    };
    size_of::<Value>() + within
}
