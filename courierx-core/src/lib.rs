//! The domain of CourierX.

pub mod clock;
pub mod id;
pub mod message;
pub mod template;
pub mod vault;
