//! How fast mail is read where there are a million messages: one that is asked for again and again, a page of 25, and
//! messages at random, of which none is asked for again soon. Beside a bare handler that answers as many bytes, in turn.

use std::time::Duration;

use serde_json::Value;

use super::floors::Floors;
use super::options::Options;
use super::process::Program;
use super::wrk::{self, Random, Script};

/// How many messages there are.
const MESSAGES: f64 = 1_000_000.0;
/// For how long they are accepted at a time.
const FILL: Duration = Duration::from_secs(20);
/// From how many places of the store messages are taken, a hundred each: more in all than answers are remembered.
const PLACES: u32 = 100;
/// The least share of the bare handler's rate.
const LEAST: f64 = 0.5;

pub(crate) fn measure(floors: &mut Floors, options: &Options) {
    // All of them stay queued: delivering would take its time, and change nothing for who reads.
    let server = Program::courierx(&[("MAX_WORKERS", "0")]);
    let key = server.register(0);
    let wanted = options.messages.unwrap_or(MESSAGES);
    let script = Script::new(std::slice::from_ref(&key));
    // Lists tell of so many only that there are more.
    let mut stored = 0.0;
    while stored < wanted {
        stored += wrk::load(&server, &script, 64, FILL).rate * FILL.as_secs_f64();
        println!("  {stored:.0} messages");
    }
    let page = server.get("/api/v1/emails", &key);
    let page: Value = serde_json::from_str(&page).unwrap();
    let one = format!("/api/v1/emails/{}", page[7]["id"].as_str().unwrap());
    let echo = Program::echo();
    let random = Random::new(&random_messages(&server, &key, stored), &key);
    let asked = [
        ("one message", one.as_str(), None),
        ("a page of 25", "/api/v1/emails", None),
        ("messages at random", one.as_str(), Some(&random)),
    ];
    for (name, path, random) in asked {
        let body = server.get(path, &key);
        let bare = format!("/bytes/{}", body.len());
        let mut shares = Vec::new();
        for _ in 0..options.rounds {
            let floor = wrk::read(&echo, &bare, &key, options.load);
            let ours = match random {
                None => wrk::read(&server, path, &key, options.load),
                Some(random) => random.read(&server, options.load),
            };
            let share = ours.rate / floor.rate;
            println!(
                "  {name}, {} bytes: {:.0}/s of {:.0}/s bare, {share:.3}; p99 {:.1} ms",
                body.len(),
                ours.rate,
                floor.rate,
                ours.p99_ms
            );
            shares.push(share);
        }
        shares.sort_by(f64::total_cmp);
        floors.at_least(&format!("{name}, to a bare handler"), shares[shares.len() / 2], LEAST);
    }
}

/// Paths of messages from all over the store, in no order.
fn random_messages(server: &Program, key: &str, stored: f64) -> Vec<String> {
    let mut paths = Vec::new();
    for place in 0..PLACES {
        let after = stored * f64::from(place) / f64::from(PLACES);
        let page = server.get(&format!("/api/v1/events?limit=100&after={after:.0}"), key);
        let page: Value = serde_json::from_str(&page).unwrap();
        let events = page["data"].as_array().unwrap().iter();
        paths.extend(events.map(|event| format!("/api/v1/emails/{}", event["message_id"].as_str().unwrap())));
    }
    fastrand::Rng::with_seed(7).shuffle(&mut paths);
    paths
}
