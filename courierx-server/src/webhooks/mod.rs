//! Tells tenants' applications what happened.
//!
//! ```text
//!  events ──► expand: one process reads them in order, and makes jobs: this endpoint, these positions
//!  jobs ────► every process claims them, tell: reads the events, asks the endpoint, repeats what failed
//! ```
//!
//! A job is a range of events, not one event: an endpoint that is away costs a row for each batch that it misses. What an
//! endpoint did not take gets a job of its own, which is repeated by its own schedule. Nothing here is waited for by
//! mail, and an endpoint that hangs holds up only itself.

mod about;
mod cursor;
mod disable;
mod expand;
mod job;
mod patience;
mod payload;
mod request;
mod tell;

use std::sync::Arc;

use courierx_providers::http::Http;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub(crate) use about::{About, abouts};
pub(crate) use cursor::begin;
pub(crate) use disable::forget;
pub(crate) use job::Work;
pub(crate) use patience::Patience;
pub use payload::Payload;
pub(crate) use request::try_out;

use crate::App;
use crate::jobs::{self, Crew};

/// For how many days it is kept what endpoints were told.
pub(crate) const LOGGED_DAYS: u16 = 30;
/// Jobs at the same time; a quarter of them of one tenant.
const PLACES: usize = 32;

/// What this process knows of endpoints, and how it reaches them.
#[derive(Debug)]
pub struct Webhooks {
    /// Reaches permitted addresses only.
    pub(crate) http: Http,
    /// Which endpoints are left alone.
    pub(crate) patience: Patience,
    /// Told when there is an endpoint where there was none.
    pub(crate) begun: Notify,
}

impl Webhooks {
    /// Nothing is known yet.
    pub(crate) fn new(http: Http) -> Self {
        Self { http, patience: Patience::default(), begun: Notify::new() }
    }
}

/// Tells whom there is to tell until it is told to stop; then what is under way is let finish.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let crew = Crew { kind: job::KIND, places: PLACES, of_a_tenant: PLACES / 4 };
    let tell = |app: Arc<App>, claimed| async move { tell::tell(&app, claimed).await };
    tokio::join!(expand::expand(&app, &stop), jobs::work(&app, &stop, &crew, tell));
}
