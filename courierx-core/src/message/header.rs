//! Custom headers: what the application adds to those that the engine writes itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::limits::{MAX_HEADER_NAME_BYTES, MAX_HEADER_VALUE_BYTES, MAX_HEADERS};
use super::text::{at_most, no_control, not_blank, only, text};

/// Headers that are written from other fields of a message, or by the servers that carry it.
const RESERVED: [&str; 14] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "sender",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "return-path",
    "received",
    "dkim-signature",
    "authentication-results",
];

/// Families of such headers.
const RESERVED_PREFIXES: [&str; 4] = ["content-", "arc-", "resent-", "x-courierx-"];

text! {
    /// The name of a custom header: 1 to [`MAX_HEADER_NAME_BYTES`] of printable ASCII without colon and space
    /// (RFC 5322 §3.6.8), letter case kept.
    ///
    /// Headers that have a field of their own (`From`, `Subject`, …), that describe the structure
    /// (`MIME-Version`, `Content-*`), that servers write (`Received`, `Return-Path`, `DKIM-Signature`, `ARC-*`,
    /// `Authentication-Results`, `Resent-*`) and the engine's own (`X-CourierX-*`) are refused.
    #[derive(Debug)]
    HeaderName, parse_name
}
text! {
    /// The value of a custom header: 1 to [`MAX_HEADER_VALUE_BYTES`] on one line, not blank. Text beyond ASCII
    /// is encoded when the message is written (RFC 2047).
    ///
    /// `Debug` shows its size alone: values carry links and tokens.
    HeaderValue, parse_value
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderValue({} bytes)", self.as_str().len())
    }
}

fn parse_name(text: String) -> Result<String, Problem> {
    not_blank(&text)?;
    at_most(&text, MAX_HEADER_NAME_BYTES)?;
    only(&text, |c| c.is_ascii_graphic() && c != ':')?;
    let starts_with =
        |prefix: &&str| text.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
    if RESERVED.iter().any(|name| text.eq_ignore_ascii_case(name))
        || RESERVED_PREFIXES.iter().any(starts_with)
    {
        return Err(Problem::ReservedHeader);
    }
    Ok(text)
}

fn parse_value(text: String) -> Result<String, Problem> {
    no_control(&text)?;
    not_blank(&text)?;
    at_most(&text, MAX_HEADER_VALUE_BYTES)?;
    Ok(text)
}

/// One custom header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: HeaderName,
    /// Its value, before encoding and folding.
    pub value: HeaderValue,
}

/// The custom headers of a message, in the order given: at most [`MAX_HEADERS`], no two with the same name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Header>")]
pub struct Headers(Vec<Header>);

impl Headers {
    /// Adds a header; refused if one of that name, in any letter case, is there already, or no room is left.
    pub fn insert(&mut self, header: Header) -> Result<(), Problem> {
        if self.get(header.name.as_str()).is_some() {
            return Err(Problem::Duplicate);
        }
        if self.0.len() == MAX_HEADERS {
            return Err(Problem::TooMany { max: MAX_HEADERS, actual: MAX_HEADERS + 1 });
        }
        self.0.push(header);
        Ok(())
    }

    /// Adds a header that we write, beyond the limit for those of the application.
    pub(crate) fn add_own(&mut self, header: Header) {
        if self.get(header.name.as_str()).is_none() {
            self.0.push(header);
        }
    }

    /// The value of the header of this name, in any letter case.
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        let header = self.0.iter().find(|header| header.name.as_str().eq_ignore_ascii_case(name))?;
        Some(&header.value)
    }

    /// The headers in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Header>> for Headers {
    type Error = Problem;

    fn try_from(list: Vec<Header>) -> Result<Self, Problem> {
        let mut headers = Self::default();
        for header in list {
            headers.insert(header)?;
        }
        Ok(headers)
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
