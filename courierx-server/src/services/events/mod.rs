//! What happened to a tenant's mail: read page by page, or followed as it happens.

mod choose;
mod follow;
mod streams;
mod watch;

use courierx_core::event::Sequence;

pub use choose::{Chosen, EventFilter};
pub use follow::{Follow, Step, follow};
pub use streams::{Place, Streams};
pub(crate) use watch::watch;

use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::ServiceResult;
use choose::choose;

/// How many times a page of few matches is looked for: so many batches of the log, and no more, are read for it.
const LOOKS: usize = 10;

/// The tenant's next events after a position, in the order in which they were committed.
pub async fn list(
    ctx: &Ctx,
    app: &App,
    filter: &EventFilter,
    after: Sequence,
    limit: usize,
) -> ServiceResult<Chosen> {
    ctx.require(Scope::EmailsRead)?;
    choose(ctx, app, filter, after, limit, LOOKS).await
}
