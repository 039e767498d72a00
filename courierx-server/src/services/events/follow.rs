//! Follows a tenant's events for whoever asked, for as long as they may.

use std::sync::Arc;

use courierx_core::event::Sequence;
use tokio::time::Instant;

use super::choose::{Chosen, EventFilter, choose};
use super::streams::Place;
use crate::App;
use crate::auth::Credential;
use crate::ctx::{Ctx, Scope};
use crate::error::ServiceResult;

/// Events that are read at once: what a stream holds of what its client has not taken yet.
const PAGE: usize = 50;

/// A stream of events.
#[derive(Debug)]
pub struct Follow {
    app: Arc<App>,
    ctx: Ctx,
    credential: Credential,
    filter: EventFilter,
    place: Place,
    at: Sequence,
    /// When it says that it is there, unless it tells of something before.
    due: Instant,
}

/// What a stream tells.
#[derive(Debug)]
pub enum Step {
    /// Of events.
    Events(Chosen),
    /// That it is there, and looked up to this position.
    Alive(Sequence),
}

/// Follows the tenant's events after a position, or from now on. It reads no further than its reader does.
pub async fn follow(
    ctx: Ctx,
    app: Arc<App>,
    credential: Credential,
    filter: EventFilter,
    after: Option<Sequence>,
) -> ServiceResult<Follow> {
    ctx.require(Scope::EmailsRead)?;
    credential.check(&app.directory, app.now()).await?;
    let place = app.streams.open(ctx.tenant)?;
    // Who knows a later position has it from another copy of the database.
    let end = app.store.last_event().await?;
    let at = after.map_or(end, |after| after.min(end));
    let due = Instant::now();
    Ok(Follow { app, ctx, credential, filter, place, at, due })
}

impl Follow {
    /// The next of it. It ends when the server stops, when whoever asked may not any more, and when the store fails:
    /// its reader comes back to the position that it has.
    pub async fn next(&mut self) -> Option<Step> {
        // At once for the first time: so the reader knows a position to come back to.
        while Instant::now() < self.due {
            self.place.look();
            if self.place.is_closed() {
                return None;
            }
            match self.look().await {
                Ok(chosen) => {
                    self.at = chosen.looked;
                    if !chosen.is_empty() {
                        self.said_something();
                        return Some(Step::Events(chosen));
                    }
                    if chosen.more {
                        continue;
                    }
                }
                Err(error) => {
                    let (error, request_id) = (&error as &dyn std::error::Error, &self.ctx.request_id);
                    tracing::debug!(error, %request_id, "a stream of events ends");
                    return None;
                }
            }
            tokio::select! {
                () = wait(self.due) => {}
                () = self.place.woken() => {}
            }
        }
        self.said_something();
        Some(Step::Alive(self.at))
    }

    /// The next events, if whoever asked may still see them.
    async fn look(&self) -> ServiceResult<Chosen> {
        self.credential.check(&self.app.directory, self.app.now()).await?;
        choose(&self.ctx, &self.app, &self.filter, self.at, PAGE, 1).await
    }

    fn said_something(&mut self) {
        self.due = Instant::now() + self.app.streams.keep_alive();
    }
}

/// By the time of this machine, in which the connection lives.
#[expect(clippy::disallowed_methods, reason = "the other end lives in the machine's time")]
async fn wait(until: Instant) {
    tokio::time::sleep_until(until).await;
}
