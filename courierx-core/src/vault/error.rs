//! What can be wrong with a key or with what was sealed.

use super::KeyId;

/// Why something could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// It was sealed with a key that the vault does not hold.
    #[error("sealed with key {key_id}, which is not configured; add it as a retired key")]
    UnknownKey {
        /// The key that is needed.
        key_id: KeyId,
    },
    /// It was changed, or it was sealed for another tenant, kind or record.
    #[error("not what was sealed for this record: changed, or moved from another record")]
    Tampered,
    /// It is not something that a vault made.
    #[error("not sealed data: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It was made by a later version.
    #[error("sealed in format {version}, which this version does not know")]
    UnsupportedVersion {
        /// The format.
        version: u8,
    },
}

/// Why a text is not a key. It says nothing about the text but its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The text is not base64.
    #[error("the key is not base64; `openssl rand -base64 32` makes a key")]
    NotBase64,
    /// The text is base64, but not of 32 bytes.
    #[error("the key has {bytes} bytes rather than 32; `openssl rand -base64 32` makes a key")]
    WrongLength {
        /// How many bytes it has.
        bytes: usize,
    },
    /// All bytes are the same: a placeholder, not a key.
    #[error("the key is a placeholder; `openssl rand -base64 32` makes a key")]
    Placeholder,
}
