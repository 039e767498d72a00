//! What several tests share.

pub(crate) mod answers;
pub(crate) mod api;
pub(crate) mod mail;
pub(crate) mod mail_server;
pub(crate) mod messages;
pub(crate) mod raw;
pub(crate) mod server;
pub(crate) mod tools;

use courierx_core::provider::{EmailProvider as _, Outcome, Outgoing, RefusalKind, SendOptions};
use courierx_providers::Smtp;

use server::Server;

/// The adapter for a scripted server.
pub(crate) fn smtp(server: &Server) -> Smtp {
    Smtp::plain("127.0.0.1").port(server.port())
}

/// Sends with default options.
pub(crate) async fn send(smtp: &Smtp, message: &Outgoing) -> Outcome {
    smtp.send(message, &SendOptions::default()).await
}

/// Why everything was refused.
#[track_caller]
pub(crate) fn refused(outcome: &Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(refusal) => refusal.kind,
        other => panic!("not refused: {other:?}"),
    }
}
