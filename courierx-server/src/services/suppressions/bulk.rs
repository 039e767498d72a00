//! Adding and removing many entries at once.

use courierx_core::message::Topic;
use courierx_core::suppression::Pattern;

use super::{KIND, NewEntry, SOURCE, stream};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::services::audit_log;

/// Most entries of one request.
pub const MOST: usize = 1000;

/// What became of entries to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// So many are new.
    pub added: usize,
    /// So many were there, and are strengthened.
    pub updated: usize,
}

/// What became of entries to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// So many are gone.
    pub removed: usize,
    /// So many were not there.
    pub not_found: usize,
}

/// Adds entries, or strengthens those that are there: all of them, or none if anything is wrong.
pub async fn add_all(ctx: &Ctx, app: &App, new: Vec<NewEntry>) -> ServiceResult<Added> {
    ctx.require(Scope::SuppressionsWrite)?;
    let (now, mut entries, mut wrong) = (app.now(), Vec::with_capacity(new.len()), Vec::new());
    for (place, new) in new.into_iter().enumerate() {
        match new.checked(now, SOURCE) {
            Ok(entry) => entries.push(entry),
            Err(error) => wrong.push(at(place, &error)),
        }
    }
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    let answers = app.store.add(ctx.tenant, entries).await?;
    let added = answers.iter().filter(|is_new| **is_new).count();
    audit_log::note(ctx, app, "created", KIND, None).await?;
    Ok(Added { added, updated: answers.len() - added })
}

/// Removes entries about a topic, or about all mail if none is named; those that are not there stay so.
pub async fn remove_all(
    ctx: &Ctx,
    app: &App,
    patterns: Vec<Pattern>,
    topic: Option<&Topic>,
) -> ServiceResult<Removed> {
    ctx.require(Scope::SuppressionsWrite)?;
    let entries: Vec<_> = patterns.into_iter().map(|pattern| (pattern, stream(topic))).collect();
    let answers = app.store.remove(ctx.tenant, &entries).await?;
    let removed = answers.iter().filter(|was_there| **was_there).count();
    if removed > 0 {
        audit_log::note(ctx, app, "deleted", KIND, None).await?;
    }
    Ok(Removed { removed, not_found: answers.len() - removed })
}

/// What is wrong with the entry at this place.
fn at(place: usize, error: &FieldError) -> FieldError {
    FieldError::new(format!("suppressions[{place}].{}", error.field), error.message.clone())
}
