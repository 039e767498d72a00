//! The domain of `CourierX`: what a message is, who carries it, where it goes next, and what became of it.
//!
//! Applications use the crate `courierx`, which puts this one together with providers and stores. Whoever
//! writes a provider, a store, or something else around the engine needs only this one: it has no network
//! and no database in it, starts nothing by itself, and waits on a [`Clock`](clock::Clock) that tests can
//! move.
//!
//! ```
//! use courierx_core::assert_sent;
//! use courierx_core::clock::SystemClock;
//! use courierx_core::engine::Direct;
//! use courierx_core::message::Email;
//! use courierx_core::router::{Connection, Router};
//! use courierx_core::testing::Recorder;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recorder = Recorder::new();
//! let router = Router::new(vec![Connection::new("primary".parse()?, recorder.clone())])?;
//! let direct = Direct::new(router, SystemClock::shared());
//!
//! let email = Email::to("ada@example.com")
//!     .from("Acme <hi@acme.example>")
//!     .subject("Hello {{name}}")
//!     .text("Hi {{name}}")
//!     .variable("name", "Ada")
//!     .build()?;
//! direct.send(&email).await?;
//! assert_sent!(recorder, subject = "Hello Ada");
//! # Ok(())
//! # }
//! ```
//!
//! # The modules, in the order of a message's way
//!
//! | module | what it has | begin with |
//! |---|---|---|
//! | [`message`] | what an application hands over, in types that hold nothing that cannot be sent | [`Email`](message::Email) |
//! | [`template`] | Handlebars for subjects and bodies, bounded in every respect | [`Template`](template::Template) |
//! | [`suppression`] | who gets no mail, and why | [`Suppression`](suppression::Suppression) |
//! | [`tracking`] | counting openings and clicks ourselves, and links to leave by | [`Tracker`](tracking::Tracker) |
//! | [`vault`] | sealing what is kept | [`Vault`](vault::Vault) |
//! | [`store`] | where messages, jobs and events are kept: the traits | [`Store`](store::Store) |
//! | [`blobs`] | where large contents are kept besides the store | [`Blobs`](blobs::Blobs) |
//! | [`engine`] | accept, deliver, settle; a worker; a direct send without a store | [`Outbox`](engine::Outbox), [`Direct`](engine::Direct) |
//! | [`router`] | which connection is next, and what follows from an answer | [`Router`](router::Router) |
//! | [`provider`] | what carries a message out of the process: the trait, and its three outcomes | [`EmailProvider`](provider::EmailProvider), [`Outcome`](provider::Outcome) |
//! | [`event`] | what happened to a message, and the status that follows | [`Event`](event::Event) |
//! | [`webhook`] | telling applications of events: names, signatures, when to repeat | [`SignatureScheme`](webhook::SignatureScheme) |
//!
//! [`id`] and [`clock`] serve all of them; [`testing`] has a provider that records, for the tests of whatever
//! sends mail.
//!
//! # Writing a provider or a store
//!
//! The feature `conformance` adds `provider::conformance`, `store::conformance` and `blobs::conformance`: the
//! contracts of the traits as tests, which every provider and every store of `CourierX` passes too.

#![deny(missing_docs)]

pub mod blobs;
pub mod clock;
pub mod engine;
pub mod event;
pub mod id;
pub mod message;
mod names;
pub mod provider;
pub mod router;
#[cfg(feature = "schema")]
pub mod schema;
pub mod store;
pub mod suppression;
mod sync;
pub mod template;
pub mod testing;
pub mod tracking;
pub mod vault;
pub mod webhook;

pub use names::UnknownName;
