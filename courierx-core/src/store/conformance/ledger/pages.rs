//! Where pages of messages begin, and how many messages there are.

use std::time::Duration;

use super::super::{Subject, fixtures};
use crate::event::MessageStatus;
use crate::id::{MessageId, TenantId};
use crate::message::Mode;
use crate::store::{MessageFilter, PageRequest};

/// A page may begin later: after as many as were to be passed over, of those that match, from the cursor on.
pub async fn a_page_of_messages_may_begin_later(subject: &Subject) {
    let tenant = TenantId::new();
    let (mut all, mut tagged) = (Vec::new(), Vec::new());
    for number in 0..9 {
        let mut new = fixtures::message(tenant, subject.now());
        if number % 2 == 0 {
            new.tags = vec!["even".to_owned()];
            tagged.insert(0, new.id);
        }
        all.insert(0, fixtures::accept(subject, new).await);
        fixtures::accept(subject, fixtures::message(TenantId::new(), subject.now())).await;
        subject.advance(Duration::from_secs(1)).await;
    }
    let even = MessageFilter { tag: Some("even".to_owned()), ..MessageFilter::default() };
    for (filter, expected) in [(MessageFilter::default(), all), (even, tagged)] {
        for skip in 0..=expected.len() + 1 {
            let mut request = PageRequest::first(2).skipping(skip);
            let mut seen: Vec<MessageId> = Vec::new();
            loop {
                let page = subject.store().list(tenant, &filter, &request).await.expect("list");
                assert!(page.items.len() <= 2, "a page is not longer than asked for");
                seen.extend(page.items.iter().map(|record| record.id));
                let Some(next) = page.next else { break };
                request = PageRequest::after(next, 2);
            }
            let rest = expected.get(skip..).unwrap_or_default();
            assert_eq!(seen, rest, "all but the first {skip}, page by page");
        }
        let first = subject.store().list(tenant, &filter, &PageRequest::first(1)).await.expect("list");
        let request = PageRequest::after(first.next.expect("there are more"), 2).skipping(2);
        let page = subject.store().list(tenant, &filter, &request).await.expect("list");
        let ids: Vec<_> = page.items.iter().map(|record| record.id).collect();
        assert_eq!(ids, expected.get(3..5).unwrap_or_default(), "two are passed over after the cursor");
    }
}

/// Messages are counted as they are listed, and no further than asked for.
pub async fn messages_are_counted(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let nothing = store.count_messages(tenant, &<_>::default(), 10).await.expect("count_messages");
    assert_eq!(nothing, 0, "there is none yet");
    for number in 0..5 {
        let address = format!("user{number}@example.com");
        let mut new = fixtures::message_to(tenant, subject.now(), &[&address, "Team@Example.com"]);
        new.mode = if number < 2 { Mode::Test } else { Mode::Live };
        let id = fixtures::accept(subject, new).await;
        if number == 4 {
            store.cancel(tenant, id).await.expect("cancel");
        }
        fixtures::accept(subject, fixtures::message(TenantId::new(), subject.now())).await;
    }
    let filter = MessageFilter::default;
    let containing = |part: &str| MessageFilter { recipient_contains: Some(part.to_owned()), ..filter() };
    for (filter, expected) in [
        (filter(), 5),
        (MessageFilter { mode: Some(Mode::Test), ..filter() }, 2),
        (MessageFilter { mode: Some(Mode::Live), ..filter() }, 3),
        (MessageFilter { status: Some(MessageStatus::Canceled), ..filter() }, 1),
        (containing("team@"), 5),
        (containing("USER3@EX"), 1),
        (containing("ser"), 5),
        (containing("user_@"), 0),
        (MessageFilter { mode: Some(Mode::Test), ..containing("user3") }, 0),
        (MessageFilter { mode: Some(Mode::Live), ..containing("user3") }, 1),
    ] {
        for at_most in [0, 1, 2, 5, 100, u64::MAX] {
            let count = store.count_messages(tenant, &filter, at_most).await.expect("count_messages");
            assert_eq!(count, at_most.min(expected), "at most {at_most} of {filter:?}");
        }
        let page = store.list(tenant, &filter, &PageRequest::default()).await.expect("list");
        assert_eq!(page.items.len() as u64, expected, "as many are listed of {filter:?}");
        assert!(page.items.iter().all(|record| record.recipients.len() == 2), "they are listed whole");
    }
}
