//! Why a message, or a part of one, cannot be built.

use std::convert::Infallible;
use std::fmt;

use super::address_syntax::InvalidAddress;
use super::field::Field;
use super::problems::Problems;

/// What is wrong with one value.
///
/// Its text names sizes and single characters, never the value: an error is logged and answered more
/// freely than the content of a message may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A required value is absent or blank.
    #[error("is missing")]
    Missing,
    /// Neither an HTML nor a text body is given.
    #[error("neither html nor text is given")]
    NoBody,
    /// A control character or a line separator: it could end a header line and begin another.
    #[error("contains the control character U+{:04X}", u32::from(*character))]
    ControlCharacter {
        /// The first one.
        character: char,
    },
    /// A character that this kind of value does not have.
    #[error("contains {character:?}, which is not allowed here")]
    InvalidCharacter {
        /// The first one.
        character: char,
    },
    /// More bytes than allowed.
    #[error("has {actual} bytes; at most {max} are allowed")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
        /// The size, in bytes.
        actual: usize,
    },
    /// More items than allowed.
    #[error("has {actual} items; at most {max} are allowed")]
    TooMany {
        /// The limit.
        max: usize,
        /// The number given.
        actual: usize,
    },
    /// Arrays and objects nest deeper than allowed.
    #[error("nests deeper than {max} levels")]
    TooDeep {
        /// The limit, in levels.
        max: usize,
    },
    /// Not an email address.
    #[error(transparent)]
    InvalidAddress(#[from] InvalidAddress),
    /// A header that is written from other fields of the message or by the servers on the way.
    #[error("is a header that custom headers may not set")]
    ReservedHeader,
    /// The same key, compared without regard to letter case, is given twice.
    #[error("is given twice")]
    Duplicate,
    /// Not a media type of the form `type/subtype; name=value` (RFC 2045 §5.1).
    #[error("is not a media type; an example is application/pdf")]
    InvalidContentType,
    /// A media type that structures a message and is no content of its own.
    #[error("is a media type that an attachment may not have")]
    ForbiddenContentType,
    /// Not a content id (RFC 2392).
    #[error("is not a content id; examples are logo and logo@example.com")]
    InvalidContentId,
    /// A file name that stands for a folder.
    #[error("is not the name of a file")]
    InvalidFileName,
    /// A link that says who leaves is for one recipient.
    #[error("needs a message with one recipient: whoever clicked could not be told from the others")]
    NeedsOneRecipient,
    /// A template variable that has no JSON form.
    #[error("cannot be written as JSON")]
    NotSerializable,
    /// A moment before 1970 or after the year 9999.
    #[error("is outside the years 1970 to 9999")]
    OutOfRange,
    /// Delivery would have to end before it may begin.
    #[error("is not after send_at")]
    NotAfterSendAt,
    /// Delivery would have to end before now.
    #[error("has passed")]
    Expired,
    /// Not one of the names of an enumeration.
    #[error(transparent)]
    UnknownName(#[from] crate::UnknownName),
}

impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// One thing that is wrong with a message, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldProblem {
    /// The part of the message.
    pub field: Field,
    /// What is wrong with it.
    pub problem: Problem,
}

/// A message that cannot be sent, with everything that is wrong with it.
///
/// The list is never empty. It holds the first [`MAX_PROBLEMS`](super::limits::MAX_PROBLEMS); its text counts the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEmail(pub(super) Problems);

impl InvalidEmail {
    /// What is wrong, in the order it was found.
    pub fn problems(&self) -> &[FieldProblem] {
        &self.0.list
    }
}

impl fmt::Display for InvalidEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid email: ")?;
        for (index, problem) in self.0.list.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        if self.0.omitted > 0 {
            write!(f, "; and {} more", self.0.omitted)?;
        }
        Ok(())
    }
}

// One of several is not the cause of all: the text lists them, and there is no source.
impl std::error::Error for InvalidEmail {}

impl From<FieldProblem> for InvalidEmail {
    fn from(problem: FieldProblem) -> Self {
        Self(Problems { list: vec![problem], omitted: 0 })
    }
}

impl From<Infallible> for InvalidEmail {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
