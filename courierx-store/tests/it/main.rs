//! Tests of the stores against what the traits promise, and of what is particular to each.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod sqlite;
mod support;
