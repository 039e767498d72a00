//! The retry schedules a message can ask for by name.

use crate::names::names;

names! {
    /// How often and how long delivery is tried. A message's `deliver_by` ends each of them earlier.
    #[derive(Default)]
    RetryPreset, "smtp-72h, sendex-24h, quick",
    /// Three days, in the manner of mail servers (RFC 5321 §4.5.4.1).
    #[default]
    Smtp72h = "smtp-72h",
    /// A day: 30 seconds, doubling up to half an hour, 54 attempts.
    Sendex24h = "sendex-24h",
    /// Three attempts, the second after 5 seconds.
    Quick = "quick",
}
