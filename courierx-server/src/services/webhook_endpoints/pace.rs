//! How much an endpoint is told once more: each event is a job of its own.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Expected, StateKey, Swap};

use crate::App;
use crate::error::{ServiceError, ServiceResult};

/// The time for one event: a thousand a minute.
const EACH: Duration = Duration::from_millis(60);
/// So much of it may be ahead when more is asked for.
const AHEAD: Duration = Duration::from_mins(1);

/// How far ahead is paid for, at one version of what is kept, whichever server was asked.
#[derive(Debug)]
pub(super) struct Pace {
    key: StateKey,
    until: Timestamp,
    expected: Expected,
}

impl Pace {
    /// Refuses who had an endpoint told much a moment ago.
    pub(super) async fn ask(app: &App, tenant: TenantId, endpoint: RecordId) -> ServiceResult<Self> {
        let key = StateKey::new(tenant, format!("webhooks/replayed/{endpoint}"));
        let (entry, now) = (app.store.get_state(&key).await?, app.now());
        let expected = entry.as_ref().map_or(Expected::Absent, |entry| Expected::Version(entry.version));
        let bytes: Option<[u8; 8]> = entry.and_then(|entry| entry.value.try_into().ok());
        let until = bytes.map_or(now, |bytes| Timestamp::from_micros(i64::from_be_bytes(bytes)).max(now));
        let wait = until.since(now).saturating_sub(AHEAD);
        if wait.is_zero() {
            return Ok(Self { key, until, expected });
        }
        Err(ServiceError::TooMany {
            message: "the endpoint is told much once more already",
            retry_after: wait.max(Duration::from_secs(1)),
        })
    }

    /// Adds so many events. Of two who ask at the same moment one is refused.
    pub(super) async fn add(self, app: &App, events: usize) -> ServiceResult<()> {
        if events == 0 {
            return Ok(());
        }
        let until = self.until.after(EACH.saturating_mul(u32::try_from(events).unwrap_or(u32::MAX)));
        let lives_for = until.since(app.now()).max(EACH);
        let value = until.as_micros().to_be_bytes().to_vec();
        match app.store.swap_state(&self.key, self.expected, value, lives_for).await? {
            Swap::Stored { .. } => Ok(()),
            Swap::Conflict { .. } => Err(ServiceError::TooMany {
                message: "the endpoint was to be told something once more at the same moment",
                retry_after: Duration::from_secs(1),
            }),
        }
    }
}
