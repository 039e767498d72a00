//! What reading callbacks has in common: signatures, loosely typed bodies, and tables of what vendors' events mean.

#[cfg(feature = "http")]
#[cfg_attr(not(feature = "all"), allow(dead_code, unused_imports, reason = "no vendor needs all of it"))]
mod fields;
#[cfg(feature = "http")]
#[cfg_attr(not(feature = "all"), allow(dead_code, unused_imports, reason = "no vendor needs all of it"))]
mod json;
mod mac;
#[cfg_attr(not(feature = "all"), allow(dead_code, reason = "without a vendor there is no table"))]
pub(crate) mod rules;
#[cfg(feature = "http")]
#[cfg_attr(not(feature = "all"), allow(dead_code, unused_imports, reason = "no vendor needs all of it"))]
mod window;

#[cfg_attr(not(feature = "all"), allow(unused_imports, reason = "no vendor needs all of it"))]
pub(crate) use courierx_core::tracking::is_machine;
#[cfg(feature = "http")]
#[cfg_attr(not(feature = "all"), allow(unused_imports, reason = "no vendor needs all of it"))]
pub(crate) use fields::{
    Fields, bounded, digest_of, mailbox, object, parsed, seconds, sole_address, strings,
};
#[cfg(feature = "http")]
#[cfg_attr(not(feature = "all"), allow(unused_imports, reason = "no vendor needs all of it"))]
pub(crate) use json::Json;
pub(crate) use mac::{MacKey, from_hex, to_hex};
pub use rules::{EventRule, Meaning};
#[cfg(feature = "http")]
#[cfg_attr(not(feature = "all"), allow(unused_imports, reason = "no vendor needs all of it"))]
pub(crate) use window::{Window, no_signature};

/// A text that is no key for a vendor's signatures. It does not repeat the text.
#[cfg(feature = "http")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no key for callbacks: {0}")]
#[non_exhaustive]
pub struct InvalidKey(pub(crate) &'static str);
