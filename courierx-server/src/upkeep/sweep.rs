//! Removes large contents besides the database that nothing needs any more.
//!
//! One process does it at a time, in steps with pauses between them; where it has got to is remembered in the
//! database, so that a pass that is interrupted is gone on with by the next one.

use std::time::Duration;

use courierx_core::blobs::{SweepError, Swept};
use courierx_core::clock::Timestamp;

use super::lead::{Lead, TURN, Turn};
use crate::App;

/// How long after one pass the next one begins.
const INTERVAL: Duration = Duration::from_hours(1);
/// How long after one that failed.
const AGAIN: Duration = Duration::from_mins(10);
/// How long delivery has the store for itself between two steps.
const PAUSE: Duration = Duration::from_millis(50);
/// Contents that one step looks at.
const STEP: usize = 500;

/// Sweeps, for ever.
pub(super) async fn sweep(app: &App) {
    if app.settings.blobs.is_none() {
        return;
    }
    let clock = app.store.clock();
    loop {
        let next = match pass(app).await {
            Ok(at) => at,
            Err(error @ SweepError::NotOurs) => {
                tracing::error!("{error}");
                app.now().after(INTERVAL)
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "large contents were not swept");
                app.now().after(AGAIN)
            }
        };
        // Asking costs something, however often somebody else has the turn.
        clock.sleep_until(next.max(app.now().after(super::INTERVAL))).await;
    }
}

/// Looks at everything once, if it is this process's turn; answers when to ask again.
async fn pass(app: &App) -> Result<Timestamp, SweepError> {
    let mut lead = match Lead::take(&app.store, "sweep").await? {
        Turn::Ours(lead) => lead,
        Turn::Later(at) => return Ok(at),
    };
    let clock = app.store.clock();
    let mut removed = 0;
    let kept = loop {
        let Swept { removed: now, more, .. } = app.outbox.sweep_blobs(STEP).await?;
        removed += now;
        let counter = app.meters.counter("courierx_purged_total", &[("what", "blobs")]);
        counter.increment(u64::try_from(now).unwrap_or(u64::MAX));
        if !lead.keep(TURN).await? {
            break false;
        }
        if !more {
            break true;
        }
        clock.sleep_until(clock.now().after(PAUSE)).await;
    };
    if removed > 0 {
        tracing::info!(removed, "removed large contents that nothing needs");
    }
    if kept {
        lead.keep(INTERVAL).await?;
    }
    Ok(app.now().after(INTERVAL))
}
