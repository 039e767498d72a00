//! User and password, and that they are not shown.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::reply::Reply;

/// User and password. Some vendors take their API key for both, so neither is ever shown.
pub(super) struct Credentials {
    user: Zeroizing<String>,
    password: Zeroizing<String>,
}

impl Credentials {
    pub(super) fn new(user: String, password: String) -> Self {
        Self { user: Zeroizing::new(user), password: Zeroizing::new(password) }
    }

    /// The initial response of PLAIN (RFC 4616).
    pub(super) fn plain(&self) -> Zeroizing<String> {
        let message = Zeroizing::new(format!("\0{}\0{}", self.user.as_str(), self.password.as_str()));
        Zeroizing::new(STANDARD.encode(message.as_bytes()))
    }

    /// The two answers of LOGIN.
    pub(super) fn login(&self) -> [Zeroizing<String>; 2] {
        [&self.user, &self.password].map(|text| Zeroizing::new(STANDARD.encode(text.as_bytes())))
    }

    /// What a server must not be heard repeating, at any step.
    ///
    /// A name that is no secret itself stays: it may be a word like any other, and an address that may not be
    /// used is worth knowing.
    pub(super) fn secrets(&self) -> Secrets {
        let [user, password] = self.login();
        Secrets::of(vec![self.plain(), password, user, self.password.clone()])
    }

    /// The name, where the server speaks of nothing else.
    pub(super) fn name(&self) -> Secrets {
        Secrets::of(vec![self.user.clone()])
    }
}

/// Credentials in every form in which they travel, the longest first.
pub(super) struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    fn of(mut all: Vec<Zeroizing<String>>) -> Self {
        // Shorter ones would blacken half of an ordinary sentence.
        all.retain(|secret| secret.len() >= 4);
        Self(all)
    }

    /// Blackens what a server repeats of them.
    pub(super) fn scrub(&self, reply: &mut Reply) {
        for line in &mut reply.lines {
            for secret in &self.0 {
                if line.contains(secret.as_str()) {
                    *line = line.replace(secret.as_str(), "***");
                }
            }
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(***)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}
