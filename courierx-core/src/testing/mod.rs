//! For tests of what uses CourierX: a provider that records instead of sending, and fails on demand.
//!
//! ```
//! use courierx_core::assert_sent;
//! use courierx_core::testing::Recorder;
//!
//! # fn application_under_test(_: impl courierx_core::provider::EmailProvider) {}
//! let recorder = Recorder::new();
//! application_under_test(recorder.clone());
//! assert_sent!(recorder, 0);
//! ```

#[cfg(feature = "conformance")]
mod ids;
mod recorded;
mod recorder;

#[cfg(feature = "conformance")]
pub use ids::repeat_ids;
#[cfg(feature = "conformance")]
pub(crate) use ids::repeatable_id;
pub use recorded::RecordedEmail;
pub use recorder::Recorder;

/// Asserts what a [`Recorder`] was handed and took; the message of a failure shows what that was.
///
/// | form | asserts |
/// |---|---|
/// | `assert_sent!(recorder)` | at least one email |
/// | `assert_sent!(recorder, 2)` | exactly two |
/// | `assert_sent!(recorder, to = "ada@example.com")` | one to this address, in any header |
/// | `assert_sent!(recorder, subject = "Hello Ada")` | one with this subject |
/// | `assert_sent!(recorder, \|email\| email.html().is_some())` | one for which the closure is true |
#[macro_export]
macro_rules! assert_sent {
    ($recorder:expr) => {
        assert!(!$recorder.sent().is_empty(), "no email was sent")
    };
    ($recorder:expr, to = $address:expr) => {
        $crate::assert_sent!($recorder, |email: &$crate::testing::RecordedEmail| email.is_to($address))
    };
    ($recorder:expr, subject = $subject:expr) => {
        $crate::assert_sent!($recorder, |email: &$crate::testing::RecordedEmail| email.subject() == $subject)
    };
    ($recorder:expr, |$email:ident $(: $type:ty)?| $condition:expr) => {{
        let condition = |$email: &$crate::testing::RecordedEmail| $condition;
        assert!(
            $recorder.sent().iter().any(condition),
            "no such email was sent: {}\n{}",
            stringify!($condition),
            $recorder.preview()
        )
    }};
    ($recorder:expr, $count:expr) => {
        assert_eq!($recorder.sent().len(), $count, "what was sent:\n{}", $recorder.preview())
    };
}
