//! Leased jobs of every kind; a delivery is one kind of job.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreResult;
use crate::clock::Timestamp;
use crate::id::{MessageId, TenantId};
use crate::message::Lane;

/// What a job is for: `delivery`, `webhook`, …
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobKind(Cow<'static, str>);

impl JobKind {
    /// The next step of a message's delivery.
    pub const DELIVERY: Self = Self::new("delivery");

    /// A kind of job.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A kind of job that was read from a store.
    pub fn stored(name: String) -> Self {
        if name == Self::DELIVERY.as_str() { Self::DELIVERY } else { Self(Cow::Owned(name)) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A job's identifier, in the order in which jobs were enqueued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub i64);

/// What tells the present owner of a job from earlier ones: never used twice for one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub i64);

/// A job, and the lease under which it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseRef {
    /// The job.
    pub job: JobId,
    /// The lease.
    pub token: LeaseToken,
}

/// A job to enqueue.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewJob {
    /// What it is for.
    pub kind: JobKind,
    /// The message it is about, if it is about one.
    pub message: Option<MessageId>,
    /// How urgent it is.
    pub lane: Lane,
    /// When it is due.
    pub run_at: Timestamp,
    /// What its handler needs beside the message; at most a few hundred bytes.
    pub payload: Vec<u8>,
}

impl NewJob {
    /// A job that delivers a message.
    pub fn delivery(message: MessageId, lane: Lane, run_at: Timestamp) -> Self {
        Self { kind: JobKind::DELIVERY, message: Some(message), lane, run_at, payload: Vec::new() }
    }

    /// A job of another kind.
    pub fn new(kind: JobKind, lane: Lane, run_at: Timestamp, payload: Vec<u8>) -> Self {
        Self { kind, message: None, lane, run_at, payload }
    }
}

/// A job as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Job {
    /// Its identifier.
    pub id: JobId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is for.
    pub kind: JobKind,
    /// The message it is about.
    pub message: Option<MessageId>,
    /// How urgent it is.
    pub lane: Lane,
    /// When it was due.
    pub run_at: Timestamp,
    /// How many steps of its retry schedule are behind it.
    pub round: u32,
    /// What its handler needs beside the message.
    pub payload: Vec<u8>,
}

impl Job {
    /// The job that `new` becomes.
    pub fn stored(id: JobId, tenant: TenantId, new: NewJob) -> Self {
        let NewJob { kind, message, lane, run_at, payload } = new;
        Self { id, tenant, kind, message, lane, run_at, round: 0, payload }
    }
}

/// A job under lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// The job.
    pub job: Job,
    /// The lease under which it is held.
    pub lease: LeaseRef,
    /// When the lease ends unless it is extended.
    pub leased_until: Timestamp,
}

impl Claimed {
    /// `job` held under `token` until then.
    pub fn new(job: Job, token: LeaseToken, leased_until: Timestamp) -> Self {
        Self { lease: LeaseRef { job: job.id, token }, job, leased_until }
    }
}

/// Which jobs to claim.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// Of these kinds.
    pub kinds: Vec<JobKind>,
    /// At most this many.
    pub limit: usize,
    /// Held for this long unless extended.
    pub lease: Duration,
    /// At most this many of one tenant, those in `held` included; any number unless set.
    pub most_per_tenant: usize,
    /// How many jobs of each tenant the caller holds already; those who are not named hold none.
    pub held: HashMap<TenantId, usize>,
}

impl ClaimRequest {
    /// At most `limit` due jobs of one kind.
    pub fn new(kind: JobKind, limit: usize, lease: Duration) -> Self {
        Self { kinds: vec![kind], limit, lease, most_per_tenant: usize::MAX, held: HashMap::new() }
    }

    /// How many more jobs of this tenant the caller may hold.
    pub fn room_for(&self, tenant: TenantId) -> usize {
        self.most_per_tenant.saturating_sub(self.held.get(&tenant).copied().unwrap_or(0))
    }

    /// How many tenants hold all that they may: at most so many are passed over.
    pub fn full_tenants(&self) -> usize {
        self.held.keys().filter(|tenant| self.room_for(**tenant) == 0).count()
    }
}

/// Of how many jobs that are claimed of one tenant at once each lane has some for itself, if that many are due in it:
/// an eighth. The rest is for the more urgent lanes.
pub const fn kept_for_a_lane(portion: usize) -> usize {
    portion / 8
}

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobNext {
    /// It is done: remove it.
    Finish,
    /// It is due again then, at this step of its retry schedule, and free for any owner.
    RetryAt {
        /// When it is due.
        at: Timestamp,
        /// The steps of its retry schedule that are behind it.
        round: u32,
    },
    /// The owner goes on under the same lease.
    Keep,
}

/// Which jobs to count.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DepthQuery {
    /// Of this kind; of any if none.
    pub kind: Option<JobKind>,
    /// Of this tenant; of all if none.
    pub tenant: Option<TenantId>,
}

/// How many jobs of one lane there are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneDepth {
    /// The lane.
    pub lane: Lane,
    /// Due and free.
    pub ready: u64,
    /// Not due yet.
    pub waiting: u64,
    /// Under lease.
    pub leased: u64,
    /// When the oldest job that is due and free became due, of those that were counted.
    pub oldest_ready: Option<Timestamp>,
    /// Whether there may be more: a store need not count more than [`COUNTED`](Self::COUNTED) jobs that are due, and
    /// as many that are not.
    pub at_least: bool,
}

impl LaneDepth {
    /// How many jobs of a lane are counted at least, if there are so many: that are due, and that are not.
    pub const COUNTED: usize = 10_000;

    /// A lane without jobs.
    pub const fn empty(lane: Lane) -> Self {
        Self { lane, ready: 0, waiting: 0, leased: 0, oldest_ready: None, at_least: false }
    }

    /// Whether so many were counted that there may be more.
    pub fn is_full(&self) -> bool {
        let most = Self::COUNTED as u64;
        self.ready >= most || self.waiting + self.leased >= most
    }
}

/// Jobs that are leased to one owner at a time.
///
/// An owner holds a job until its lease ends; then anybody may claim it, and until somebody does the owner
/// may still extend or finish it. A step that carries a lease which
/// is not the job's present one, or whose time is over and which was claimed by another, does nothing and
/// says so.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Adds jobs; each is durable when this returns.
    async fn enqueue(&self, tenant: TenantId, jobs: Vec<NewJob>) -> StoreResult<Vec<JobId>>;

    /// Leases jobs that are due and free: of each tenant the more urgent lanes first, inside a lane the
    /// longest due first. Where a tenant gets eight or more, [an eighth](kept_for_a_lane) is kept for each lane.
    ///
    /// Tenants stand in a line, since they have something due or were served last: everybody is served once before
    /// anybody is twice, however long and urgent the queues of others are. Whoever
    /// holds [all that one tenant may](ClaimRequest::most_per_tenant) is passed over, takes no place from
    /// others and loses none in the line. Two claims never return the same job under leases that overlap.
    async fn claim(&self, request: &ClaimRequest) -> StoreResult<Vec<Claimed>>;

    /// Extends leases to `lease` from now, none to an earlier end than it has; `false` for each that is not held any
    /// longer.
    async fn extend(&self, leases: &[LeaseRef], lease: Duration) -> StoreResult<Vec<bool>>;

    /// Applies the next step of jobs under lease; `false` for each whose lease is not held any longer.
    async fn finish(&self, steps: &[(LeaseRef, JobNext)]) -> StoreResult<Vec<bool>>;

    /// Counts jobs by lane, every lane once, in order of urgency. What it costs does not grow with their number: of
    /// [very many](LaneDepth::COUNTED) it tells that there are more.
    async fn depth(&self, query: &DepthQuery) -> StoreResult<Vec<LaneDepth>>;

    /// Returns when a job of one of these kinds may have become due or free, at the latest at `until`.
    ///
    /// It may return early: the caller claims and waits again. It knows nothing of
    /// [`ClaimRequest::most_per_tenant`], so it also returns for jobs that a claim passes over.
    async fn wait(&self, kinds: &[JobKind], until: Timestamp) -> StoreResult<()>;

    /// Wakes whoever waits, after jobs were added in a transaction of the application's own.
    fn wake(&self);
}
