//! Stores.

mod memory;

pub use memory::MemoryStore;
