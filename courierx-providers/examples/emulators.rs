//! Runs every emulator on this machine and says where they are, until it is stopped:
//!
//! ```sh
//! cargo run -p courierx-providers --features emulator --example emulators
//! ```
//!
//! Each accepts the key `test-key`. A message to `throttled@emulator.test` is throttled, and so on for every fault.
#![allow(clippy::print_stdout, reason = "it tells where the emulators are")]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use courierx_providers::emulator::{Emulator, EmulatorBuilder, FAULT_DOMAIN, Fault, SmtpEmulator};

/// The key of every account.
const KEY: &str = "test-key";
/// The first port; the others follow. Whatever is taken is replaced by a free one.
const FIRST_PORT: u16 = 4101;

#[tokio::main]
async fn main() -> io::Result<()> {
    let vendors: [(&str, EmulatorBuilder); 5] = [
        ("sendgrid", Emulator::sendgrid(KEY)),
        ("aws_ses", Emulator::ses("AKIATEST", KEY, "us-east-1")),
        ("mailgun", Emulator::mailgun(KEY, "example.com")),
        ("postmark", Emulator::postmark(KEY)),
        ("resend", Emulator::resend(KEY)),
    ];
    let mut running = Vec::new();
    for ((name, builder), port) in vendors.into_iter().zip(FIRST_PORT..) {
        let emulator = start(builder, port).await?;
        println!("{name:<10} {}", emulator.url());
        running.push((name, emulator));
    }
    let smtp = SmtpEmulator::builder().start().await?;
    println!("{:<10} {}", "smtp", smtp.url());
    println!("\nkey {KEY}; SES: access key AKIATEST, region us-east-1; Mailgun: domain example.com");
    let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.as_str()).collect();
    println!("faults at @{FAULT_DOMAIN}: {}", faults.join(", "));
    let mut told = vec![0; running.len() + 1];
    loop {
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => return stopped,
            () = pause() => {}
        }
        let counts = running.iter().map(|(name, emulator)| (*name, emulator.count()));
        for ((name, count), told) in counts.chain([("smtp", smtp.count())]).zip(&mut told) {
            if count != *told {
                println!("{name}: {count} taken");
                *told = count;
            }
        }
    }
}

async fn start(builder: EmulatorBuilder, port: u16) -> io::Result<Emulator> {
    let wished = SocketAddr::from(([127, 0, 0, 1], port));
    match tokio::net::TcpListener::bind(wished).await {
        Ok(free) => {
            drop(free);
            builder.address(wished).start().await
        }
        Err(_) => builder.start().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "a program that is looked at by people")]
async fn pause() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}
