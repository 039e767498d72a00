//! Credentials are in no `Debug`, no outcome and no log, whatever a server does.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use courierx_core::provider::{EmailProvider as _, SendOptions};
use courierx_providers::Smtp;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::server::{Act, Script, say};
use crate::support::{mail, send, smtp};

const USER: &str = "token-1234";
const PASSWORD: &str = "p4ss:w0rd";
/// What the credentials look like on their way.
const SECRETS: [&str; 4] = [PASSWORD, "dG9rZW4tMTIzNA==", "cDRzczp3MHJk", "AHRva2VuLTEyMzQAcDRzczp3MHJk"];

/// Everything that is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn client(server: &crate::support::server::Server) -> Smtp {
    smtp(server).credentials(USER, PASSWORD).allow_plain_credentials()
}

#[tokio::test]
async fn what_a_server_repeats_at_any_step_is_not_shown() {
    let log = Log::default();
    // For every thread: what is logged where nobody listens yet is remembered as not worth logging.
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let echo = SECRETS.join(" ");
    for code in ["250", "354", "421", "454", "535", "550"] {
        for step in ["GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "ANSWER", "NOOP"] {
            let script = Script::default().offering("AUTH PLAIN LOGIN").offering("PIPELINING");
            let server = script.on(step, say(&format!("{code} {echo}"))).start().await;
            let smtp = client(&server);
            let outcome = send(&smtp, &mail::to(&["ada@example.com"])).await;
            let verified = smtp.verify(&SendOptions::default()).await;
            let shown = format!("{smtp:?}{smtp:#?}{outcome:?}{verified:?}");
            for secret in SECRETS {
                assert!(!shown.contains(secret), "{step} {code}: {shown}");
            }
        }
    }
    // The name stands nowhere by itself, and is blackened where a server speaks of it alone.
    let server =
        Script::default().offering("AUTH PLAIN").on("AUTH", say(&format!("535 {USER}"))).start().await;
    let smtp = client(&server);
    assert!(!format!("{smtp:?}{:?}", smtp.verify(&SendOptions::default()).await).contains(USER));
    // A connection that died while idle is what is logged.
    let script = Script::default().offering("AUTH PLAIN").times("MAIL", Act::Usual, 1);
    let server = script.times("MAIL", say(&format!("nonsense {echo}")), 1).start().await;
    let smtp = client(&server);
    for recipient in ["ada@example.com", "bob@example.com"] {
        assert!(send(&smtp, &mail::to(&[recipient])).await.is_accepted());
    }
    let logged = log.0.lock().unwrap().clone();
    assert!(logged.contains("an idle connection was dead"), "{logged}");
    for secret in SECRETS {
        assert!(!logged.contains(secret), "{logged}");
    }
}
