//! Previews: filled, and nothing sent.

use serde_json::json;

use super::{at, create, refused, welcome};
use crate::support::TestServer;

#[tokio::test]
async fn a_preview_tells_what_is_missing_and_what_is_unused() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    let path = format!("{}/preview", at(&template));
    let variables = json!({ "variables": { "name": "<Ada> & Co", "colour": "red" } });
    let preview = owner.post(&path, &variables).await;
    assert_eq!(preview.status, 200, "{preview:?}");
    assert_eq!(
        preview.body,
        json!({
            "subject": "Hello <Ada> & Co", "html_body": "<p>Hi &lt;Ada&gt; &amp; Co, </p>",
            "text_body": "Hi <Ada> & Co, ", "missing_variables": ["link"], "unused_variables": ["colour"],
        })
    );
    let nothing = owner.post(&path, &json!({})).await;
    assert_eq!(nothing.body["missing_variables"], json!(["link", "name"]));

    // A draft goes first, and any version can be looked at.
    let change = json!({
        "text_body": "{{salutation}} {{name}}{{#if vip}}!{{/if}}", "html_body": null,
        "variables": [{ "name": "salutation", "default": "Dear" }, { "name": "vip", "required": true }, "spare"],
    });
    owner.patch(&at(&template), &change).await;
    let draft = owner.post(&path, &json!({ "variables": { "name": "Ada", "spare": 1 } })).await.body;
    assert_eq!((&draft["text_body"], &draft["html_body"]), (&json!("Dear Ada"), &json!(null)));
    assert_eq!((&draft["missing_variables"], &draft["unused_variables"]), (&json!(["vip"]), &json!([])));
    let given = json!({ "variables": { "name": "Ada", "salutation": "Hi", "vip": true }, "version": null });
    assert_eq!(owner.post(&path, &given).await.body["text_body"], "Hi Ada!");
    let first = owner.post(&path, &json!({ "version": 1 })).await.body;
    assert_eq!(first["text_body"], "Hi , ");
    assert!(refused(&owner.post(&path, &json!({ "version": 2 })).await, 422).get("version").is_some());
    assert_eq!(owner.get("/api/v1/emails").await.body, json!([]), "nothing was sent");
}

#[tokio::test]
async fn a_preview_is_refused_as_sending_would_be() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    let path = format!("{}/preview", at(&template));
    let newline = owner.post(&path, &json!({ "variables": { "name": "a\r\nBcc: eve@example.com" } })).await;
    assert_eq!((newline.status, &newline.body["code"]), (422, &json!("template_error")), "{newline:?}");
    let long = owner.post(&path, &json!({ "variables": { "name": "x".repeat(1000) } })).await;
    assert_eq!(long.body["code"], "template_error", "no subject is so long");
    let large = owner.post(&path, &json!({ "variables": { "name": "x".repeat(300_000) } })).await;
    assert!(refused(&large, 422).get("variables").is_some());
    assert!(refused(&owner.post(&path, &json!({ "variables": [] })).await, 422).get("variables").is_some());
    let loops = json!({ "name": "Loops", "text_body": "{{#each a}}{{#each @root.a}}{{#each @root.a}}x{{/each}}{{/each}}{{/each}}" });
    let loops = create(&owner, &loops).await;
    let list = json!({ "variables": { "a": vec![0; 1000] } });
    let stopped = owner.post(&format!("{}/preview", at(&loops)), &list).await;
    assert_eq!((stopped.status, &stopped.body["code"]), (422, &json!("template_error")), "{stopped:?}");
}

#[tokio::test]
async fn who_reads_may_preview_and_change_nothing() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    let test = server.key(&owner, "test").await;
    assert_eq!(test.post(&format!("{}/preview", at(&template)), &json!({})).await.status, 200);
    assert_eq!(test.patch(&at(&template), &json!({ "name": "x" })).await.status, 403);
    assert_eq!(test.post(&format!("{}/publish", at(&template)), &json!({})).await.status, 403);
    assert_eq!(owner.get(&at(&template)).await.body, template);
}
