//! What the operator sees and changes of all tenants.

pub mod plans;
pub mod tenants;

/// How often a change is made again that somebody else's came in between.
const TRIES: usize = 3;
