//! For how long signatures are taken.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::provider::CallbackError;

/// How far clocks may be apart.
const SKEW: Duration = Duration::from_mins(5);

/// For how long a signature is taken: a vendor that repeats a callback with the signature of the first time needs more
/// than one that signs anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window(Duration);

impl Window {
    pub(crate) const fn new(longest: Duration) -> Self {
        Self(longest)
    }

    /// How long what was signed now has to be remembered.
    pub(crate) const fn memory(self) -> Duration {
        self.0.saturating_add(SKEW)
    }

    /// Refuses what was signed too long ago, or will be.
    pub(crate) fn check(self, signed: Timestamp, now: Timestamp) -> Result<(), CallbackError> {
        if now.since(signed) > self.0 || signed.since(now) > SKEW {
            return Err(CallbackError::signature("it is not of this time"));
        }
        Ok(())
    }

    /// The same for seconds since 1970, as text.
    pub(crate) fn check_seconds(self, signed: &str, now: Timestamp) -> Result<(), CallbackError> {
        let digits = !signed.is_empty() && signed.len() <= 12 && signed.bytes().all(|c| c.is_ascii_digit());
        let seconds = signed.parse().ok().filter(|_| digits);
        let seconds = seconds.ok_or_else(|| CallbackError::signature("its timestamp is no number"))?;
        self.check(Timestamp::from_secs(seconds), now)
    }
}

/// The refusal of a callback that does not have what its vendor signs with.
pub(crate) fn no_signature(what: &str) -> CallbackError {
    CallbackError::signature(format!("there is no {what}"))
}
