//! When a request is tried again.

use std::time::Duration;

use crate::Error;

const LONGEST_DELAY: Duration = Duration::from_secs(8);
/// A server that wants more time than this is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// How often and after what time a request is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// Tries after the first one.
    pub(crate) max_retries: u32,
    /// The longest wait before the first retry; it doubles each time.
    pub(crate) delay: Duration,
}

/// Whether a request that failed like this may be tried again. One that is repeatable may whenever the failure can pass;
/// any other only if it certainly was not carried out.
pub(crate) fn may_retry(error: &Error, repeatable: bool) -> bool {
    match error {
        Error::Timeout(_) | Error::Silence => repeatable,
        Error::Connection { not_sent, .. } => repeatable || *not_sent,
        _ => match error.refusal().map(|refusal| refusal.status) {
            Some(429 | 503) => true,
            Some(408 | 500 | 502 | 504) => repeatable,
            _ => false,
        },
    }
}

/// How long to wait before the next try; none if it is not worth waiting.
pub(crate) fn delay_before(retry: u32, policy: &RetryPolicy, error: &Error) -> Option<Duration> {
    if let Some(asked) = error.refusal().and_then(|refusal| refusal.retry_after) {
        return (asked <= LONGEST_RETRY_AFTER).then_some(asked);
    }
    let most = policy.delay.saturating_mul(2_u32.saturating_pow(retry)).min(LONGEST_DELAY);
    // Those who failed together do not come back together.
    Some(most / 2 + (most / 2).mul_f64(fastrand::f64()))
}
