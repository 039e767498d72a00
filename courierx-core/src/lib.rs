//! The domain of CourierX.

pub mod clock;
pub mod id;
pub mod message;
