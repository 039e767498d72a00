//! Quotas and statistics.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::message::Mode;
use courierx_core::store::{
    CounterDelta, CounterQuery, CounterValue, Counters, Excess, Grant, NewMessage, Reservation, Reserved,
    Resolution, Statistic, StoreResult, Window,
};

use super::MemoryStore;
use crate::generations::Touches;

/// How long a grant can be given back; the attempt it belongs to has its answer long before.
const GRANTS_LIVE: Duration = Duration::from_hours(7 * 24);

type Quota = (TenantId, String, Window);

/// Quotas, what was taken of them, and statistics.
#[derive(Default)]
pub(super) struct Tallies {
    used: HashMap<Quota, BTreeMap<Timestamp, u64>>,
    grants: BTreeMap<i64, Taken>,
    last_grant: i64,
    days: BTreeMap<(TenantId, String, Timestamp), i64>,
}

struct Taken {
    quota: Quota,
    bucket: Timestamp,
    amount: u64,
    at: Timestamp,
}

impl Tallies {
    /// Removes all that is counted of a tenant; answers how much.
    pub(super) fn erase(&mut self, tenant: TenantId) -> usize {
        let before = self.used.len() + self.grants.len() + self.days.len();
        self.used.retain(|(owner, ..), _| *owner != tenant);
        self.grants.retain(|_, taken| taken.quota.0 != tenant);
        self.days.retain(|(owner, ..), _| *owner != tenant);
        before - (self.used.len() + self.grants.len() + self.days.len())
    }

    /// Forgets what can be given back no more, and what counts no more.
    pub(super) fn purge(&mut self, now: Timestamp) {
        self.forget_grants(now);
        self.used.retain(|(_, _, window), buckets| {
            *buckets = buckets.split_off(&window.oldest_bucket(now));
            !buckets.is_empty()
        });
    }

    fn reserve(&mut self, reservation: Reservation, now: Timestamp) -> Reserved {
        let Reservation { tenant, name, window, cap, amount } = reservation;
        let quota = (tenant, name, window);
        let buckets = self.used.entry(quota.clone()).or_default();
        // What counts no more is forgotten; giving it back changes nothing that anybody asks for.
        *buckets = buckets.split_off(&window.oldest_bucket(now));
        let used: u64 = buckets.values().sum();
        if used.checked_add(amount).is_none_or(|total| total > cap) {
            return Reserved::Exceeded { used, resets_at: window.resets_at(now) };
        }
        let bucket = window.bucket(now);
        *buckets.entry(bucket).or_default() += amount;
        self.last_grant += 1;
        self.grants.insert(self.last_grant, Taken { quota, bucket, amount, at: now });
        self.forget_grants(now);
        Reserved::Granted(Grant { id: self.last_grant, tenant, amount })
    }

    /// Takes every reservation or none; on failure answers when there may be room for all.
    pub(super) fn reserve_all(
        &mut self,
        reservations: Vec<Reservation>,
        now: Timestamp,
    ) -> Result<Vec<Grant>, Timestamp> {
        let mut grants = Vec::with_capacity(reservations.len());
        let mut full_until: Option<Timestamp> = None;
        for reservation in reservations {
            match self.reserve(reservation, now) {
                Reserved::Granted(grant) => grants.push(grant),
                Reserved::Exceeded { resets_at, .. } => full_until = full_until.max(Some(resets_at)),
            }
        }
        let Some(full_until) = full_until else {
            return Ok(grants);
        };
        for grant in &grants {
            self.release(grant);
        }
        Err(full_until)
    }

    /// Gives a grant back; answers whether it was still out.
    pub(super) fn release(&mut self, grant: &Grant) -> bool {
        if self.grants.get(&grant.id).is_none_or(|taken| taken.quota.0 != grant.tenant) {
            return false;
        }
        let Some(taken) = self.grants.remove(&grant.id) else {
            return false;
        };
        if let Some(used) = self.used.get_mut(&taken.quota).and_then(|buckets| buckets.get_mut(&taken.bucket))
        {
            *used = used.saturating_sub(taken.amount);
        }
        true
    }

    fn forget_grants(&mut self, now: Timestamp) {
        while let Some(oldest) = self.grants.first_entry() {
            if now.since(oldest.get().at) <= GRANTS_LIVE {
                return;
            }
            oldest.remove();
        }
    }

    /// Adds to statistics.
    pub(super) fn count(&mut self, tenant: TenantId, deltas: Vec<CounterDelta>) {
        for CounterDelta { name, at, amount } in deltas {
            let day = self.days.entry((tenant, name, Resolution::Day.start(at))).or_default();
            *day = day.saturating_add(amount);
        }
    }

    /// Whether a message is more than its tenant may have accepted.
    pub(super) fn excess(&self, new: &NewMessage) -> Option<Excess> {
        let used = |each: Resolution| {
            let sum = |statistic: Statistic| {
                let query = CounterQuery {
                    names: vec![statistic.counter(Mode::Live)],
                    resolution: each,
                    from: each.start(new.created_at),
                    until: each.end(new.created_at),
                };
                self.read(new.tenant, &query).iter().map(|one| one.value).sum::<i64>()
            };
            sum(Statistic::Accepted) - sum(Statistic::Returned)
        };
        new.excess(used)
    }

    fn read(&self, tenant: TenantId, query: &CounterQuery) -> Vec<CounterValue> {
        let mut periods: BTreeMap<(&str, Timestamp), i64> = BTreeMap::new();
        for name in query.names.iter().collect::<BTreeSet<_>>() {
            let from = (tenant, name.clone(), Resolution::Day.start(query.from));
            let days = self.days.range(from..).take_while(|((owner, other, day), _)| {
                *owner == tenant && other == name && *day < query.until
            });
            for ((_, _, day), value) in days {
                let period = periods.entry((name, query.resolution.start(*day))).or_default();
                *period = period.saturating_add(*value);
            }
        }
        periods
            .into_iter()
            .map(|((name, start), value)| CounterValue { name: name.to_owned(), start, value })
            .collect()
    }
}

#[async_trait]
impl Counters for MemoryStore {
    async fn reserve(&self, batch: Vec<Reservation>) -> StoreResult<Vec<Reserved>> {
        self.write(&Touches::Nothing, |inner, now| {
            batch.into_iter().map(|one| inner.tallies.reserve(one, now)).collect()
        })
    }

    async fn release(&self, grants: &[Grant]) -> StoreResult<Vec<bool>> {
        self.write(&Touches::Nothing, |inner, _| {
            grants.iter().map(|grant| inner.tallies.release(grant)).collect()
        })
    }

    async fn count(&self, tenant: TenantId, deltas: Vec<CounterDelta>) -> StoreResult<()> {
        self.write(&Touches::Nothing, |inner, _| inner.tallies.count(tenant, deltas))
    }

    async fn read_counters(&self, tenant: TenantId, query: &CounterQuery) -> StoreResult<Vec<CounterValue>> {
        self.read(|inner, _| inner.tallies.read(tenant, query))
    }
}
