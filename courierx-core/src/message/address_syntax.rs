//! The grammar of addresses (RFC 5321 §4.1.2, RFC 6531 §3.3, UTS #46).

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::limits::{MAX_ADDRESS_BYTES, MAX_LOCAL_PART_BYTES};

/// Bytes of a domain before IDNA shortens it; more is refused unread.
const MAX_RAW_DOMAIN_BYTES: usize = 1024;

/// Checks a local part; returns its size, or that of its lower-case form if that is larger, so that an
/// [`AddressKey`](super::AddressKey) is always an address itself.
pub(super) fn check_local(local: &str) -> Result<usize, InvalidAddress> {
    if local.len() > MAX_LOCAL_PART_BYTES {
        return Err(InvalidAddress::LocalPartTooLong);
    }
    let valid = match quoted_content(local) {
        Some(quoted) => is_quoted_content(quoted),
        None => is_dot_string(local),
    };
    if !valid || (!local.is_ascii() && local.chars().any(is_invisible)) {
        return Err(InvalidAddress::LocalPart);
    }
    let bytes = if local.is_ascii() { local.len() } else { local.len().max(local.to_lowercase().len()) };
    if bytes > MAX_LOCAL_PART_BYTES { Err(InvalidAddress::LocalPartTooLong) } else { Ok(bytes) }
}

/// What stands between the quotes, if it is quoted.
pub(super) fn quoted_content(local: &str) -> Option<&str> {
    local.strip_prefix('"')?.strip_suffix('"')
}

/// Atoms separated by single dots (RFC 5321 §4.1.2 `Dot-string`).
pub(super) fn is_dot_string(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// RFC 5322 §3.2.3 `atext`, with RFC 6532 §3.2; spaces beyond ASCII are left out, since nobody means them.
pub(super) fn is_atext(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~'
            )
    } else {
        !c.is_whitespace()
    }
}

/// Characters that are copied along without being seen, and those that reorder what is seen: Unicode's
/// `Default_Ignorable_Code_Point` and the marks of annotations. The two joiners are left alone: scripts need
/// them.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
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

/// The text that the content of a quoted string stands for.
pub(super) fn unquote(content: &str) -> String {
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
pub(super) fn ascii_domain(domain: &str) -> Result<Cow<'_, str>, InvalidAddress> {
    if domain.starts_with('[') {
        return Err(InvalidAddress::DomainLiteral);
    }
    if domain.len() > MAX_RAW_DOMAIN_BYTES {
        return Err(InvalidAddress::Domain);
    }
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| InvalidAddress::Domain)?;
    let mut last = ascii.bytes().rev().take_while(|byte| *byte != b'.');
    // RFC 3696 §2: a top-level domain is not all digits; this is an IP address or a slip.
    if last.all(|byte| byte.is_ascii_digit()) { Err(InvalidAddress::Domain) } else { Ok(ascii) }
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
    /// The part before the `@` is neither atoms separated by dots nor a quoted string, or has invisible
    /// characters.
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
