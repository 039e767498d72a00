//! Tests of the providers against servers: scripted ones that fail on purpose, and real ones.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod callbacks;
mod conformance;
mod mailgun;
mod mime;
mod postmark;
mod real_servers;
mod rebinding;
mod reference;
mod resend;
mod sandbox;
mod sendgrid;
mod ses;
mod smtp_batches;
mod smtp_emulator;
mod smtp_failover;
mod smtp_faults;
mod smtp_recipients;
mod smtp_replies;
mod smtp_secrets;
mod smtp_sessions;
mod support;
mod vendor_clients;
