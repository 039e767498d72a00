//! What is asked again and again is answered from memory, and never older than what was written before the question.
//! Under a clock that stands: no answer is forgotten for its age, so every write has to be noticed.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock, SystemClock};
use courierx_server::config::{PrivateTargets, Settings};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::provider_connections::{at, create, relay};
use crate::support::{Client, PATIENCE, SmtpServer, TestServer};

const LIST: &str = "/api/v1/emails";

async fn server(change: impl FnOnce(&mut Settings)) -> (TestServer, Arc<ManualClock>) {
    let clock = ManualClock::starting_at(SystemClock.now());
    (TestServer::start_under(Arc::<ManualClock>::clone(&clock), change).await, clock)
}

fn mail(to: &str) -> Value {
    json!({ "from": "shop@myapp.example", "to": to, "subject": "Hello", "text": "Hello" })
}

async fn accepted(client: &Client, mail: &Value) -> String {
    let answer = client.post(LIST, mail).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    format!("{LIST}/{}", answer.body["id"].as_str().unwrap())
}

/// Asks until the provider has said that it was delivered: nothing is written of it afterwards.
async fn delivered(client: &Client, path: &str) {
    let asking = async { while client.get(path).await.body["status"] != "delivered" {} };
    tokio::time::timeout(PATIENCE, asking).await.expect("it is delivered");
}

/// Somebody who asks for the same again and again, and compares it with what nobody asked for before.
struct Poller {
    client: Client,
    asked: usize,
}

impl Poller {
    fn new(client: &Client) -> Self {
        Self { client: client.clone(), asked: 0 }
    }

    /// How a message stands; it and the first page are right, twice.
    async fn looks(&mut self, path: &str) -> Value {
        self.asked += 1;
        assert!(self.asked < 70, "a page has at most 100 items");
        let new = [format!("{path}?{}", self.asked), format!("{LIST}?per_page={}", 25 + self.asked)];
        let new = join_all(new.iter().map(|path| self.client.get(path))).await;
        for _ in 0..2 {
            for (polled, new) in [path, LIST].into_iter().zip(&new) {
                let polled = self.client.get(polled).await;
                assert_eq!((polled.status, &polled.body), (new.status, &new.body), "as it was once");
                let total = "x-total-count";
                assert_eq!(polled.headers.get(total), new.headers.get(total));
            }
        }
        let [one, _] = &new[..] else { panic!("both were answered") };
        one.body.clone()
    }
}

/// How many answers were given again, as `/metrics` says.
async fn given_again(server: &TestServer) -> u64 {
    let metrics = server.client().get("/metrics").await.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix("courierx_answers_given_again_total "));
    line.unwrap_or("0").parse().unwrap()
}

#[tokio::test]
pub(crate) async fn every_write_is_in_the_next_answer() {
    let (server, clock) = server(|_| ()).await;
    let owner = server.owner("acme").await;
    let key = server.key(&owner, "live").await;
    let mut poller = Poller::new(&key);

    let later = json!({ "scheduled_at": "in 2 hours" });
    let mut waiting = mail("ada@example.com");
    waiting["scheduled_at"] = later["scheduled_at"].clone();
    let first = accepted(&key, &waiting).await;
    assert_eq!(poller.looks(&first).await["status"], "scheduled");
    let before = poller.looks(&first).await["scheduled_at"].clone();
    assert_eq!(key.patch(&first, &json!({ "scheduled_at": "in 5 hours" })).await.status, 200);
    assert_ne!(poller.looks(&first).await["scheduled_at"], before, "it was moved");
    assert_eq!(key.post(&format!("{first}/cancel"), &json!({})).await.status, 200);
    assert_eq!(poller.looks(&first).await["status"], "canceled");

    let second = accepted(&key, &mail("ada@example.com")).await;
    delivered(&key, &second).await;
    assert_eq!(poller.looks(&second).await["attempts"].as_array().unwrap().len(), 1);

    assert_eq!(owner.patch("/api/v1/auth/me", &json!({ "content_days": 0 })).await.status, 200);
    poller.looks(&second).await;
    clock.advance(Duration::from_hours(1));
    for path in [&first, &second] {
        while key.get(path).await.body["content_purged"] != true {
            clock.advance(Duration::from_secs(30));
        }
    }
    assert_eq!(poller.looks(&second).await["text_body"], Value::Null);
}

#[tokio::test]
async fn a_new_name_of_a_connection_is_in_the_next_answer() {
    let (server, _clock) = server(|settings| {
        settings.private_targets = PrivateTargets::All;
    })
    .await;
    let owner = server.owner("acme").await;
    let smtp = SmtpServer::start().await;
    let connection = create(&owner, &relay(&smtp)).await.body;
    let mut poller = Poller::new(&owner);
    let sent = accepted(&owner, &mail("ada@example.com")).await;
    server.delivered(&owner).await;
    let before = poller.looks(&sent).await["provider_display_name"].clone();
    assert!(before.is_string(), "it went over the connection");
    let renamed = owner.patch(&at(&connection), &json!({ "display_name": "Another name" })).await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    assert_eq!(poller.looks(&sent).await["provider_display_name"], "Another name");
}

#[tokio::test]
pub(crate) async fn what_was_acknowledged_is_never_missing() {
    // Nobody delivers, so nothing but these requests writes.
    let (server, _clock) = server(|settings| settings.workers = 0).await;
    let owner = server.owner("acme").await;
    let key = server.key(&owner, "live").await;
    let list = format!("{LIST}?per_page=100");
    let write = |number: usize| {
        let (key, list) = (&key, &list);
        async move {
            for round in 0..10 {
                let mut mail = mail(&format!("ada{number}.{round}@example.com"));
                mail["scheduled_at"] = json!("in 2 hours");
                let path = accepted(key, &mail).await;
                let id = path.rsplit('/').next().unwrap();
                let listed = key.get(list).await.body;
                let listed = listed.as_array().unwrap().iter();
                assert!(listed.clone().any(|one| one["id"] == id), "it was accepted before");
                assert_eq!(key.get(&path).await.body["status"], "scheduled");
                assert_eq!(key.post(&format!("{path}/cancel"), &json!({})).await.status, 200);
                assert_eq!(key.get(&path).await.body["status"], "canceled", "it was canceled before");
                let listed = key.get(list).await.body;
                let one = listed.as_array().unwrap().iter().find(|one| one["id"] == id).cloned().unwrap();
                assert_eq!(one["status"], "canceled", "it was canceled before");
            }
        }
    };
    let poll = async {
        for _ in 0..200 {
            assert_eq!(key.get(&list).await.status, 200);
        }
    };
    tokio::join!(join_all((0..8).map(write)), poll);
}

#[tokio::test]
async fn nobody_is_given_anothers_answer() {
    let (server, _clock) = server(|_| ()).await;
    let (owner, stranger) = (server.owner("acme").await, server.owner("other").await);
    let (live, test) = (server.key(&owner, "live").await, server.key(&owner, "test").await);
    let path = accepted(&live, &mail("ada@example.com")).await;
    delivered(&live, &path).await;
    assert_eq!(live.get(&path).await.status, 200);
    let (before, again) = (given_again(&server).await, live.get(&path).await);
    assert_eq!(again.status, 200);
    assert_eq!(given_again(&server).await, before + 1, "it is remembered");
    assert_ne!(again.headers["x-request-id"], live.get(&path).await.headers["x-request-id"]);

    live.get(LIST).await;
    for (other, what) in [(&stranger, "another tenant"), (&test, "a key for tests")] {
        assert_eq!(other.get(&path).await.status, 404, "{what}");
        assert_eq!(other.get(LIST).await.body, json!([]), "{what}");
    }
    assert_eq!(server.client().get(&path).await.status, 401);
    let keys = owner.get("/api/v1/api_keys").await.body;
    let mode = |one: &&Value| one["mode"] == "live";
    let id = keys.as_array().unwrap().iter().find(mode).unwrap()["id"].as_str().unwrap().to_owned();
    let ended = owner.delete(&format!("/api/v1/api_keys/{id}")).await;
    assert!(matches!(ended.status, 200 | 204), "{ended:?}");
    assert_eq!(live.get(&path).await.status, 401, "a key that has ended is given nothing");
}

#[tokio::test]
async fn what_follows_from_the_time_is_not_remembered_for_long() {
    let (server, clock) = server(|settings| settings.workers = 0).await;
    let key = server.key(&server.owner("acme").await, "live").await;
    let mut mail = mail("ada@example.com");
    mail["scheduled_at"] = json!("in 2 hours");
    let path = accepted(&key, &mail).await;
    assert_eq!(key.get(&path).await.body["status"], "scheduled");
    // Nobody writes down that the time has come.
    clock.advance(Duration::from_hours(2));
    assert_eq!(key.get(&path).await.body["status"], "queued");
}

#[tokio::test]
async fn nothing_is_remembered_if_nobody_wants_that() {
    let (server, _clock) = server(|settings| settings.answer_cache = 0).await;
    let owner = server.owner("acme").await;
    let path = accepted(&owner, &mail("ada@example.com")).await;
    delivered(&owner, &path).await;
    for _ in 0..3 {
        assert_eq!(owner.get(&path).await.status, 200);
    }
    assert_eq!(given_again(&server).await, 0);
}
