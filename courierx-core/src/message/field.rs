//! Names of the parts of a message, for errors.

use std::fmt;

/// Characters of a key that a [`Field`] repeats.
const EXCERPT_CHARS: usize = 40;

/// A part of a message: `subject`, `to[3]`, `headers[X-Foo]`, `attachments[0].file_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    item: Item,
    part: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Whole,
    Index(usize),
    Key(Box<str>),
}

impl Field {
    /// A field of its own.
    pub const fn new(name: &'static str) -> Self {
        Self { name, item: Item::Whole, part: None }
    }

    /// The item at this position of a list, counted from zero.
    pub const fn at(name: &'static str, index: usize) -> Self {
        Self { name, item: Item::Index(index), part: None }
    }

    /// The item with this key. Of a long key only the beginning is kept, and control characters are escaped.
    pub fn key(name: &'static str, key: &str) -> Self {
        let mut excerpt: String = key.chars().take(EXCERPT_CHARS).flat_map(char::escape_debug).collect();
        if key.chars().nth(EXCERPT_CHARS).is_some() {
            excerpt.push('…');
        }
        Self { name, item: Item::Key(excerpt.into()), part: None }
    }

    /// A part of this field or item.
    #[must_use]
    pub const fn part(mut self, part: &'static str) -> Self {
        self.part = Some(part);
        self
    }

    /// The field without item and part: `to` of `to[3]`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The position in the list that [`name`](Self::name) is, counted from zero.
    pub const fn index(&self) -> Option<usize> {
        match self.item {
            Item::Index(index) => Some(index),
            Item::Whole | Item::Key(_) => None,
        }
    }

    /// This field, which describes a part on its own, inside the item `index` of the list `name`.
    pub(super) fn inside(self, name: &'static str, index: usize) -> Self {
        Self { name, item: Item::Index(index), part: Some(self.name) }
    }

    pub(super) fn same_item(&self, other: &Self) -> bool {
        self.name == other.name && self.item == other.item
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match &self.item {
            Item::Whole => {}
            Item::Index(index) => write!(f, "[{index}]")?,
            Item::Key(key) => write!(f, "[{key}]")?,
        }
        match self.part {
            Some(part) => write!(f, ".{part}"),
            None => Ok(()),
        }
    }
}
