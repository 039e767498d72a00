//! Which jobs are served next.

use std::collections::{BTreeMap, BTreeSet};

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::message::Lane;
use courierx_core::store::{ClaimRequest, Claimed, JobId, JobKind, LeaseRef, LeaseToken, kept_for_a_lane};

use super::{Jobs, Turn};

impl Jobs {
    /// Leases jobs that are due and free.
    pub(super) fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<Claimed> {
        self.free_ended_leases(now);
        let until = now.after(request.lease);
        let mut request = request.clone();
        let mut claimed: Vec<Claimed> = Vec::new();
        // In rounds: what one tenant leaves of its share goes to those that have more.
        while request.limit > 0 {
            let mut line = self.line(&request.kinds, now);
            line.retain(|tenant| request.room_for(*tenant) > 0);
            line.truncate(request.limit);
            if line.is_empty() {
                break;
            }
            let (each, more) = (request.limit / line.len(), request.limit % line.len());
            for (place, tenant) in line.into_iter().enumerate() {
                let portion = (each + usize::from(place < more)).min(request.room_for(tenant));
                let jobs = self.next_due(&request.kinds, tenant, now, portion);
                request.limit -= jobs.len();
                *request.held.entry(tenant).or_default() += jobs.len();
                claimed.extend(jobs.into_iter().filter_map(|id| self.lease_anew(id, until)));
                self.last_turn += 1;
                self.served.insert(tenant, (now, self.last_turn));
            }
        }
        // Whoever has nothing left is remembered for a while: mail that was due before does not make it the first.
        let free = &self.free;
        self.served.retain(|tenant, (at, _)| {
            at.after(request.lease) > now || free.values().any(|tenants| tenants.contains_key(tenant))
        });
        claimed.sort_by_key(|one| (one.job.lane, one.job.run_at, one.job.id));
        claimed
    }

    fn lease_anew(&mut self, id: JobId, until: Timestamp) -> Option<Claimed> {
        self.withdraw(id);
        self.last_token += 1;
        let token = LeaseToken(self.last_token);
        self.lease(LeaseRef { job: id, token }, until);
        self.by_id.get(&id).map(|entry| Claimed::new(entry.job.clone(), token, until))
    }

    /// Tenants with something due, by the moment since when, or when they were served if that is later.
    fn line(&self, kinds: &[JobKind], now: Timestamp) -> Vec<TenantId> {
        let waiting: BTreeSet<_> =
            kinds.iter().filter_map(|kind| self.free.get(kind)).flat_map(BTreeMap::keys).copied().collect();
        let mut due: Vec<_> = waiting
            .into_iter()
            .filter_map(|tenant| {
                let first = |lane: &Lane| self.due(kinds, tenant, *lane, now, 1).first().map(|turn| turn.1);
                let since = Lane::ALL.iter().filter_map(first).min()?;
                let (served, turn) = self.served.get(&tenant).copied().unwrap_or_default();
                Some((since.max(served), turn, tenant))
            })
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(.., tenant)| tenant).collect()
    }

    /// The first of a tenant's due jobs of one lane, the longest due first.
    fn due(&self, kinds: &[JobKind], tenant: TenantId, lane: Lane, now: Timestamp, most: usize) -> Vec<Turn> {
        let first = (lane, Timestamp::from_micros(i64::MIN), JobId(i64::MIN));
        let last = (lane, now, JobId(i64::MAX));
        let queues = kinds.iter().filter_map(|kind| self.free.get(kind)?.get(&tenant));
        let mut due: Vec<_> =
            queues.flat_map(|queue| queue.range(first..=last).take(most)).copied().collect();
        due.sort_unstable();
        due.truncate(most);
        due
    }

    /// At most `portion` of a tenant's due jobs: what every lane keeps, and then the more urgent ones.
    fn next_due(&self, kinds: &[JobKind], tenant: TenantId, now: Timestamp, portion: usize) -> Vec<JobId> {
        let kept = kept_for_a_lane(portion);
        let lanes = Lane::ALL.iter();
        let mut due: Vec<(bool, Turn)> = lanes
            .flat_map(|lane| (0..).zip(self.due(kinds, tenant, *lane, now, portion)))
            .map(|(place, turn)| (place >= kept, turn))
            .collect();
        due.sort_unstable();
        due.into_iter().take(portion).map(|(_, (.., id))| id).collect()
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
