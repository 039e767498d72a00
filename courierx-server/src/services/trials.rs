//! Trying out what a tenant names: a connection that is verified, an endpoint that is told of what did not happen.

use std::time::Duration;

use courierx_core::id::TenantId;
use tokio::time::timeout;

use super::places::{AtOnce, Place};
use crate::App;
use crate::error::{ServiceError, ServiceResult};

/// How much is tried out at once.
///
/// Each may look a name up on a thread for blocking work, of which the process has 512. A look-up that was given up
/// goes on there until the system's resolver gives up as well, which nobody can wait for: it has no place by then.
/// So these are fewer by far.
pub const AT_ONCE: AtOnce = AtOnce { of_one: 2, of_all: 32 };
/// How long a place is waited for, and when it is worth asking again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A place for trying something of this tenant out. It goes with the work: whoever hangs up makes no room for more.
pub(super) async fn place(app: &App, tenant: TenantId) -> ServiceResult<Place> {
    let place = timeout(PATIENCE, app.trial_places.take(tenant)).await;
    place.unwrap_or_else(|_elapsed| {
        Err(ServiceError::TooMany {
            message: "too many connections and endpoints are being tried out at the moment",
            retry_after: PATIENCE,
        })
    })
}
