//! An account that somebody only describes, who keeps it.

use courierx_core::id::RecordId;

use super::check::Applied;
use super::input::{ConnectionInput, Given};
use crate::delivery::Guard;
use crate::error::FieldError;
use crate::model::provider_connections::{Account, ConnectionMode, Credentials};

/// An account that is kept by whoever describes it.
#[derive(Debug)]
pub(in crate::services) struct Described {
    pub(in crate::services) account: Account,
    pub(in crate::services) credentials: Credentials,
    pub(in crate::services) mode: ConnectionMode,
}

/// The account of this kind, or everything that is wrong with it: `provider` is the kind, the other fields are named
/// as those of a connection.
pub(in crate::services) fn described(
    guard: &Guard,
    kind: Option<&str>,
    mut input: ConnectionInput,
) -> Result<Described, Vec<FieldError>> {
    let mut applied = Applied {
        guard,
        id: RecordId::new(),
        all: &[],
        is_new: true,
        new_credentials: true,
        wrong: Vec::new(),
    };
    let Some(kind) = applied.kind(kind) else { return Err(applied.wrong) };
    let (mut account, mut mode) = (Account::blank(kind), ConnectionMode::default());
    applied.mode(input.mode.as_deref(), kind, &mut mode);
    applied.only_kept_ones_have(&input);
    let credentials = input.take_credentials(Credentials::default());
    applied.account(&mut input, &mut account);
    applied.credentials(&credentials, kind);
    applied.destination(&account, &credentials);
    if applied.wrong.is_empty() { Ok(Described { account, credentials, mode }) } else { Err(applied.wrong) }
}

impl Applied<'_> {
    /// Refuses what would do nothing here: whoever sets a limit relies on it.
    fn only_kept_ones_have(&mut self, input: &ConnectionInput) {
        let caps = [
            ("daily_cap", &input.daily_cap),
            ("monthly_cap", &input.monthly_cap),
            ("rolling_24h_cap", &input.rolling_24h_cap),
            ("max_in_flight", &input.max_in_flight),
        ];
        let caps = caps.map(|(field, given)| (field, matches!(given, Given::Value(_))));
        let others = [
            ("rate_limit", matches!(input.rate_limit, Given::Value(_))),
            ("drain", input.drain == Some(true)),
            ("status", input.status.as_deref().is_some_and(|status| !matches!(status, "" | "active"))),
            ("priority", input.priority.is_some()),
            ("weight", input.weight.is_some()),
        ];
        for (field, _) in caps.into_iter().chain(others).filter(|(_, given)| *given) {
            let text = match field {
                "priority" => "has no effect here; it stands beside provider",
                _ => "has no effect here: only the connections of a tenant have it",
            };
            self.is_wrong(field, text);
        }
    }
}
