//! The sandbox.

use jiff::Timestamp;
use serde::Deserialize;

use super::identified;
use crate::transport::{Request, Transport};
use crate::{Error, Pages};

/// What was not sent, but kept to be looked at.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox<'a>(pub(crate) &'a Transport);

/// A message that the sandbox took.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct SandboxMessage {
    pub id: String,
    pub from: Option<String>,
    pub to: Vec<String>,
    pub cc: Vec<String>,
    /// For whom it was, whatever the headers say.
    pub recipients: Vec<String>,
    pub subject: Option<String>,
    pub html_body: Option<String>,
    pub text_body: Option<String>,
    pub content_purged: bool,
    pub attachments: Vec<SandboxFile>,
    pub received_at: Option<Timestamp>,
}

/// A file of such a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SandboxFile {
    pub filename: String,
    pub content_type: String,
    /// Its size.
    pub bytes: usize,
}

identified!(SandboxMessage);

impl<'a> Sandbox<'a> {
    /// The newest first.
    pub fn list(&self) -> Pages<'a, SandboxMessage> {
        Pages::new(self.0, &["sandbox", "messages"], Vec::new())
    }

    /// One of them.
    pub async fn get(&self, id: &str) -> Result<SandboxMessage, Error> {
        self.0.ask(Request::get(&["sandbox", "messages", id])).await
    }
}
