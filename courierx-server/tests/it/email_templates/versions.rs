//! Versions: drafts, publishing, and going back.

use serde_json::{Value, json};

use super::{at, create, refused, welcome};
use crate::support::{Client, TestServer};

async fn publish(owner: &Client, template: &Value, body: &Value) -> Value {
    let answer = owner.post(&format!("{}/publish", at(template)), body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Versions as (number, what it restores), as they are listed.
async fn listed(owner: &Client, template: &Value) -> Vec<(u64, Option<u64>)> {
    let answer = owner.get(&format!("{}/versions?per_page=100", at(template))).await;
    let all = answer.body.as_array().unwrap().clone();
    assert_eq!(answer.headers["x-total-count"].to_str().unwrap(), all.len().to_string());
    assert!(all.iter().enumerate().all(|(index, one)| one["is_current"] == json!(index == 0)), "{all:?}");
    all.iter().map(|one| (one["version"].as_u64().unwrap(), one["restores"].as_u64())).collect()
}

#[tokio::test]
pub(crate) async fn what_is_published_never_changes() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    assert_eq!((&template["version"], &template["has_draft"]), (&json!(1), &json!(false)));
    let version = async |number: u32| {
        let answer = owner.get(&format!("{}/versions/{number}", at(&template))).await;
        (answer.status == 200).then_some(answer.body)
    };
    let first = version(1).await.unwrap();
    assert_eq!((&first["subject"], &first["is_current"]), (&json!("Hello {{name}}"), &json!(true)));

    // Several changes are one draft.
    owner.patch(&at(&template), &json!({ "subject": "Draft" })).await;
    let draft =
        owner.patch(&at(&template), &json!({ "subject": "Welcome {{first}}", "html_body": null })).await;
    assert_eq!((&draft.body["version"], &draft.body["has_draft"]), (&json!(1), &json!(true)));
    assert_eq!(
        (&draft.body["status"], &draft.body["subject"]),
        (&json!("active"), &json!("Welcome {{first}}"))
    );
    assert_eq!(version(1).await.unwrap(), first);
    assert_eq!(version(2).await, None, "a draft is no version");

    let second = publish(&owner, &template, &json!({})).await;
    assert_eq!((&second["version"], &second["has_draft"]), (&json!(2), &json!(false)));
    let mut before = first.clone();
    before["is_current"] = json!(false);
    assert_eq!(version(1).await.unwrap(), before);
    assert_eq!(version(2).await.unwrap()["found_variables"], json!(["first", "link", "name"]));
    let nothing = owner.post(&format!("{}/publish", at(&template)), &json!({})).await;
    assert_eq!((nothing.status, &nothing.body["code"]), (409, &json!("conflict")));
    // What does not change the texts is no draft.
    let same = json!({ "description": "x", "subject": "Welcome {{first}}" });
    assert_eq!(owner.patch(&at(&template), &same).await.body["has_draft"], false);

    // Going back is one more version, and a draft of that time goes.
    owner.patch(&at(&template), &json!({ "subject": "Never sent" })).await;
    let back = publish(&owner, &template, &json!({ "version": 1 })).await;
    assert_eq!((&back["version"], &back["has_draft"]), (&json!(3), &json!(false)));
    assert_eq!((&back["subject"], &back["html_body"]), (&first["subject"], &first["html_body"]));
    assert_eq!(listed(&owner, &template).await, [(3, Some(1)), (2, None), (1, None)]);
    let unknown = owner.post(&format!("{}/publish", at(&template)), &json!({ "version": 9 })).await;
    assert!(refused(&unknown, 422).get("version").is_some());
    for number in ["0", "4", "x", "-1", "1e9"] {
        assert_eq!(owner.get(&format!("{}/versions/{number}", at(&template))).await.status, 404, "{number}");
    }
}

#[tokio::test]
async fn a_status_says_whether_it_is_sent() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = create(&owner, &json!({ "name": "Codes", "subject": "s" })).await;
    let set = async |status: &str| owner.patch(&at(&template), &json!({ "status": status })).await;
    let empty = owner.post(&format!("{}/publish", at(&template)), &json!({})).await;
    assert!(refused(&empty, 422).get("html_body").is_some());
    assert_eq!(set("active").await.status, 422, "there is nothing to send");
    // As clients of the first version do it: all at once.
    let all = json!({ "text_body": "Your code: {{code}}", "status": "active" });
    let active = owner.patch(&at(&template), &all).await.body;
    assert_eq!((&active["status"], &active["version"]), (&json!("active"), &json!(1)));
    assert_eq!(set("archived").await.body["status"], "archived");
    let active = set("active").await.body;
    assert_eq!((&active["status"], &active["version"]), (&json!("active"), &json!(1)), "the same again");
    assert_eq!(set("draft").await.body["status"], "draft");
    owner.patch(&at(&template), &json!({ "text_body": "{{code}}" })).await;
    let published = publish(&owner, &template, &json!({})).await;
    assert_eq!((&published["status"], &published["version"]), (&json!("active"), &json!(2)));
}

#[tokio::test]
async fn the_latest_versions_are_kept_and_no_texts_are_left_behind() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    for number in 2..=52 {
        let change = json!({ "subject": format!("Version {number}"), "status": "active" });
        assert_eq!(owner.patch(&at(&template), &change).await.body["version"], json!(number));
    }
    let versions = listed(&owner, &template).await;
    assert_eq!((versions.len(), versions[0], versions[49]), (50, (52, None), (3, None)));
    // The texts of both that went are gone, and those of replaced drafts.
    owner.patch(&at(&template), &json!({ "subject": "one" })).await;
    owner.patch(&at(&template), &json!({ "subject": "two" })).await;
    assert_eq!(sources(&server, &owner).await, 51);
    publish(&owner, &template, &json!({ "version": 3 })).await;
    let versions = listed(&owner, &template).await;
    assert_eq!((versions[0], versions[49]), ((53, Some(3)), (4, None)));
    assert_eq!(sources(&server, &owner).await, 50, "a text that is a version again stays");
    assert_eq!(owner.get(&at(&template)).await.body["subject"], "Version 3");
    assert_eq!(owner.delete(&at(&template)).await.status, 204);
    assert_eq!(sources(&server, &owner).await, 0);
}

async fn sources(server: &TestServer, owner: &Client) -> usize {
    use courierx_core::store::{ConfigsExt, PageRequest};
    use courierx_server::model::email_templates::TemplateSource;

    let me = owner.get("/api/v1/auth/me").await;
    let tenant = me.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let page = PageRequest::first(PageRequest::MAX);
    server.app().store.list_of::<TemplateSource>(tenant, None, &page).await.unwrap().items.len()
}

#[tokio::test]
pub(crate) async fn changes_at_once_are_all_there() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    // Each is told that it is there, or that it is not.
    let changes = (0..6).map(|number| {
        let (owner, path) = (owner.clone(), at(&template));
        let change = json!({ "subject": format!("s{number}"), "status": "active" });
        tokio::spawn(async move { owner.patch(&path, &change).await.status })
    });
    let mut done = 1;
    for change in changes.collect::<Vec<_>>() {
        let status = change.await.unwrap();
        assert!([200, 409].contains(&status), "{status}");
        done += usize::from(status == 200);
    }
    assert_eq!(listed(&owner, &template).await.len(), done);
    assert_eq!(sources(&server, &owner).await, done);
}
