//! Email templates: made, checked, changed, previewed, published; and mail that is made of them.

mod generate;
mod hostile;
mod preview;
mod property;
pub(crate) mod repeated;
pub(crate) mod sending;
pub(crate) mod versions;

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestServer};

pub(crate) const PATH: &str = "/api/v1/email_templates";

fn at(template: &Value) -> String {
    format!("{PATH}/{}", template["id"].as_str().unwrap())
}

async fn create(owner: &Client, body: &Value) -> Value {
    let answer = owner.post(PATH, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

/// A template that can be sent.
async fn welcome(owner: &Client) -> Value {
    let body = json!({
        "name": "Welcome", "status": "active", "subject": "Hello {{name}}",
        "html_body": "<p>Hi {{name}}, {{link}}</p>", "text_body": "Hi {{name}}, {{link}}",
    });
    create(owner, &body).await
}

/// What is told of each field that is wrong.
fn refused(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    answer.body["details"].clone()
}

#[tokio::test]
pub(crate) async fn a_template_is_made_listed_changed_and_removed() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let body = json!({
        "name": " Receipt ", "description": "After a purchase", "category": "notification",
        "subject": "Your order {{order.id}}", "html_body": "{{#each items as |item|}}{{item.name}}{{/each}}",
        "text": "{{#if vip}}{{greeting}}{{/if}}", "metadata": { "team": "shop" },
        "variables": [{ "name": "greeting", "default": "Dear" }, { "name": "order", "required": true }, "items"],
    });
    let made = create(&owner, &body).await;
    assert_eq!((&made["name"], &made["category"]), (&json!("Receipt"), &json!("notification")));
    assert_eq!(
        (&made["status"], &made["version"], &made["has_draft"]),
        (&json!("draft"), &json!(0), &json!(true))
    );
    assert_eq!(made["found_variables"], json!(["greeting", "items", "order", "vip"]));
    assert_eq!(
        made["variables"],
        json!([
            { "name": "greeting", "default": "Dear", "required": false },
            { "name": "order", "default": null, "required": true },
            { "name": "items", "default": null, "required": false },
        ])
    );
    assert_eq!(
        (&made["text_body"], &made["metadata"]),
        (&json!("{{#if vip}}{{greeting}}{{/if}}"), &json!({ "team": "shop" }))
    );
    assert_eq!(owner.get(&at(&made)).await.body, made);

    let least = create(&owner, &json!({ "name": "Another" })).await;
    assert_eq!((&least["category"], &least["html_body"]), (&json!("transactional"), &json!(null)));
    let archived = json!({ "name": "Old receipt", "status": "archived" });
    create(&owner, &archived).await;
    let listed = async |query: &str| {
        let answer = owner.get(&format!("{PATH}{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let all = answer.body.as_array().unwrap().clone();
        assert!(all.iter().all(|one| one.get("html_body").is_none() && one.get("subject").is_some()));
        let names: Vec<_> = all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        (names.join(","), answer.headers["x-total-count"].to_str().unwrap().to_owned())
    };
    let some = |names: &str, total: &str| (names.to_owned(), total.to_owned());
    assert_eq!(listed("").await, some("Another,Old receipt,Receipt", "3"));
    assert_eq!(listed("?q=RECEIPT").await, some("Old receipt,Receipt", "2"));
    assert_eq!(listed("?status=draft&category=notification").await, some("Receipt", "1"));
    assert_eq!(listed("?status=archived").await, some("Old receipt", "1"));
    assert_eq!(listed("?per_page=1&page=2").await, some("Old receipt", "3"));
    assert_eq!(owner.get(&format!("{PATH}?status=sent")).await.status, 422);

    let change = json!({ "description": null, "html_body": null, "subject": "Thanks", "variables": null });
    let changed = owner.patch(&at(&made), &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let changed = changed.body;
    assert_eq!((&changed["description"], &changed["html_body"]), (&json!(null), &json!(null)));
    assert_eq!((&changed["text_body"], &changed["name"]), (&made["text_body"], &made["name"]));
    assert_eq!(
        (&changed["variables"], &changed["found_variables"]),
        (&json!([]), &json!(["greeting", "vip"]))
    );
    assert_eq!(owner.delete(&at(&made)).await.status, 204);
    assert_eq!((owner.get(&at(&made)).await.status, owner.delete(&at(&made)).await.status), (404, 404));
}

#[tokio::test]
async fn what_is_wrong_with_a_template_is_told_all_at_once_and_where() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let wrong = json!({
        "name": "a\nb", "category": "spam", "status": "sent", "subject": "Hi\r\nBcc: eve@example.com",
        "html_body": "<p>\n  é{{#if a}}", "text_body": "{{> layout}}",
        "variables": ["a", "a", { "name": "" }], "description": "x".repeat(1001),
    });
    let told = refused(&owner.post(PATH, &wrong).await, 422);
    let mut fields: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "category",
            "description",
            "html_body",
            "name",
            "status",
            "subject",
            "text_body",
            "variables[1].name",
            "variables[2].name"
        ],
        "{told}"
    );
    assert!(told["html_body"][0].as_str().unwrap().starts_with("line 2, column 4: "), "{told}");
    assert_eq!(told["text_body"][0], "line 1, column 1: partials are not available in templates");
    assert!(told["subject"][0].as_str().unwrap().contains("control"), "{told}");
    assert_eq!(refused(&owner.post(PATH, &json!({})).await, 422), json!({ "name": ["can't be blank"] }));
    let large = json!({ "name": "Large", "html_body": "x".repeat(512 * 1024 + 1) });
    assert!(refused(&owner.post(PATH, &large).await, 422)["html_body"][0].is_string());
    let largest =
        json!({ "name": "Large", "html_body": "x".repeat(512 * 1024), "text_body": "y".repeat(512 * 1024) });
    create(&owner, &largest).await;
    for (body, field) in [
        (json!({ "name": 7 }), "name"),
        (json!({ "html_body": [] }), "html_body"),
        (json!({ "name": "x", "variables": [{ "default": 1 }] }), "variables[0]"),
        (json!({ "name": "x", "metadata": { "a": "x".repeat(20_000) } }), "metadata"),
        (json!({ "name": "x", "variables": [{ "name": "a", "default": "x".repeat(20_000) }] }), "variables"),
        // To be sent it would have to say something.
        (json!({ "name": "x", "status": "active", "subject": "s", "text_body": " \n" }), "html_body"),
    ] {
        let told = refused(&owner.post(PATH, &body).await, 422);
        assert!(told.get(field).is_some(), "{field}: {told}");
    }
    assert_eq!(owner.get(PATH).await.headers["x-total-count"], "1");
}

#[tokio::test]
pub(crate) async fn a_name_is_unique_for_its_tenant() {
    let server = TestServer::start().await;
    let (owner, eve) = (server.owner("acme").await, server.owner("eve").await);
    let first = create(&owner, &json!({ "name": "Welcome" })).await;
    let second = create(&owner, &json!({ "name": "Other" })).await;
    for taken in [
        owner.post(PATH, &json!({ "name": " Welcome " })).await,
        owner.patch(&at(&second), &json!({ "name": "Welcome" })).await,
        owner.post(&format!("{}/duplicate", at(&second)), &json!({ "name": "Welcome" })).await,
    ] {
        assert_eq!(refused(&taken, 409), json!({ "name": ["has already been taken"] }));
        assert_eq!(taken.body["code"], "taken");
    }
    assert_eq!(owner.patch(&at(&first), &json!({ "name": "Welcome" })).await.status, 200, "it is its own");
    create(&eve, &json!({ "name": "Welcome" })).await;
    // Of many at once one gets it.
    let racers = (0..8).map(|_| {
        let owner = owner.clone();
        tokio::spawn(async move { owner.post(PATH, &json!({ "name": "Race" })).await.status })
    });
    let mut statuses = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        statuses.push(racer.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [&[201][..], &[409; 7]].concat());
}

#[tokio::test]
async fn a_copy_is_a_draft_with_a_name_of_its_own() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let original = welcome(&owner).await;
    let path = format!("{}/duplicate", at(&original));
    // As the first version's clients ask: with no body.
    let copy = owner.send(owner.request(reqwest::Method::POST, &path)).await;
    assert_eq!(copy.status, 201, "{copy:?}");
    let copy = copy.body;
    assert_eq!(
        (&copy["name"], &copy["status"], &copy["version"]),
        (&json!("Welcome (copy)"), &json!("draft"), &json!(0))
    );
    assert_eq!(
        (&copy["html_body"], &copy["found_variables"]),
        (&original["html_body"], &original["found_variables"])
    );
    assert_eq!(owner.post(&path, &json!({})).await.body["name"], "Welcome (copy 2)");
    let long = create(&owner, &json!({ "name": "é".repeat(50) })).await;
    let copy = owner.post(&format!("{}/duplicate", at(&long)), &json!({})).await;
    assert_eq!(copy.body["name"], json!(format!("{} (copy)", "é".repeat(46))));
    owner.patch(&at(&original), &json!({ "text_body": "changed" })).await;
    assert_ne!(owner.get(&at(&copy.body)).await.body["text_body"], "changed");
}
