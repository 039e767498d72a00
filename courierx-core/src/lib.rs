//! The domain of CourierX.

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
pub mod vault;

pub use names::UnknownName;
