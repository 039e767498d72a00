//! How long what takes: from the length of the demonstration.

use std::collections::VecDeque;
use std::time::Duration;

use courierx_core::router::BreakerOptions;

use super::Options;
use super::stage::Failure;

/// What happens when, as parts of the whole.
const SCRIPT: [(f64, Cue); 4] = [
    (0.11, Cue::Kill(Failure::Refuses)),
    (0.27, Cue::Revive),
    (0.55, Cue::Kill(Failure::Hangs)),
    (0.67, Cue::Revive),
];
/// A step of the slow start, and the time that a breaker stays open, as a part of the whole: one may fail again after
/// the primary is back, and then three steps follow, within the time that the script leaves.
const STEP: f64 = 1.0 / 22.0;
/// From then on nothing new is sent.
const LAST_MAIL: f64 = 0.97;
/// Shorter waits would take a busy machine for a vendor that hangs.
const LEAST_PATIENCE: Duration = Duration::from_millis(700);

/// Something that happens to the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    Kill(Failure),
    Revive,
}

/// What is shown, and how long it takes.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// From the first message to the last picture, without what is left to deliver then.
    pub(super) length: Duration,
    last_mail: Duration,
    /// Messages each second.
    pub(super) rate: u32,
    pub(super) breaker: BreakerOptions,
    /// How long an answer of a vendor is waited for.
    pub(super) patience: Duration,
    script: VecDeque<(Duration, Cue)>,
}

impl Plan {
    pub(super) fn new(options: &Options) -> Self {
        let length = Duration::from_secs(options.seconds);
        let step = length.mul_f64(STEP);
        let usual = BreakerOptions::default();
        let mut breaker = usual;
        breaker.open_for = step.min(usual.open_for);
        // It does not double, so that the time after which the primary is noticed does not depend on luck.
        breaker.longest = breaker.open_for;
        breaker.slow_step = step.min(usual.slow_step);
        Self {
            length,
            last_mail: length.mul_f64(LAST_MAIL),
            rate: options.rate,
            breaker,
            patience: LEAST_PATIENCE.max(step / 3).min(Duration::from_secs(10)),
            script: SCRIPT.iter().map(|(part, cue)| (length.mul_f64(*part), *cue)).collect(),
        }
    }

    /// How many messages are sent until then.
    pub(super) fn messages_until(&self, elapsed: Duration) -> u32 {
        let millis = elapsed.min(self.last_mail).as_millis() * u128::from(self.rate);
        u32::try_from(millis / 1000).unwrap_or(u32::MAX)
    }

    /// What is due, once.
    pub(super) fn due(&mut self, elapsed: Duration) -> Option<Cue> {
        self.script.pop_front_if(|(at, _)| *at <= elapsed).map(|(_, cue)| cue)
    }

    /// Nothing is due any more: somebody else decides.
    pub(super) fn improvise(&mut self) {
        self.script.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seconds: u64) -> Plan {
        Plan::new(&Options { chaos: true, seconds, rate: 40, plain: true, record: None })
    }

    #[test]
    fn it_can_be_back_before_it_is_killed_again_and_before_the_end() {
        for seconds in [10, 12, 66, 600] {
            let plan = plan(seconds);
            let BreakerOptions { open_for, slow_step, .. } = plan.breaker;
            // Its last probe may have failed the moment before, and jitter adds a tenth.
            let back = open_for.mul_f64(1.1) + slow_step * 3;
            let script: Vec<_> = plan.script.iter().copied().collect();
            let ends = script.iter().skip(1).map(|(at, _)| *at).chain([plan.last_mail]);
            for ((at, cue), end) in script.iter().zip(ends) {
                let needs = match cue {
                    Cue::Kill(_) => plan.patience,
                    Cue::Revive => back,
                };
                assert!(end > *at + needs, "{seconds} s: {cue:?} at {at:?} needs {needs:?} before {end:?}");
            }
        }
    }

    #[test]
    fn everything_is_due_once_in_its_order() {
        let mut plan = plan(100);
        assert_eq!(plan.due(Duration::from_secs(10)), None);
        assert_eq!(plan.due(Duration::from_secs(11)), Some(Cue::Kill(Failure::Refuses)));
        assert_eq!(plan.due(Duration::from_secs(11)), None);
        assert_eq!(plan.due(Duration::from_mins(1)), Some(Cue::Revive));
        plan.improvise();
        assert_eq!(plan.due(Duration::from_secs(90)), None);
        assert_eq!(
            (plan.messages_until(Duration::from_secs(2)), plan.messages_until(Duration::MAX)),
            (80, 3880)
        );
    }
}
