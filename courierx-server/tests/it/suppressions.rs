//! Suppressions over the API.

use serde_json::json;

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
