//! `courierx openapi`: the document of the API.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::open::StartError;
use crate::http::openapi;

/// Prints the document, as `docs/openapi.json` has it.
#[expect(clippy::unnecessary_wraps, reason = "as all commands")]
pub(super) fn run() -> Result<ExitCode, StartError> {
    let printed = writeln!(io::stdout(), "{:#}", openapi::document());
    // Who reads it may have read enough.
    Ok(if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
