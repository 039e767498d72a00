//! When keys were used last: noted in memory, written down now and then.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Expected, StateKey, Store, StoreResult, Swap};

/// How long a note is kept: a key that was not used for a year reads as never used.
const KEPT: Duration = Duration::from_hours(24 * 365);
/// Before the identifier of a key in the name of its note.
const PREFIX: &str = "api_key_used/";

/// Uses that are not written down yet.
#[derive(Debug, Default)]
pub(super) struct Used(Mutex<HashMap<RecordId, (TenantId, Timestamp)>>);

impl Used {
    pub(super) fn note(&self, tenant: TenantId, key: RecordId, now: Timestamp) {
        self.lock().insert(key, (tenant, now));
    }

    /// Writes down what was noted.
    pub(super) async fn write_down(&self, store: &dyn Store) -> StoreResult<()> {
        loop {
            let next = self.lock().iter().next().map(|(key, noted)| (*key, *noted));
            let Some((key, (tenant, at))) = next else { return Ok(()) };
            let name = StateKey::new(tenant, format!("{PREFIX}{key}"));
            let value = at.to_string().into_bytes();
            let expected = match store.get_state(&name).await? {
                Some(entry) => Expected::Version(entry.version),
                None => Expected::Absent,
            };
            // After a conflict another process has noted a use of about the same time.
            let _: Swap = store.swap_state(&name, expected, value, KEPT).await?;
            // Not before, so that nothing is lost with a store that failed; and not a use noted meanwhile.
            let mut noted = self.lock();
            if noted.get(&key).is_some_and(|(_, latest)| *latest == at) {
                noted.remove(&key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordId, (TenantId, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When each of the tenant's keys was used last, as far as it is written down or noted here.
    pub(super) async fn of(
        &self,
        store: &dyn Store,
        tenant: TenantId,
    ) -> StoreResult<HashMap<RecordId, Timestamp>> {
        let written = store.list_state(tenant, PREFIX).await?;
        let mut uses: HashMap<RecordId, Timestamp> = written
            .into_iter()
            .filter_map(|(name, entry)| {
                let key = name.name.strip_prefix(PREFIX)?.parse().ok()?;
                Some((key, std::str::from_utf8(&entry.value).ok()?.parse().ok()?))
            })
            .collect();
        let noted = self.lock();
        uses.extend(
            noted.iter().filter(|(_, (whose, _))| *whose == tenant).map(|(key, (_, at))| (*key, *at)),
        );
        Ok(uses)
    }
}
