//! What is stored.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use super::nonce::NONCE;
use super::{KeyId, VaultError};

/// The format: AES-256-GCM, 96-bit nonce, 128-bit tag at the end.
const VERSION: u8 = 1;
/// The version and the key.
const PREFIX: usize = 1 + 4;
/// The version, the key and the nonce.
pub(super) const HEADER: usize = PREFIX + NONCE;
/// What proves that nothing was changed.
pub(super) const TAG: usize = 16;

/// Sealed bytes, as a store keeps them: the version, the [`KeyId`] (4 bytes, big-endian), the nonce (12),
/// the ciphertext and the tag (16).
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The bytes, for a store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, for a store.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// What a store kept. It is checked for its form; only [`Vault::open`](super::Vault::open) can tell
    /// whether it is genuine.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, VaultError> {
        let bytes = bytes.into();
        match bytes.first() {
            None => Err(VaultError::Malformed { reason: "it is empty" }),
            Some(&version) if version != VERSION => Err(VaultError::UnsupportedVersion { version }),
            Some(_) if bytes.len() < HEADER + TAG => Err(VaultError::Malformed { reason: "it is too short" }),
            Some(_) => Ok(Self(bytes)),
        }
    }

    /// The key that it was sealed with.
    pub fn key_id(&self) -> KeyId {
        let mut id = [0; 4];
        id.copy_from_slice(&self.0[1..PREFIX]);
        KeyId::from_be_bytes(id)
    }

    /// The header for a new nonce, with room for `content` bytes and the tag after it.
    pub(super) fn begin(key: KeyId, nonce: [u8; NONCE], content: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + content + TAG);
        bytes.push(VERSION);
        bytes.extend_from_slice(&key.to_be_bytes());
        bytes.extend_from_slice(&nonce);
        bytes
    }

    /// Takes bytes that began with [`Sealed::begin`] and end with the tag.
    pub(super) const fn finish(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn nonce(&self) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&self.0[PREFIX..HEADER]);
        nonce
    }

    pub(super) fn header(&self) -> &[u8] {
        &self.0[..HEADER]
    }

    pub(super) fn ciphertext(&self) -> &[u8] {
        &self.0[HEADER..self.0.len() - TAG]
    }

    pub(super) fn tag(&self) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&self.0[self.0.len() - TAG..]);
        tag
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes, key {})", self.0.len(), self.key_id())
    }
}

/// Text in base64, for records that are kept as JSON.
impl Serialize for Sealed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.as_bytes()))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)?;
        Self::from_bytes(bytes).map_err(D::Error::custom)
    }
}
