//! How fast applications are told: by the server, beside a bare loop of the same HTTP client that posts the same bodies to
//! the same receiver over as many connections; and what one that hangs costs the others.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::floors::Floors;
use super::options::Options;
use super::process::Program;
use super::receiver;

/// Messages that an endpoint is told of, unless others are asked for.
const MESSAGES: f64 = 20_000.0;
/// Messages of one request.
const BATCH: u32 = 1000;
/// Requests at once, as many as the server makes to one endpoint.
const AT_ONCE: u32 = 16;
/// The least share of the bare loop's rate.
const LEAST: f64 = 0.6;
/// The least share of its own rate that is left to others by one that hangs.
const LEFT: f64 = 0.9;

pub(crate) fn measure(floors: &mut Floors, options: &Options) {
    let wanted = options.messages.unwrap_or(MESSAGES);
    let batches = (1..1000).find(|batches| f64::from(batches * BATCH) >= wanted).expect("at most a million");
    let count = batches * BATCH;
    let (mut shares, mut left) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let ours = told(count, &["/hook"]);
        let beside = told(count, &["/hang", "/hook"]);
        let bare = posted(count, &ours.body);
        println!(
            "  {:.0}/s, {:.0}/s beside one that hangs, {bare:.0}/s by a bare loop: {:.3}, and {:.3} is left",
            ours.rate,
            beside.rate,
            ours.rate / bare,
            beside.rate / ours.rate
        );
        shares.push(ours.rate / bare);
        left.push(beside.rate / ours.rate);
    }
    for (what, mut shares, least) in
        [("webhooks, to a bare loop", shares, LEAST), ("webhooks, beside one that hangs", left, LEFT)]
    {
        shares.sort_by(f64::total_cmp);
        floors.at_least(what, shares[shares.len() / 2], least);
    }
}

struct Told {
    rate: f64,
    body: String,
}

/// Has a server accept messages for tomorrow, which are delivered to nobody now, and then tell of them.
fn told(count: u32, paths: &[&str]) -> Told {
    let receiver = Program::receiver();
    let settings = [("COURIERX_ALLOW_PRIVATE_TARGETS", "127.0.0.0/8")];
    let idle = Program::courierx(&[&settings[..], &[("MAX_WORKERS", "0")]].concat());
    let key = idle.register(0);
    for path in paths {
        let url = format!("{}{path}", receiver.url);
        idle.post("/api/v1/webhook_endpoints", &key, &json!({ "url": url, "events": ["queued"] }));
    }
    for batch in 0..count / BATCH {
        let recipients: Vec<_> = (0..BATCH)
            .map(|number| json!({ "email": format!("user{batch}.{number}@example.com") }))
            .collect();
        let batch = json!({
            "from_email": "hello@myapp.example", "subject": "Welcome to My App", "text_body": "Welcome!",
            "tags": ["welcome", "onboarding"], "metadata": { "user_id": "usr_1" },
            "scheduled_at": "in 1 day", "recipients": recipients,
        });
        idle.post("/api/v1/emails/batch", &key, &batch);
    }
    let server = idle.again(&settings);
    let rate = rate(&receiver, count);
    drop(server);
    Told { rate, body: receiver.get("/last", "") }
}

/// Has a bare loop post as many.
fn posted(count: u32, body: &str) -> f64 {
    let receiver = Program::receiver();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.json");
    std::fs::write(&file, body).unwrap();
    let url = format!("{}/hook", receiver.url);
    let mut loops = receiver::posting(&url, &file, AT_ONCE, count).spawn().unwrap();
    let rate = rate(&receiver, count);
    loops.wait().unwrap();
    rate
}

/// How many arrive in a second, between the first tenth of them and the last.
fn rate(receiver: &Program, count: u32) -> f64 {
    let (mut first, mut at, mut moved) = (None, 0, Instant::now());
    loop {
        let now = receiver.get("/count", "").parse::<u32>().unwrap();
        let time = Instant::now();
        if now > at {
            (at, moved) = (now, time);
        }
        assert!(moved.elapsed() < Duration::from_mins(1), "{at} of {count} arrived");
        if at >= count / 10 && first.is_none() {
            first = Some((time, at));
        }
        if let Some((begin, before)) = first.filter(|_| at >= count / 10 * 9) {
            return f64::from(at - before) / (time - begin).as_secs_f64();
        }
        #[expect(clippy::disallowed_methods, reason = "to look all the time would take what is measured")]
        thread::sleep(Duration::from_millis(10));
    }
}
