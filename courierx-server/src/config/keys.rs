//! Reads secrets that are configured.

use std::collections::HashSet;

use courierx_core::vault::{InvalidKey, VaultKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::loader::Parsed;
use crate::secret::Secret;

/// Bytes of a secret that signs, and characters of a text that a key is derived from.
const MIN: usize = 32;
/// Fewer different bytes than this are no random secret.
const MIN_DISTINCT: usize = 6;
/// What makes the derived key another one than any that somebody else derives from the same text.
const DERIVED: &[u8] = b"courierx encryption key from text 1\0";
/// What examples are made of, without regard to letter case and punctuation.
const PLACEHOLDERS: [&str; 9] = [
    "yourjwtsecret",
    "yoursecret",
    "yourencryptionkey",
    "yourkey",
    "changeme",
    "changethis",
    "changeinproduction",
    "replaceme",
    "placeholder",
];

/// The secret that signs tokens.
pub(super) fn jwt_secret(text: &str) -> Parsed<Secret> {
    if text.len() < MIN {
        return Err(format!("must be at least {MIN} bytes long"));
    }
    if is_placeholder(text) {
        return Err("is a placeholder and must be a random secret".to_owned());
    }
    Ok(Secret::new(text))
}

/// A secret that callers show.
pub(super) fn secret(text: &str) -> Parsed<Secret> {
    if text.trim().is_empty() { Err("must not be blank".to_owned()) } else { Ok(Secret::new(text)) }
}

/// Whether a secret is one of examples, or too simple to be random.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    is_simple(text.as_bytes()) || PLACEHOLDERS.iter().any(|one| plain.contains(one))
}

fn is_simple(bytes: &[u8]) -> bool {
    bytes.iter().collect::<HashSet<_>>().len() < MIN_DISTINCT
}

/// The key that seals: 64 hexadecimal digits, 32 bytes in base64, or a text.
pub(super) fn encryption_key(text: &str) -> Parsed<VaultKey> {
    // Former keys are trimmed, too, and a stray space must not make a text of 64 digits.
    let text = text.trim();
    if text.contains(',') {
        // It could never stand among former keys, where commas separate them.
        return Err("must not contain commas".to_owned());
    }
    let placeholder = || Err("is a placeholder and must be a random key".to_owned());
    if let Some(bytes) = from_hex(text) {
        return if is_simple(&*bytes) { placeholder() } else { Ok(VaultKey::from_bytes(*bytes)) };
    }
    match VaultKey::from_base64(text) {
        Ok(key) => return Ok(key),
        Err(InvalidKey::Placeholder) => return placeholder(),
        Err(_) => {}
    }
    if text.chars().count() < MIN {
        return Err(format!(
            "must be 64 hexadecimal digits, 32 bytes in base64, or a text of at least {MIN} characters"
        ));
    }
    if is_placeholder(text) {
        return placeholder();
    }
    Ok(VaultKey::from_bytes(Sha256::new_with_prefix(DERIVED).chain_update(text).finalize().into()))
}

/// Former keys, separated by commas.
pub(super) fn former_keys(text: &str) -> Parsed<Vec<VaultKey>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .enumerate()
        .map(|(index, part)| encryption_key(part).map_err(|must| format!("(key {}) {must}", index + 1)))
        .collect()
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::random_hex;

    #[test]
    fn a_key_is_hexadecimal_or_base64_or_a_text() {
        let bytes: [u8; 32] = std::array::from_fn(|index| u8::try_from(index * 7).unwrap());
        let expected = VaultKey::from_bytes(bytes);
        assert_eq!(encryption_key(&crate::auth::hex(&bytes)).unwrap().id(), expected.id());
        assert_eq!(encryption_key(&crate::auth::hex(&bytes).to_uppercase()).unwrap().id(), expected.id());
        assert_eq!(encryption_key(&expected.to_base64()).unwrap().id(), expected.id());
        let spaced = format!("{} ", crate::auth::hex(&bytes));
        assert_eq!(encryption_key(&spaced).unwrap().id(), expected.id());
        let text = "a text of at least thirty-two characters";
        assert_eq!(encryption_key(text).unwrap().id(), encryption_key(text).unwrap().id());
        assert_ne!(encryption_key(text).unwrap().id(), encryption_key(&format!("{text}.")).unwrap().id());
        let keys = format!("{}, {text}", expected.to_base64().as_str());
        let ids: Vec<_> = former_keys(&keys).unwrap().iter().map(VaultKey::id).collect();
        assert_eq!(ids, [expected.id(), encryption_key(text).unwrap().id()]);
    }

    #[test]
    fn the_key_of_a_text_stays_the_same() {
        // `printf 'courierx encryption key from text 1\0…' | sha256sum`: what is sealed must stay readable.
        let key = encryption_key("correct horse battery staple and more").unwrap();
        assert_eq!(key.to_base64().as_str(), "PBeSF98a3d33dd8ndoaYC1QmWDTmFTEyHIKjk09vMUY=");
    }

    #[test]
    fn examples_are_refused() {
        for wrong in [
            "your-32-char-key",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "abababababababababababababababababababab",
            "your-encryption-key-change-in-production",
            "a text of at least thirty-two characters, and a comma",
        ] {
            assert!(encryption_key(wrong).is_err(), "{wrong}");
        }
        for wrong in ["short", "your-jwt-secret", "Your_JWT_Secret-your-jwt-secret-1234", &"x".repeat(64)] {
            assert!(jwt_secret(wrong).is_err(), "{wrong}");
        }
        assert!(jwt_secret(&random_hex()).is_ok() && encryption_key(&random_hex()).is_ok());
        let error = former_keys(&format!("{},hunter2", random_hex().as_str())).unwrap_err();
        assert!(error.starts_with("(key 2) must be") && !error.contains("hunter2"), "{error}");
    }
}
