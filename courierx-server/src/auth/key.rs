//! API keys in the clear: made once, shown once, then only recognised.

use std::fmt;

use courierx_core::message::Mode;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const LIVE: &str = "cxk_live_";
const TEST: &str = "cxk_test_";
/// How much of a key people see later.
const VISIBLE: usize = LIVE.len() + 7;
/// Longer than any key; what is longer is none and is not hashed.
const MAX: usize = 128;

/// An API key as its owner has it.
pub struct RawKey(Zeroizing<String>);

impl RawKey {
    /// A new key: 256 random bits behind what says its mode.
    pub fn generate(mode: Mode) -> Self {
        let prefix = match mode {
            Mode::Live => LIVE,
            Mode::Test => TEST,
        };
        Self(Zeroizing::new(format!("{prefix}{}", random_hex().as_str())))
    }

    /// A text that may be a key.
    pub fn parse(text: &str) -> Option<Self> {
        let looks_like_one = text.len() <= MAX && (text.starts_with(LIVE) || text.starts_with(TEST));
        looks_like_one.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The key itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// How it begins.
    pub fn prefix(&self) -> &str {
        self.0.get(..VISIBLE).unwrap_or(&self.0)
    }

    /// Its SHA-256. The key has 256 random bits, so nothing slower is needed.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawKey(***)")
    }
}

/// 256 random bits in hexadecimal.
///
/// # Panics
///
/// If the operating system has no randomness to give.
pub(crate) fn random_hex() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; 32]);
    #[expect(clippy::expect_used, reason = "without randomness there is nothing to go on with")]
    getrandom::fill(bytes.as_mut_slice()).expect("the operating system gives no randomness");
    Zeroizing::new(hex(bytes.as_slice()))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_its_mode_and_shows_little() {
        let key = RawKey::generate(Mode::Test);
        assert!(key.reveal().starts_with("cxk_test_"));
        assert_eq!(key.reveal().len(), 9 + 64);
        assert_eq!(key.prefix().len(), 16);
        assert_ne!(key.reveal(), RawKey::generate(Mode::Test).reveal());
        assert_eq!(RawKey::parse(key.reveal()).unwrap().digest(), key.digest());
        assert!(!format!("{key:?}").contains(key.prefix()));
        assert!(RawKey::parse("cxk_prod_1").is_none());
    }
}
