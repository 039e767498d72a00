//! By what a request is recognised when it is repeated under its idempotency key.
//!
//! Most are recognised by the message that they make. Where that may be another one each time, because of the moment,
//! of files or of a template, it is what was asked for that counts: a request that is repeated is the same, whatever
//! has become of these. Whether it was made before is asked only after a refusal: what is accepted is compared by the
//! store.

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

/// What was asked for under a key.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    key: ScopedKey,
    by: By,
    /// What it came to while the texts of templates counted, for what was accepted then.
    pub(super) formerly: Vec<[u8; 32]>,
}

/// By what a request is recognised.
#[derive(Debug, Clone)]
enum By {
    /// By the message, which is the same each time: the outbox makes the digest of it that is kept, and here it is made
    /// only of what was refused.
    Message(Email),
    /// By what was asked for, as the message may be another one each time.
    Digest([u8; 32]),
}

impl Asked {
    /// What is asked for by a message that is the same each time; none if it has no key.
    pub(super) fn by_message(email: &Email) -> Option<Self> {
        let key = ScopedKey::new(email.idempotency_key()?, email.mode());
        Some(Self { key, by: By::Message(email.clone()), formerly: Vec::new() })
    }

    /// What is kept in place of the message's digest.
    pub(super) const fn digest(&self) -> Option<[u8; 32]> {
        match self.by {
            By::Message(_) => None,
            By::Digest(digest) => Some(digest),
        }
    }

    fn made(&self, used: &KeyUse) -> ServiceResult<bool> {
        let digest = match &self.by {
            By::Message(email) => digest_of(email)?,
            By::Digest(digest) => *digest,
        };
        Ok(used.digest == digest || self.formerly.contains(&used.digest))
    }
}

/// As the outbox makes it.
fn digest_of(email: &Email) -> ServiceResult<[u8; 32]> {
    Ok(Sha256::digest(serde_json::to_vec(email)?).into())
}

impl Draft {
    /// What is asked for; none if that is the same message each time, which says it itself, has no key, or is wrong.
    pub(super) fn asked(&self, mode: Mode) -> ServiceResult<Option<Asked>> {
        if !self.is_made_each_time() && self.filling.template.is_none() {
            return Ok(None);
        }
        let Some(email) = self.unmade(mode) else { return Ok(None) };
        let Some(key) = email.idempotency_key() else { return Ok(None) };
        let (key, by) = (ScopedKey::new(key, mode), By::Digest(self.digest(&email)?));
        Ok(Some(Asked { key, by, formerly: Vec::new() }))
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
            return digest_of(email);
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
    use ServiceError::{BadRequest, Invalid, PlanLimit, Refused};
    matches!(error, Invalid(_) | BadRequest(_) | Refused { .. } | PlanLimit(_))
}

/// Whether a request that was accepted may be refused for this when it is repeated: since its time is over, for what has
/// become of its template, its files, its tenant's connections, domains or plan, or as it is recognised by something
/// else than then.
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
    let same = asked.iter().zip(used).map(|(asked, used)| match used {
        Some(used) if asked.made(&used)? => Ok(Some(used.message)),
        _ => Ok(None),
    });
    same.collect()
}
