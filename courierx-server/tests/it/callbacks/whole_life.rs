//! A message's whole life, as its vendor tells it: in the API, at an application that is told, and in the stream.

use std::collections::BTreeMap;

use courierx_server::model::provider_connections::ProviderKind;
use serde_json::{Value, json};

use super::setup::{Gate, called_back, connected, reached_at, vendors};
use super::{count, sent};
use crate::events::reader::Reader;
use crate::provider_connections::limits::until;
use crate::support::Client;
use crate::webhook_endpoints::receiver::Receiver;

/// What happens to mail for an address, and how it ends.
const LIVES: &[(&str, &[&str], &str)] = &[
    ("click@emulator.test", &["clicked", "delivered", "opened", "queued", "sent"], "delivered"),
    ("bounce@emulator.test", &["bounced", "queued", "sent"], "bounced"),
    ("complain@emulator.test", &["complained", "delivered", "queued", "sent"], "complained"),
    ("unsubscribe@emulator.test", &["delivered", "queued", "sent", "unsubscribed"], "delivered"),
];

/// What happened to each message, by name, as some place has it.
type Lives = BTreeMap<String, Vec<String>>;

fn lives<'a>(events: impl IntoIterator<Item = &'a Value>) -> Lives {
    let mut lives = Lives::new();
    for event in events {
        let (message, name) = (event["message_id"].as_str().unwrap(), event["event"].as_str().unwrap());
        lives.entry(message.to_owned()).or_default().push(name.to_owned());
    }
    for events in lives.values_mut() {
        // Some vendors tell of the hand-over, too, or of one thing twice under two names.
        events.sort();
        events.dedup();
    }
    lives
}

/// Resend tells nothing of who unsubscribes from a message.
fn tells(kind: ProviderKind, to: &str) -> bool {
    kind != ProviderKind::Resend || !to.starts_with("unsubscribe")
}

#[tokio::test]
async fn it_is_the_same_wherever_one_looks() {
    let gate = Gate::open().await;
    let server = reached_at(&gate.url).await;
    gate.server.set(server.address()).unwrap();
    for vendor in vendors().await {
        let kind = vendor.kind;
        let owner = server.owner(&kind.as_str().replace('_', "-")).await;
        let receiver = Receiver::start().await;
        let connection = connected(&server, &owner, &vendor).await;
        let endpoint = json!({ "url": receiver.url() });
        assert_eq!(owner.post("/api/v1/webhook_endpoints", &endpoint).await.status, 201);
        let mut stream = Reader::open(&owner, "").await;
        let mut messages = Vec::new();
        for (to, events, status) in LIVES.iter().filter(|(to, ..)| tells(kind, to)) {
            messages.push((sent(&owner, to).await, *to, *events, *status));
        }
        called_back(&server, &vendor, connection["webhook_url"].as_str().unwrap()).await;

        let mut expected = Lives::new();
        for (path, to, events, status) in &messages {
            let is = |email: &Value| {
                email["status"] == *status && events.iter().all(|event| email.to_string().contains(event))
            };
            let email = until(&owner, path, is).await;
            for event in *events {
                assert!(count(&email, event) >= 1, "{kind} {to} {event}: {email:?}");
            }
            let id = email.body["id"].as_str().unwrap().to_owned();
            expected.insert(id, events.iter().map(|event| (*event).to_owned()).collect());
        }
        assert_eq!(in_the_list(&owner).await, expected, "{kind}");
        let all = owner.get("/api/v1/events?limit=500").await.body["data"].as_array().unwrap().len();
        let streamed = stream.take(all).await;
        assert_eq!(lives(&streamed), expected, "{kind}");
        let told = receiver.wait(all).await;
        assert_eq!(lives(told.iter().map(|one| &one.body)), expected, "{kind}");
        for one in &told {
            let message = one.body["message_id"].as_str().unwrap();
            let (_, to, ..) = messages.iter().find(|(path, ..)| path.ends_with(message)).unwrap();
            assert_eq!((&one.body["to"], &one.body["subject"]), (&json!(to), &json!("Hello")), "{kind}");
        }
    }
}

async fn in_the_list(owner: &Client) -> Lives {
    let page = owner.get("/api/v1/events?limit=500").await;
    assert_eq!(page.status, 200, "{page:?}");
    lives(page.body["data"].as_array().unwrap())
}
