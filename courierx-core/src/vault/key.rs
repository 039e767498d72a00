//! Keys, and the names they have without being configured.

use std::fmt;

use aes_gcm::aead::Generate;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::InvalidKey;

/// People copy keys with and without the `=` at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key of 256 bits. Wiped from memory when dropped; `Debug` shows its [`KeyId`] alone.
#[derive(Clone)]
pub struct VaultKey([u8; 32]);

impl VaultKey {
    /// A new random key.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give.
    #[must_use]
    pub fn generate() -> Self {
        Self(<[u8; 32]>::generate())
    }

    /// The key that these bytes are. They must come from a random generator, not from a password.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key that a configuration spells in base64, surrounding white space aside.
    pub fn from_base64(text: &str) -> Result<Self, InvalidKey> {
        let decoded = BASE64.decode(text.trim()).map(Zeroizing::new).map_err(|_| InvalidKey::NotBase64)?;
        let mut key = Self([0; 32]);
        if decoded.len() != key.0.len() {
            return Err(InvalidKey::WrongLength { bytes: decoded.len() });
        }
        key.0.copy_from_slice(&decoded);
        if key.0.iter().all(|&byte| byte == key.0[0]) {
            return Err(InvalidKey::Placeholder);
        }
        Ok(key)
    }

    /// The key in base64, to be written to a key file.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(self.0))
    }

    /// The name of the key.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::new_with_prefix(b"courierx key id 1").chain_update(self.0).finalize();
        KeyId(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for VaultKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultKey({})", self.id())
    }
}

/// The name of a key: 32 bits of a hash of it, so that it needs no configuration and tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u32);

impl KeyId {
    pub(super) const fn from_be_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }

    pub(crate) const fn to_be_bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    /// The name as a number.
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}
