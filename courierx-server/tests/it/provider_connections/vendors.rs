//! Connections to vendors' APIs, which are emulated here.

use courierx_core::provider::conformance::{Person, Received};
use courierx_providers::emulator::Emulator;
use courierx_server::config::PrivateTargets;
use courierx_server::model::provider_connections::ProviderKind;
use serde_json::{Value, json};

use super::{at, create};
use crate::support::{Client, TestServer};

/// The key that every emulator knows.
pub(crate) const KEY: &str = "s3cret-key-of-the-account";

/// A vendor that is emulated, and what a tenant says to connect to it.
pub(crate) struct Vendor {
    pub(crate) kind: ProviderKind,
    pub(crate) emulator: Emulator,
    pub(crate) body: Value,
}

impl Vendor {
    pub(super) async fn start(kind: ProviderKind) -> Option<Self> {
        let (builder, more) = match kind {
            ProviderKind::SendGrid => (Emulator::sendgrid(KEY), json!({ "ip_pool": "orders" })),
            ProviderKind::AwsSes => (
                Emulator::ses("AKIAEXAMPLE", KEY, "eu-west-1"),
                json!({ "api_key": "AKIAEXAMPLE", "secret": KEY, "region": "eu-west-1",
                "configuration_set": "events" }),
            ),
            ProviderKind::Mailgun => {
                let domain = "mg.myapp.example";
                (Emulator::mailgun(KEY, domain), json!({ "domain": domain, "region": "eu" }))
            }
            ProviderKind::Postmark => (Emulator::postmark(KEY), json!({ "message_stream": "outbound" })),
            ProviderKind::Resend => (Emulator::resend(KEY), json!({})),
            ProviderKind::Smtp | ProviderKind::Sandbox => return None,
        };
        let emulator = builder.start().await.unwrap();
        let mut body = json!({ "provider": kind, "mode": "live", "display_name": kind.to_string(),
            "api_key": KEY, "base_url": emulator.url() });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(Self { kind, emulator, body })
    }

    /// Every vendor.
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for kind in ProviderKind::ALL {
            all.extend(Self::start(*kind).await);
        }
        all
    }

    pub(crate) async fn postmark() -> Self {
        Self::start(ProviderKind::Postmark).await.unwrap()
    }

    /// The credential that has to stay a secret, by its field.
    fn secret(&self) -> &'static str {
        if self.kind == ProviderKind::AwsSes { "secret" } else { "api_key" }
    }
}

/// A server that may reach this machine, as an operator allows it.
pub(crate) async fn allowing() -> TestServer {
    let networks = vec!["127.0.0.0/8".parse().unwrap()];
    TestServer::start_with(|settings| settings.private_targets = PrivateTargets::Networks(networks)).await
}

pub(super) fn email() -> Value {
    json!({
        "from": "My Shop <shop@myapp.example>", "to": ["Ada <ada@example.com>"], "cc": "cy@example.com",
        "bcc": "bo@example.com", "reply_to": "help@myapp.example", "subject": "Hällo {{name}}",
        "text": "Text for {{name}}", "html": "<p>HTML for {{name}}</p>", "variables": { "name": "Ada" },
        "tags": ["order"], "metadata": { "order": 1042 }, "headers": { "X-Shop": "7" },
        "attachments": [{ "filename": "a.txt", "content": "aGVsbG8=", "content_type": "text/plain" }],
    })
}

pub(super) async fn send(owner: &Client, email: &Value) -> String {
    let sent = owner.post("/api/v1/emails", email).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    format!("/api/v1/emails/{}", sent.body["id"].as_str().unwrap())
}

/// Fails unless [`email`] arrived, in one message or in one for each recipient.
fn assert_email(kind: ProviderKind, took: &[Received]) {
    let one = &took[0];
    assert_eq!(one.from, Person::new("shop@myapp.example").named("My Shop"), "{kind}");
    let everybody = took.iter().flat_map(|one| [&one.to, &one.cc, &one.bcc]).flatten();
    let mut addresses: Vec<_> = everybody.map(|person| person.address.as_str()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses, ["ada@example.com", "bo@example.com", "cy@example.com"], "{kind}");
    assert_eq!(one.to[0].name.as_deref(), Some("Ada"), "{kind}");
    assert_eq!(one.reply_to, [Person::new("help@myapp.example")], "{kind}");
    assert_eq!(one.subject, "Hällo Ada", "{kind}");
    assert_eq!(one.text.as_deref().map(str::trim_end), Some("Text for Ada"), "{kind}");
    assert_eq!(one.html.as_deref().map(str::trim_end), Some("<p>HTML for Ada</p>"), "{kind}");
    assert!(one.headers.contains(&("X-Shop".to_owned(), "7".to_owned())), "{kind} {:?}", one.headers);
    let file = &one.files[0];
    assert_eq!((file.name.as_str(), file.content.as_slice()), ("a.txt", &b"hello"[..]), "{kind}");
}

#[tokio::test]
async fn each_is_connected_verified_and_sent_through() {
    let server = allowing().await;
    for Vendor { kind, emulator, body } in Vendor::all().await {
        let owner = server.owner(&kind.as_str().replace('_', "-")).await;
        let made = create(&owner, &body).await;
        assert_eq!(made.body["status"], "active", "{made:?}");
        assert_eq!(made.body["verification"]["verified"], true, "{made:?}");
        assert_eq!((&made.body["provider"], &made.body["api_key_present"]), (&json!(kind), &json!(true)));
        for (field, value) in body.as_object().unwrap() {
            let shown = &made.body[field];
            match field.as_str() {
                "api_key" | "secret" | "session_token" => assert!(shown.is_null(), "{field}"),
                "base_url" => assert_eq!(shown, &json!(format!("{}/", emulator.url()))),
                _ => assert_eq!(shown, value, "{kind} {field}"),
            }
        }
        let path = send(&owner, &email()).await;
        server.delivered(&owner).await;
        let took = emulator.received();
        assert!(!took.is_empty(), "{kind}: {:?}", owner.get(&path).await);
        assert_email(kind, &took);

        let told = owner.get(&path).await;
        assert_eq!(
            (&told.body["status"], &told.body["provider"]),
            (&json!("sent"), &json!(kind)),
            "{told:?}"
        );
        assert_eq!(told.body["attempts"][0]["provider_connection_id"], made.body["id"]);
        let metrics = server.app().meters.render();
        let line = format!("courierx_sends_total{{provider=\"{kind}\",outcome=\"accepted\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
        for answer in [&made, &told, &owner.get(super::PATH).await] {
            assert!(!answer.text.contains(KEY), "{answer:?}");
        }
        // Mail of keys for tests never leaves.
        let test = server.key(&owner, "test").await;
        let path = send(&test, &email()).await;
        server.delivered(&owner).await;
        assert_eq!(test.get(&path).await.body["provider"], "sandbox");
        assert_eq!(emulator.received(), took, "{kind}");
    }
}

#[tokio::test]
async fn wrong_credentials_keep_it_inactive_and_say_why() {
    let server = allowing().await;
    for vendor in Vendor::all().await {
        let kind = vendor.kind;
        let owner = server.owner(&kind.as_str().replace('_', "-")).await;
        let mut wrong = vendor.body.clone();
        wrong[vendor.secret()] = json!("another-key-than-there-is");
        let made = create(&owner, &wrong).await;
        assert_eq!(made.body["status"], "inactive", "{made:?}");
        let verification = &made.body["verification"];
        assert_eq!((&verification["verified"], &verification["status"]), (&json!(false), &json!("failed")));
        assert!(verification["error"].as_str().unwrap().len() > 10, "{made:?}");
        assert!(verification["message"].as_str().unwrap().contains("PATCH"), "{made:?}");
        assert!(!made.text.contains("another-key"), "{made:?}");
        let mended = owner.patch(&at(&made.body), &json!({ vendor.secret(): KEY })).await;
        assert_eq!(
            (&mended.body["status"], &mended.body["verification"]["verified"]),
            (&json!("active"), &json!(true)),
            "{mended:?}"
        );
    }
}

#[tokio::test]
async fn postmarks_own_words_are_told() {
    let (server, vendor) = (allowing().await, Vendor::postmark().await);
    let owner = server.owner("acme").await;
    let mut wrong = vendor.body.clone();
    wrong["api_key"] = json!("wrong");
    let made = create(&owner, &wrong).await;
    let error = made.body["verification"]["error"].as_str().unwrap();
    assert!(error.contains("valid Server token"), "{error}");
}

#[tokio::test]
async fn a_lent_key_works_with_its_token_and_a_new_one_without() {
    let server = allowing().await;
    let owner = server.owner("acme").await;
    let emulator = Emulator::ses("ASIALENT", KEY, "eu-west-1").start().await.unwrap();
    let mut body = json!({ "provider": "aws_ses", "display_name": "SES", "region": "eu-west-1",
        "api_key": "ASIALENT", "secret": KEY, "base_url": emulator.url() });
    body["session_token"] = json!("the-token");
    let made = create(&owner, &body).await;
    assert_eq!(made.body["verification"]["verified"], true, "{made:?}");
    assert!(!made.text.contains("the-token"), "{made:?}");
    // Another secret has another token, or none.
    let without = owner.patch(&at(&made.body), &json!({ "secret": KEY })).await;
    assert_eq!(without.body["verification"]["verified"], false, "{without:?}");
}

#[tokio::test]
async fn the_next_one_takes_what_the_first_cannot() {
    let server = allowing().await;
    let second = Vendor::postmark().await;
    for (index, first) in Vendor::all().await.into_iter().enumerate() {
        let kind = first.kind;
        let owner = server.owner(&kind.as_str().replace('_', "-")).await;
        let mut made = Vec::new();
        for (name, vendor) in [("First", &first), ("Second", &second)] {
            let mut body = vendor.body.clone();
            body["display_name"] = json!(name);
            made.push(create(&owner, &body).await.body);
        }
        first.emulator.refuse_connections(true).await;
        let path = send(&owner, &email()).await;
        assert_eq!(second.emulator.wait_for(index + 1).await[index].subject, "Hällo Ada");
        server.delivered(&owner).await;
        let told = owner.get(&path).await;
        let mut attempts: Vec<_> = told.body["attempts"].as_array().unwrap().iter().collect();
        attempts.sort_by_key(|one| one["number"].as_u64());
        let [refused, accepted] = attempts[..] else { panic!("{told:?}") };
        assert_eq!(
            (&refused["provider_connection_id"], &refused["provider"]),
            (&made[0]["id"], &json!(kind)),
            "{told:?}"
        );
        assert_eq!(refused["results"][0]["reason"], "unavailable", "{told:?}");
        assert_eq!(accepted["provider_connection_id"], made[1]["id"]);
        assert_eq!((told.body["status"].as_str(), first.emulator.count()), (Some("sent"), 0));
    }
}

#[tokio::test]
async fn what_is_counted_of_readers_is_as_the_sender_says() {
    let (server, vendor) = (allowing().await, Vendor::postmark().await);
    let owner = server.owner("acme").await;
    create(&owner, &vendor.body).await;
    let mut email = email();
    email["tracking"] = json!({ "opens": true, "clicks": false });
    let path = send(&owner, &email).await;
    server.delivered(&owner).await;
    let told = owner.get(&path).await;
    assert_eq!(told.body["tracking"], json!({ "opens": true, "clicks": false }), "{told:?}");
    let requests = vendor.emulator.requests();
    let body: Value = serde_json::from_slice(&requests.last().unwrap().body).unwrap();
    assert_eq!((&body["TrackOpens"], &body["TrackLinks"]), (&json!(true), &json!("None")));
    // The sandbox takes such a message too.
    let test = server.key(&owner, "test").await;
    let path = send(&test, &email).await;
    server.delivered(&owner).await;
    assert_eq!(test.get(&path).await.body["provider"], "sandbox");
}
