//! Suppressions over the API.

mod bulk;
pub(crate) mod tables;
pub(crate) mod topics;

use std::time::Duration;

use serde_json::json;

use crate::provider_connections::limits::{clock, under};
use crate::support::TestServer;

#[tokio::test]
pub(crate) async fn who_is_suppressed_gets_no_mail_until_the_entry_is_removed() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let new = json!({ "email": "Bad-Address@Example.COM", "reason": "manual", "note": "Customer requested removal" });
    let entry = owner.post("/api/v1/suppressions", &new).await;
    assert_eq!(entry.status, 201, "{entry:?}");
    assert_eq!(entry.body["email"], "bad-address@example.com");
    assert_eq!(entry.body["note"], "Customer requested removal");

    let mut email = json!({
        "from_email": "a@myapp.example", "to_email": "BAD-address@example.com", "subject": "s", "text_body": "t",
    });
    let refused = owner.post("/api/v1/emails", &email).await;
    assert_eq!((refused.status, &refused.body["error"]), (422, &json!("Recipient is suppressed")));
    email["cc"] = json!(["good@example.com"]);
    let sent = owner.post("/api/v1/emails", &email).await;
    assert_eq!((sent.status, &sent.body["suppressed"]), (202, &json!(["BAD-address@example.com"])));

    let listed = owner.get("/api/v1/suppressions?reason=manual").await;
    assert_eq!(
        (&listed.body[0]["id"], &listed.headers["x-total-count"]),
        (&entry.body["id"], &"1".parse().unwrap())
    );
    assert_eq!(owner.get("/api/v1/suppressions?reason=bounce").await.body, json!([]));
    let path = format!("/api/v1/suppressions/{}", entry.body["id"].as_str().unwrap());
    let bob = server.owner("bob").await;
    assert_eq!(bob.delete(&path).await.status, 404);
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(owner.delete(&path).await.status, 404);
    email.as_object_mut().unwrap().remove("cc");
    assert_eq!(owner.post("/api/v1/emails", &email).await.status, 202);
}

#[tokio::test]
async fn what_is_wrong_with_an_entry_is_told() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let wrong = json!({ "email": "nobody", "reason": "whim" });
    let refused = owner.post("/api/v1/suppressions", &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body["details"]["email"].is_array() && refused.body["details"]["reason"].is_array());
    // The first version's names for reasons, and a whole domain.
    let domain = json!({ "email": "@spam.example", "reason": "hard_bounce" });
    let entry = owner.post("/api/v1/suppressions", &domain).await;
    assert_eq!((&entry.body["email"], &entry.body["reason"]), (&json!("@spam.example"), &json!("bounce")));
    let test = server.key(&owner, "test").await;
    assert_eq!(test.post("/api/v1/suppressions", &domain).await.status, 403);
    assert_eq!(test.get("/api/v1/suppressions").await.status, 200);
}

#[tokio::test]
async fn a_whole_domain_is_held_back_however_it_is_written_and_as_long_as_it_is_to_be() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    for (given, kept) in [("one.example", "@one.example"), ("*@Two.example", "@two.example")] {
        let entry = json!({ "email": given, "expires_at": "2028-03-01T00:00:00Z" });
        let entry = owner.post("/api/v1/suppressions", &entry).await;
        assert_eq!((entry.status, &entry.body["email"]), (201, &json!(kept)), "{entry:?}");
        assert_eq!(entry.body["expires_at"], "2028-03-01T00:00:00.000000Z");
    }
    let check = async |email: &str| {
        let answer = owner.get(&format!("/api/v1/suppressions/check?email={email}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    let found = check("Ada@One.example").await;
    assert_eq!((&found["email"], &found["suppressed"]), (&json!("ada@one.example"), &json!(true)));
    assert_eq!(found["suppression"]["email"], "@one.example");
    let none =
        json!({ "email": "ada@three.example", "suppressed": false, "suppression": null, "topics": [] });
    assert_eq!(check("ada@three.example").await, none);
    for wrong in ["", "?email=", "?email=nobody", "?email=@one.example"] {
        let refused = owner.get(&format!("/api/v1/suppressions/check{wrong}")).await;
        assert_eq!(refused.status, 422, "{wrong}: {refused:?}");
    }
    let past = json!({ "email": "ada@example.com", "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(owner.post("/api/v1/suppressions", &past).await.status, 422);
    clock.advance(Duration::from_hours(24));
    let owner = server.log_in("acme").await;
    let listed = owner.get("/api/v1/suppressions").await;
    assert_eq!((listed.status, &listed.body), (200, &json!([])), "they have ended");
}

#[tokio::test]
async fn a_list_is_filtered_by_address_reason_and_date() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for (email, reason) in
        [("ada@one.example", "soft_bounce"), ("bob@one.example", "manual"), ("@two.example", "manual")]
    {
        let entry = owner.post("/api/v1/suppressions", &json!({ "email": email, "reason": reason })).await;
        assert_eq!(entry.status, 201, "{entry:?}");
    }
    for (query, expected) in [
        ("email=one.ex", &["ada@one.example", "bob@one.example"][..]),
        ("email=ADA@one.example", &["ada@one.example"]),
        ("email=*@two.example", &["@two.example"]),
        ("email=ne.example&reason=manual", &["bob@one.example"]),
        ("reason=bounce", &["ada@one.example"]),
        ("reason=hard_bounce", &["ada@one.example"]),
        ("from=2020-01-01&to=2099-01-01", &["@two.example", "ada@one.example", "bob@one.example"]),
        ("from=2099-01-01", &[]),
        ("to=2020-01-01", &[]),
    ] {
        let listed = owner.get(&format!("/api/v1/suppressions?{query}")).await;
        let emails: Vec<_> =
            listed.body.as_array().unwrap().iter().map(|one| one["email"].as_str().unwrap()).collect();
        assert_eq!(emails, expected, "{query}");
        assert_eq!(listed.headers["x-total-count"], expected.len().to_string().as_str(), "{query}");
    }
}
