//! What a server does all day, in such amounts: work for a program that counts what it does, from which the compiler
//! learns. Nothing is measured. There is one tenant: in the passwords of many would drown what is done for each message.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::accept::SECRETS;
use super::cluster::Cluster;
use super::options::Options;
use super::process::Program;
use super::smtp;
use super::wrk::{self, Script};

/// How many addresses are suppressed.
const SUPPRESSED: usize = 50;
/// How long it delivers at most.
const PATIENCE: Duration = Duration::from_mins(1);

/// Each part takes as long as the options say, or a part of that.
pub(crate) fn put(options: &Options) {
    let cluster = Cluster::start(true);
    let postgres = [&[("DATABASE_URL", &*cluster.url), ("DATABASE_SCHEMA", "load")], &SECRETS[..]].concat();
    for (name, settings) in [("SQLite", vec![]), ("PostgreSQL", postgres)] {
        // What is accepted here is delivered by the next one.
        let settings = [&settings[..], &[("COURIERX_ALLOW_PRIVATE_TARGETS", "127.0.0.0/8")]].concat();
        let waiting = [&settings[..], &[("MAX_WORKERS", "0")]].concat();
        let server = Program::courierx(&waiting);
        let key = server.register(0);
        server.suppress(&key, SUPPRESSED);
        let script = Script::new(std::slice::from_ref(&key));
        let accepted = wrk::load(&server, &script, 64, 2 * options.load).rate;
        println!("  {name}: {accepted:.0}/s accepted");
        wrk::load(&server, &script, 1, options.load / 4);
        read(&server, &key, options.load / 4);
        let server = server.again(&settings);
        wrk::load(&server, &script, 64, options.load / 2);
        read(&server, &key, options.load / 4);
        deliver(server, &key);
    }
}

/// Has what waits be handed to a mail server, and the application told; ends the server while both are still there.
fn deliver(server: Program, key: &str) {
    let (port, arrived) = smtp::start();
    let receiver = Program::receiver();
    let endpoint = json!({ "url": format!("{}/hook", receiver.url) });
    server.post("/api/v1/webhook_endpoints", key, &endpoint);
    let connection = json!({
        "provider": "smtp", "display_name": "Load", "smtp_host": "127.0.0.1", "smtp_port": port, "tls": "none",
    });
    server.post("/api/v1/provider_connections", key, &connection);
    let start = Instant::now();
    while server.queued() > 0 && start.elapsed() < PATIENCE {
        read(&server, key, Duration::from_secs(1));
    }
    println!("  {} handed over, {} left", arrived.try_iter().count(), server.queued());
    drop(server);
}

/// Lists, single messages, events and figures.
fn read(server: &Program, key: &str, time: Duration) {
    let page: Value = serde_json::from_str(&server.get("/api/v1/emails", key)).unwrap();
    let one = format!("/api/v1/emails/{}", page[7]["id"].as_str().unwrap());
    for path in ["/api/v1/emails", &one] {
        wrk::read(server, path, key, time.max(Duration::from_secs(1)));
    }
    server.get("/api/v1/events?limit=100", key);
    server.get("/metrics", key);
}
