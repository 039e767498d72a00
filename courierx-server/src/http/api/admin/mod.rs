//! `/api/v1/admin`: what the operator does.

pub mod plans;
pub mod tenants;
