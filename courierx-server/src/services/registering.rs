//! One registers at a time where only the first may: in this process, and in all that share the database.

use std::time::Duration;

use courierx_core::id::TenantId;
use courierx_core::store::{Expected, StateKey, Swap};
use tokio::sync::MutexGuard;

use crate::App;
use crate::config::Registration;
use crate::error::{ServiceError, ServiceResult};

/// How long a process that died keeps others from registering; nobody takes as long as this.
const ENDS_BY_ITSELF: Duration = Duration::from_mins(1);

/// Whose turn it is to register.
pub(super) struct Turn<'a> {
    _here: MutexGuard<'a, ()>,
    /// The version of the entry that others see.
    shared: Option<u64>,
}

fn entry() -> StateKey {
    StateKey::new(TenantId::DEFAULT, "registering")
}

/// Waits for others in this process; while another process has its turn, it is refused.
pub(super) async fn take_turn(app: &App) -> ServiceResult<Turn<'_>> {
    let here = app.registering.lock().await;
    let settings = &app.settings;
    if !settings.database.is_shared() || settings.registration != Registration::First {
        return Ok(Turn { _here: here, shared: None });
    }
    match app.store.swap_state(&entry(), Expected::Absent, Vec::new(), ENDS_BY_ITSELF).await? {
        Swap::Stored { version } => Ok(Turn { _here: here, shared: Some(version) }),
        Swap::Conflict { .. } => Err(ServiceError::Unavailable {
            retry_after: Duration::from_secs(1),
            source: "somebody registers at another server".into(),
        }),
    }
}

impl Turn<'_> {
    /// Lets the next one.
    pub(super) async fn end(self, app: &App) {
        let Some(version) = self.shared else { return };
        if let Err(error) = app.store.remove_state(&entry(), version).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a turn ends by itself later");
        }
    }
}
