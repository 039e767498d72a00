//! Counting openings and clicks ourselves, and letting recipients leave: whichever provider carries a message.
//!
//! A [`Tracker`] leads links through addresses of our own, each of which holds a signed [`Link`]: whose message,
//! which recipient, and where a click leads to. Nothing is looked up to believe one, and nobody can make one that
//! leads elsewhere. Whoever serves those addresses reads the links with the same [`LinkKeys`], and hands them to
//! [`Outbox::visited`](crate::engine::Outbox::visited) and [`Outbox::unsubscribe`](crate::engine::Outbox::unsubscribe).
//!
//! ```
//! use courierx_core::id::{MessageId, TenantId};
//! use courierx_core::tracking::{Link, LinkKeys, LinkKind};
//! use courierx_core::vault::{Vault, VaultKey};
//!
//! let keys = LinkKeys::of(&Vault::new(VaultKey::generate()));
//! let kind = LinkKind::Click { target: "https://example.com/offer".to_owned() };
//! let link = Link { tenant: TenantId::DEFAULT, message: MessageId::new(), recipient: Some(0), kind };
//! let token = keys.sign(&link);
//! assert_eq!(keys.read(&token)?, link);
//! # Ok::<(), courierx_core::tracking::InvalidLink>(())
//! ```

mod html;
mod machine;
mod tag;
#[cfg(test)]
mod tests;
mod token;
mod tracker;

pub use html::{Rewritten, rewrite};
pub use machine::{Bursts, SOON, is_machine};
pub use token::{InvalidLink, Link, LinkKeys, LinkKind, MAX_TARGET_BYTES};
pub use tracker::{InvalidBase, LinkHosts, Tracker, UNSUBSCRIBE_URL, offers_to_leave};
pub(crate) use tracker::{Marker, needs_tracker};
