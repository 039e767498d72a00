//! An account that somebody only describes, who keeps it.

use courierx_core::id::RecordId;

use super::check::Applied;
use super::input::ConnectionInput;
use crate::delivery::Guard;
use crate::error::FieldError;
use crate::model::provider_connections::{Account, Credentials};

/// The account of this kind and its credentials, or everything that is wrong with them: `provider` is the kind, the
/// other fields are named as those of a connection.
pub(in crate::services) fn described(
    guard: &Guard,
    kind: Option<&str>,
    mut input: ConnectionInput,
) -> Result<(Account, Credentials), Vec<FieldError>> {
    let mut applied = Applied {
        guard,
        id: RecordId::new(),
        all: &[],
        is_new: true,
        new_credentials: true,
        wrong: Vec::new(),
    };
    let Some(kind) = applied.kind(kind) else { return Err(applied.wrong) };
    let mut account = Account::blank(kind);
    let credentials = input.take_credentials(Credentials::default());
    applied.account(&mut input, &mut account);
    applied.credentials(&credentials, kind);
    applied.destination(&account, &credentials);
    if applied.wrong.is_empty() { Ok((account, credentials)) } else { Err(applied.wrong) }
}
