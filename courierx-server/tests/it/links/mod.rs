//! Links of ours in mail, from the message that has them to what is known afterwards.

mod counting;
mod hosts;
mod leaving;

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock, SystemClock};
use courierx_server::config::{Environment, Flags, Settings};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestServer};

const PUBLIC: &str = "https://mail.example.com";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// A server that knows how it is reached, under a clock that stands still unless it is moved.
struct Reached {
    server: TestServer,
    owner: Client,
    clock: Arc<ManualClock>,
}

fn public(settings: &mut Settings) {
    public_at(PUBLIC, settings);
}

/// Lets a server be reached at this address.
fn public_at(url: &str, settings: &mut Settings) {
    let set = [("COURIERX_PUBLIC_URL", url)].into_iter().collect::<Environment>();
    settings.public_url = Settings::load(&Flags::default(), &set, &std::env::temp_dir()).unwrap().public_url;
}

impl Reached {
    async fn start() -> Self {
        let clock = ManualClock::starting_at(SystemClock.now());
        let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), public).await;
        let owner = server.owner("acme").await;
        Self { server, owner, clock }
    }

    /// Sends a message; answers it as it arrived, a while ago.
    async fn arrived(&self, by: &Client, more: Value) -> Value {
        let id = self.sent(by, more).await;
        self.clock.advance(Duration::from_mins(1));
        let arrived = by.get(&format!("/api/v1/sandbox/messages/{id}")).await;
        assert_eq!(arrived.status, 200, "{arrived:?}");
        arrived.body
    }

    async fn sent(&self, by: &Client, more: Value) -> String {
        let mut email = json!({ "from": "Acme <hi@myapp.example>", "to": "ada@example.com", "subject": "s", "text": "t" });
        email.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let sent = by.post("/api/v1/emails", &email).await;
        assert_eq!(sent.status, 202, "{sent:?}");
        self.server.delivered(&self.owner).await;
        sent.body["id"].as_str().unwrap().to_owned()
    }

    /// Follows a link of ours with a browser.
    async fn follow(&self, path: &str) -> Answer {
        self.follow_with(Method::GET, path, BROWSER).await
    }

    async fn follow_with(&self, method: Method, path: &str, agent: &str) -> Answer {
        let client = self.server.client();
        client.send(client.request(method, path).header("user-agent", agent)).await
    }

    /// Stops the server, and starts one that remembers nothing but what it wrote down.
    async fn restarted(self) -> Self {
        let server = self.server.restart().await;
        Self { owner: server.log_in("acme").await, server, clock: self.clock }
    }

    async fn post(&self, path: &str, form: &'static str) -> Answer {
        let client = self.server.client();
        let request = client.request(Method::POST, path);
        client.send(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
    }

    /// What is known of a message.
    async fn told(&self, message: &Value) -> Value {
        let told = self.owner.get(&format!("/api/v1/emails/{}", message["id"].as_str().unwrap())).await;
        assert_eq!(told.status, 200, "{told:?}");
        told.body
    }

    /// What readers did, by kind, whether a machine did it, and with which link.
    async fn done(&self, message: &Value) -> Vec<(String, Value, Value)> {
        let told = self.told(message).await;
        let of_readers = ["opened", "clicked", "unsubscribed", "resubscribed"];
        let events = told["events"].as_array().unwrap().iter().rev();
        let events = events.filter(|one| of_readers.contains(&one["event_type"].as_str().unwrap()));
        let told = |one: &Value| {
            (one["event_type"].as_str().unwrap().to_owned(), one["machine"].clone(), one["url"].clone())
        };
        events.map(told).collect()
    }
}

/// The paths of the links of ours in a text, in their order.
fn links(text: &Value, kind: &str) -> Vec<String> {
    let start = format!("{PUBLIC}/t/{kind}/");
    let ends = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_');
    let all = text.as_str().unwrap().split(&start).skip(1);
    all.map(|rest| format!("/t/{kind}/{}", rest.split(ends).next().unwrap())).collect()
}

fn header(message: &Value, name: &str) -> Value {
    let headers = message["headers"].as_array().unwrap();
    headers.iter().find(|one| one["name"] == name).map_or(Value::Null, |one| one["value"].clone())
}

fn is_private(answer: &Answer) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        assert_eq!(answer.headers[name], value, "{answer:?}");
    }
    assert!(!answer.headers.contains_key("set-cookie"));
}
