//! What hand-overs amount to: whether trying again is harmless, and whether it may help.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::engine::Tried;
use courierx_core::provider::{Outcome, RecipientOutcome, RefusalKind};
use courierx_core::router::{SkipReason, Skipped};

use super::report::Verdict;

/// What stands against one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Against {
    /// Nothing that time changes: the account, the message or the sender has to.
    ForGood,
    /// Too fast, or used up.
    Limited,
    /// Something else that passes.
    ForNow,
}

/// What a message's results amount to. The last provider's answer does not decide for all: it is given up for good
/// only if every reason is.
pub(super) fn judge(outcome: &Outcome, recipients: usize, tried: &[Tried], skipped: &[&Skipped]) -> Verdict {
    let each: Vec<_> = (0..recipients).map(|position| outcome.of(position)).collect();
    if each.iter().any(|one| matches!(one, RecipientOutcome::Unknown(_))) {
        return Verdict::UnknownOutcome;
    }
    if each.iter().any(|one| matches!(one, RecipientOutcome::Accepted(_))) {
        return Verdict::PartlySent;
    }
    let refused = |is: fn(RefusalKind) -> bool| {
        each.iter().all(|one| matches!(one, RecipientOutcome::Refused(refusal) if is(refusal.kind)))
    };
    if refused(|kind| kind == RefusalKind::Suppressed) {
        return Verdict::Suppressed;
    }
    if refused(RefusalKind::ends_recipient) {
        return Verdict::RecipientRefused;
    }
    let reasons: Vec<Against> = refusals(tried)
        .filter(|(kind, _)| !kind.ends_recipient())
        .map(|(kind, _)| of_kind(kind))
        .chain(skipped.iter().map(|one| of_skip(&one.reason)))
        .collect();
    if !reasons.is_empty() && reasons.iter().all(|one| *one == Against::ForGood) {
        return Verdict::ProviderRefused;
    }
    let passing = || reasons.iter().filter(|one| **one != Against::ForGood);
    if passing().next().is_some() && passing().all(|one| *one == Against::Limited) {
        return Verdict::RateLimited;
    }
    if tried.is_empty() { Verdict::NoProviderAvailable } else { Verdict::ProvidersFailed }
}

/// When the first connection may do, as far as they say.
pub(super) fn waits(tried: &[Tried], skipped: &[&Skipped], now: Timestamp) -> Option<Duration> {
    let said = refusals(tried).filter_map(|(kind, wait)| wait.filter(|_| of_kind(kind) != Against::ForGood));
    let skipped = skipped.iter().filter_map(|one| match &one.reason {
        SkipReason::NotBefore { until, kind } if of_kind(*kind) != Against::ForGood => Some(until.since(now)),
        SkipReason::Failing { until }
        | SkipReason::RateLimited { until }
        | SkipReason::RetryBudget { until } => Some(until.since(now)),
        _ => None,
    });
    said.chain(skipped).min()
}

/// Every refusal of every hand-over, with the wait that it asks for.
fn refusals(tried: &[Tried]) -> impl Iterator<Item = (RefusalKind, Option<Duration>)> {
    tried.iter().flat_map(|one| {
        (0..one.recipients.len()).filter_map(|position| match one.outcome.of(position) {
            RecipientOutcome::Refused(refusal) => Some((refusal.kind, refusal.retry_after)),
            _ => None,
        })
    })
}

fn of_kind(kind: RefusalKind) -> Against {
    match kind {
        RefusalKind::Recipient
        | RefusalKind::Suppressed
        | RefusalKind::Content
        | RefusalKind::Sender
        | RefusalKind::Auth => Against::ForGood,
        RefusalKind::Throttled | RefusalKind::Quota => Against::Limited,
        // Mailboxes that are full, lists of blocked senders, servers that are out of order.
        _ => Against::ForNow,
    }
}

fn of_skip(reason: &SkipReason) -> Against {
    match reason {
        SkipReason::Capability { .. } | SkipReason::Disabled | SkipReason::SandboxForTests => {
            Against::ForGood
        }
        SkipReason::NotBefore { kind, .. } | SkipReason::Refused { kind } => of_kind(*kind),
        SkipReason::SenderRefused { .. } => of_kind(RefusalKind::Sender),
        SkipReason::RateLimited { .. } => Against::Limited,
        _ => Against::ForNow,
    }
}

#[cfg(test)]
mod tests {
    use courierx_core::provider::{Acceptance, Phase, Refusal, Uncertainty};

    use super::*;

    fn tried(connection: &str, outcome: RecipientOutcome) -> Tried {
        let connection = connection.parse().unwrap();
        Tried { connection, recipients: vec![0], outcome: Outcome::from_each(vec![outcome]) }
    }

    fn refused(kind: RefusalKind) -> RecipientOutcome {
        RecipientOutcome::Refused(Refusal::new(kind, ""))
    }

    fn skipped(reason: SkipReason) -> Skipped {
        Skipped { connection: "c".parse().unwrap(), reason }
    }

    /// One recipient, whom connections refused for these reasons, one after the other.
    fn after(kinds: &[RefusalKind], skips: &[Skipped]) -> Verdict {
        let tried: Vec<_> = kinds.iter().map(|kind| tried("a", refused(*kind))).collect();
        let last = kinds.last().copied().unwrap_or(RefusalKind::Unavailable);
        judge(&Outcome::from_each(vec![refused(last)]), 1, &tried, &skips.iter().collect::<Vec<_>>())
    }

    #[test]
    fn it_is_given_up_for_good_only_if_every_reason_is() {
        use RefusalKind::{
            Auth, Content, Policy, Quota, Recipient, Sender, Suppressed, Throttled, Unavailable,
        };
        let now = Timestamp::from_secs(1);
        let limited = skipped(SkipReason::NotBefore { until: now, kind: Throttled });
        let shut = skipped(SkipReason::NotBefore { until: now, kind: Auth });
        let lacks = skipped(SkipReason::Capability { lacks: String::new() });
        for (kinds, skips, verdict) in [
            (vec![Recipient], vec![], Verdict::RecipientRefused),
            (vec![Suppressed], vec![], Verdict::Suppressed),
            (vec![Unavailable, Recipient], vec![], Verdict::RecipientRefused),
            (vec![Auth], vec![], Verdict::ProviderRefused),
            (vec![Unavailable, Auth], vec![], Verdict::ProvidersFailed),
            (vec![Auth, Sender, Content], vec![lacks.clone()], Verdict::ProviderRefused),
            (vec![Throttled, Quota], vec![], Verdict::RateLimited),
            (vec![Throttled, Auth], vec![], Verdict::RateLimited),
            (vec![Throttled, Unavailable], vec![], Verdict::ProvidersFailed),
            (vec![Policy], vec![], Verdict::ProvidersFailed),
            (vec![], vec![limited], Verdict::RateLimited),
            (vec![], vec![shut], Verdict::ProviderRefused),
            (vec![], vec![lacks], Verdict::ProviderRefused),
            (vec![], vec![skipped(SkipReason::Busy)], Verdict::NoProviderAvailable),
            (vec![], vec![], Verdict::NoProviderAvailable),
        ] {
            assert_eq!(after(&kinds, &skips), verdict, "{kinds:?} {skips:?}");
        }
    }

    #[test]
    fn what_may_have_been_sent_is_never_called_not_sent() {
        let unknown = || RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, ""));
        let accepted = || RecipientOutcome::Accepted(Acceptance::default());
        let no = || refused(RefusalKind::Recipient);
        for (each, verdict) in [
            (vec![unknown()], Verdict::UnknownOutcome),
            (vec![accepted(), unknown(), no()], Verdict::UnknownOutcome),
            (vec![accepted(), no()], Verdict::PartlySent),
        ] {
            let count = each.len();
            assert_eq!(judge(&Outcome::from_each(each), count, &[], &[]), verdict);
        }
    }

    #[test]
    fn the_shortest_wait_is_told_and_none_for_what_no_time_changes() {
        let now = Timestamp::from_secs(100);
        let until = now.after(Duration::from_secs(30));
        let wait = |kind: RefusalKind, secs| {
            RecipientOutcome::Refused(Refusal::new(kind, "").retry_after(Duration::from_secs(secs)))
        };
        let all = [tried("a", wait(RefusalKind::Throttled, 60)), tried("b", wait(RefusalKind::Auth, 1))];
        let failing = skipped(SkipReason::Failing { until });
        assert_eq!(waits(&all, &[], now), Some(Duration::from_mins(1)));
        assert_eq!(waits(&all, &[&failing], now), Some(Duration::from_secs(30)));
        assert_eq!(waits(&all[1..], &[], now), None);
    }
}
