//! Lists in pages, by cursor: stable while records are added.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a list goes on. Opaque: only the store that made it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor of this content.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The content, for the store that made it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageRequest {
    /// After which cursor; from the start if none.
    pub after: Option<Cursor>,
    /// At most how many items: 1 to [`PageRequest::MAX`]; more is cut to that.
    pub limit: usize,
    /// How many items to pass over first, of those that the list would have shown from there on. Leave it
    /// at zero when going on from the cursor of a page: that begins after what was passed over.
    pub skip: usize,
}

impl PageRequest {
    /// The largest page.
    pub const MAX: usize = 1000;

    /// The first page, of at most `limit` items.
    pub const fn first(limit: usize) -> Self {
        Self { after: None, limit, skip: 0 }
    }

    /// The page after `cursor`, of at most `limit` items.
    pub const fn after(cursor: Cursor, limit: usize) -> Self {
        Self { after: Some(cursor), limit, skip: 0 }
    }

    /// This page, after passing over `items`.
    #[must_use]
    pub const fn skipping(mut self, items: usize) -> Self {
        self.skip = items;
        self
    }

    /// The limit, within what a store serves at once.
    pub fn effective_limit(&self) -> usize {
        self.limit.clamp(1, Self::MAX)
    }
}

impl Default for PageRequest {
    /// The first hundred items.
    fn default() -> Self {
        Self::first(100)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page starts; none if this is the last.
    pub next: Option<Cursor>,
}
