//! The way of a tenant's messages: which connections there are, and how they are reached.

mod names;
mod routes;

pub use names::{Named, Names};
pub use routes::{SharedRoutes, TenantRoutes};
