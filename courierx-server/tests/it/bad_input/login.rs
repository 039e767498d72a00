//! Guessing passwords, and looking for them where they have no business.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};

use super::{Target, assert_refused};
use crate::support::{Answer, TestServer};

const LOGIN: &str = "/api/v1/auth/login";

/// A log-in from an address of its own, as a proxy on this machine tells.
async fn log_in(server: &TestServer, from: &str, body: &Value) -> Answer {
    let client = server.client();
    client.send(client.request(Method::POST, LOGIN).header("x-forwarded-for", from).json(body)).await
}

/// Guesses until there were too many, each from its address and for its account.
async fn guess(
    server: &TestServer,
    from: impl Fn(usize) -> String,
    email: impl Fn(usize) -> String,
) -> usize {
    for n in 0..500 {
        let body = json!({ "email": email(n), "password": "wrong password" });
        let answer = log_in(server, &from(n), &body).await;
        assert_refused(&answer, &[401, 429], "a guess");
        if answer.status == 429 {
            let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
            return n;
        }
    }
    panic!("nobody has to wait");
}

#[tokio::test]
async fn who_tries_often_has_to_wait() {
    let target = Target::new().await;
    let owner = |_| "owner@acme.example".to_owned();
    // Lying about the address does not help: the last one is what the proxy saw.
    let liar = |n| format!("203.0.113.{n}, 192.0.2.1");
    assert!(guess(&target.server, liar, |n| format!("user{n}@acme.example")).await >= 10);
    // One address does not shut out an account's owner.
    guess(&target.server, |_| "198.51.100.200".to_owned(), owner).await;
    let right = json!({ "email": owner(0), "password": "correct horse battery" });
    assert_eq!(log_in(&target.server, "198.51.100.201", &right).await.status, 200);
    // The same account from everywhere, in every spelling.
    let spellings = ["owner@acme.example", "OWNER@acme.example", " owner@ACME.example "];
    let everywhere = |n| format!("10.0.{}.{}", n / 250, n % 250);
    guess(&target.server, everywhere, |n| spellings[n % 3].to_owned()).await;
}

#[tokio::test]
async fn an_unknown_address_answers_as_a_wrong_password_does() {
    let target = Target::new().await;
    let long = "x".repeat(60_000);
    let emails =
        ["owner@acme.example", "nobody@acme.example", "", "no address", long.as_str(), "a\0b@acme.example"];
    let mut answers = Vec::new();
    for (n, email) in emails.into_iter().enumerate() {
        for password in ["wrong password", "", &"p".repeat(2000)] {
            let body = json!({ "email": email, "password": password });
            let answer = log_in(&target.server, &format!("192.0.2.{n}"), &body).await;
            assert_refused(&answer, &[401], email);
            let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            headers.sort();
            answers.push((answer.text, headers));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// One thread, so that everything that is logged is logged to the subscriber of this test.
#[tokio::test]
async fn no_secret_is_ever_answered_or_logged() {
    const SECRET: &str = "s3cret-passw0rd";
    let lines = Lines::default();
    let writer = lines.clone();
    // With a single subscriber, what other threads of this test run would log first is never logged to it.
    let _second = tracing::Dispatch::new(
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(io::sink).finish(),
    );
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let logged = tracing::subscriber::set_default(subscriber);
    let server = TestServer::start().await;
    let client = server.client();
    let new = |change: Value| {
        super::with(json!({ "name": "a", "email": "a@a.example", "password": SECRET }), &change)
    };
    let mut answers = vec![
        client.post("/api/v1/auth/register", &new(json!({ "email": "x" }))).await,
        client.post("/api/v1/auth/register", &new(json!({ "password_confirmation": "other" }))).await,
        client.post("/api/v1/auth/register", &new(json!({ "password": [SECRET] }))).await,
        client.post("/api/v1/auth/register", &new(json!({ "auth": SECRET }))).await,
        client.post("/api/v1/auth/register", &new(json!({}))).await,
        client.post(LOGIN, &json!({ "email": "a@a.example", "password": SECRET })).await,
        client.post(LOGIN, &json!({ "email": { "password": SECRET }, "password": SECRET })).await,
        client.post(LOGIN, &json!({ "email": SECRET, "password": { "is": SECRET } })).await,
        client.get(&format!("/api/v1/auth/me?password={SECRET}")).await,
    ];
    let truncated = format!("{{\"email\": \"a\", \"password\": \"{SECRET}\", }}");
    answers.push(client.send(client.request(Method::POST, LOGIN).body(truncated)).await);
    for answer in &answers {
        assert!(
            !answer.text.contains(SECRET) && !format!("{:?}", answer.headers).contains(SECRET),
            "{answer:?}"
        );
        assert!(!answer.text.contains("$argon2"), "{answer:?}");
    }
    let token = answers[5].body["token"].as_str().unwrap().to_owned();
    let owner = client.with(&token);
    let key = server.key(&owner, "live").await;
    key.get("/api/v1/emails?recipient=ada@example.com").await;
    key.post("/api/v1/emails", &super::email()).await;
    drop(logged);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    // What the server says; the client of the test logs its own requests.
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("courierx")).collect();
    assert!(ours.iter().any(|line| line.contains("/api/v1/auth/login")), "nothing was logged");
    for secret in [SECRET, token.as_str(), key.token(), "$argon2", "ada@example.com"] {
        assert!(!ours.iter().any(|line| line.contains(secret)), "{secret} was logged");
    }
}
