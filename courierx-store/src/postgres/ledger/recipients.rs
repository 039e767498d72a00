//! Recipients: they stand in the row of their message, as JSON by position.

use courierx_core::event::RecipientStatus;
use courierx_core::store::{NewRecipient, RecipientRecord};

use super::super::codec;
use super::super::error::Run;

/// Position, header, what we decided, how far it has come, address.
type Stored<'a> = (u32, &'a str, &'a str, &'a str, &'a str);
type Read = (u32, String, String, String, String);

/// How the recipients of a new message are stored.
pub(super) fn of_new(recipients: &[NewRecipient]) -> Run<String> {
    let stored: Vec<Stored<'_>> = recipients
        .iter()
        .map(|one| {
            let status = RecipientStatus::derive(one.disposition, []);
            (one.index, one.field.as_str(), one.disposition.as_str(), status.as_str(), one.address.as_str())
        })
        .collect();
    codec::json(&stored)
}

/// How recipients are stored.
pub(super) fn of_records(recipients: &[RecipientRecord]) -> Run<String> {
    let stored: Vec<Stored<'_>> = recipients
        .iter()
        .map(|one| {
            let (disposition, status) = (one.disposition.as_str(), one.status.as_str());
            (one.index, one.field.as_str(), disposition, status, one.address.as_str())
        })
        .collect();
    codec::json(&stored)
}

/// Reads recipients as they are stored.
pub(super) fn parse(text: &str) -> Run<Vec<RecipientRecord>> {
    let read = |(index, field, disposition, status, address): Read| {
        Ok(RecipientRecord {
            index,
            field: codec::text(&field)?,
            address: codec::text(&address)?,
            disposition: codec::text(&disposition)?,
            status: codec::text(&status)?,
        })
    };
    codec::from_json::<Vec<Read>>(text)?.into_iter().map(read).collect()
}
