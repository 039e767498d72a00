//! The server as a program: how soon it is ready, how much memory it needs, how fast it accepts beside a bare
//! handler on the same machine, and how soon a lone message is at its mail server.
//!
//! Needs `wrk`, and PostgreSQL. With `COURIERX_BENCH_CHECK=1` a broken floor is an error.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]

mod accept;
#[path = "../../../courierx-store/tests/it/postgres/cluster.rs"]
#[allow(dead_code, reason = "a benchmark needs a part of it")]
mod cluster;
mod echo;
mod floors;
mod load;
mod lone;
mod options;
mod process;
mod read;
mod receiver;
mod smtp;
mod streams;
mod together;
mod webhooks;
mod wrk;

use std::process::ExitCode;

use floors::Floors;
use options::Options;
use process::Program;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == echo::ARGUMENT) {
        echo::serve();
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|argument| argument == receiver::RECEIVER) {
        receiver::serve();
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|argument| argument == receiver::POSTING) {
        receiver::post_all();
        return ExitCode::SUCCESS;
    }
    // The client wants to know how to encrypt, though nothing here is.
    let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut floors = Floors::default();
    let options = Options::parse();
    if options.only_loads() {
        load::put(&options);
        return ExitCode::SUCCESS;
    }
    if options.wants("start") {
        start(&mut floors);
    }
    if options.wants("accept") {
        accept::measure(&mut floors, &options);
    }
    if options.wants("read") {
        read::measure(&mut floors, &options);
    }
    if options.wants("streams") {
        streams::measure(&mut floors);
    }
    if options.wants("webhooks") {
        webhooks::measure(&mut floors, &options);
    }
    if options.wants("together") {
        together::measure(&mut floors, &options);
    }
    if options.wants("lone") {
        lone::measure(&mut floors);
    }
    floors.conclude()
}

/// How soon the server is ready on a fresh directory, and how much memory it has then.
fn start(floors: &mut Floors) {
    let mut ready = Vec::new();
    for _ in 0..5 {
        let server = Program::courierx(&[]);
        ready.push(server.ready_after);
        if ready.len() == 5 {
            floors.at_most("idle memory, MB", server.resident_mb(), 40.0);
        }
    }
    ready.sort_unstable();
    floors.at_most("ready, ms", ready[2].as_secs_f64() * 1000.0, 300.0);
}
