//! Credentials.

use std::fmt;

use zeroize::Zeroizing;

/// An API key, a token, a password: wiped from memory when it is dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, where it goes onto the wire and nowhere else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Blackens what a server repeats of it.
    pub(crate) fn scrub(&self, text: &mut String) {
        // Shorter ones would blacken half of an ordinary sentence.
        if self.0.len() >= 4 && text.contains(self.0.as_str()) {
            *text = text.replace(self.0.as_str(), "***");
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
