//! A message as it was asked for, and what is made of it when it is accepted.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::engine::Submission;
use courierx_core::message::{Email, EmailBuilder};
use serde_json::{Map, Value};

use super::asked::Asked;
use super::files::{Files, RemoteFile};
use super::template::{Filling, is_complete};
use crate::App;
use crate::ctx::Ctx;
use crate::error::{ServiceError, ServiceResult};

/// How far ahead a message may be scheduled.
pub const FARTHEST: Duration = Duration::from_hours(30 * 24);

/// When delivery begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendAt {
    /// Then.
    At(Timestamp),
    /// So long after the request.
    In(Duration),
}

/// A message as it was asked for: nothing was fetched for it, and nothing made of the moment.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What is known of it. Files that are to be fetched have their places in it, and are empty.
    pub email: EmailBuilder,
    /// When delivery begins; at once if nothing is said.
    pub send_at: Option<SendAt>,
    /// The files that are to be fetched, by their places among the attachments.
    pub files: Vec<(usize, RemoteFile)>,
    /// What it is made of besides.
    pub filling: Filling,
}

impl SendAt {
    /// The moment, for a request that is made now.
    pub fn from(self, now: Timestamp) -> ServiceResult<Timestamp> {
        let at = match self {
            Self::At(at) => at,
            Self::In(wait) => now.after(wait),
        };
        if at > now.after(FARTHEST) {
            let days = FARTHEST.as_secs() / (24 * 60 * 60);
            return Err(ServiceError::field("scheduled_at", format!("is more than {days} days ahead")));
        }
        Ok(at)
    }
}

/// A message that is right as far as that can be known before its files are fetched.
pub(super) struct Checked {
    /// The message with its date; the files that are to be fetched are empty.
    pub(super) email: Email,
    digest: Option<[u8; 32]>,
    files: Vec<(usize, RemoteFile)>,
}

impl Draft {
    /// The same with variables for one recipient: beside those of the template, in place of the message's own.
    #[must_use]
    pub fn with_variables(mut self, variables: Map<String, Value>) -> Self {
        if self.filling.template.is_some() {
            self.filling.variables.get_or_insert_default().extend(variables);
        } else {
            self.email = self.email.variables(variables);
        }
        self
    }

    /// The message with its date, if it were accepted now; what is to be fetched is empty.
    pub fn outline(self, now: Timestamp) -> ServiceResult<EmailBuilder> {
        Ok(match self.send_at {
            Some(at) => self.email.send_at(at.from(now)?),
            None => self.email,
        })
    }

    /// Checks everything that can be checked before anything is fetched. What is asked for by the message itself is known
    /// then.
    pub(super) async fn check(
        mut self,
        ctx: &Ctx,
        app: &App,
        asked: &mut Option<Asked>,
    ) -> ServiceResult<Checked> {
        let (strict, files) = (self.filling.strict, std::mem::take(&mut self.files));
        let email = self.outline(app.now())?.mode(ctx.mode).build()?;
        if asked.is_none() {
            *asked = Asked::by_message(&email);
        }
        if strict {
            is_complete(app, &email).await?;
        }
        Ok(Checked { email, digest: asked.as_ref().and_then(Asked::digest), files })
    }
}

impl Checked {
    /// The message, with its files.
    pub(super) async fn complete(self, fetched: &mut Files<'_>) -> ServiceResult<Submission> {
        let Self { mut email, digest, files } = self;
        if !files.is_empty() {
            let mut attachments = email.attachments().to_vec();
            for (place, file) in &files {
                let attachment = fetched.get(*place, file).await?;
                if let Some(empty) = attachments.get_mut(*place) {
                    *empty = attachment;
                }
            }
            email = email.to_builder().attachments(attachments).build()?;
        }
        Ok(Submission { email, digest, allowances: Vec::new() })
    }
}
