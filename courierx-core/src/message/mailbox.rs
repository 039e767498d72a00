//! Mailboxes: an address with the name that people see beside it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::address_syntax::{InvalidAddress, is_atext, quote};
use super::error::Problem;
use super::limits::MAX_DISPLAY_NAME_BYTES;
use super::text::{at_most, no_control, not_blank, text};

text! {
    /// The name beside an address: 1 to [`MAX_DISPLAY_NAME_BYTES`], without space around it. Text beyond ASCII
    /// is encoded when the message is written (RFC 2047).
    #[derive(Debug)]
    DisplayName, parse_name
}

fn parse_name(text: String) -> Result<String, Problem> {
    no_control(&text)?;
    not_blank(&text)?;
    let name = text.trim();
    at_most(name, MAX_DISPLAY_NAME_BYTES)?;
    Ok(if name.len() == text.len() { text } else { name.to_owned() })
}

/// An address and, if there is one, the name beside it: `Ada Lovelace <ada@example.com>`.
///
/// It is read leniently (`Acme, Inc. <hi@example.com>` needs no quotes) and written strictly (RFC 5322
/// §3.4). A list of several addresses is refused, never cut down to one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Mailbox {
    name: Option<DisplayName>,
    address: Address,
}

impl Mailbox {
    /// An address without a name.
    pub const fn new(address: Address) -> Self {
        Self { name: None, address }
    }

    /// The same address with this name.
    #[must_use]
    pub fn with_name(mut self, name: DisplayName) -> Self {
        self.name = Some(name);
        self
    }

    /// The name.
    pub const fn name(&self) -> Option<&DisplayName> {
        self.name.as_ref()
    }

    /// The address.
    pub const fn address(&self) -> &Address {
        &self.address
    }
}

impl FromStr for Mailbox {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        // Before anything is trimmed: a line break at the end is refused, not dropped.
        no_control(text)?;
        let (name, address) = split(text)?;
        let address = address.trim().parse()?;
        let name = if name.trim().is_empty() { None } else { Some(DisplayName::new(name)?) };
        Ok(Self { name, address })
    }
}

/// The name, without its quotes, and the address, without its angle brackets.
fn split(text: &str) -> Result<(String, &str), InvalidAddress> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'"' | b'<' | b'>')) {
        // An address alone, as most are.
        let several = bytes.contains(&b'@') && bytes.iter().any(|byte| matches!(byte, b',' | b';'));
        return if several { Err(InvalidAddress::Several) } else { Ok((String::new(), text)) };
    }
    let mut name = String::new();
    let mut quoted = false;
    let (mut has_at, mut has_separator) = (false, false);
    let mut chars = text.char_indices();
    while let Some((position, c)) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => name.extend(chars.next().map(|(_, escaped)| escaped)),
            '<' if !quoted => {
                let inner =
                    text[position + 1..].trim_end().strip_suffix('>').ok_or(InvalidAddress::Brackets)?;
                // `ada@example.com, Bob <bob@example.com>` must not become Bob alone.
                let list = (has_at && has_separator) || (inner.contains(['<', '>']) && !inner.contains('"'));
                return if list { Err(InvalidAddress::Several) } else { Ok((name, inner)) };
            }
            '>' if !quoted => return Err(InvalidAddress::Brackets),
            _ => {
                has_at |= c == '@' && !quoted;
                has_separator |= matches!(c, ',' | ';') && !quoted;
                name.push(c);
            }
        }
    }
    if has_at && has_separator { Err(InvalidAddress::Several) } else { Ok((String::new(), text)) }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => self.address.fmt(f),
            Some(name) if is_phrase(name.as_str()) => write!(f, "{name} <{}>", self.address),
            Some(name) => write!(f, "{} <{}>", quote(name.as_str()), self.address),
        }
    }
}

/// Whether a name can stand without quotes. `=?` cannot: a reader would take it for an encoded word.
fn is_phrase(name: &str) -> bool {
    name.chars().all(|c| c == ' ' || is_atext(c)) && !name.contains("=?")
}

impl From<Address> for Mailbox {
    fn from(address: Address) -> Self {
        Self::new(address)
    }
}

impl From<&Address> for Mailbox {
    fn from(address: &Address) -> Self {
        Self::new(address.clone())
    }
}

impl From<&Self> for Mailbox {
    fn from(mailbox: &Self) -> Self {
        mailbox.clone()
    }
}

impl TryFrom<&str> for Mailbox {
    type Error = Problem;

    fn try_from(text: &str) -> Result<Self, Problem> {
        text.parse()
    }
}

impl TryFrom<&String> for Mailbox {
    type Error = Problem;

    fn try_from(text: &String) -> Result<Self, Problem> {
        text.parse()
    }
}

impl TryFrom<String> for Mailbox {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

/// A name and an address.
impl TryFrom<(&str, &str)> for Mailbox {
    type Error = Problem;

    fn try_from((name, address): (&str, &str)) -> Result<Self, Problem> {
        Ok(Self::new(address.parse()?).with_name(DisplayName::new(name)?))
    }
}

impl Serialize for Mailbox {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name {
            None => self.address.serialize(serializer),
            Some(_) => serializer.collect_str(self),
        }
    }
}
