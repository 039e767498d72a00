//! Attachments and inline parts.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::{InvalidEmail, Problem};
use super::field::Field;
use super::media::{ContentId, ContentType, FileName};
use super::problems::Problems;

/// A file that travels with a message. Cloning it copies no content.
///
/// As JSON, the content is base64 (RFC 4648 §4). `Debug` shows type and size alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attachment(Arc<Inner>);

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Inner {
    file_name: FileName,
    content_type: ContentType,
    #[serde(rename = "content_id", default, skip_serializing_if = "Disposition::is_attached")]
    disposition: Disposition,
    #[serde(with = "base64_bytes")]
    content: Vec<u8>,
}

/// Where a mail program shows an attachment (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Option<ContentId>", into = "Option<ContentId>")]
pub enum Disposition {
    /// In the list of attachments.
    #[default]
    Attached,
    /// Where the HTML refers to it.
    Inline {
        /// What the HTML calls it: `<img src="cid:…">`.
        content_id: ContentId,
    },
}

impl Disposition {
    /// Whether it is listed, not shown inside the HTML.
    pub const fn is_attached(&self) -> bool {
        matches!(self, Self::Attached)
    }
}

impl From<Option<ContentId>> for Disposition {
    fn from(content_id: Option<ContentId>) -> Self {
        content_id.map_or(Self::Attached, |content_id| Self::Inline { content_id })
    }
}

impl From<Disposition> for Option<ContentId> {
    fn from(disposition: Disposition) -> Self {
        match disposition {
            Disposition::Attached => None,
            Disposition::Inline { content_id } => Some(content_id),
        }
    }
}

impl Attachment {
    /// A file in the list of attachments. The content may be empty.
    pub fn new(
        file_name: impl TryInto<FileName, Error: Into<Problem>>,
        content_type: impl TryInto<ContentType, Error: Into<Problem>>,
        content: impl Into<Vec<u8>>,
    ) -> Result<Self, InvalidEmail> {
        Self::build(Ok(Disposition::Attached), file_name, content_type, content.into())
    }

    /// A part that the HTML shows as `cid:content_id`.
    pub fn inline(
        content_id: impl TryInto<ContentId, Error: Into<Problem>>,
        file_name: impl TryInto<FileName, Error: Into<Problem>>,
        content_type: impl TryInto<ContentType, Error: Into<Problem>>,
        content: impl Into<Vec<u8>>,
    ) -> Result<Self, InvalidEmail> {
        let content_id = content_id.try_into().map_err(Into::into);
        let disposition = content_id.map(|content_id| Disposition::Inline { content_id });
        Self::build(disposition, file_name, content_type, content.into())
    }

    fn build(
        disposition: Result<Disposition, Problem>,
        file_name: impl TryInto<FileName, Error: Into<Problem>>,
        content_type: impl TryInto<ContentType, Error: Into<Problem>>,
        content: Vec<u8>,
    ) -> Result<Self, InvalidEmail> {
        let mut problems = Problems::default();
        let disposition = problems.take(Field::new("content_id"), disposition);
        let file_name = problems.take(Field::new("file_name"), file_name.try_into());
        let content_type = problems.take(Field::new("content_type"), content_type.try_into());
        match (disposition, file_name, content_type) {
            (Some(disposition), Some(file_name), Some(content_type)) => {
                Ok(Self(Arc::new(Inner { file_name, content_type, disposition, content })))
            }
            _ => Err(problems.into_error()),
        }
    }

    /// The name of the file.
    pub fn file_name(&self) -> &FileName {
        &self.0.file_name
    }

    /// What the content is.
    pub fn content_type(&self) -> &ContentType {
        &self.0.content_type
    }

    /// Where it is shown.
    pub fn disposition(&self) -> &Disposition {
        &self.0.disposition
    }

    /// What the HTML calls it, if it is an inline part.
    pub fn content_id(&self) -> Option<&ContentId> {
        match &self.0.disposition {
            Disposition::Attached => None,
            Disposition::Inline { content_id } => Some(content_id),
        }
    }

    /// The content, decoded.
    pub fn content(&self) -> &[u8] {
        &self.0.content
    }
}

/// Lets [`EmailBuilder::attach`](super::EmailBuilder::attach) take what [`Attachment::new`] returns, so that
/// its problems are reported with all others.
impl TryFrom<Result<Self, InvalidEmail>> for Attachment {
    type Error = InvalidEmail;

    fn try_from(attachment: Result<Self, InvalidEmail>) -> Result<Self, InvalidEmail> {
        attachment
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("content_type", &self.0.content_type.essence())
            .field("inline", &!self.0.disposition.is_attached())
            .field("bytes", &self.0.content.len())
            .finish_non_exhaustive()
    }
}

/// Bytes as base64 text.
mod base64_bytes {
    use std::fmt;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_str(Base64)
    }

    struct Base64;

    impl Visitor<'_> for Base64 {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes in base64")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
            // The decoder's own error repeats a byte of the content.
            STANDARD.decode(text).map_err(|_| E::custom("not base64"))
        }
    }
}
