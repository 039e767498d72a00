//! The content of a message: sealed in its row, or in a blob that its row refers to.
//!
//! What the row has opens, under the same seal, to one of two forms that their first byte tells apart: an email
//! as JSON, which begins with a brace, or [`REFERENCE`] and a reference as JSON. An earlier version of this
//! program reads the second as no email.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::apart::is_large;
use super::outbox::Inner;
use crate::blobs::{BlobError, BlobKey, Day, INLINE, within};
use crate::clock::Timestamp;
use crate::id::{MessageId, TenantId};
use crate::message::Email;
use crate::store::MessageRecord;
use crate::vault::{SealContext, Sealed, Vault, VaultError};

/// The first byte of a reference, and its version.
const REFERENCE: u8 = 1;

/// Why what is kept of a message cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// It was sealed with a key that is not here, or was changed.
    #[error(transparent)]
    Sealed(#[from] VaultError),
    /// It is not what it should be; the cause could quote it.
    #[error("what is kept of the message cannot be read")]
    Unreadable,
    /// A later version of this program wrote it.
    #[error("what is kept of the message was written by a later version (form {form}); update this one")]
    Newer {
        /// The form, which this version does not know.
        form: u8,
    },
    /// The content is in a blob, and there are no [`Blobs`](crate::blobs::Blobs).
    #[error(
        "the content is kept outside the database, and where is not configured; configure large contents as they \
         were when the message was accepted: `Courier::builder().blobs(…)`, or `COURIERX_BLOBS` of a server"
    )]
    NoBlobs,
    /// The message asks for links of ours, and there is no [`Tracker`](crate::tracking::Tracker).
    #[error(
        "the message was accepted with an address for links to count and to leave by, and none is configured: \
         configure it as it was, `OutboxOptions::tracker`, or `COURIERX_PUBLIC_URL` of a server"
    )]
    NoTracker,
    /// The content is in a blob that cannot be read at the moment.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The content was in a blob that is not there any more.
    #[error("the content is lost: the blob {0} is not there any more")]
    Lost(BlobKey),
    /// The blob is not the one that was put there.
    #[error("the content is damaged: the blob {0} is not what was put there")]
    Damaged(BlobKey),
}

impl ContentError {
    /// Whether it may be read another time: nothing is wrong with the message, and what it takes to read it is
    /// not here.
    pub const fn is_for_now(&self) -> bool {
        match self {
            Self::Sealed(VaultError::UnknownKey { .. } | VaultError::UnsupportedVersion { .. })
            | Self::Newer { .. }
            | Self::NoBlobs
            | Self::NoTracker
            | Self::Blobs(_) => true,
            Self::Sealed(VaultError::Tampered | VaultError::Malformed { .. })
            | Self::Unreadable
            | Self::Lost(_)
            | Self::Damaged(_) => false,
        }
    }
}

/// No reference takes as much, sealed.
const LARGEST_REFERENCE: usize = 1024;

/// A reference to a blob, as it is kept.
#[derive(Serialize, Deserialize)]
struct Reference {
    key: String,
    bytes: usize,
    /// SHA-256 of the blob, in hexadecimal digits.
    sha256: String,
}

impl Reference {
    fn of(key: &BlobKey, blob: &[u8]) -> Self {
        Self { key: key.to_string(), bytes: blob.len(), sha256: digest(blob) }
    }

    fn matches(&self, blob: &[u8]) -> bool {
        blob.len() == self.bytes && digest(blob) == self.sha256
    }
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Sealed content on its way to where it is kept.
pub(super) struct SealedContent {
    /// For the row.
    pub(super) row: Sealed,
    /// What has to be put before there is a row that refers to it.
    pub(super) blob: Option<(BlobKey, Vec<u8>)>,
}

/// Seals a content: for the row, or for a blob if it is large and there are any.
pub(super) fn seal(
    vault: &Vault,
    blobs: bool,
    (tenant, id, created_at): (TenantId, MessageId, Timestamp),
    content: &[u8],
) -> Result<SealedContent, serde_json::Error> {
    if !blobs || content.len() <= INLINE {
        let row = vault.seal(&content_context(tenant, &id), content);
        if !blobs || row.as_bytes().len() <= INLINE {
            return Ok(SealedContent { row, blob: None });
        }
    }
    let key = BlobKey::new(Day::of(created_at), tenant, id);
    let blob = vault.seal(&blob_context(tenant, &id), content).into_bytes();
    let mut form = vec![REFERENCE];
    serde_json::to_writer(&mut form, &Reference::of(&key, &blob))?;
    Ok(SealedContent { row: vault.seal(&content_context(tenant, &id), &form), blob: Some((key, blob)) })
}

impl Inner {
    /// Puts a blob, within the time that there is for it.
    pub(super) async fn put_blob(&self, key: &BlobKey, blob: Vec<u8>) -> Result<(), BlobError> {
        match &self.options.blobs {
            Some(blobs) => within(self.blob_time(blob.len()), blobs.put(key, blob)).await,
            None => Ok(()),
        }
    }

    /// Bytes of a sealed content, wherever it is.
    pub(super) fn content_bytes(
        &self,
        record: &MessageRecord,
        sealed: &Sealed,
    ) -> Result<usize, ContentError> {
        let bytes = sealed.as_bytes().len();
        if self.options.blobs.is_none() || bytes > LARGEST_REFERENCE {
            return Ok(bytes);
        }
        let opened = self.vault.open(&content_context(record.tenant, &record.id), sealed)?;
        Ok(match Form::read(&opened)? {
            Form::Email(_) => bytes,
            Form::Reference(reference) => reference.bytes,
        })
    }

    /// Opens the content of a message, wherever it is.
    pub(super) async fn open_content(
        &self,
        record: &MessageRecord,
        sealed: Sealed,
    ) -> Result<Email, ContentError> {
        let (vault, tenant, id) = (self.vault.clone(), record.tenant, record.id);
        let large = is_large(sealed.as_bytes().len());
        let open = move || -> Result<Form, ContentError> {
            Form::read(&vault.open(&content_context(tenant, &id), &sealed)?)
        };
        let reference = match self.apart.run(large, open).await? {
            Form::Email(email) => return Ok(*email),
            Form::Reference(reference) => reference,
        };
        let key = reference.key.parse::<BlobKey>().map_err(|_| ContentError::Unreadable)?;
        let blobs = self.options.blobs.as_ref().ok_or(ContentError::NoBlobs)?;
        let got = within(self.blob_time(reference.bytes), blobs.get(&key)).await?;
        let blob = got.ok_or(ContentError::Lost(key))?;
        let vault = self.vault.clone();
        let open = move || -> Result<Email, ContentError> {
            if !reference.matches(&blob) {
                return Err(ContentError::Damaged(key));
            }
            let sealed = Sealed::from_bytes(blob)?;
            email(&vault.open(&blob_context(tenant, &id), &sealed)?)
        };
        self.apart.run(true, open).await
    }

    /// How long one call may take for so many bytes: a second longer for each megabyte.
    fn blob_time(&self, bytes: usize) -> Duration {
        const BYTES_PER_SECOND: u64 = 1024 * 1024;
        self.options.blob_timeout + Duration::from_secs(bytes as u64 / BYTES_PER_SECOND)
    }
}

/// What the row of a message has.
enum Form {
    Email(Box<Email>),
    Reference(Reference),
}

impl Form {
    fn read(content: &[u8]) -> Result<Self, ContentError> {
        match content.first() {
            Some(b'{') => email(content).map(|email| Self::Email(Box::new(email))),
            Some(&REFERENCE) => serde_json::from_slice(content.get(1..).unwrap_or_default())
                .map(Self::Reference)
                .map_err(|_| ContentError::Unreadable),
            // Control characters are the forms to come.
            Some(&form) if form < b' ' => Err(ContentError::Newer { form }),
            _ => Err(ContentError::Unreadable),
        }
    }
}

fn email(content: &[u8]) -> Result<Email, ContentError> {
    // What follows could quote the content, and errors go into logs and events.
    serde_json::from_slice(content).map_err(|_| ContentError::Unreadable)
}

/// What a row's part of the content is sealed for.
fn content_context(tenant: TenantId, message: &MessageId) -> SealContext<'_> {
    SealContext { tenant, kind: "content", record: message.as_bytes() }
}

/// What a blob is sealed for.
fn blob_context(tenant: TenantId, message: &MessageId) -> SealContext<'_> {
    SealContext { tenant, kind: "blob", record: message.as_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::VaultKey;

    fn whose() -> (TenantId, MessageId, Timestamp) {
        (TenantId::new(), MessageId::new(), Timestamp::from_secs(1_900_000_000))
    }

    #[test]
    fn only_what_is_large_goes_into_a_blob_and_only_if_there_are_any() {
        let vault = Vault::new(VaultKey::generate());
        let sealed = |blobs, bytes: usize| seal(&vault, blobs, whose(), &vec![b' '; bytes]).unwrap();
        assert!(sealed(true, 1000).blob.is_none());
        let row = sealed(false, 200_000);
        assert!(row.blob.is_none() && row.row.as_bytes().len() > 200_000);
        // The limit is one of what is kept.
        let overhead = sealed(false, 1000).row.as_bytes().len() - 1000;
        let most = sealed(true, INLINE - overhead);
        assert!(most.blob.is_none() && most.row.as_bytes().len() == INLINE);
        let large = sealed(true, INLINE - overhead + 1);
        let (_, blob) = large.blob.unwrap();
        assert!(blob.len() == INLINE + 1 && large.row.as_bytes().len() < 400, "{:?}", large.row);
    }

    #[test]
    fn a_blob_is_sealed_for_its_message_and_named_after_it() {
        let vault = Vault::new(VaultKey::generate());
        let (tenant, id, at) = whose();
        let sealed = seal(&vault, true, (tenant, id, at), &vec![b'x'; 100_000]).unwrap();
        let (key, blob) = sealed.blob.unwrap();
        assert_eq!(key, BlobKey::new(Day::of(at), tenant, id));
        let blob = Sealed::from_bytes(blob).unwrap();
        assert_eq!(*vault.open(&blob_context(tenant, &id), &blob).unwrap(), vec![b'x'; 100_000]);
        assert!(vault.open(&blob_context(tenant, &MessageId::new()), &blob).is_err());
        assert!(vault.open(&blob_context(TenantId::new(), &id), &blob).is_err());
        assert!(vault.open(&content_context(tenant, &id), &blob).is_err());
    }

    #[test]
    fn forms_are_told_apart() {
        let reference = Reference { key: "k".to_owned(), bytes: 1, sha256: String::new() };
        let form = [&[REFERENCE][..], &serde_json::to_vec(&reference).unwrap()].concat();
        assert!(matches!(Form::read(&form), Ok(Form::Reference(read)) if read.key == "k"));
        let newer = Form::read(&[2, b'{']).err().unwrap();
        assert!(matches!(newer, ContentError::Newer { form: 2 }) && newer.is_for_now());
        for wrong in [&b""[..], b"{}", b"[]", &[REFERENCE], b"\x01{}"] {
            assert!(matches!(Form::read(wrong), Err(ContentError::Unreadable)), "{wrong:?}");
        }
    }
}
