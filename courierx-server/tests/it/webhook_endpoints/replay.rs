//! How much endpoints are told once more.

use std::time::Duration;

use serde_json::json;

use super::deliver::{reaching_itself, send};
use super::receiver::Receiver;
use super::{at, create};
use crate::provider_connections::limits::{clock, under, until};

#[tokio::test]
async fn only_what_there_is_of_the_tenant_is_told_once_more() {
    let (server, receiver) = (reaching_itself().await, Receiver::start().await);
    let (owner, stranger) = (server.owner("acme").await, server.owner("other").await);
    let made = create(&owner, &json!({ "url": receiver.url(), "events": ["queued"] })).await;
    let replay = format!("{}/replay", at(&made));
    send(&stranger, "bob@example.com").await;
    send(&owner, "ada@example.com").await;
    let log = until(&owner, &format!("{}/deliveries", at(&made)), |log| !log[0].is_null()).await.body;
    let own = log[0]["sequence"].as_i64().unwrap();
    // The stranger's, what it did not ask for, and what is yet to come.
    let all: Vec<_> = (own - 20..=own + 20).collect();
    let told = owner.post(&replay, &json!({ "sequences": all })).await;
    assert_eq!((told.status, &told.body["events"]), (202, &json!(1)), "{told:?}");
    let told = receiver.wait(2).await;
    assert_eq!(told[0].body, told[1].body);
    let none = owner.post(&replay, &json!({ "sequences": [own - 1, own + 1000, i64::MAX, i64::MIN] })).await;
    assert_eq!((none.status, &none.body["events"]), (202, &json!(0)), "{none:?}");
    let many = owner.post(&replay, &json!({ "sequences": vec![own; 1001] })).await;
    assert_eq!((many.status, many.body["details"]["sequences"].is_array()), (422, true), "{many:?}");
}

#[tokio::test]
async fn who_had_much_told_once_more_waits() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let url = json!({ "url": "https://yourapp.example/webhooks" });
    let (one, other) = (create(&owner, &url).await, create(&owner, &url).await);
    let [one, other] = [one, other].map(|made| format!("{}/replay", at(&made)));
    let body = json!({ "sequences": vec![1_000_000; 1000] });
    for _ in 0..2 {
        assert_eq!(owner.post(&one, &body).await.status, 202);
    }
    let refused = owner.post(&one, &body).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.headers["retry-after"], "60");
    let time = json!({ "from": "2028-02-29T11:00:00Z" });
    assert_eq!(owner.post(&one, &time).await.status, 429);
    assert_eq!(owner.post(&other, &body).await.status, 202, "another one");
    clock.advance(Duration::from_mins(1));
    assert_eq!(owner.post(&one, &body).await.status, 202);
}
