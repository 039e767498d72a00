//! Lists that are longer than one page looks at.

use courierx_core::store::{Ledger, MessageFilter, PageRequest};
use sqlx::{Connection, PgConnection};

use super::support::{Fixture, connect_options};
use crate::support::tenant;

/// Every hundredth of so many messages has a tag.
const MESSAGES: i64 = 30_000;

#[tokio::test]
async fn what_is_passed_over_and_counted_is_exact_where_a_page_ends_early() {
    let fixture = Fixture::new().await;
    let mut first = fixture.message(tenant(1));
    first.tags = vec!["rare".to_owned()];
    fixture.store.accept(vec![first, fixture.message(tenant(2))]).await.unwrap();
    let path = [("search_path", fixture.schema.as_str())];
    let connect = connect_options(&fixture.schema).options(path);
    let mut connection = PgConnection::connect_with(&connect).await.unwrap();
    sqlx::query(
        "INSERT INTO messages (tenant, id, created_at, send_at, sender, lane, mode, retry, duplicates, tags, status,
                               recipients)
         SELECT tenant, lpad(to_hex(n), 32, '0')::uuid, created_at, send_at, sender, lane, mode, retry, duplicates,
                CASE WHEN n % 100 = 0 THEN tags END, status, recipients
         FROM generate_series(1, $1) AS n, messages WHERE tags IS NOT NULL",
    )
    .bind(MESSAGES - 1)
    .execute(&mut connection)
    .await
    .unwrap();

    let mut rare = MessageFilter::default();
    rare.tag = Some("rare".to_owned());
    let (mut whole, mut page) = (Vec::new(), PageRequest::first(1000));
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

    let all = MessageFilter::default();
    let messages = u64::try_from(MESSAGES).unwrap();
    for (at_most, expected) in [(0, 0), (5000, 5000), (messages, messages), (u64::MAX, messages)] {
        assert_eq!(fixture.store.count_messages(tenant(1), &all, at_most).await.unwrap(), expected);
    }
    let page = PageRequest::first(10).skipping(usize::try_from(MESSAGES).unwrap() - 1);
    let listed = fixture.store.list(tenant(1), &all, &page).await.unwrap();
    assert_eq!((listed.items.len(), listed.next), (1, None));
    let beyond = PageRequest::first(10).skipping(usize::MAX);
    assert!(fixture.store.list(tenant(1), &all, &beyond).await.unwrap().items.is_empty());
}
