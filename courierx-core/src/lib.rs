//! The domain of CourierX.

#![deny(missing_docs)]

pub mod clock;
pub mod engine;
pub mod event;
pub mod id;
pub mod message;
mod names;
pub mod provider;
pub mod router;
pub mod store;
pub mod suppression;
pub mod template;
pub mod testing;
pub mod vault;

pub use names::UnknownName;
