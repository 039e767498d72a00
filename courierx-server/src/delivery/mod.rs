//! The way of a tenant's messages: which connections there are, and how they are reached.

mod guard;
mod measured;
mod providers;
mod routes;

pub use guard::{Guard, Guarded, REFUSED, REFUSED_PLAIN};
pub use measured::{Measured, SendMeters};
pub use providers::{ProviderError, Providers, Purpose};
pub use routes::{SharedRoutes, TenantRoutes};
