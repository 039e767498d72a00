//! Short texts that travel in header lines, in JSON, or both: each kind is a type, and none can hold a
//! control character.

use std::fmt;

use super::error::Problem;
use super::limits;

/// Declares a text type. `$parse: fn(String) -> Result<String, Problem>` is the only way to a value, for
/// serde too.
macro_rules! text {
    ($(#[$attr:meta])* $name:ident, $parse:path) => {
        $(#[$attr])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks `text`; see the type for what it may be.
            pub fn new(text: impl Into<String>) -> Result<Self, Problem> {
                $parse(text.into()).map(|text| Self(text.into_boxed_str()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Problem;

            fn try_from(text: String) -> Result<Self, Problem> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Problem;

            fn try_from(text: &str) -> Result<Self, Problem> {
                Self::new(text)
            }
        }

        impl TryFrom<&String> for $name {
            type Error = Problem;

            fn try_from(text: &String) -> Result<Self, Problem> {
                Self::new(text.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = Problem;

            fn from_str(text: &str) -> Result<Self, Problem> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0.into()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}
pub(super) use text;

text! {
    /// The subject of a message: at most [`MAX_SUBJECT_BYTES`](limits::MAX_SUBJECT_BYTES) on one line. It may
    /// be empty, and it may be the source of a template.
    ///
    /// `Debug` shows its size alone: a subject is content.
    Subject, parse_subject
}
text! {
    /// A label that statistics group by: 1 to [`MAX_TAG_BYTES`](limits::MAX_TAG_BYTES), not blank.
    #[derive(Debug)]
    Tag, parse_tag
}
text! {
    /// What a message is about, for recipients who leave one list and stay on others: 1 to
    /// [`MAX_TOPIC_BYTES`](limits::MAX_TOPIC_BYTES), not blank. It is the [scope](crate::suppression::Scope) in which
    /// suppressions hold the message back.
    #[derive(Debug)]
    Topic, parse_topic
}
text! {
    /// The key of a metadata entry: 1 to [`MAX_METADATA_KEY_BYTES`](limits::MAX_METADATA_KEY_BYTES) of
    /// letters, digits, `_`, `.` and `-` (ASCII), so that every provider can carry it.
    #[derive(Debug)]
    MetadataKey, parse_metadata_key
}
text! {
    /// What makes accepting a message repeatable: the same key accepts one message however often it is
    /// handed over. 1 to [`MAX_IDEMPOTENCY_KEY_BYTES`](limits::MAX_IDEMPOTENCY_KEY_BYTES) of printable ASCII.
    #[derive(Debug)]
    IdempotencyKey, parse_idempotency_key
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({} bytes)", self.0.len())
    }
}

fn parse_subject(text: String) -> Result<String, Problem> {
    no_control(&text)?;
    at_most(&text, limits::MAX_SUBJECT_BYTES)?;
    Ok(text)
}

fn parse_tag(text: String) -> Result<String, Problem> {
    no_control(&text)?;
    not_blank(&text)?;
    at_most(&text, limits::MAX_TAG_BYTES)?;
    Ok(text)
}

fn parse_topic(text: String) -> Result<String, Problem> {
    no_control(&text)?;
    not_blank(&text)?;
    at_most(&text, limits::MAX_TOPIC_BYTES)?;
    Ok(text)
}

fn parse_metadata_key(text: String) -> Result<String, Problem> {
    not_blank(&text)?;
    at_most(&text, limits::MAX_METADATA_KEY_BYTES)?;
    only(&text, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))?;
    Ok(text)
}

fn parse_idempotency_key(text: String) -> Result<String, Problem> {
    not_blank(&text)?;
    at_most(&text, limits::MAX_IDEMPOTENCY_KEY_BYTES)?;
    only(&text, |c| c == ' ' || c.is_ascii_graphic())?;
    Ok(text)
}

/// Checks the value of a metadata entry: no control characters, since it becomes a header or a JSON value.
pub(super) fn check_metadata_value(value: &str) -> Result<(), Problem> {
    no_control(value)?;
    at_most(value, limits::MAX_METADATA_VALUE_BYTES)
}

/// Whether a reader might take this character for the end of a line, or not show it: C0, DEL, C1 and the two
/// Unicode separators.
pub(super) fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// The first such character.
pub(super) fn control(text: &str) -> Option<char> {
    // Most texts have nothing else, and this is quickly seen.
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
    if text.as_bytes().iter().all(is_plain) { None } else { text.chars().find(|&c| is_control(c)) }
}

pub(super) fn no_control(text: &str) -> Result<(), Problem> {
    match control(text) {
        Some(character) => Err(Problem::ControlCharacter { character }),
        None => Ok(()),
    }
}

pub(super) fn only(text: &str, allowed: impl Fn(char) -> bool) -> Result<(), Problem> {
    match text.chars().find(|&c| !allowed(c)) {
        Some(character) if is_control(character) => Err(Problem::ControlCharacter { character }),
        Some(character) => Err(Problem::InvalidCharacter { character }),
        None => Ok(()),
    }
}

pub(super) fn not_blank(text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() { Err(Problem::Missing) } else { Ok(()) }
}

pub(super) fn at_most(text: &str, max: usize) -> Result<(), Problem> {
    if text.len() > max { Err(Problem::TooLong { max, actual: text.len() }) } else { Ok(()) }
}
