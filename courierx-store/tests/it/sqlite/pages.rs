//! Lists that are longer than one page looks at.

use courierx_core::store::{Ledger, MessageFilter, PageRequest};

use crate::support::{Fixture, tenant};

/// Every hundredth of so many messages has a tag.
const MESSAGES: u32 = 30_000;

async fn filled() -> Fixture {
    let fixture = Fixture::new().await;
    let mut first = fixture.message(tenant(1));
    first.tags = vec!["rare".to_owned()];
    fixture.store.accept(vec![first, fixture.message(tenant(2))]).await.unwrap();
    let connection = fixture.connection();
    connection
        .execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1 - 1)
             INSERT INTO courierx_messages
                 (seq, id, tenant, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates, tags,
                  status, has_content, summary)
             SELECT n + 10, randomblob(16), tenant, created_at, send_at, deliver_by, sender, lane, mode, retry,
                    duplicates, CASE WHEN n % 100 = 0 THEN tags END, status, has_content, summary
             FROM n, courierx_messages m WHERE m.seq = 1",
            [MESSAGES],
        )
        .unwrap();
    fixture
}

#[tokio::test]
async fn what_is_passed_over_is_exact_where_a_page_ends_early() {
    let fixture = filled().await;
    let mut rare = MessageFilter::default();
    rare.tag = Some("rare".to_owned());
    let mut whole = Vec::new();
    let mut page = PageRequest::first(1000);
    loop {
        let listed = fixture.store.list(tenant(1), &rare, &page).await.unwrap();
        whole.extend(listed.items.into_iter().map(|one| one.id));
        let Some(next) = listed.next else { break };
        page = PageRequest::after(next, 1000);
    }
    assert_eq!(whole.len(), 300);

    let early = fixture.store.list(tenant(1), &rare, &PageRequest::first(10).skipping(250)).await.unwrap();
    assert!(early.items.is_empty(), "the page ended before the first of its messages");
    let page = PageRequest::after(early.next.unwrap(), 10);
    let listed = fixture.store.list(tenant(1), &rare, &page).await.unwrap();
    let ids: Vec<_> = listed.items.iter().map(|one| one.id).collect();
    assert_eq!(ids, whole[250..260]);
    let count = fixture.store.count_messages(tenant(1), &rare, u64::MAX).await.unwrap();
    assert_eq!(count, 200, "as many as the newest 20,000 hold");
}

#[tokio::test]
async fn a_list_without_a_filter_is_counted_and_passed_over_to_its_end() {
    let fixture = filled().await;
    let all = MessageFilter::default();
    let messages = u64::from(MESSAGES);
    for (at_most, expected) in [(0, 0), (5000, 5000), (messages, messages), (u64::MAX, messages)] {
        assert_eq!(fixture.store.count_messages(tenant(1), &all, at_most).await.unwrap(), expected);
    }
    let page = PageRequest::first(10).skipping(MESSAGES as usize - 1);
    let listed = fixture.store.list(tenant(1), &all, &page).await.unwrap();
    assert_eq!((listed.items.len(), listed.next), (1, None));
    assert_eq!(listed.items[0].recipients.len(), 1, "the very first message, with its recipient");
    let beyond = PageRequest::first(10).skipping(usize::MAX);
    assert!(fixture.store.list(tenant(1), &all, &beyond).await.unwrap().items.is_empty());
}
