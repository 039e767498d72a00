//! What threads share: the standard library's types, or loom's, which try every order in which things can happen.
//!
//! `cargo xtask loom` runs the models in `router/models.rs` over the latter.

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

// Both kinds of mutex answer with the same.
pub(crate) use std::sync::PoisonError;
