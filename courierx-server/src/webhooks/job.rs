//! What is to be done: an endpoint, and events that it is to be told of.

use courierx_core::clock::Timestamp;
use courierx_core::event::Sequence;
use courierx_core::id::RecordId;
use courierx_core::message::Lane;
use courierx_core::store::{JobKind, NewJob};
use serde::{Deserialize, Serialize};

/// The kind of these jobs.
pub(super) const KIND: JobKind = JobKind::new("webhook");

/// A job: to tell an endpoint of the events at some positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Work {
    /// The endpoint.
    #[serde(rename = "e")]
    pub(crate) endpoint: RecordId,
    /// Of events after this position,
    #[serde(rename = "a")]
    pub(crate) after: Sequence,
    /// up to this one.
    #[serde(rename = "u")]
    pub(crate) until: Sequence,
    /// How often it was tried before this job was made; then it is about a single event.
    #[serde(rename = "t", default, skip_serializing_if = "is_zero")]
    pub(crate) tries: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Work {
    /// To tell of the one event at this position, which was tried so often.
    pub(crate) fn single(endpoint: RecordId, at: Sequence, tries: u32) -> Self {
        Self { endpoint, after: Sequence(at.0 - 1), until: at, tries }
    }

    /// The job, due then.
    pub(crate) fn job(self, run_at: Timestamp) -> Result<NewJob, serde_json::Error> {
        Ok(NewJob::new(KIND, Lane::Transactional, run_at, serde_json::to_vec(&self)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_small_and_read_as_it_was_written() {
        let range =
            Work { endpoint: RecordId::new(), after: Sequence(0), until: Sequence(i64::MAX), tries: 0 };
        for work in [range, Work::single(RecordId::new(), Sequence(7), 13)] {
            let job = work.job(Timestamp::from_secs(1)).unwrap();
            assert!(job.payload.len() < 150, "{}", job.payload.len());
            assert_eq!(serde_json::from_slice::<Work>(&job.payload).unwrap(), work);
        }
    }
}
