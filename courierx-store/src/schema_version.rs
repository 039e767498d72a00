//! Which version a database's schema has.

/// The version of our schema in a database, and which ones this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaVersion {
    /// What it has; 0 where nothing of ours is there yet.
    pub found: u32,
    /// The newest that is known here.
    pub known: u32,
    /// The oldest whose programs can work with it.
    pub oldest: u32,
}

impl SchemaVersion {
    /// Whether migrations are due.
    pub const fn is_due(self) -> bool {
        self.found < self.known
    }

    /// Whether a later version changed it in a way that this one cannot work with.
    pub const fn is_too_new(self) -> bool {
        self.oldest > self.known
    }
}
