//! The way of a tenant's messages: which connections there are, and how they are reached.

mod routes;

pub use routes::{SharedRoutes, TenantRoutes};
