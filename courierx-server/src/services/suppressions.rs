//! Suppressions: who gets no mail.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::store::{PageRequest, SuppressionFilter};
use courierx_core::suppression::{NewSuppression, Pattern, Reason, Scope as Stream, Suppression};

use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::services::pages::Total;

/// Where entries come from that somebody added over the API.
const SOURCE: &str = "api";

/// An entry to add.
#[derive(Debug)]
pub struct NewEntry {
    /// An address, or `@example.com` for everybody there.
    pub pattern: Pattern,
    /// Why.
    pub reason: Reason,
    /// What people want to remember of it.
    pub note: Option<String>,
    /// When it ends; never if none.
    pub expires_at: Option<Timestamp>,
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// For this reason.
    pub reason: Option<Reason>,
    /// Whose address starts with this.
    pub email: Option<String>,
}

/// Adds an entry, or strengthens the one that is there.
pub async fn create(ctx: &Ctx, app: &App, new: NewEntry) -> ServiceResult<Suppression> {
    ctx.require(Scope::SuppressionsWrite)?;
    if new.expires_at.is_some_and(|end| end <= app.now()) {
        return Err(ServiceError::field("expires_at", "has passed"));
    }
    let mut entry = NewSuppression::new(new.pattern.clone(), new.reason, SOURCE);
    if let Some(note) = new.note {
        entry = entry.note(note).map_err(|error| ServiceError::field("note", error.to_string()))?;
    }
    if let Some(end) = new.expires_at {
        entry = entry.expires_at(end);
    }
    app.store.add(ctx.tenant, vec![entry]).await?;
    // Another entry of the same pattern may have come first: what counts is what is there now.
    let mut filter = SuppressionFilter::default();
    filter.prefix = Some(new.pattern.as_str().to_owned());
    filter.scope = Some(Stream::ALL);
    let found = app.store.list_suppressions(ctx.tenant, &filter, &PageRequest::first(1)).await?.items;
    found
        .into_iter()
        .find(|entry| entry.pattern == new.pattern)
        .ok_or_else(|| ServiceError::Conflict("it was removed by somebody else meanwhile".to_owned()))
}

/// A page of entries, ordered by address, and how many there are, counted up to `count_to`.
pub async fn list(
    ctx: &Ctx,
    app: &App,
    filter: &EntryFilter,
    skip: usize,
    limit: usize,
    count_to: u64,
) -> ServiceResult<(Vec<Suppression>, Total)> {
    ctx.require(Scope::SuppressionsRead)?;
    let mut stored = SuppressionFilter::default();
    stored.reason = filter.reason;
    stored.prefix = filter.email.as_ref().map(|text| text.to_lowercase());
    let page = PageRequest::first(limit).skipping(skip);
    let items = app.store.list_suppressions(ctx.tenant, &stored, &page).await?.items;
    let total = app.store.count_suppressions(ctx.tenant, &stored, count_to).await?;
    Ok((items, Total::counted(total, count_to)))
}

/// Removes an entry.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require(Scope::SuppressionsWrite)?;
    let entry = app.store.find_suppression(ctx.tenant, id).await?.ok_or(ServiceError::NotFound)?;
    match app.store.remove(ctx.tenant, &[(entry.pattern, entry.scope)]).await?.first() {
        Some(true) => Ok(()),
        _ => Err(ServiceError::NotFound),
    }
}
