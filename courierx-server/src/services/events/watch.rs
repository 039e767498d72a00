//! Looks for events on behalf of all streams, so that those to whom nothing happens need not.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::store::{EventQuery, StoreResult};
use tokio_util::sync::CancellationToken;

use crate::App;

/// How often the store is asked for what other processes wrote.
const POLL: Duration = Duration::from_secs(1);
/// How long it is left alone after a look: what comes meanwhile is looked at together.
const MOMENT: Duration = Duration::from_millis(25);
/// Events that are looked at at once. Of more it is not looked whose they are: everybody is woken.
const BATCH: usize = 500;

/// Wakes streams until it is told to stop.
pub(crate) async fn watch(app: Arc<App>, stop: CancellationToken) {
    let watching = async {
        loop {
            app.streams.begun().await;
            if let Err(error) = follow(&app).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "nobody is told of new events");
                pause(POLL).await;
            }
        }
    };
    stop.run_until_cancelled(watching).await;
}

/// Follows the log for as long as anybody listens.
async fn follow(app: &App) -> StoreResult<()> {
    let mut written = app.outbox.event_signal();
    let mut at = app.store.last_event().await?;
    // What was written before that, and after they looked.
    app.streams.wake_all();
    while app.streams.is_any_open() {
        tokio::select! {
            () = written.next() => {}
            () = pause(POLL) => {}
        }
        let end = app.store.last_event().await?;
        if end != at {
            let events = app.store.events(&EventQuery::of_all(at, BATCH)).await?;
            // None is there in an earlier copy of the database, whose end is before what was seen.
            if events.is_empty() || events.len() == BATCH {
                app.streams.wake_all();
                at = events.last().map_or(end, |last| last.sequence.max(end));
            } else {
                app.streams.wake(&app.streams.among(events.iter().map(|event| event.tenant)));
                at = events.last().map_or(at, |last| last.sequence);
            }
        }
        pause(MOMENT).await;
    }
    Ok(())
}

/// By the time of this machine: events come whatever the store's clock says.
#[expect(clippy::disallowed_methods, reason = "events come in the machine's time")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
