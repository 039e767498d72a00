//! Servers to test against, and clients to ask them.

mod binary;
mod client;
mod server;
pub(crate) mod smtp_server;
#[cfg(unix)]
mod smtp_sink;

pub(crate) use binary::{Binary, Ended, run};
pub(crate) use client::{Answer, Client};
pub(crate) use server::TestServer;
pub(crate) use smtp_server::SmtpServer;
#[cfg(unix)]
pub(crate) use smtp_sink::SmtpSink;
