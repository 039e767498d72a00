//! Addresses: what the envelope carries.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::address_syntax::{
    InvalidAddress, ascii_domain, check_local, is_dot_string, quote, quoted_content, unquote,
};
use super::limits::MAX_ADDRESS_BYTES;
use super::text::control;

/// An email address: a local part, kept as given, and a domain, kept in its ASCII form (RFC 5890 A-labels,
/// lower case).
///
/// Local parts may be quoted (`"two words"@example.com`) and may be non-ASCII (RFC 6531). Refused are domain
/// literals (`[192.0.2.1]`), a trailing dot, comments, and a domain whose last label is a number. Equality
/// is exact; whether two addresses reach the same person is what [`Address::key`] tells.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Address {
    text: Box<str>,
    /// Position of the `@`: a local part is short.
    at: u8,
}

impl Address {
    /// The part before the `@`, as given, quotes included.
    pub fn local(&self) -> &str {
        &self.text[..usize::from(self.at)]
    }

    /// The domain as A-labels in lower case: `xn--tda.example` for `Ü.example`.
    pub fn domain(&self) -> &str {
        &self.text[usize::from(self.at) + 1..]
    }

    /// The whole address with its domain in ASCII, as SMTP commands and providers take it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether only a server with SMTPUTF8 can take it (RFC 6531): its local part is not ASCII.
    pub fn needs_smtputf8(&self) -> bool {
        !self.text.is_ascii()
    }

    /// The form under which addresses count as the same.
    pub fn key(&self) -> AddressKey {
        // Of most nothing but the case can differ.
        if self.local().is_ascii() && !self.local().starts_with('"') {
            let mut text = self.text.clone();
            text.make_ascii_lowercase();
            return AddressKey(text);
        }
        let local = match quoted_content(self.local()) {
            Some(quoted) => Cow::Owned(unquote(quoted)),
            None => Cow::Borrowed(self.local()),
        };
        let lower = local.to_lowercase();
        let local = if is_dot_string(&lower) { lower } else { quote(&lower) };
        AddressKey(join(&local, self.domain()))
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if let Some(character) = control(text) {
            return Err(InvalidAddress::ControlCharacter { character });
        }
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        // The last one: a quoted local part may contain others, a domain never.
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::NoAt)?;
        let local_bytes = check_local(local)?;
        let domain = ascii_domain(domain)?;
        let actual = local_bytes + 1 + domain.len();
        if actual > MAX_ADDRESS_BYTES {
            return Err(InvalidAddress::TooLong { actual });
        }
        let at = u8::try_from(local.len()).map_err(|_| InvalidAddress::LocalPartTooLong)?;
        Ok(Self { text: join(local, &domain), at })
    }
}

/// Put together in one piece of memory of the right size.
fn join(local: &str, domain: &str) -> Box<str> {
    let mut text = String::with_capacity(local.len() + 1 + domain.len());
    text.push_str(local);
    text.push('@');
    text.push_str(domain);
    text.into_boxed_str()
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl TryFrom<&str> for Address {
    type Error = InvalidAddress;

    fn try_from(text: &str) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl TryFrom<&String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: &String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl AsRef<str> for Address {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.text)
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// An address as suppressions and de-duplication compare it: local part in lower case and without needless
/// quotes, domain as A-labels.
///
/// Reading any spelling of an address yields its key. Every key is itself an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AddressKey(Box<str>);

impl AddressKey {
    /// The text, as a store keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain as A-labels in lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit('@').next().unwrap_or_default()
    }
}

impl FromStr for AddressKey {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        text.parse::<Address>().map(|address| address.key())
    }
}

impl TryFrom<String> for AddressKey {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl AsRef<str> for AddressKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
