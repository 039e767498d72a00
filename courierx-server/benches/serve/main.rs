//! The server as a program: how soon it is ready, how much memory it needs, how fast it accepts beside a bare
//! handler on the same machine, and how soon a lone message is at its mail server.
//!
//! Needs `wrk`. With `COURIERX_BENCH_CHECK=1` a broken floor is an error.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]

mod echo;
mod floors;
mod lone;
mod process;
mod smtp;
mod wrk;

use std::process::ExitCode;
use std::time::Duration;

use floors::Floors;
use process::Program;

/// How long each program is loaded, and how often they take turns.
const LOAD: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == echo::ARGUMENT) {
        echo::serve();
        return ExitCode::SUCCESS;
    }
    // The client wants to know how to encrypt, though nothing here is.
    let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut floors = Floors::default();
    start(&mut floors);
    accept(&mut floors);
    lone::measure(&mut floors);
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

/// How fast messages are accepted: authenticated, looked up among suppressions, sealed, and on the disk.
fn accept(floors: &mut Floors) {
    let echo = Program::echo();
    let idle = Program::courierx(&[("MAX_WORKERS", "0")]);
    let key = idle.register();
    idle.suppress(&key, 1000);
    let script = wrk::Script::new(&key);
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let bare = wrk::load(&echo, &script, 64, LOAD);
        let ours = wrk::load(&idle, &script, 64, LOAD);
        println!(
            "  {:.0}/s of {:.0}/s bare; p99 {:.1} ms of {:.1} ms",
            ours.rate, bare.rate, ours.p99_ms, bare.p99_ms
        );
        ratios.push(ours.rate / bare.rate);
    }
    ratios.sort_by(f64::total_cmp);
    floors.at_least("accepted at 64 connections, to a bare handler", ratios[ROUNDS / 2], 0.40);
    floors.at_most("accepted at 1 connection, p99 ms", wrk::load(&idle, &script, 1, LOAD).p99_ms, 5.0);
    drop(idle);

    let busy = Program::courierx(&[]);
    let script = wrk::Script::new(&busy.register());
    let (bare, ours) = (wrk::load(&echo, &script, 64, LOAD), wrk::load(&busy, &script, 64, LOAD));
    println!(
        "  while it delivers into the sandbox as well: {:.0}/s, {:.2} of bare",
        ours.rate,
        ours.rate / bare.rate
    );
}
