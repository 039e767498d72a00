//! Which jobs are served next.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::message::Lane;
use courierx_core::store::{ClaimRequest, Claimed, JobId, JobKind, LeaseRef, LeaseToken};

use super::{Jobs, Turn};

impl Jobs {
    /// Leases jobs that are due and free.
    pub(super) fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<Claimed> {
        self.free_ended_leases(now);
        let until = now.after(request.lease);
        let mut claimed: Vec<Claimed> = Vec::new();
        let mut counts: HashMap<TenantId, usize> = HashMap::new();
        // One job of each tenant in turn, whoever was served longest ago first.
        while claimed.len() < request.limit {
            let before = claimed.len();
            for tenant in self.due_tenants(&request.kinds, now) {
                if claimed.len() == request.limit {
                    break;
                }
                let count = counts.entry(tenant).or_default();
                if *count >= request.room_for(tenant) {
                    continue;
                }
                let Some((_, _, id)) = self.next_due(&request.kinds, tenant, now) else {
                    continue;
                };
                *count += 1;
                self.withdraw(id);
                self.last_token += 1;
                let token = LeaseToken(self.last_token);
                self.lease(LeaseRef { job: id, token }, until);
                self.last_served += 1;
                self.served.insert(tenant, self.last_served);
                claimed
                    .extend(self.by_id.get(&id).map(|entry| Claimed::new(entry.job.clone(), token, until)));
            }
            if claimed.len() == before {
                break;
            }
        }
        let free = &self.free;
        self.served.retain(|tenant, _| free.values().any(|tenants| tenants.contains_key(tenant)));
        claimed.sort_by_key(|one| (one.job.lane, one.job.run_at, one.job.id));
        claimed
    }

    /// Tenants with something due, the one served longest ago first.
    fn due_tenants(&self, kinds: &[JobKind], now: Timestamp) -> Vec<TenantId> {
        let waiting: BTreeSet<_> =
            kinds.iter().filter_map(|kind| self.free.get(kind)).flat_map(BTreeMap::keys).copied().collect();
        let mut due: Vec<_> = waiting
            .into_iter()
            .filter_map(|tenant| {
                let turn = self.next_due(kinds, tenant, now)?;
                Some((self.served.get(&tenant), turn, tenant))
            })
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, _, tenant)| tenant).collect()
    }

    /// The tenant's due job of the most urgent lane, of those the longest due.
    fn next_due(&self, kinds: &[JobKind], tenant: TenantId, now: Timestamp) -> Option<Turn> {
        let queues = || kinds.iter().filter_map(|kind| self.free.get(kind)?.get(&tenant));
        Lane::ALL.iter().find_map(|lane| {
            let first = (*lane, Timestamp::from_micros(i64::MIN), JobId(i64::MIN));
            let last = (*lane, now, JobId(i64::MAX));
            queues().filter_map(|queue| queue.range(first..=last).next()).min().copied()
        })
    }

    /// When the next job of these kinds is due or its lease ends.
    pub(super) fn next_change(&self, kinds: &[JobKind]) -> Option<Timestamp> {
        let queues = kinds.iter().filter_map(|kind| self.free.get(kind)).flat_map(BTreeMap::values);
        let due = queues.flat_map(|queue| {
            Lane::ALL.iter().filter_map(|lane| {
                let first = (*lane, Timestamp::from_micros(i64::MIN), JobId(i64::MIN));
                queue.range(first..).next().filter(|turn| turn.0 == *lane).map(|turn| turn.1)
            })
        });
        let ended = self
            .leased
            .iter()
            .filter(|(_, id)| self.by_id.get(id).is_some_and(|entry| kinds.contains(&entry.job.kind)));
        due.chain(ended.take(1).map(|(until, _)| *until)).min()
    }

    fn free_ended_leases(&mut self, now: Timestamp) {
        while let Some((until, id)) = self.leased.first().copied() {
            if until > now {
                return;
            }
            self.leased.pop_first();
            if let Some(job) = self.by_id.get(&id).map(|entry| entry.job.clone()) {
                self.release(&job);
            }
        }
    }
}
