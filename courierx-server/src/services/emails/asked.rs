//! By what a request is recognised when it is repeated under its idempotency key.
//!
//! Most are recognised by the message that they make. Where that may be another one each time, because of the moment,
//! of files or of a template, it is what was asked for that counts: a request that is repeated is the same, whatever
//! has become of these.

use std::time::Duration;

use courierx_core::id::MessageId;
use courierx_core::message::{Email, Mode};
use courierx_core::store::{KeyUse, ScopedKey};
use sha2::{Digest, Sha256};

use super::draft::{Draft, SendAt};
use super::template::Filling;
use crate::App;
use crate::ctx::Ctx;
use crate::error::{ServiceError, ServiceResult};

/// What was asked for under a key, where the message that is made of it may be another one each time.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    key: ScopedKey,
    pub(super) digest: [u8; 32],
    /// What it came to while the texts of templates counted, for what was accepted then.
    pub(super) formerly: Vec<[u8; 32]>,
}

impl Asked {
    fn made(&self, used: &KeyUse) -> bool {
        used.digest == self.digest || self.formerly.contains(&used.digest)
    }
}

impl Draft {
    /// What is asked for; none if that is the same message each time, has no key, or is wrong.
    pub(super) fn asked(&self, mode: Mode) -> ServiceResult<Option<Asked>> {
        if !self.is_made_each_time() && self.filling.template.is_none() {
            return Ok(None);
        }
        let Some(email) = self.unmade(mode) else { return Ok(None) };
        let Some(key) = email.idempotency_key() else { return Ok(None) };
        let (key, digest) = (ScopedKey::new(key, mode), self.digest(&email)?);
        Ok(Some(Asked { key, digest, formerly: Vec::new() }))
    }

    /// What a message that has the texts of its template was recognised by while those counted; none if it is wrong.
    pub(super) fn digest_of_texts(mut self, mode: Mode) -> ServiceResult<Option<[u8; 32]>> {
        self.filling = Filling::default();
        self.unmade(mode).map(|email| self.digest(&email)).transpose()
    }

    /// The message without what is made of the moment or of a template, and without what is fetched; none if it is
    /// wrong, which is told when it is made.
    fn unmade(&self, mode: Mode) -> Option<Email> {
        let mut email = self.email.clone().mode(mode);
        if self.filling.template.is_some() {
            email = email.subject("").text("");
        }
        if let Some(SendAt::At(at)) = self.send_at {
            email = email.send_at(at);
        }
        email.build().ok()
    }

    fn digest(&self, email: &Email) -> ServiceResult<[u8; 32]> {
        let (wait, files) = (self.wait(), &self.files);
        let Filling { template, subject, variables, .. } = &self.filling;
        let asked = if template.is_some() {
            serde_json::to_vec(&(email, wait, files, template, subject, variables))?
        } else if self.is_made_each_time() {
            serde_json::to_vec(&(email, wait, files))?
        } else {
            // As the outbox does it.
            serde_json::to_vec(email)?
        };
        Ok(Sha256::digest(asked).into())
    }

    fn is_made_each_time(&self) -> bool {
        self.wait().is_some() || !self.files.is_empty()
    }

    fn wait(&self) -> Option<Duration> {
        match self.send_at {
            Some(SendAt::In(wait)) => Some(wait),
            Some(SendAt::At(_)) | None => None,
        }
    }
}

/// Whether an error says something of one message, and nothing of the others.
pub(super) const fn is_of_one(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Invalid(_) | ServiceError::BadRequest(_) | ServiceError::Refused { .. })
}

/// Whether a request that was accepted may be refused for this when it is repeated: for what has become of its
/// template or its files, or since it is recognised by something else than then.
pub(super) const fn may_be_repeated(error: &ServiceError) -> bool {
    is_of_one(error) || matches!(error, ServiceError::Conflict(_))
}

/// The messages that these requests made before, in their order.
pub(super) async fn accepted_before(
    ctx: &Ctx,
    app: &App,
    asked: &[&Asked],
) -> ServiceResult<Vec<Option<MessageId>>> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<_> = asked.iter().map(|one| (ctx.tenant, one.key.clone())).collect();
    let used = app.store.find_keys(&keys).await?;
    let same = asked.iter().zip(used).map(|(asked, used)| {
        let used = used.filter(|used| asked.made(used))?;
        Some(used.message)
    });
    Ok(same.collect())
}
