//! Killed under load, at any moment: what was answered with 202 arrives, and no duplicate is silent.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

use crate::support::{Answer, Binary, Client, SmtpSink};

/// How often the server is killed.
const KILLS: usize = 24;
/// How often it is asked to stop.
const STOPS: usize = 4;
/// Requests under way at once.
const CLIENTS: usize = 16;
/// Messages under delivery at once, and so hand-overs under way when the server dies.
const WORKERS: usize = 8;
/// Answers that a life of the server lasts at most.
const ANSWERS: usize = 120;

/// Subject and identifier of each message that was answered with 202.
type Accepted = BTreeMap<String, String>;

fn start(directory: &Path) -> Binary {
    let workers = WORKERS.to_string();
    Binary::start(
        directory,
        &[
            ("MAX_WORKERS", &workers),
            ("COURIERX_ALLOW_PRIVATE_TARGETS", "127.0.0.0/8"),
            ("LOG_LEVEL", "warn"),
        ],
    )
}

/// An API key of a new tenant that sends through this server.
async fn key(binary: &Binary, sink: &SmtpSink) -> String {
    let post = async |client: &Client, path: &str, body: Value| -> Answer {
        let answer = client.post(&format!("/api/v1/{path}"), &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    };
    let new = json!({ "name": "a", "email": "a@a.example", "password": "secure-password" });
    let owner = post(&binary.client(), "auth/register", new).await;
    let owner = binary.client().with(owner.body["token"].as_str().unwrap());
    let relay = json!({ "provider": "smtp", "display_name": "Sink", "smtp_host": "127.0.0.1",
        "smtp_port": sink.port(), "tls": "none" });
    assert_eq!(post(&owner, "provider_connections", relay).await.body["status"], "active");
    let made = post(&owner, "api_keys", json!({ "name": "clients" })).await;
    made.body["raw_key"].as_str().unwrap().to_owned()
}

/// Clients that send one message after the other, each another one, until a request of theirs fails.
struct Load {
    clients: JoinSet<()>,
    accepted: UnboundedReceiver<(String, String)>,
}

impl Load {
    /// `sent` numbers the messages of all loads.
    fn start(client: &Client, sent: &Arc<AtomicUsize>) -> Self {
        let (tell, accepted) = mpsc::unbounded_channel();
        let clients = (0..CLIENTS).map(|_| send(client.clone(), Arc::clone(sent), tell.clone())).collect();
        Self { clients, accepted }
    }

    /// Waits for so many answers.
    async fn answered(&mut self, count: usize, accepted: &mut Accepted) {
        for _ in 0..count {
            let (subject, id) = self.accepted.recv().await.expect("somebody still sends");
            accepted.insert(subject, id);
        }
    }

    /// Waits until no request succeeds any more; what was answered until then counts too.
    async fn ended(mut self, accepted: &mut Accepted) {
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        while let Ok((subject, id)) = self.accepted.try_recv() {
            accepted.insert(subject, id);
        }
    }
}

async fn send(client: Client, sent: Arc<AtomicUsize>, accepted: UnboundedSender<(String, String)>) {
    loop {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let subject = format!("message {number}");
        let email = json!({
            "from_email": "hi@acme.example",
            "to_email": format!("user{number}@example.com"),
            "subject": subject,
            "text_body": SmtpSink::WHOLE,
        });
        // Without a whole answer nobody knows whether it was accepted: the next one is another message.
        let Ok(response) = client.request(Method::POST, "/api/v1/emails").json(&email).send().await else {
            return;
        };
        let status = response.status();
        let Ok(body) = response.json::<Value>().await else { return };
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

fn tally(sink: &SmtpSink, accepted: &Accepted) -> Tally {
    let arrived = sink.subjects();
    let lost = accepted.keys().filter(|subject| !arrived.contains_key(*subject)).cloned().collect();
    let unanswered = arrived.keys().filter(|subject| !accepted.contains_key(*subject)).count();
    let repeated = arrived.into_iter().filter(|(_, count)| *count > 1);
    Tally { lost, repeated: repeated.map(|(subject, count)| (subject, count - 1)).collect(), unanswered }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_every_kill() {
    let (sink, folder) = (SmtpSink::start(), tempfile::tempdir().unwrap());
    let mut random = fastrand::Rng::with_seed(4000);
    let (mut accepted, sent) = (Accepted::new(), Arc::default());
    let mut binary = start(folder.path());
    let key = key(&binary, &sink).await;
    for _ in 0..KILLS {
        let mut load = Load::start(&binary.client().with(&key), &sent);
        load.answered(random.usize(..=ANSWERS), &mut accepted).await;
        binary.kill();
        load.ended(&mut accepted).await;
        binary = start(folder.path());
    }
    let client = binary.client().with(&key);
    client.drained().await;

    let Tally { lost, repeated, unanswered } = tally(&sink, &accepted);
    let duplicates: usize = repeated.values().sum();
    println!(
        "{} accepted, {KILLS} kills, {} lost, {duplicates} duplicates, {unanswered} arrived without an answer",
        accepted.len(),
        lost.len()
    );
    assert!(lost.is_empty(), "{lost:?}");
    assert!(duplicates <= KILLS * WORKERS, "{duplicates} duplicates of {} hand-overs", KILLS * WORKERS);
    for id in repeated.keys().filter_map(|subject| accepted.get(subject)) {
        let email = client.get(&format!("/api/v1/emails/{id}")).await;
        let events = email.body["events"].as_array().unwrap();
        let told = events.iter().any(|event| event["event_type"] == "outcome_unknown");
        assert!(told, "it came twice, and nobody said so: {email:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_nothing_and_repeats_nothing() {
    let (sink, folder) = (SmtpSink::start(), tempfile::tempdir().unwrap());
    let (mut accepted, sent) = (Accepted::new(), Arc::default());
    let mut binary = start(folder.path());
    let key = key(&binary, &sink).await;
    for _ in 0..STOPS {
        let mut load = Load::start(&binary.client().with(&key), &sent);
        load.answered(ANSWERS, &mut accepted).await;
        let ended = binary.terminate();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        load.ended(&mut accepted).await;
        binary = start(folder.path());
    }
    binary.client().drained().await;
    let Tally { lost, repeated, unanswered } = tally(&sink, &accepted);
    println!("{} accepted, {STOPS} stops, {} lost, {} repeated", accepted.len(), lost.len(), repeated.len());
    assert!(lost.is_empty() && repeated.is_empty(), "lost {lost:?}, repeated {repeated:?}");
    assert_eq!(unanswered, 0, "whatever was accepted was answered");
}
