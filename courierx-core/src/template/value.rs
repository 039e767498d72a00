//! Values while a template is rendered: borrowed from the variables, never copied.

use std::cmp::Ordering;
use std::str::FromStr;

use serde_json::{Map, Number, Value};

/// A value of a variable, of a literal, or of an expression.
#[derive(Debug, Clone, Copy)]
pub(super) enum Val<'v> {
    Missing,
    Null,
    Bool(bool),
    /// A position or a length.
    Count(usize),
    Number(&'v Number),
    Text(&'v str),
    List(&'v [Value]),
    Object(&'v Map<String, Value>),
}

impl<'v> From<&'v Value> for Val<'v> {
    fn from(value: &'v Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(list) => Self::List(list),
            Value::Object(object) => Self::Object(object),
        }
    }
}

impl Val<'_> {
    pub(super) const fn is_missing(self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Whether `{{#if}}` takes its first branch; `zero` says whether the number zero does.
    pub(super) fn is_truthy(self, zero: bool) -> bool {
        match self {
            Self::Missing | Self::Null => false,
            Self::Bool(bool) => bool,
            Self::Count(count) => zero || count != 0,
            Self::Number(number) => number.as_f64().is_some_and(|number| zero || number != 0.0),
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Object(object) => !object.is_empty(),
        }
    }

    /// The member `key`: by name in an object, by position in an array.
    pub(super) fn member(self, key: &str) -> Self {
        let found = match self {
            Self::Object(object) => object.get(key),
            Self::List(list) => key.parse::<usize>().ok().and_then(|index| list.get(index)),
            _ => None,
        };
        found.map_or(Self::Missing, Self::from)
    }

    /// The member whose name or position is `key`.
    pub(super) fn lookup(self, key: Self) -> Self {
        match (self, key) {
            (Self::List(list), Self::Count(index)) => list.get(index).map_or(Self::Missing, Self::from),
            (Self::List(list), Self::Number(number)) => {
                let index = number.as_u64().and_then(|index| usize::try_from(index).ok());
                index.and_then(|index| list.get(index)).map_or(Self::Missing, Self::from)
            }
            (Self::Object(object), Self::Text(key)) => object.get(key).map_or(Self::Missing, Self::from),
            _ => Self::Missing,
        }
    }

    /// How many elements, members or characters it has.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Text(text) => text.chars().count(),
            Self::List(list) => list.len(),
            Self::Object(object) => object.len(),
            _ => 0,
        }
    }

    /// About how many bytes a comparison with it reads, not counting what it contains.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 8,
        }
    }

    /// Which of two scalars comes first; a text that spells a number compares with numbers.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(this), Self::Text(other)) => Some(this.cmp(other)),
            (Self::Bool(this), Self::Bool(other)) => Some(this.cmp(&other)),
            _ => match (self.number()?, other.number()?) {
                (Numeric::Whole(this), Numeric::Whole(other)) => Some(this.cmp(&other)),
                (this, other) => this.real().partial_cmp(&other.real()),
            },
        }
    }

    /// Whether two scalars are equal; a missing value is null, and no text is a number.
    pub(super) fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::Missing | Self::Null, Self::Missing | Self::Null) => true,
            (Self::Text(_), Self::Number(_) | Self::Count(_))
            | (Self::Number(_) | Self::Count(_), Self::Text(_)) => false,
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    fn number(self) -> Option<Numeric> {
        match self {
            Self::Count(count) => Some(Numeric::Whole(i128::try_from(count).ok()?)),
            Self::Number(number) => Numeric::of(number),
            Self::Text(text) => Numeric::of(&Number::from_str(text).ok()?),
            _ => None,
        }
    }
}

/// A number, without rounding if it is a whole one.
#[derive(Clone, Copy)]
enum Numeric {
    Whole(i128),
    Real(f64),
}

impl Numeric {
    fn of(number: &Number) -> Option<Self> {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map(Self::Whole).or_else(|| number.as_f64().map(Self::Real))
    }

    #[allow(clippy::cast_precision_loss, reason = "comparing with a float rounds, as everywhere")]
    fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}
