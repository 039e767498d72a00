//! Leased jobs.

mod claim;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::message::Lane;
use courierx_core::store::{
    ClaimRequest, Claimed, DepthQuery, Job, JobId, JobKind, JobNext, LaneDepth, LeaseRef, LeaseToken, NewJob,
    Queue, StoreResult,
};

use super::MemoryStore;
use crate::generations::Touches;

/// The order in which the jobs of one tenant and kind are served.
type Turn = (Lane, Timestamp, JobId);

/// Jobs, which of them are free, and under which lease the others are.
#[derive(Default)]
pub(super) struct Jobs {
    by_id: HashMap<JobId, Entry>,
    /// Jobs that nobody holds, due or not.
    free: HashMap<JobKind, BTreeMap<TenantId, BTreeSet<Turn>>>,
    /// Jobs under lease, by the end of the lease.
    leased: BTreeSet<(Timestamp, JobId)>,
    /// When each tenant was served last, and in which turn.
    served: HashMap<TenantId, (Timestamp, u64)>,
    last_job: i64,
    last_token: i64,
    last_turn: u64,
    added: bool,
}

struct Entry {
    job: Job,
    /// The last lease that nobody ended. Past its end the job is free to others, and still its owner's.
    lease: Option<(LeaseToken, Timestamp)>,
}

impl Jobs {
    /// Adds a job.
    pub(super) fn add(&mut self, tenant: TenantId, new: NewJob) -> JobId {
        self.last_job += 1;
        let id = JobId(self.last_job);
        let job = Job::stored(id, tenant, new);
        self.release(&job);
        self.by_id.insert(id, Entry { job, lease: None });
        self.added = true;
        id
    }

    /// Whether jobs became free since this was asked last.
    pub(super) fn take_added(&mut self) -> bool {
        std::mem::take(&mut self.added)
    }

    /// Whether this lease is the present one of a job.
    pub(super) fn holds(&self, lease: LeaseRef) -> bool {
        self.held(lease).is_some()
    }

    /// Whether this lease is the present one of a job about this message of this tenant.
    pub(super) fn holds_message(&self, lease: LeaseRef, tenant: TenantId, message: MessageId) -> bool {
        self.held(lease).is_some_and(|job| job.tenant == tenant && job.message == Some(message))
    }

    fn held(&self, lease: LeaseRef) -> Option<&Job> {
        let entry = self.by_id.get(&lease.job)?;
        entry.lease.is_some_and(|(token, _)| token == lease.token).then_some(&entry.job)
    }

    /// Applies the next step of a job; answers whether the lease was held.
    pub(super) fn step(&mut self, lease: LeaseRef, next: JobNext) -> bool {
        if !self.holds(lease) {
            return false;
        }
        match next {
            JobNext::Keep => {}
            JobNext::Finish => {
                self.withdraw(lease.job);
                self.by_id.remove(&lease.job);
            }
            JobNext::RetryAt { at, round } => {
                self.withdraw(lease.job);
                if let Some(entry) = self.by_id.get_mut(&lease.job) {
                    entry.lease = None;
                    entry.job.run_at = at;
                    entry.job.round = round;
                    let job = entry.job.clone();
                    self.release(&job);
                    self.added = true;
                }
            }
        }
        true
    }

    /// Moves the date of a message's delivery that nobody has claimed since it was due `from`; `false` if there is
    /// none.
    pub(super) fn reschedule(
        &mut self,
        tenant: TenantId,
        message: MessageId,
        from: Timestamp,
        to: Timestamp,
    ) -> bool {
        let waits = |Entry { job, lease }: &&mut Entry| {
            let delivers = job.kind == JobKind::DELIVERY && job.message == Some(message);
            delivers && job.tenant == tenant && job.run_at == from && lease.is_none()
        };
        let Some(id) = self.by_id.values_mut().find(waits).map(|entry| entry.job.id) else { return false };
        self.withdraw(id);
        if let Some(entry) = self.by_id.get_mut(&id) {
            entry.job.run_at = to;
            let job = entry.job.clone();
            self.release(&job);
            self.added = true;
        }
        true
    }

    /// Whether there is a job to deliver this message, held or not.
    pub(super) fn deliver(&self, tenant: TenantId, message: MessageId) -> bool {
        let delivers = |Entry { job, .. }: &Entry| {
            job.kind == JobKind::DELIVERY && job.tenant == tenant && job.message == Some(message)
        };
        self.by_id.values().any(delivers)
    }

    /// Removes some of the tenant's jobs, whoever holds them; answers how many.
    pub(super) fn erase(&mut self, tenant: TenantId, limit: usize) -> usize {
        self.served.remove(&tenant);
        let of_tenant = self.by_id.values().filter(|entry| entry.job.tenant == tenant);
        let ids: Vec<_> = of_tenant.map(|entry| entry.job.id).take(limit).collect();
        for id in &ids {
            self.withdraw(*id);
            self.by_id.remove(id);
        }
        ids.len()
    }

    fn extend(&mut self, lease: LeaseRef, until: Timestamp) -> bool {
        let present = self.by_id.get(&lease.job).and_then(|entry| entry.lease);
        let Some((_, end)) = present.filter(|(token, _)| *token == lease.token) else { return false };
        self.withdraw(lease.job);
        self.lease(lease, end.max(until));
        true
    }

    /// Lists a job as free.
    fn release(&mut self, job: &Job) {
        let tenants = self.free.entry(job.kind.clone()).or_default();
        tenants.entry(job.tenant).or_default().insert((job.lane, job.run_at, job.id));
    }

    /// Lists a job neither as free nor as leased.
    fn withdraw(&mut self, id: JobId) {
        let Some(entry) = self.by_id.get(&id) else { return };
        if let Some((_, until)) = entry.lease {
            self.leased.remove(&(until, id));
        }
        let Job { tenant, lane, run_at, .. } = entry.job;
        let Some(tenants) = self.free.get_mut(&entry.job.kind) else {
            return;
        };
        if let Some(queue) = tenants.get_mut(&tenant) {
            queue.remove(&(lane, run_at, id));
            if queue.is_empty() {
                tenants.remove(&tenant);
            }
        }
    }

    /// Lists a job as leased.
    fn lease(&mut self, lease: LeaseRef, until: Timestamp) {
        if let Some(entry) = self.by_id.get_mut(&lease.job) {
            entry.lease = Some((lease.token, until));
            self.leased.insert((until, lease.job));
        }
    }

    fn depth(&self, query: &DepthQuery, now: Timestamp) -> Vec<LaneDepth> {
        let mut lanes: BTreeMap<_, _> =
            Lane::ALL.iter().map(|lane| (*lane, LaneDepth::empty(*lane))).collect();
        for Entry { job, lease } in self.by_id.values() {
            if query.kind.as_ref().is_some_and(|kind| *kind != job.kind)
                || query.tenant.is_some_and(|tenant| tenant != job.tenant)
            {
                continue;
            }
            let Some(depth) = lanes.get_mut(&job.lane) else {
                continue;
            };
            if lease.is_some_and(|(_, until)| until > now) {
                depth.leased += 1;
            } else if job.run_at > now {
                depth.waiting += 1;
            } else {
                depth.ready += 1;
                depth.oldest_ready = Some(depth.oldest_ready.map_or(job.run_at, |at| at.min(job.run_at)));
            }
        }
        lanes.into_values().collect()
    }
}

#[async_trait]
impl Queue for MemoryStore {
    async fn enqueue(&self, tenant: TenantId, jobs: Vec<NewJob>) -> StoreResult<Vec<JobId>> {
        self.write(&Touches::Nothing, |inner, _| {
            jobs.into_iter().map(|job| inner.jobs.add(tenant, job)).collect()
        })
    }

    async fn claim(&self, request: &ClaimRequest) -> StoreResult<Vec<Claimed>> {
        self.write(&Touches::Nothing, |inner, now| inner.jobs.claim(request, now))
    }

    async fn extend(&self, leases: &[LeaseRef], lease: Duration) -> StoreResult<Vec<bool>> {
        self.write(&Touches::Nothing, |inner, now| {
            leases.iter().map(|one| inner.jobs.extend(*one, now.after(lease))).collect()
        })
    }

    async fn finish(&self, steps: &[(LeaseRef, JobNext)]) -> StoreResult<Vec<bool>> {
        self.write(&Touches::Nothing, |inner, _| {
            steps.iter().map(|(lease, next)| inner.jobs.step(*lease, *next)).collect()
        })
    }

    async fn depth(&self, query: &DepthQuery) -> StoreResult<Vec<LaneDepth>> {
        self.read(|inner, now| inner.jobs.depth(query, now))
    }

    async fn wait(&self, kinds: &[JobKind], until: Timestamp) -> StoreResult<()> {
        let mut changed = std::pin::pin!(self.changed.notified());
        // Before looking: what is added from here on is heard of.
        changed.as_mut().enable();
        let next = self.read(|inner, _| inner.jobs.next_change(kinds))?;
        tokio::select! {
            () = changed => {}
            () = self.clock.sleep_until(next.map_or(until, |next| next.min(until))) => {}
        }
        Ok(())
    }

    fn wake(&self) {
        self.changed.notify_waiters();
    }
}
