//! Connections that are passed over, as clients read of them.

use courierx_core::clock::Timestamp;
use courierx_core::router::SkipReason;
use serde::Serialize;
use utoipa::ToSchema;

use crate::delivery::Named;
use crate::services::emails::SkippedView;

/// A connection that is passed over.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SkippedConnection<'a> {
    provider_connection_id: &'a str,
    provider: Option<&'a str>,
    provider_display_name: Option<&'a str>,
    #[serde(flatten)]
    why: RenderedSkip<'a>,
}

/// Why a connection is passed over: for programs, for people, and with all that is known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Skip)]
pub(in crate::http::api) struct RenderedSkip<'a> {
    code: &'static str,
    reason: String,
    until: Option<Timestamp>,
    details: &'a SkipReason,
}

/// Why a connection is passed over.
pub(in crate::http::api) fn skip(reason: &SkipReason) -> RenderedSkip<'_> {
    RenderedSkip { code: reason.code(), reason: reason.to_string(), until: reason.until(), details: reason }
}

/// Those that are passed over, by name.
pub(super) fn skipped(all: &[SkippedView]) -> Vec<SkippedConnection<'_>> {
    all.iter()
        .map(|SkippedView { connection: Named { id, provider, display_name }, reason }| SkippedConnection {
            provider_connection_id: id.as_str(),
            provider: provider.as_deref(),
            provider_display_name: display_name.as_deref(),
            why: skip(reason),
        })
        .collect()
}
