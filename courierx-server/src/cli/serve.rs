//! `courierx serve`

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::open::{self, StartError};
use super::signals::Signals;
use super::{logging, runtime};
use crate::config::Settings;
use crate::server::Server;
use crate::services::auth::is_fresh;

/// Serves until it is told to stop.
pub(super) fn run(settings: Settings) -> Result<ExitCode, StartError> {
    logging::start(&settings);
    runtime()?.block_on(serve(settings))
}

async fn serve(settings: Settings) -> Result<ExitCode, StartError> {
    let mut signals = Signals::listen().map_err(StartError::Runtime)?;
    let app = tokio::select! {
        app = open::app(settings) => app?,
        told = signals.next() => {
            tracing::info!(signal = told.name, "stopped before it started");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let fresh = is_fresh(&*app.store).await.map_err(StartError::Store)?;
    let mut settings = app.settings.clone();
    let address = settings.listen;
    let server = Server::start(app).await.map_err(|source| StartError::Listen { address, source })?;
    // With PORT=0 only the system knew it before.
    settings.listen = server.address();
    announce(&settings, fresh);
    tracing::info!(address = %settings.listen, version = env!("CARGO_PKG_VERSION"), "started");

    let told = tokio::select! {
        told = signals.next() => told,
        () = server.failed() => {
            tracing::error!("nothing is delivered any more; the process ends, to be started again");
            server.stop().await;
            return Ok(ExitCode::FAILURE);
        }
    };
    tracing::info!(signal = told.name, "stopping; a second signal ends the process at once");
    tokio::select! {
        () = server.stop() => {
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        again = signals.next() => {
            tracing::warn!(signal = again.name, "ended at once");
            // Returning would wait for what is still under way.
            std::process::exit(again.code.into())
        }
    }
}

/// Tells people where it is, and on a fresh installation what to do next.
fn announce(settings: &Settings, fresh: bool) {
    let url = settings.local_url();
    let mut text = format!("listening on {url}\ndata in {}\n", settings.database.place());
    if fresh {
        text.push_str(&format_next(&url));
    }
    let mut out = io::stdout().lock();
    // Nobody may be reading, and the server serves all the same.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn format_next(url: &str) -> String {
    format!(
        "\nNobody has registered yet. This does, and answers with a token:\n\n  \
         curl {url}/api/v1/auth/register -H 'content-type: application/json' \\\n    \
         -d '{{\"name\":\"My company\",\"email\":\"me@example.com\",\"password\":\"choose-a-good-one\"}}'\n\n\
         Until you add a provider, mail goes to a sandbox that keeps it and lets none out.\n\
         `courierx doctor` checks the installation.\n"
    )
}
