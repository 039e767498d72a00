//! The rules of [`Counters`](crate::store::Counters).

mod quotas;
mod statistics;

pub use quotas::*;
pub use statistics::*;
