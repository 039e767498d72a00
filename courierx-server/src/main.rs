//! The binary `courierx`.

use std::process::ExitCode;

fn main() -> ExitCode {
    courierx_server::cli::run()
}
