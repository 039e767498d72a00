//! The rules of [`WebhookLog`](crate::store::WebhookLog).

use std::time::Duration;

use super::Subject;
use crate::event::Sequence;
use crate::id::{EventId, MessageId, RecordId, TenantId};
use crate::store::{PageRequest, WebhookFilter, WebhookResult, WebhookTry};
use crate::webhook::WebhookEvent;

pub(super) fn entry(
    subject: &Subject,
    tenant: TenantId,
    endpoint: RecordId,
    number: u32,
    status: u16,
) -> WebhookTry {
    WebhookTry {
        id: RecordId::new(),
        tenant,
        endpoint,
        event: EventId::new(),
        sequence: Some(Sequence(i64::from(number))),
        name: WebhookEvent::Delivered,
        message: Some(MessageId::new()),
        number,
        at: subject.now(),
        took_ms: 12,
        result: WebhookResult::Answered { status, body: "it's \"fine\" – ok".to_owned() },
        next_at: None,
    }
}

/// Entries are listed as they were written, the latest first, page by page, of one endpoint.
pub async fn entries_are_listed_the_latest_first(subject: &Subject) {
    let (tenant, endpoint, other) = (TenantId::new(), RecordId::new(), RecordId::new());
    let mut written = Vec::new();
    for number in 1..=5 {
        let mut one = entry(subject, tenant, endpoint, number, 200);
        if number == 2 {
            one.result = WebhookResult::Failed("connecting: refused".to_owned());
            one.next_at = Some(subject.now().after(Duration::from_secs(5)));
            (one.sequence, one.message) = (None, None);
        }
        let stranger = entry(subject, tenant, other, number, 200);
        subject.store().log_webhooks(vec![one.clone(), stranger]).await.expect("log_webhooks");
        written.insert(0, one);
    }
    subject.store().log_webhooks(Vec::new()).await.expect("log_webhooks");
    let list = async |tenant, page: &PageRequest| {
        let filter = WebhookFilter::default();
        subject.store().list_webhooks(tenant, endpoint, &filter, page).await.expect("list_webhooks")
    };
    let (mut read, mut page) = (Vec::new(), PageRequest::first(2));
    loop {
        let listed = list(tenant, &page).await;
        assert!(listed.items.len() <= 2);
        read.extend(listed.items);
        let Some(next) = listed.next else { break };
        page = PageRequest::after(next, 2);
    }
    assert_eq!(read, written);
    assert_eq!(list(tenant, &PageRequest::first(2).skipping(3)).await.items, written[3..]);
    let stranger = list(TenantId::new(), &PageRequest::first(10)).await;
    assert_eq!(stranger.items, [], "another tenant sees nothing");
}

/// Entries are listed by what came of them and by when.
pub async fn entries_are_filtered(subject: &Subject) {
    let (tenant, endpoint) = (TenantId::new(), RecordId::new());
    let mut all = Vec::new();
    for (number, status) in [(1, 200), (2, 500), (3, 204), (4, 302)] {
        all.push(entry(subject, tenant, endpoint, number, status));
        subject.advance(Duration::from_mins(1)).await;
    }
    subject.store().log_webhooks(all.clone()).await.expect("log_webhooks");
    let numbers = async |filter: WebhookFilter| {
        let page = PageRequest::first(10);
        let listed = subject.store().list_webhooks(tenant, endpoint, &filter, &page).await.expect("list");
        listed.items.into_iter().map(|one| one.number).collect::<Vec<_>>()
    };
    let none = WebhookFilter::default();
    assert_eq!(numbers(WebhookFilter { taken: Some(true), ..none }).await, [3, 1]);
    assert_eq!(numbers(WebhookFilter { taken: Some(false), ..none }).await, [4, 2]);
    let (from, to) = (Some(all[1].at), Some(all[3].at));
    assert_eq!(numbers(WebhookFilter { from, to, ..none }).await, [3, 2]);
}

/// Old entries are removed, the oldest first, and no more than asked for.
pub async fn old_entries_are_removed(subject: &Subject) {
    let (tenant, endpoint) = (TenantId::new(), RecordId::new());
    for number in 1..=4 {
        let one = entry(subject, tenant, endpoint, number, 200);
        subject.store().log_webhooks(vec![one]).await.expect("log_webhooks");
        subject.advance(Duration::from_mins(1)).await;
    }
    let before = subject.now().before(Duration::from_secs(90));
    let purge = async |limit| subject.store().purge_webhooks(before, limit).await.expect("purge_webhooks");
    assert_eq!((purge(2).await, purge(2).await, purge(2).await), (2, 1, 0));
    let (filter, page) = (WebhookFilter::default(), PageRequest::first(10));
    let left = subject.store().list_webhooks(tenant, endpoint, &filter, &page).await.expect("list_webhooks");
    assert_eq!(left.items.len(), 1);
}
