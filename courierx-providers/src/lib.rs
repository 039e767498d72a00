//! Providers: what carries the messages of `CourierX`.
//!
//! Each is an [`EmailProvider`](courierx_core::provider::EmailProvider), is built without touching the
//! network, starts no task, and keeps its credentials out of `Debug` and of every error.
//!
//! | provider | feature | what it is |
//! |---|---|---|
//! | [`Smtp`] | `smtp` (on unless switched off) | any mail server or relay: STARTTLS or TLS, connections kept and reused, an answer for each recipient |
//! | [`SendGrid`] | `sendgrid` | Twilio SendGrid, version 3 of its API |
//! | [`Postmark`] | `postmark` | the vendor's API; it tells of recipients it has made inactive, and can be asked what became of a message |
//! | [`Resend`] | `resend` | the vendor's API; repeating an unknown hand-over is safe for a day |
//! | [`Mailgun`] | `mailgun` | a sending domain of Mailgun's, in the US or the EU |
//! | [`Ses`] | `ses` | Amazon SES by its API v2: signed requests, raw messages where its own form cannot carry one |
//! | [`Sandbox`] | always there | keeps every message in memory and lets none out; recipients at [`MAGIC_DOMAIN`](sandbox::MAGIC_DOMAIN) bounce, complain and fail as they are told |
//!
//! ```
//! use courierx_providers::{Sandbox, Smtp};
//!
//! let relay = Smtp::starttls("smtp.example.com").credentials("user", "password");
//! let sandbox = Sandbox::new();
//! assert!(!format!("{relay:?}").contains("password"));
//! # drop(sandbox);
//! ```
//!
//! The feature `mime` has [`mime::render`], which writes a hand-over as RFC 5322 bytes, for providers that
//! take those. `courierx_core::provider` tells how to write a provider, and has the suite that those here
//! pass.
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on fails"))]

pub mod callback;
#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(feature = "http")]
#[cfg_attr(
    not(feature = "all"),
    allow(dead_code, unused_imports, unused_macros, reason = "no vendor needs all of it")
)]
pub mod http;
#[cfg(feature = "mailgun")]
pub mod mailgun;
#[cfg(feature = "mime")]
pub mod mime;
#[cfg(feature = "http")]
#[cfg_attr(not(feature = "all"), allow(dead_code, reason = "no vendor alone needs all of it"))]
mod planted;
#[cfg(feature = "postmark")]
pub mod postmark;
#[cfg(feature = "net")]
pub mod reference;
#[cfg(feature = "resend")]
pub mod resend;
pub mod sandbox;
#[cfg(feature = "net")]
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "SMTP has credentials of two parts"))]
mod secret;
#[cfg(feature = "sendgrid")]
pub mod sendgrid;
#[cfg(feature = "ses")]
pub mod ses;
#[cfg(feature = "smtp")]
pub mod smtp;
#[cfg(feature = "net")]
mod tls;

#[cfg(feature = "mailgun")]
pub use mailgun::Mailgun;
#[cfg(feature = "postmark")]
pub use postmark::Postmark;
#[cfg(feature = "resend")]
pub use resend::Resend;
pub use sandbox::Sandbox;
#[cfg(feature = "sendgrid")]
pub use sendgrid::SendGrid;
#[cfg(feature = "ses")]
pub use ses::Ses;
#[cfg(feature = "smtp")]
pub use smtp::Smtp;
