//! Servers to test against, and clients to ask them.

mod binary;
mod client;
mod server;
pub(crate) mod smtp_server;

pub(crate) use binary::{Binary, Ended, run};
pub(crate) use client::{Answer, Client};
pub(crate) use server::TestServer;
pub(crate) use smtp_server::SmtpServer;
