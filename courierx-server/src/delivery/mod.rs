//! The way of a tenant's messages: which connections there are, and how they are reached.

mod build;
mod callbacks;
mod given;
mod guard;
mod loopback;
mod measured;
mod names;
mod providers;
mod routes;
mod setup;
mod unusable;
mod vendors;
mod watch;

pub use build::SANDBOX;
pub use callbacks::{Keys, USER as CALLBACK_USER};
pub use given::{GivenConnection, GivenConnections, GivenError};
pub use guard::{Guard, Guarded, REFUSED, REFUSED_PLAIN};
pub use loopback::Postman;
pub use measured::{AllSendMeters, Measured, SendMeters};
pub use names::{Named, Names};
pub use providers::{ProviderError, Providers, Purpose};
pub use routes::{SharedRoutes, TenantRoutes, sandbox_takes_live_mail};
pub use watch::Census;
