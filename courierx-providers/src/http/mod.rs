//! HTTP, as every adapter to a vendor's API uses it.
//!
//! [`Http`] is the client. What an adapter adds is its request, and a table of [`Rule`]s by which an error of
//! the vendor's becomes a reason.

mod answer;
mod apart;
mod base_url;
mod batch;
mod blame;
mod body;
mod client;
mod exchange;
pub(crate) mod json;
mod rules;

pub(crate) use answer::Answer;
pub(crate) use apart::{blames_a_message, send_apart, speaks_against_more};
pub use base_url::{BaseUrl, InvalidBaseUrl};
pub(crate) use batch::batches;
pub(crate) use blame::blame;
pub use client::{Http, HttpBuilder, HttpError};
pub(crate) use exchange::{NoAnswer, Request};
pub use rules::{Rule, Status};
pub(crate) use rules::{VendorError, refusal, refused};
