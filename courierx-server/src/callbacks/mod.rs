//! Takes what providers tell.
//!
//! ```text
//!  POST /api/v1/webhooks/… ──► services/callbacks: whose, verified, kept with a job in one commit ──► 200
//!  jobs ──► record: every process claims them, and records each event once
//! ```
//!
//! What is kept is not lost, whoever dies, and what could not be kept is answered with 5xx, so that the provider repeats
//! it. Events whose message is not there yet are parked: the job comes back for them, later and later.

mod job;
mod patience;
mod record;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub(crate) use job::{context, job};

use crate::App;
use crate::jobs::{self, Crew};

/// Jobs at the same time; half of them of one tenant.
const PLACES: usize = 8;

/// Records what was taken until it is told to stop; then what is under way is let finish.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let crew = Crew { kind: job::KIND, places: PLACES, of_a_tenant: PLACES / 2 };
    let record = |app: Arc<App>, claimed| async move { record::record(&app, claimed).await };
    jobs::work(&app, &stop, &crew, record).await;
}
