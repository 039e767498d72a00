//! Suppressions: who gets no mail.

mod bulk;
mod export;
mod import;
mod sheet;

use std::collections::BTreeSet;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::{Address, Topic};
use courierx_core::store::{PageRequest, SuppressionFilter};
use courierx_core::suppression::{
    InvalidPattern, NewSuppression, Pattern, Reason, Scope as Stream, Suppression,
};

pub use bulk::{Added, MOST as MOST_AT_ONCE, Removed, add_all, remove_all};
pub use export::export;
pub use import::{Imported, MAX_BYTES as MAX_IMPORT_BYTES, RowError, import};

use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::services::audit_log;
use crate::services::pages::Total;

/// Where entries of this API come from, as the list shows it.
const SOURCE: &str = "api";
/// So many topics of one address are told.
const TOPICS: usize = 99;
/// What they are called in the audit log.
const KIND: &str = "suppression";

/// An entry to add.
#[derive(Debug)]
pub struct NewEntry {
    /// Whom it matches.
    pub pattern: Pattern,
    /// Why.
    pub reason: Reason,
    /// Which mail it holds back; all mail if none.
    pub topic: Option<Topic>,
    /// What people want to remember of it.
    pub note: Option<String>,
    /// When it ends; never if none.
    pub expires_at: Option<Timestamp>,
}

impl NewEntry {
    /// The entry as a store takes it.
    fn checked(self, now: Timestamp, source: &str) -> Result<NewSuppression, FieldError> {
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(FieldError::new("expires_at", "has passed"));
        }
        let scope = stream(self.topic.as_ref());
        let mut entry = NewSuppression::new(self.pattern, self.reason, source).scope(scope);
        if let Some(note) = self.note {
            if note.contains('\0') {
                return Err(FieldError::new("note", "has a zero byte in it"));
            }
            entry = entry.note(note).map_err(|error| FieldError::new("note", error.to_string()))?;
        }
        entry.expires_at = self.expires_at;
        Ok(entry)
    }
}

/// Mail about a topic; all mail if none.
fn stream(topic: Option<&Topic>) -> Stream {
    topic.map_or(Stream::ALL, |topic| Stream::named(topic.as_str()))
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// For this reason.
    pub reason: Option<Reason>,
    /// About this topic; about any and about all mail if none.
    pub topic: Option<Topic>,
    /// This address or domain, or those with this text in them.
    pub email: Option<String>,
    /// Added at this moment or later.
    pub from: Option<Timestamp>,
    /// Added before this moment.
    pub to: Option<Timestamp>,
}

impl EntryFilter {
    fn stored(&self) -> ServiceResult<SuppressionFilter> {
        let mut stored = SuppressionFilter::default();
        stored.reason = self.reason;
        stored.scope = self.topic.as_ref().map(|topic| stream(Some(topic)));
        stored.from = self.from;
        stored.to = self.to;
        if let Some(text) = &self.email {
            if text.chars().any(char::is_control) {
                return Err(ServiceError::field("email", "has a control character in it"));
            }
            // A whole one is looked up; a part is looked for.
            match text.parse::<Pattern>() {
                Ok(pattern) => stored.prefix = Some(pattern.into()),
                Err(InvalidPattern) => stored.part = Some(text.to_lowercase()),
            }
        }
        Ok(stored)
    }
}

/// Whom an entry is to match: `ada@example.com`, or a whole domain as `@example.com`, `*@example.com` or
/// `example.com`.
pub fn pattern(text: &str) -> Result<Pattern, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(FieldError::new("email", "can't be blank"));
    }
    let is_domain = !text.contains('@') && text.contains('.');
    let parsed = if is_domain { format!("@{text}").parse() } else { text.parse() };
    parsed.map_err(|error: InvalidPattern| FieldError::new("email", format!("is {error}")))
}

/// A topic that messages name.
pub fn topic(text: &str) -> Result<Topic, FieldError> {
    Topic::new(text).map_err(|problem| FieldError::new("topic", problem.to_string()))
}

/// A reason, also as the first version named it.
pub fn reason(text: &str) -> Result<Reason, FieldError> {
    match text {
        "hard_bounce" | "soft_bounce" => Ok(Reason::Bounce),
        other => other
            .parse()
            .map_err(|_| FieldError::new("reason", "is none of: bounce, complaint, unsubscribe, manual")),
    }
}

/// Adds an entry, or strengthens the one that is there.
pub async fn create(ctx: &Ctx, app: &App, new: NewEntry) -> ServiceResult<Suppression> {
    ctx.require(Scope::SuppressionsWrite)?;
    let pattern = new.pattern.clone();
    let entry = new.checked(app.now(), SOURCE).map_err(|wrong| ServiceError::Invalid(vec![wrong]))?;
    let scope = entry.scope.clone();
    app.store.add(ctx.tenant, vec![entry]).await?;
    // Another entry of the same pattern may have come first: what counts is what is there now.
    let mut filter = SuppressionFilter::default();
    filter.prefix = Some(pattern.as_str().to_owned());
    filter.scope = Some(scope);
    let found = app.store.list_suppressions(ctx.tenant, &filter, &PageRequest::first(1)).await?.items;
    let entry = found
        .into_iter()
        .find(|entry| entry.pattern == pattern)
        .ok_or_else(|| ServiceError::Conflict("it was removed by somebody else meanwhile".to_owned()))?;
    audit_log::note(ctx, app, "created", KIND, Some(entry.id)).await?;
    Ok(entry)
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
    let stored = filter.stored()?;
    let page = PageRequest::first(limit).skipping(skip);
    let items = app.store.list_suppressions(ctx.tenant, &stored, &page).await?.items;
    let total = app.store.count_suppressions(ctx.tenant, &stored, count_to).await?;
    Ok((items, Total::counted(total, count_to)))
}

/// What keeps mail from an address.
#[derive(Debug)]
pub struct Checked {
    /// The address, as entries have it.
    pub email: String,
    /// The entry that keeps mail about the topic from it, or all mail if none was asked about.
    pub entry: Option<Suppression>,
    /// The topics that entries of their own keep from it, besides what holds back all mail; 99 at most.
    pub topics: Vec<String>,
}

/// Looks up what keeps mail about a topic, or all mail, from an address.
pub async fn check(ctx: &Ctx, app: &App, email: &str, topic: Option<&Topic>) -> ServiceResult<Checked> {
    ctx.require(Scope::SuppressionsRead)?;
    let address: Address = email.trim().parse().map_err(|_| ServiceError::field("email", "is no address"))?;
    let key = address.key();
    let found = app.store.check(ctx.tenant, &stream(topic), std::slice::from_ref(&key)).await?;
    let entry = found.into_iter().next().flatten();
    let everybody = format!("@{}", address.domain());
    let mut topics = BTreeSet::new();
    for pattern in [key.as_str(), &everybody] {
        topics.extend(topics_of(app, ctx.tenant, pattern).await?);
    }
    let topics = topics.into_iter().take(TOPICS).collect();
    Ok(Checked { email: key.as_str().to_owned(), entry, topics })
}

/// The topics about which there are entries with this very pattern.
async fn topics_of(app: &App, tenant: TenantId, pattern: &str) -> ServiceResult<Vec<String>> {
    let mut filter = SuppressionFilter::default();
    filter.prefix = Some(pattern.to_owned());
    // By pattern, so that the one that is no longer than the prefix comes first.
    let first = app.store.list_suppressions(tenant, &filter, &PageRequest::first(TOPICS + 1)).await?.items;
    let same = first.into_iter().filter(|entry| entry.pattern.as_str() == pattern);
    Ok(same.map(|entry| entry.scope.as_str().to_owned()).filter(|topic| !topic.is_empty()).collect())
}

/// Removes an entry.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require(Scope::SuppressionsWrite)?;
    let entry = app.store.find_suppression(ctx.tenant, id).await?.ok_or(ServiceError::NotFound)?;
    match app.store.remove(ctx.tenant, &[(entry.pattern, entry.scope)]).await?.first() {
        Some(true) => audit_log::note(ctx, app, "deleted", KIND, Some(id)).await,
        _ => Err(ServiceError::NotFound),
    }
}
