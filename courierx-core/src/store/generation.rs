//! Whether anything was written of a tenant since somebody looked.

/// How far the writes of a tenant are, as its store counts them: see [`Store::generation`](super::Store::generation).
///
/// Two that are equal mean that nothing was written in between. There is nothing else to be told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(u64);

impl Generation {
    /// The one of this number, which a store never comes back to.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}
