//! Sealing at rest: credentials and contents are stored encrypted, and bound to the record they belong to.
//!
//! A [`Vault`] seals with AES-256-GCM under its active key, and opens what any of its keys sealed. What is
//! sealed opens only for the same tenant, kind and record, so whoever can write to the database can neither
//! read it nor move it elsewhere.
//!
//! Nonces are random. With 96 bits, one key should seal at most 2³² times; then the chance that any two
//! nonces were equal is still below 2⁻³². At a hundred seals a second that is more than a year: rotate keys
//! yearly, or sooner if you seal more. To rotate, make the new key the active one, keep the old one as a
//! retired one, seal again whatever [`Vault::needs_rewrap`], and drop the old key when nothing does and
//! [its canary](crate::store::check_canary) is removed.
//!
//! ```
//! use courierx_core::id::TenantId;
//! use courierx_core::vault::{SealContext, Vault, VaultKey};
//!
//! let vault = Vault::new(VaultKey::generate());
//! let context = SealContext { tenant: TenantId::DEFAULT, kind: "connection", record: &[7; 16] };
//! let sealed = vault.seal(&context, b"secret");
//! assert_eq!(*vault.open(&context, &sealed)?, b"secret");
//! # Ok::<(), courierx_core::vault::VaultError>(())
//! ```

mod error;
mod key;
mod nonce;
mod sealed;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

pub use self::error::{InvalidKey, VaultError};
pub use self::key::{KeyId, VaultKey};
use self::nonce::{NONCE, Nonces};
pub use self::sealed::Sealed;
use crate::id::TenantId;

/// What the canary says and is sealed for.
const CANARY: &[u8] = b"courierx canary 1";
const CANARY_CONTEXT: SealContext<'static> =
    SealContext { tenant: TenantId::DEFAULT, kind: "canary", record: &[0; 16] };
/// AES-GCM cannot seal more under one nonce.
const MAX_PLAINTEXT: u64 = (1 << 36) - 32;

/// What something is sealed for. It is not stored with it: whoever opens it must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is, so that one field cannot stand for another: `"connection"`, `"content"`, …
    pub kind: &'static str,
    /// The identifier of the record it belongs to.
    pub record: &'a [u8; 16],
}

impl SealContext<'_> {
    /// The associated data: the header of the sealed bytes, then every part after its length.
    fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        let parts: [&[u8]; 4] = [header, self.tenant.as_bytes(), self.kind.as_bytes(), self.record];
        let mut data = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
        for part in parts {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// The keys, and what seals and opens with them. Cloning it is cheap; `Debug` shows names of keys alone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

/// A key in use: its name, what seals with it, and what other keys are derived from.
type Named = (KeyId, Aes256Gcm, Root);
/// The first step of HKDF (RFC 5869) of a key.
type Root = Zeroizing<[u8; 32]>;

struct Inner {
    active: Named,
    retired: Vec<Named>,
    nonces: Nonces,
}

impl Vault {
    /// A vault that seals and opens with `active`.
    pub fn new(active: VaultKey) -> Self {
        Self::with_keys(cipher(active), Vec::new())
    }

    /// This vault, and it opens what `retired` sealed, too.
    #[must_use]
    pub fn with_retired(self, retired: VaultKey) -> Self {
        let mut keys = self.0.retired.clone();
        keys.push(cipher(retired));
        Self::with_keys(self.0.active.clone(), keys)
    }

    fn with_keys(active: Named, retired: Vec<Named>) -> Self {
        Self(Arc::new(Inner { active, retired, nonces: Nonces::new() }))
    }

    fn keys(&self) -> impl Iterator<Item = &Named> {
        std::iter::once(&self.0.active).chain(&self.0.retired)
    }

    /// The key that the vault seals with.
    pub fn active_key(&self) -> KeyId {
        self.0.active.0
    }

    /// Every key that the vault opens with, the active one first.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys().map(|(id, ..)| *id)
    }

    /// Seals `plaintext` for `context`.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give, or `plaintext` is longer than 64 GiB, which
    /// AES-GCM cannot seal at once.
    pub fn seal(&self, context: &SealContext<'_>, plaintext: &[u8]) -> Sealed {
        self.seal_with(self.0.nonces.next(), context, plaintext)
    }

    fn seal_with(&self, nonce: [u8; NONCE], context: &SealContext<'_>, plaintext: &[u8]) -> Sealed {
        assert!(plaintext.len() as u64 <= MAX_PLAINTEXT, "too long to be sealed");
        let (key_id, cipher, _) = &self.0.active;
        let mut bytes = Sealed::begin(*key_id, nonce, plaintext.len());
        let data = context.associated_data(&bytes);
        bytes.extend_from_slice(plaintext);
        let Ok(tag) =
            cipher.encrypt_inout_detached(&Nonce::from(nonce), &data, (&mut bytes[sealed::HEADER..]).into())
        else {
            unreachable!("the length is all that can be wrong")
        };
        bytes.extend_from_slice(&tag);
        Sealed::finish(bytes)
    }

    /// Opens what was sealed for `context`. The result is wiped from memory when dropped.
    pub fn open(&self, context: &SealContext<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key_id = sealed.key_id();
        let data = context.associated_data(sealed.header());
        let mut known = false;
        // 32 bits of a hash can collide, however rarely: the tag decides among keys of one name.
        for (_, cipher, _) in self.keys().filter(|(id, ..)| *id == key_id) {
            known = true;
            let mut plaintext = Zeroizing::new(sealed.ciphertext().to_vec());
            let (nonce, tag) = (Nonce::from(sealed.nonce()), Tag::from(sealed.tag()));
            if cipher.decrypt_inout_detached(&nonce, &data, plaintext.as_mut_slice().into(), &tag).is_ok() {
                return Ok(plaintext);
            }
        }
        Err(if known { VaultError::Tampered } else { VaultError::UnknownKey { key_id } })
    }

    /// Whether it was sealed with another key than the active one, and should be opened and sealed again.
    pub fn needs_rewrap(&self, sealed: &Sealed) -> bool {
        sealed.key_id() != self.active_key()
    }

    /// A key for another use, derived from each of the vault's (HKDF-SHA256), the active one first. Whoever has it
    /// learns nothing of the vault's own.
    pub(crate) fn derive(&self, purpose: &str) -> Vec<(KeyId, Zeroizing<[u8; 32]>)> {
        let expand = |root: &Root| {
            let mut key = Zeroizing::new([0; 32]);
            let expanded = Hkdf::<Sha256>::from_prk(&**root)
                .map_err(|_| ())
                .and_then(|hkdf| hkdf.expand(purpose.as_bytes(), &mut *key).map_err(|_| ()));
            // Both lengths are those of the hash.
            assert!(expanded.is_ok(), "32 bytes can be made of 32");
            key
        };
        self.keys().map(|(id, _, root)| (*id, expand(root))).collect()
    }

    /// Seals a known text, to be stored next to the data at first start.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give.
    pub fn seal_canary(&self) -> Sealed {
        self.seal(&CANARY_CONTEXT, CANARY)
    }

    /// Opens the canary that was stored; an error means that this vault lacks the key of that data.
    pub fn check_canary(&self, canary: &Sealed) -> Result<(), VaultError> {
        let content = self.open(&CANARY_CONTEXT, canary)?;
        // Not a secret, so it needs no constant time.
        if content.as_slice() == CANARY { Ok(()) } else { Err(VaultError::Tampered) }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys().map(|(id, ..)| id.to_string()).collect();
        f.debug_struct("Vault").field("keys", &keys).finish_non_exhaustive()
    }
}

/// Expands a key, and wipes it.
fn cipher(key: VaultKey) -> Named {
    let (root, _) = Hkdf::<Sha256>::extract(Some(b"courierx derived keys 1"), key.as_bytes());
    let sealing = Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key.as_bytes()));
    let named = (key.id(), sealing, Zeroizing::new(root.into()));
    drop(key);
    named
}
