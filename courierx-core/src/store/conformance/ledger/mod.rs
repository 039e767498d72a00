//! The rules of [`Ledger`](crate::store::Ledger).

mod accept;
mod allowances;
mod attempts;
mod cancel;
mod events;
mod feed;
mod isolation;
mod lists;
mod pages;
mod permutations;
mod requeue;
mod reschedule;
mod settle;
mod soft_bounces;

pub use accept::*;
pub use allowances::*;
pub use attempts::*;
pub use cancel::*;
pub use events::*;
pub use feed::*;
pub use isolation::*;
pub use lists::*;
pub use pages::*;
pub use permutations::*;
pub use requeue::*;
pub use reschedule::*;
pub use settle::*;
pub(super) use soft_bounces::longer;
pub use soft_bounces::*;
