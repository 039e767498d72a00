//! Entries about a topic: who left it, and gets everything else.

use serde_json::{Value, json};

use crate::callbacks::reachable;
use crate::support::{Client, TestServer};

const PATH: &str = "/api/v1/suppressions";

/// A server with a tenant, on whose list Ada left a topic, a domain gets no mail about another one, and Bob gets none at all.
async fn listed() -> (TestServer, Client) {
    let server = TestServer::start_with(reachable).await;
    let owner = server.owner("acme").await;
    let entries = json!({ "suppressions": [
        { "email": "ada@example.com", "topic": "news", "reason": "unsubscribe" },
        { "email": "ada@example.com.au", "topic": "elsewhere" },
        { "email": "@example.com", "topic": "offers" },
        { "email": "bob@example.com" },
        { "email": "bob@example.com", "topic": "news" },
    ] });
    let added = owner.post(&format!("{PATH}/bulk"), &entries).await;
    assert_eq!((added.status, &added.body["added"]), (200, &json!(5)), "{added:?}");
    (server, owner)
}

/// Which addresses a list has, and about what.
async fn entries(owner: &Client, query: &str) -> Vec<(String, Value)> {
    let listed = owner.get(&format!("{PATH}{query}")).await;
    let all = listed.body.as_array().unwrap_or_else(|| panic!("{listed:?}"));
    assert_eq!(listed.headers["x-total-count"], all.len().to_string().as_str(), "{query}");
    all.iter().map(|one| (one["email"].as_str().unwrap().to_owned(), one["topic"].clone())).collect()
}

#[tokio::test]
pub(crate) async fn who_left_a_topic_is_found_by_it() {
    let (_server, owner) = listed().await;
    let check = async |query: &str| {
        let answer = owner.get(&format!("{PATH}/check?email={query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let topic = answer.body["suppression"]["topic"].clone();
        (answer.body["suppressed"].as_bool().unwrap(), topic, answer.body["topics"].clone())
    };
    let (news, offers) = (json!("news"), json!("offers"));
    let of_ada = json!(["news", "offers"]);
    for (query, suppressed, topic) in [
        ("Ada@Example.com", false, &Value::Null),
        ("ada@example.com&topic=", false, &Value::Null),
        ("ada@example.com&topic=news", true, &news),
        ("ada@example.com&topic=offers", true, &offers),
        ("ada@example.com&topic=other", false, &Value::Null),
        ("bob@example.com", true, &Value::Null),
        ("bob@example.com&topic=other", true, &Value::Null),
    ] {
        assert_eq!(check(query).await, (suppressed, topic.clone(), of_ada.clone()), "{query}");
    }
    assert_eq!(check("eve@example.org&topic=news").await, (false, Value::Null, json!([])));
    let wrong = owner.get(&format!("{PATH}/check?email=ada@example.com&topic=%0a")).await;
    assert!(wrong.status == 422 && wrong.body["details"]["topic"].is_array(), "{wrong:?}");
    // As sending says.
    let email = |topic: &Value| {
        json!({ "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "text": "t",
            "unsubscribe": { "topic": topic } })
    };
    for (topic, status) in [("news", 422), ("offers", 422), ("other", 202)] {
        assert_eq!(owner.post("/api/v1/emails", &email(&json!(topic))).await.status, status, "{topic}");
    }
}

#[tokio::test]
pub(crate) async fn lists_and_tables_are_filtered_by_topic() {
    let (_server, owner) = listed().await;
    let about = |email: &str, topic: &str| (email.to_owned(), json!(topic));
    let news = [about("ada@example.com", "news"), about("bob@example.com", "news")];
    assert_eq!(entries(&owner, "?topic=news").await, news);
    assert_eq!(entries(&owner, "?topic=news&email=ada@example.com").await, news[..1]);
    assert_eq!(entries(&owner, "?topic=other").await, []);
    assert_eq!(entries(&owner, "").await.len(), 5);
    let table = owner.get(&format!("{PATH}/export?topic=news")).await;
    let emails: Vec<_> = table.text.lines().skip(1).map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(emails, ["ada@example.com", "bob@example.com"], "{table:?}");
    for path in ["", "/export"] {
        let wrong = owner.get(&format!("{PATH}{path}?topic=%0a")).await;
        assert!(wrong.status == 422 && wrong.body["details"]["topic"].is_array(), "{wrong:?}");
    }
}

#[tokio::test]
pub(crate) async fn entries_about_one_topic_are_removed_at_once() {
    let (_server, owner) = listed().await;
    let remove = async |topic: Value| {
        let emails = ["ADA@example.com", "bob@example.com"];
        let body = json!({ "emails": emails, "topic": topic });
        owner.post(&format!("{PATH}/bulk/delete"), &body).await
    };
    let removed = |removed: u8| json!({ "removed": removed, "not_found": 2 - removed });
    assert_eq!(remove(json!("news")).await.body, removed(2));
    assert_eq!(remove(json!("news")).await.body, removed(0));
    assert_eq!(remove(json!("offers")).await.body, removed(0), "that is the domain's");
    assert_eq!(entries(&owner, "?email=@example.com").await.len(), 1);
    // Without a topic those go that are about all mail.
    assert_eq!(
        entries(&owner, "?email=bob@example.com").await,
        [("bob@example.com".to_owned(), Value::Null)]
    );
    assert_eq!(remove(Value::Null).await.body, removed(1));
    assert_eq!(entries(&owner, "?email=bob@example.com").await, []);
    let wrong = remove(json!("\n")).await;
    assert!(wrong.status == 422 && wrong.body["details"]["topic"].is_array(), "{wrong:?}");
}
