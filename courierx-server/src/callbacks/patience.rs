//! How long events wait for their message.

use std::time::Duration;

use courierx_core::clock::Timestamp;

/// When what is parked is looked at again: after so long each time, the last of them over and over.
const PAUSES: [Duration; 8] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(20),
    Duration::from_hours(1),
    Duration::from_hours(6),
];
/// For how long events wait that carry what we plant: a message can be in a transaction, or in a backup that is being
/// restored.
const OURS: Duration = Duration::from_hours(3 * 24);
/// For how long the others do. They are most often about mail that other programs send by the same account; ours carry
/// nothing where a provider does not repeat it, and are early by no more than an attempt lasts.
const ANYBODYS: Duration = Duration::from_hours(1);

/// When events that came at `received` are looked at again after so many times, or none if they have waited long
/// enough.
pub(super) fn next(received: Timestamp, round: u32, planted: bool, now: Timestamp) -> Option<Timestamp> {
    let ends = received.after(if planted { OURS } else { ANYBODYS });
    let pause = PAUSES[usize::try_from(round).unwrap_or(usize::MAX).min(PAUSES.len() - 1)];
    // The last look is at the end.
    (now < ends).then(|| now.after(pause).min(ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often events are looked at again, and for how long.
    fn looks(planted: bool) -> (u32, Duration) {
        let start = Timestamp::from_secs(1_700_000_000);
        let (mut now, mut round) = (start, 0);
        while let Some(next) = next(start, round, planted, now) {
            assert!(next > now);
            (now, round) = (next, round + 1);
        }
        (round, now.since(start))
    }

    #[test]
    fn it_ends_and_costs_little() {
        assert_eq!(looks(true), (19, OURS));
        assert_eq!(looks(false), (7, ANYBODYS));
    }
}
