//! Answers to questions that are asked again and again: "has it been delivered?", "what is new?".
//!
//! An answer is remembered under the [generation](Generation) that its tenant had before anything was read for it, and
//! given again only while the tenant still has that one. So it is never older than a write that was answered before
//! the question was asked. Where the store cannot tell generations, nothing is remembered.
//!
//! What is remembered is what mail says, not sealed: little of it, for seconds, and never large answers. It is left to
//! the allocator, as is every answer on its way to a client.

mod shard;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::message::Mode;
use courierx_core::store::Generation;
use metrics::Counter;

use crate::http::Meters;
use shard::Shard;

/// The longest body that is remembered.
pub(crate) const LONGEST_BODY: usize = 64 * 1024;
/// For how long any answer is good at most.
pub(crate) const LONGEST: Duration = Duration::from_secs(5);
/// How many locks there are.
const SHARDS: usize = 8;

/// What was asked: the answer depends on nothing else that the request says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// By whom.
    pub(crate) tenant: TenantId,
    /// What they may see.
    pub(crate) mode: Mode,
    /// The path with its query.
    pub(crate) path: Box<str>,
}

/// An answer, without what each request has of its own.
pub(crate) struct Answer {
    /// Under which generation it was read.
    pub(crate) generation: Generation,
    /// From when on it is good.
    pub(crate) made_at: Timestamp,
    /// Until when: something in it may follow from the time.
    pub(crate) ends_at: Timestamp,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Bytes,
}

impl Answer {
    fn is_good(&self, generation: Generation, now: Timestamp) -> bool {
        self.generation == generation && (self.made_at..self.ends_at).contains(&now)
    }

    /// About as many bytes as it takes, with what it answers.
    fn bytes(&self, question: &Question) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64);
        512 + question.path.len() + self.body.len() + headers.sum::<usize>()
    }
}

/// Answers of all tenants, bounded in bytes and in time.
pub(crate) struct Answers {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    given_again: Counter,
}

impl Answers {
    /// At most so many bytes of them.
    pub(crate) fn new(bytes: usize, meters: &Meters) -> Self {
        let shard = |_| Mutex::new(Shard::new(bytes / SHARDS));
        let shards = if bytes == 0 { Vec::new() } else { (0..SHARDS).map(shard).collect() };
        let given_again = meters.counter("courierx_answers_given_again_total", &[]);
        Self { shards, hasher: RandomState::new(), given_again }
    }

    /// Whether nothing is ever remembered.
    pub(crate) fn is_off(&self) -> bool {
        self.shards.is_empty()
    }

    /// The answer, if it is as right as a new one would be; the generation is the one of this moment.
    pub(crate) fn find(
        &self,
        question: &Question,
        generation: Generation,
        now: Timestamp,
    ) -> Option<Arc<Answer>> {
        let found = self.shard(question)?.find(question)?;
        let found = Some(found).filter(|found| found.is_good(generation, now))?;
        self.given_again.increment(1);
        Some(found)
    }

    /// Remembers an answer.
    pub(crate) fn keep(&self, question: Question, answer: Answer) {
        if let Some(mut shard) = self.shard(&question) {
            let bytes = answer.bytes(&question);
            shard.keep(question, Arc::new(answer), bytes);
        }
    }

    /// Forgets what was remembered before it was called last. To be called now and then, so that nothing stays for long.
    pub(crate) fn tidy(&self) {
        for shard in &self.shards {
            lock(shard).turn();
        }
    }

    fn shard(&self, question: &Question) -> Option<MutexGuard<'_, Shard>> {
        let hash = usize::try_from(self.hasher.hash_one(question) >> 32).unwrap_or_default();
        Some(lock(self.shards.get(hash.checked_rem(self.shards.len())?)?))
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Answers {
    /// Shows nothing of what they say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("off", &self.is_off()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
