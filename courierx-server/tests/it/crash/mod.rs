//! Killed, cut off and restarted under load, at any moment: what was answered with 202 arrives, and no duplicate is
//! silent.

mod database;
mod fleet;
mod many_processes;
mod one_process;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Answer, Client, SmtpSink};

/// Subject and identifier of each message that was answered with 202.
type Accepted = BTreeMap<String, String>;

/// An API key of a new tenant that sends through a mail server on this port.
async fn key(anybody: &Client, port: u16) -> String {
    let made = async |client: &Client, path: &str, body: Value| -> Answer {
        let answer = client.post(&format!("/api/v1/{path}"), &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    };
    let new = json!({ "name": "a", "email": "a@a.example", "password": "secure-password" });
    let owner = made(anybody, "auth/register", new).await;
    let owner = anybody.with(owner.body["token"].as_str().unwrap());
    let relay = json!({ "provider": "smtp", "display_name": "Sink", "smtp_host": "127.0.0.1",
        "smtp_port": port, "tls": "none" });
    assert_eq!(made(&owner, "provider_connections", relay).await.body["status"], "active");
    let key = made(&owner, "api_keys", json!({ "name": "clients" })).await;
    key.body["raw_key"].as_str().unwrap().to_owned()
}

/// What all loads of a test have done.
#[derive(Debug, Default)]
struct Done {
    /// Numbers the messages.
    sent: AtomicUsize,
    /// Requests that were answered with 503.
    refused: AtomicUsize,
    /// Requests without a whole answer.
    unanswered: AtomicUsize,
}

/// Clients that send one message after the other, each another one, until a request of theirs has no answer.
struct Load {
    clients: JoinSet<()>,
    accepted: UnboundedReceiver<(String, String)>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn start(client: &Client, clients: usize, done: &Arc<Done>) -> Self {
        let (tell, accepted) = mpsc::unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let send = |_| send(client.clone(), Arc::clone(done), tell.clone(), Arc::clone(&stop));
        Self { clients: (0..clients).map(send).collect(), accepted, stop }
    }

    /// Waits for so many answers.
    async fn answered(&mut self, count: usize, accepted: &mut Accepted) {
        for _ in 0..count {
            let (subject, id) = self.accepted.recv().await.expect("somebody still sends");
            accepted.insert(subject, id);
        }
    }

    /// Goes on for so long.
    async fn goes_on_for(&mut self, time: Duration, accepted: &mut Accepted) {
        let end = Instant::now() + time;
        while let Ok(answered) = tokio::time::timeout_at(end, self.accepted.recv()).await {
            let (subject, id) = answered.expect("somebody still sends");
            accepted.insert(subject, id);
        }
    }

    /// Lets the clients finish what they have begun, and no more.
    async fn stop(self, accepted: &mut Accepted) {
        self.stop.store(true, Ordering::Relaxed);
        self.ended(accepted).await;
    }

    /// Waits until nobody sends any more; what was answered until then counts too.
    async fn ended(mut self, accepted: &mut Accepted) {
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        while let Ok((subject, id)) = self.accepted.try_recv() {
            accepted.insert(subject, id);
        }
    }
}

async fn send(
    client: Client,
    done: Arc<Done>,
    accepted: UnboundedSender<(String, String)>,
    stop: Arc<AtomicBool>,
) {
    while !stop.load(Ordering::Relaxed) {
        let number = done.sent.fetch_add(1, Ordering::Relaxed);
        let subject = format!("message {number}");
        let email = json!({
            "from_email": "hi@acme.example",
            "to_email": format!("user{number}@example.com"),
            "subject": subject,
            "text_body": SmtpSink::WHOLE,
        });
        // Without a whole answer nobody knows whether it was accepted: the next one is another message.
        let answer = async {
            let response = client.request(Method::POST, "/api/v1/emails").json(&email).send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            response.json::<Value>().await.map(|body| (status, headers, body))
        };
        let Ok((status, headers, body)) = answer.await else {
            done.unanswered.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if status == 503 {
            assert!(headers.contains_key("retry-after"), "{headers:?} {body}");
            done.refused.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        assert_eq!(status, 202, "{body}");
        accepted.send((subject, body["id"].as_str().unwrap().to_owned())).unwrap();
    }
}

#[derive(Debug, Default)]
struct Tally {
    lost: Vec<String>,
    /// What came more than once, and how often too often.
    repeated: BTreeMap<String, usize>,
    /// What came without having been answered.
    unanswered: usize,
}

impl Tally {
    fn of(sink: &SmtpSink, accepted: &Accepted) -> Self {
        let arrived = sink.subjects();
        let lost = accepted.keys().filter(|subject| !arrived.contains_key(*subject)).cloned().collect();
        let unanswered = arrived.keys().filter(|subject| !accepted.contains_key(*subject)).count();
        let repeated = arrived.into_iter().filter(|(_, count)| *count > 1);
        Self { lost, repeated: repeated.map(|(subject, count)| (subject, count - 1)).collect(), unanswered }
    }

    fn duplicates(&self) -> usize {
        self.repeated.values().sum()
    }

    /// Nothing is lost, so much at most came twice, and each of those messages says so.
    async fn holds(&self, most_duplicates: usize, client: &Client, accepted: &Accepted) {
        assert!(self.lost.is_empty(), "{:?}", self.lost);
        let duplicates = self.duplicates();
        assert!(duplicates <= most_duplicates, "{duplicates} duplicates of {most_duplicates} hand-overs");
        for id in self.repeated.keys().filter_map(|subject| accepted.get(subject)) {
            let email = client.get(&format!("/api/v1/emails/{id}")).await;
            let events = email.body["events"].as_array().unwrap();
            let told = events.iter().any(|event| event["event_type"] == "outcome_unknown");
            assert!(told, "it came twice, and nobody said so: {email:?}");
        }
    }
}
