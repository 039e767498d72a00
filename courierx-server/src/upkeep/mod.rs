//! What is done now and then, for as long as the server runs.

mod domains;
mod erase;
pub(crate) mod lead;
mod purge;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::store::StoreResult;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::App;

/// How often what is only remembered is written down.
const INTERVAL: Duration = Duration::from_secs(10);

/// Work for all: done if it is this process's turn, and answered by when to ask again.
type Work = fn(&App) -> BoxFuture<'_, StoreResult<Timestamp>>;

/// Does all of it until it is told to stop.
pub(crate) async fn upkeep(app: Arc<App>, stop: CancellationToken) {
    tokio::join!(
        remember(&app, &stop),
        stop.run_until_cancelled(repeat(&app, "what is old was not removed", |app| Box::pin(purge::purge(
            app
        )))),
        stop.run_until_cancelled(repeat(&app, "domains were not looked at", |app| Box::pin(
            domains::recheck(app)
        ))),
        stop.run_until_cancelled(repeat(&app, "a deleted tenant was not removed", |app| Box::pin(
            erase::erase(app)
        ))),
        stop.run_until_cancelled(sweep::sweep(&app)),
    );
}

/// Writes down what is only remembered, now and then and at the end.
async fn remember(app: &App, stop: &CancellationToken) {
    let clock = app.store.clock();
    loop {
        let stopping = tokio::select! {
            () = stop.cancelled() => true,
            () = clock.sleep_until(clock.now().after(INTERVAL)) => false,
        };
        app.meters.fold();
        app.engine.tidy();
        app.answers.tidy();
        if let Err(error) = app.directory.write_down_uses().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "uses of keys were not written down");
        }
        if stopping {
            return;
        }
    }
}

/// Does it again and again, when it says. It asks whose turn it is by itself.
async fn repeat(app: &App, failed: &str, work: Work) {
    let clock = app.store.clock();
    let mut next = clock.now();
    loop {
        // Asking costs something, however often somebody else has the turn.
        clock.sleep_until(next.max(clock.now().after(INTERVAL))).await;
        match work(app).await {
            Ok(at) => next = at,
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "{failed}"),
        }
    }
}
