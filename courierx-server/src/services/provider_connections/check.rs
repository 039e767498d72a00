//! What is wrong with what a client says of a connection, all of it at once.

use courierx_core::id::RecordId;

use super::Connection;
use super::input::ConnectionInput;
use crate::delivery::Guard;
use crate::error::FieldError;
use crate::model::provider_connections::{ConnectionMode, Credentials, ProviderConnection, ProviderKind};
use crate::services::is_one_line;

/// Bytes of a display name.
const MAX_NAME: usize = 100;
/// Largest priority and weight.
const MAX_NUMBER: u32 = 1_000_000;

/// Changes a connection as the client says. What is wrong is noted, and the connection is then of no use.
pub(super) struct Applied<'a> {
    pub(super) guard: &'a Guard,
    pub(super) id: RecordId,
    /// The tenant's connections, this one among them if it is not new.
    pub(super) all: &'a [Connection],
    /// Whether there is no such connection yet.
    pub(super) is_new: bool,
    /// Whether the credentials are the client's, and not those from before.
    pub(super) new_credentials: bool,
    pub(super) wrong: Vec<FieldError>,
}

impl Applied<'_> {
    /// Changes everything but the credentials, which it only judges: `credentials` are those that it will have.
    pub(super) fn apply(
        &mut self,
        mut input: ConnectionInput,
        connection: &mut ProviderConnection,
        credentials: &Credentials,
    ) {
        self.common(&mut input, connection);
        let before = connection.account.clone();
        self.account(&mut input, &mut connection.account);
        // What was allowed once, and is not any more, can still be renamed or switched off.
        if self.new_credentials || connection.account != before {
            self.credentials(credentials, connection.kind());
            self.destination(&connection.account, credentials);
        }
    }

    /// What connections of every kind have.
    pub(super) fn common(&mut self, input: &mut ConnectionInput, connection: &mut ProviderConnection) {
        self.name(input.display_name.take(), connection);
        self.mode(input.mode.as_deref(), connection.kind(), &mut connection.mode);
        if let Some(status) = &input.status {
            match status.parse() {
                Ok(status) => connection.status = status,
                Err(error) => self.is_wrong("status", error.to_string()),
            }
            connection.awaits_verification = false;
        }
        self.number("priority", input.priority, &mut connection.priority);
        self.number("weight", input.weight, &mut connection.weight);
        self.limits(input, &mut connection.limits);
        if let Some(auto_managed) = input.webhook_auto_managed {
            connection.webhook.auto_managed = auto_managed;
        }
    }

    /// The kind of a new connection.
    pub(super) fn kind(&mut self, name: Option<&str>) -> Option<ProviderKind> {
        let kind = name.and_then(ProviderKind::named);
        if kind.is_none() {
            let what =
                if name.is_some_and(|name| !name.is_empty()) { "is unknown" } else { "can't be blank" };
            let names: Vec<_> = ProviderKind::ALL.iter().map(|kind| kind.as_str()).collect();
            self.is_wrong("provider", format!("{what}; supported are {}", names.join(", ")));
        }
        kind
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
                && other.value.kind() == connection.kind()
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

    pub(super) fn mode(&mut self, given: Option<&str>, kind: ProviderKind, mode: &mut ConnectionMode) {
        let Some(given) = given else { return };
        match given.parse() {
            Ok(given) => self.set_mode(given, kind, mode),
            Err(_) if given == "managed" => self.is_wrong("mode", "managed is not offered here; use byok"),
            Err(error) => self.is_wrong("mode", error.to_string()),
        }
    }

    fn set_mode(&mut self, given: ConnectionMode, kind: ProviderKind, mode: &mut ConnectionMode) {
        let for_tests = |mode| mode == ConnectionMode::Test;
        if !self.is_new && for_tests(given) != for_tests(*mode) {
            self.is_wrong("mode", "cannot be changed to or from test; make another connection");
        } else if for_tests(given) && matches!(kind, ProviderKind::AwsSes | ProviderKind::Resend) {
            self.is_wrong("mode", format!("{kind} has no mode in which nothing is delivered"));
        } else {
            *mode = given;
        }
    }

    fn number(&mut self, field: &'static str, given: Option<i64>, number: &mut u32) {
        let Some(given) = given else { return };
        match u32::try_from(given) {
            Ok(valid @ 1..=MAX_NUMBER) => *number = valid,
            _ => self.is_wrong(field, format!("must be from 1 to {MAX_NUMBER}")),
        }
    }
}

pub(super) fn is_line(text: &str, max: usize) -> bool {
    text.len() <= max && is_one_line(text)
}
