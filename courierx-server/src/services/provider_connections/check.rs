//! What is wrong with what a client says of a connection, all of it at once.

use courierx_core::id::RecordId;

use super::Connection;
use super::host::{host_name, may_read_on_the_way};
use super::input::{ConnectionInput, Given};
use crate::delivery::{Guard, REFUSED_PLAIN};
use crate::error::FieldError;
use crate::model::provider_connections::{
    Credentials, ProviderConnection, ProviderKind, SmtpTarget, SmtpTls,
};
use crate::services::is_one_line;

/// Bytes of a display name.
const MAX_NAME: usize = 100;
/// Largest priority and weight.
const MAX_NUMBER: u32 = 1_000_000;
/// Bytes of a user, a password or a key.
const MAX_SECRET: usize = 4096;
/// Bytes of a region.
const MAX_REGION: usize = 64;
/// Providers that the first version has, and this one will.
const LATER: [&str; 6] = ["sendgrid", "mailgun", "aws_ses", "ses", "postmark", "resend"];

/// Changes a connection as the client says. What is wrong is noted, and the connection is then of no use.
pub(super) struct Applied<'a> {
    pub(super) guard: &'a Guard,
    pub(super) id: RecordId,
    /// The tenant's connections, this one among them if it is not new.
    pub(super) all: &'a [Connection],
    /// Whether the credentials are the client's, and not those from before.
    pub(super) new_credentials: bool,
    pub(super) wrong: Vec<FieldError>,
}

impl Applied<'_> {
    /// Changes everything but the credentials, which it only judges: `credentials` are those that it will have.
    pub(super) fn apply(
        &mut self,
        input: ConnectionInput,
        connection: &mut ProviderConnection,
        credentials: &Credentials,
    ) {
        self.name(input.display_name, connection);
        self.mode(input.mode.as_deref());
        if let Some(status) = input.status {
            match status.parse() {
                Ok(status) => connection.status = status,
                Err(error) => self.is_wrong("status", error.to_string()),
            }
            connection.awaits_verification = false;
        }
        self.number("priority", input.priority, &mut connection.priority);
        self.number("weight", input.weight, &mut connection.weight);
        let region = input.region.or(connection.region.take());
        connection.region = region.filter(|region| !region.trim().is_empty());
        if connection.region.as_ref().is_some_and(|region| !is_line(region, MAX_REGION)) {
            self.is_wrong("region", format!("must be a line of at most {MAX_REGION} bytes"));
        }
        match connection.provider {
            ProviderKind::Smtp => {
                let before = connection.smtp.clone();
                self.smtp(input.smtp_host, input.smtp_port, input.tls, connection);
                // What was allowed once, and is not any more, can still be renamed or switched off.
                if self.new_credentials || connection.smtp != before {
                    self.login(credentials, connection.smtp.as_ref());
                }
            }
            ProviderKind::Sandbox => {
                let given = [
                    ("smtp_host", input.smtp_host.is_some()),
                    ("smtp_port", matches!(input.smtp_port, Given::Value(_))),
                    ("tls", input.tls.is_some()),
                    ("api_key", credentials.api_key.is_some()),
                    ("secret", credentials.secret.is_some()),
                ];
                for (field, _) in given.into_iter().filter(|(_, given)| *given) {
                    self.is_wrong(field, "is nothing that a sandbox has");
                }
            }
        }
    }

    /// The kind of a new connection.
    pub(super) fn kind(&mut self, name: Option<&str>) -> ProviderKind {
        let supported = "supported are smtp and sandbox";
        match name.map(str::parse) {
            Some(Ok(kind)) => return kind,
            None => self.is_wrong("provider", format!("can't be blank; {supported}")),
            Some(Err(_)) if name.is_some_and(|name| LATER.contains(&name)) => {
                self.is_wrong("provider", format!("is not supported yet; {supported}"));
            }
            Some(Err(_)) => self.is_wrong("provider", format!("is unknown; {supported}")),
        }
        ProviderKind::Smtp
    }

    pub(super) fn is_wrong(&mut self, field: &'static str, message: impl Into<String>) {
        self.wrong.push(FieldError::new(field, message));
    }

    fn name(&mut self, name: Option<String>, connection: &mut ProviderConnection) {
        if let Some(name) = name {
            name.trim().clone_into(&mut connection.display_name);
        }
        let name = &connection.display_name;
        let is_taken = |other: &Connection| {
            other.id != self.id
                && other.value.provider == connection.provider
                && other.value.display_name == *name
        };
        if name.is_empty() {
            self.is_wrong("display_name", "can't be blank");
        } else if !is_line(name, MAX_NAME) {
            self.is_wrong("display_name", format!("must be a line of at most {MAX_NAME} bytes"));
        } else if self.all.iter().any(is_taken) {
            self.is_wrong("display_name", "has already been taken");
        }
    }

    fn mode(&mut self, mode: Option<&str>) {
        match mode {
            None | Some("byok" | "live") => {}
            Some("managed") => self.is_wrong("mode", "managed is not offered here; use byok"),
            Some(_) => self.is_wrong("mode", "is none of: byok"),
        }
    }

    fn number(&mut self, field: &'static str, given: Option<i64>, number: &mut u32) {
        let Some(given) = given else { return };
        match u32::try_from(given) {
            Ok(valid @ 1..=MAX_NUMBER) => *number = valid,
            _ => self.is_wrong(field, format!("must be from 1 to {MAX_NUMBER}")),
        }
    }

    fn smtp(
        &mut self,
        host: Option<String>,
        port: Given<i64>,
        tls: Option<String>,
        connection: &mut ProviderConnection,
    ) {
        let present = connection.smtp.take();
        let host = match host.or_else(|| present.as_ref().map(|target| target.host.clone())) {
            None => {
                self.is_wrong("smtp_host", "can't be blank");
                String::new()
            }
            Some(host) => host_name(&host).unwrap_or_else(|message| {
                self.is_wrong("smtp_host", message);
                String::new()
            }),
        };
        let port = port.or(present.as_ref().and_then(|target| target.port).map(i64::from));
        let port = port.and_then(|port| {
            let valid = u16::try_from(port).ok().filter(|port| *port != 0);
            if valid.is_none() {
                self.is_wrong("smtp_port", "must be from 1 to 65535");
            }
            valid
        });
        let usual = match (&present, port) {
            (Some(target), _) => target.tls,
            // The port that is registered for it (RFC 8314 §7.3).
            (None, Some(465)) => SmtpTls::Implicit,
            (None, _) => SmtpTls::StartTls,
        };
        let tls = tls.map_or(Ok(usual), |tls| tls.parse()).unwrap_or_else(|error| {
            self.is_wrong("tls", error.to_string());
            usual
        });
        connection.smtp = Some(SmtpTarget { host, port, tls });
    }

    /// User and password: both or none, and not where everybody can read them.
    fn login(&mut self, credentials: &Credentials, target: Option<&SmtpTarget>) {
        for (field, value, other) in [
            ("api_key", &credentials.api_key, &credentials.secret),
            ("secret", &credentials.secret, &credentials.api_key),
        ] {
            match value {
                None if other.is_some() => {
                    self.is_wrong(field, "is missing: api_key is the user, secret the password");
                }
                Some(text) if text.expose().len() > MAX_SECRET => {
                    self.is_wrong(field, format!("is too long (maximum is {MAX_SECRET} bytes)"));
                }
                Some(text) if text.expose().contains('\0') => {
                    self.is_wrong(field, "contains a NUL character");
                }
                _ => {}
            }
        }
        let Some(target) = target else { return };
        if target.tls == SmtpTls::None
            && !credentials.is_empty()
            && !may_read_on_the_way(self.guard, &target.host)
        {
            self.is_wrong("tls", format!("is none: {REFUSED_PLAIN}"));
        }
    }
}

fn is_line(text: &str, max: usize) -> bool {
    text.len() <= max && is_one_line(text)
}
