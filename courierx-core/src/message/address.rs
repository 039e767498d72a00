//! Addresses: what the envelope carries.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};

use super::limits::{MAX_ADDRESS_BYTES, MAX_LOCAL_PART_BYTES};
use super::text::is_control;

/// Bytes of a domain before IDNA shortens it; more is refused unread.
const MAX_RAW_DOMAIN_BYTES: usize = 1024;

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
        let local = match self
            .local()
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
        {
            Some(quoted) => Cow::Owned(unquote(quoted)),
            None => Cow::Borrowed(self.local()),
        };
        let lower = local.to_lowercase();
        let local = if is_dot_string(&lower) {
            lower
        } else {
            quote(&lower)
        };
        AddressKey(format!("{local}@{}", self.domain()).into())
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if let Some(character) = text.chars().find(|&c| is_control(c)) {
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
        let text = format!("{local}@{domain}");
        Ok(Self {
            text: text.into(),
            at,
        })
    }
}

/// Checks a local part; returns its size, or that of its lower-case form if that is larger, so that an
/// [`AddressKey`] is always an address itself.
fn check_local(local: &str) -> Result<usize, InvalidAddress> {
    if local.len() > MAX_LOCAL_PART_BYTES {
        return Err(InvalidAddress::LocalPartTooLong);
    }
    let valid = match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => is_quoted_content(quoted),
        None => is_dot_string(local),
    };
    if !valid {
        return Err(InvalidAddress::LocalPart);
    }
    let bytes = if local.is_ascii() {
        local.len()
    } else {
        local.len().max(local.to_lowercase().len())
    };
    if bytes > MAX_LOCAL_PART_BYTES {
        Err(InvalidAddress::LocalPartTooLong)
    } else {
        Ok(bytes)
    }
}

/// Atoms separated by single dots (RFC 5321 §4.1.2 `Dot-string`).
fn is_dot_string(local: &str) -> bool {
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// RFC 5322 §3.2.3 `atext`, with RFC 6532 §3.2; spaces beyond ASCII are left out, since nobody means them.
pub(super) fn is_atext(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        !c.is_whitespace()
    }
}

/// What may stand between the quotes of a quoted local part (RFC 5321 §4.1.2 `QcontentSMTP`).
fn is_quoted_content(content: &str) -> bool {
    let mut chars = content.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return false,
            '\\' if !chars.next().is_some_and(|c| c == ' ' || c.is_ascii_graphic()) => return false,
            _ => {}
        }
    }
    !content.is_empty()
}

fn unquote(content: &str) -> String {
    let mut text = String::with_capacity(content.len());
    let mut chars = content.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

/// Writes a text as a quoted string (RFC 5322 §3.2.4).
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// The A-label form of a domain (UTS #46, non-transitional, letters, digits and hyphens only).
fn ascii_domain(domain: &str) -> Result<Cow<'_, str>, InvalidAddress> {
    if domain.starts_with('[') {
        return Err(InvalidAddress::DomainLiteral);
    }
    if domain.len() > MAX_RAW_DOMAIN_BYTES {
        return Err(InvalidAddress::Domain);
    }
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| InvalidAddress::Domain)?;
    let last = ascii.rsplit('.').next().unwrap_or_default();
    // RFC 3696 §2: a top-level domain is not all digits; this is an IP address or a slip.
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        Err(InvalidAddress::Domain)
    } else {
        Ok(ascii)
    }
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

/// Why a text is not an address. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAddress {
    /// Nothing is there.
    #[error("the address is empty")]
    Empty,
    /// It has no `@`.
    #[error("the address has no @")]
    NoAt,
    /// It has a control character or a line separator.
    #[error("the address contains the control character U+{:04X}", u32::from(*character))]
    ControlCharacter {
        /// The first one.
        character: char,
    },
    /// The part before the `@` is neither atoms separated by dots nor a quoted string.
    #[error("the part before the @ is empty or has a character that needs quotes")]
    LocalPart,
    /// The part before the `@` is longer than 64 bytes.
    #[error("the part before the @ is longer than {MAX_LOCAL_PART_BYTES} bytes")]
    LocalPartTooLong,
    /// The part after the `@` is not a domain name.
    #[error("the part after the @ is not a domain name")]
    Domain,
    /// The part after the `@` is an IP address in brackets.
    #[error("the part after the @ is an IP address; a domain name is needed")]
    DomainLiteral,
    /// The whole is longer than 254 bytes.
    #[error("the address has {actual} bytes; at most {MAX_ADDRESS_BYTES} are allowed")]
    TooLong {
        /// The size in bytes, with the domain as A-labels.
        actual: usize,
    },
    /// Angle brackets do not enclose the end of the text.
    #[error("an address in angle brackets must stand at the end: Ada <ada@example.com>")]
    Brackets,
    /// More than one address, separated by commas or semicolons.
    #[error("several addresses are given where one is expected")]
    Several,
}
