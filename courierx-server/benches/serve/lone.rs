//! A lone message: from the request to the end of the hand-over. A one-time code that somebody waits for.

use std::time::{Duration, Instant};

use serde_json::json;

use super::floors::Floors;
use super::process::Program;
use super::smtp;

const MESSAGES: usize = 300;

pub(crate) fn measure(floors: &mut Floors) {
    let (port, arrived) = smtp::start();
    let server = Program::courierx(&[("COURIERX_ALLOW_PRIVATE_TARGETS", "127.0.0.0/8")]);
    let key = server.register(0);
    let connection = json!({
        "provider": "smtp", "display_name": "Bench", "smtp_host": "127.0.0.1", "smtp_port": port, "tls": "none",
    });
    let made = server.post("/api/v1/provider_connections", &key, &connection);
    assert_eq!(made["verification"]["verified"], true, "{made}");
    let email = json!({
        "from_email": "code@myapp.example", "to_email": "user@example.com", "subject": "Your code",
        "text_body": "Your code is 123456.",
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..MESSAGES {
        let request = client.post(format!("{}/api/v1/emails", server.url)).bearer_auth(&key).json(&email);
        let start = Instant::now();
        let answer = runtime.block_on(request.send()).unwrap();
        assert_eq!(answer.status(), 202);
        times.push(arrived.recv_timeout(Duration::from_secs(30)).unwrap() - start);
    }
    times.sort_unstable();
    let at = |share: usize| times[MESSAGES * share / 100].as_secs_f64() * 1000.0;
    floors.at_most("from the request to a mail server, p50 ms", at(50), 10.0);
    floors.at_most("from the request to a mail server, p99 ms", at(99), 30.0);
}
