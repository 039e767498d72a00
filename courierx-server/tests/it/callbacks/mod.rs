//! What providers call back: taken, kept, recorded; and nothing that is not theirs.

mod forged;
mod killed;
mod parked;
mod replaced;
mod setup;
mod whole_life;

use courierx_core::clock::{Clock as _, SystemClock, Timestamp};
use courierx_providers::emulator::CallbackKeys;
use courierx_server::config::{Environment, Flags, PrivateTargets, Settings};
use courierx_server::model::provider_connections::ProviderKind;
use serde_json::{Value, json};

use crate::provider_connections::create;
use crate::provider_connections::limits::until;
use crate::provider_connections::vendors::Vendor;
use crate::support::{Answer, Client, TestServer};

/// What Postmark shows.
const PASSWORD: &str = "a password that we made up";

/// A vendor that is emulated, the keys it signs with, and a tenant's connection to it.
pub(crate) struct Caller {
    pub(crate) vendor: Vendor,
    pub(crate) keys: CallbackKeys,
    pub(crate) connection: Value,
}

/// What a client gives so that callbacks with these keys are verified.
fn given(keys: &CallbackKeys, kind: ProviderKind) -> Value {
    json!(match kind {
        ProviderKind::SendGrid => keys.verification_key().unwrap(),
        ProviderKind::Mailgun => SIGNING_KEY.to_owned(),
        ProviderKind::Postmark => PASSWORD.to_owned(),
        _ => WHSEC.to_owned(),
    })
}

const SIGNING_KEY: &str = "key-of-the-account-for-signing";
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn keys(kind: ProviderKind) -> CallbackKeys {
    match kind {
        ProviderKind::SendGrid => CallbackKeys::sendgrid().unwrap(),
        ProviderKind::Mailgun => CallbackKeys::mailgun(SIGNING_KEY),
        ProviderKind::Postmark => CallbackKeys::postmark("courierx", PASSWORD),
        _ => CallbackKeys::resend(WHSEC).unwrap(),
    }
}

impl Caller {
    /// A new account at the vendor, connected.
    pub(crate) async fn connect(owner: &Client, vendor: Vendor) -> Self {
        let keys = keys(vendor.kind);
        let mut body = vendor.body.clone();
        body["webhook_secret"] = given(&keys, vendor.kind);
        let connection = create(owner, &body).await.body;
        assert_eq!(connection["status"], "active", "{connection}");
        Self { vendor, keys, connection }
    }

    /// Where the vendor calls back, at this server.
    pub(crate) fn url(&self, server: &TestServer) -> String {
        local(server, &self.connection)
    }

    /// Calls back all there is to tell.
    pub(crate) async fn call(&self, url: &str) -> Vec<u16> {
        self.vendor.emulator.call_back(url, &self.keys, now()).await
    }
}

/// The URL of a connection, as it is reached from here.
pub(crate) fn local(server: &TestServer, connection: &Value) -> String {
    let url = connection["webhook_url"].as_str().unwrap();
    format!("http://{}{}", server.address(), url.strip_prefix("https://mail.example.com").unwrap())
}

/// Says how the internet reaches the server, and allows it to reach this machine.
pub(crate) fn reachable(settings: &mut Settings) {
    let set = [("COURIERX_PUBLIC_URL", "https://mail.example.com")].into_iter().collect::<Environment>();
    let read = Settings::load(&Flags::default(), &set, &std::env::temp_dir()).unwrap();
    settings.public_url = read.public_url;
    settings.private_targets = PrivateTargets::All;
}

/// Sends a message, and waits until the vendor has it.
pub(crate) async fn sent(owner: &Client, to: &str) -> String {
    let email = json!({ "from": "shop@myapp.example", "to": [to], "subject": "Hello", "text": "Hello" });
    let answer = owner.post("/api/v1/emails", &email).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let path = format!("/api/v1/emails/{}", answer.body["id"].as_str().unwrap());
    until(owner, &path, |email| email["status"] == "sent").await;
    path
}

/// The moment by the clock that vendors sign with.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// How often something happened to a message.
pub(crate) fn count(email: &Answer, event: &str) -> usize {
    let events = email.body["events"].as_array().unwrap();
    events.iter().filter(|one| one["event_type"] == event).count()
}

/// The vendors whose callbacks are signed with keys that a client gives.
async fn vendors() -> Vec<Vendor> {
    let all = Vendor::all().await;
    all.into_iter().filter(|vendor| vendor.kind != ProviderKind::AwsSes).collect()
}

#[tokio::test]
async fn every_vendor_tells_what_became_of_messages() {
    let server = TestServer::start_with(reachable).await;
    for vendor in vendors().await {
        let kind = vendor.kind;
        let owner = server.owner(kind.as_str()).await;
        let caller = Caller::connect(&owner, vendor).await;
        let fates = [
            ("delivered", "delivered", "delivered"),
            ("bounce", "bounced", "bounced"),
            ("complain", "complained", "complained"),
            ("open", "delivered", "opened"),
            ("click", "delivered", "clicked"),
        ];
        let mut messages = Vec::new();
        for (fate, status, event) in fates {
            let path = sent(&owner, &format!("{fate}@emulator.test")).await;
            messages.push((path, status, event));
        }
        let url = caller.url(&server);
        let taken = caller.call(&url).await;
        assert!(!taken.is_empty() && taken.iter().all(|status| *status == 200), "{kind}: {taken:?}");
        for (path, status, event) in &messages {
            let is = |email: &Value| email["status"] == *status && email.to_string().contains(event);
            let email = until(&owner, path, is).await;
            assert_eq!(count(&email, event), 1, "{kind}: {email:?}");
        }
        let metrics = owner.get("/metrics").await.text;
        for result in ["taken", "recorded"] {
            let line = format!(r#"courierx_callbacks_total{{provider="{kind}",result="{result}"}}"#);
            assert!(metrics.contains(&line), "{metrics}");
        }
        assert!(metrics.contains("courierx_callbacks_waiting "), "{metrics}");
        for (address, reason) in
            [("bounce@emulator.test", "bounce\""), ("complain@emulator.test", "complaint\"")]
        {
            let held = owner.get(&format!("/api/v1/suppressions/check?email={address}")).await;
            assert!(held.body.to_string().contains(reason), "{kind} {address}: {held:?}");
        }
    }
}

#[tokio::test]
async fn what_comes_again_counts_once() {
    let server = TestServer::start_with(reachable).await;
    for vendor in vendors().await {
        let kind = vendor.kind;
        let owner = server.owner(kind.as_str()).await;
        let caller = Caller::connect(&owner, vendor).await;
        let path = sent(&owner, "open@emulator.test").await;
        let url = caller.url(&server);
        let calls = caller.vendor.emulator.take_callbacks(&caller.keys, now());
        for call in calls.iter().chain(calls.iter().rev()) {
            assert_eq!(post(&url, call).await, 200, "{kind}");
        }
        done(&server).await;
        let email = until(&owner, &path, |email| email["status"] == "delivered").await;
        for event in ["delivered", "opened"] {
            assert_eq!(count(&email, event), 1, "{kind}: {email:?}");
        }
    }
}

/// Posts a callback, as it is.
pub(crate) async fn post(url: &str, call: &courierx_core::provider::Callback) -> u16 {
    try_post(url, call).await.expect("no answer")
}

/// The same, at a server that may die meanwhile: then there is no answer.
async fn try_post(url: &str, call: &courierx_core::provider::Callback) -> Option<u16> {
    let mut request = reqwest::Client::new().post(url).body(call.body.clone());
    for (name, value) in &call.headers {
        request = request.header(name, value.as_slice());
    }
    Some(request.send().await.ok()?.status().as_u16())
}

/// Waits until everything that was taken is recorded, or given up.
async fn done(server: &TestServer) {
    let looking = async {
        while server.app().store.count_callbacks(None).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, looking).await.expect("callbacks are left");
}
