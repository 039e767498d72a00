//! Servers to test against, and clients to ask them.

mod binary;
mod client;
mod contract;
pub(crate) mod database;
mod dns_server;
#[cfg(unix)]
mod lines;
#[cfg(unix)]
pub(crate) mod mail_server;
#[cfg(unix)]
mod proxy;
mod server;
pub(crate) mod smtp_server;
#[cfg(unix)]
mod smtp_sink;
#[cfg(unix)]
pub(crate) mod terminal;

pub(crate) use binary::{Binary, Ended, PATIENCE, Starting, command, run};
pub(crate) use client::{Answer, Client};
pub(crate) use dns_server::DnsServer;
#[cfg(unix)]
pub(crate) use mail_server::MailServer;
#[cfg(unix)]
pub(crate) use proxy::{Mode, Proxy};
pub(crate) use server::TestServer;
pub(crate) use smtp_server::SmtpServer;
#[cfg(unix)]
pub(crate) use smtp_sink::SmtpSink;
#[cfg(unix)]
pub(crate) use terminal::Terminal;
