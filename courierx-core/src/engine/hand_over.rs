//! The one place where a message leaves for a provider.

use std::panic::AssertUnwindSafe;
use std::task::Poll;
use std::time::Duration;

use futures_util::{FutureExt, poll};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::provider::{Outgoing, Phase, RecipientOutcome, Refusal, RefusalKind, SendOptions, Uncertainty};
use crate::router::{self, Ask, Connection, Pass};

/// No hand-over takes longer than this, whatever its provider does: the longest that a protocol allows is
/// ten minutes for the answer to a mail's final dot (RFC 5321 §4.5.3.2.6), after at most a few for the rest.
const LONGEST: Duration = Duration::from_mins(16);

/// Hands a message over and answers for each of its recipients, in order.
///
/// A provider that is cut off in the middle, or panics, leaves an unknown outcome, never "not sent".
pub(super) async fn hand_over(
    connection: &Connection,
    outgoing: &Outgoing,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Vec<RecipientOutcome> {
    let options = SendOptions { timeout: timeout + time_of(outgoing), cancel: cancel.clone() };
    // What an adapter holds when it panics is its own; here nothing is shared with it but what it borrows.
    let mut sending = AssertUnwindSafe(connection.provider().send(outgoing, &options)).catch_unwind();
    let count = outgoing.recipients().len();
    // Who answers at once needs no timer.
    let answered = match poll!(&mut sending) {
        Poll::Ready(answered) => Ok(answered),
        Poll::Pending => tokio::time::timeout(LONGEST, sending).await,
    };
    let what = match answered {
        Ok(Ok(outcome)) => return (0..count).map(|position| outcome.of(position)).collect(),
        Ok(Err(_panic)) => "the provider panicked",
        Err(_elapsed) => "the provider did not come back within 16 minutes",
    };
    vec![RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, what)); count]
}

/// What a large message may take longer: nobody's line is slower than half a megabit for long.
fn time_of(outgoing: &Outgoing) -> Duration {
    const BYTES_PER_SECOND: u64 = 64 * 1024;
    Duration::from_secs(outgoing.estimated_bytes() as u64 / BYTES_PER_SECOND)
}

/// Whether a connection's door opened.
pub(super) enum Admitted<'a> {
    Pass(Pass<'a>),
    /// It did not for so long that others are worth a look.
    Busy,
    /// What the decision was made on is not so any more.
    Changed,
    /// The process wants to stop.
    Canceled,
}

/// Waits at a connection's door, for a place among its hand-overs and for its rate, as long as patience lasts.
pub(super) async fn admit<'a>(
    connection: &'a Connection,
    ask: Ask<'a>,
    clock: &dyn Clock,
    patience: Duration,
    cancel: &CancellationToken,
) -> Admitted<'a> {
    let mut until = None;
    loop {
        let places = &connection.known().places;
        let place = if let Some(place) = places.try_take(ask.lane) {
            place
        } else {
            tokio::select! {
                biased;
                place = tokio::time::timeout(patience, places.take(ask.lane)) => match place {
                    Ok(place) => place,
                    Err(_elapsed) => return Admitted::Busy,
                },
                () = cancel.cancelled() => return Admitted::Canceled,
            }
        };
        let now = clock.now();
        let moment = match Pass::of(connection, ask, place, now) {
            Ok(pass) => return Admitted::Pass(pass),
            Err(router::Denied::Changed) => return Admitted::Changed,
            Err(router::Denied::Until(moment)) => moment,
        };
        if moment > *until.get_or_insert(now.after(patience)) {
            return Admitted::Busy;
        }
        // Its place is somebody else's meanwhile, who may be more urgent.
        tokio::select! {
            () = clock.sleep_until(moment) => {}
            () = cancel.cancelled() => return Admitted::Canceled,
        }
    }
}

/// How often doors were shut, in one round, at which the decision had sent the message.
///
/// What is decided and what the door says come from the same knowledge, a moment apart. A few times others were
/// faster; after that somebody else has to run first, and in the end something is wrong that asking does not mend.
#[derive(Debug, Default)]
pub(super) struct Denials(u32);

impl Denials {
    /// After so many others are let run first.
    const PATIENT: u32 = 8;
    /// After so many it is enough.
    const MOST: u32 = 64;

    /// One more.
    pub(super) async fn next(&mut self) -> Denied {
        self.0 += 1;
        if self.0 >= Self::MOST {
            return Denied::Enough;
        }
        if self.0 > Self::PATIENT {
            tokio::task::yield_now().await;
        }
        Denied::Again
    }
}

/// What follows from a shut door.
pub(super) enum Denied {
    /// The decision is made anew.
    Again,
    /// The round ends.
    Enough,
}

/// What recipients get that were not handed over because the process wants to stop.
pub(super) fn interrupted(count: usize) -> Vec<RecipientOutcome> {
    let refusal = Refusal::new(RefusalKind::Interrupted, "stopped before the message was handed over");
    vec![RecipientOutcome::Refused(refusal); count]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn shut_doors_let_others_run_and_are_enough_in_the_end() {
        let ran = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&ran);
        let other = tokio::spawn(async move {
            loop {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let mut denials = Denials::default();
        let mut times = 1;
        while matches!(denials.next().await, Denied::Again) {
            times += 1;
        }
        other.abort();
        assert_eq!(times, 64);
        assert!(ran.load(Ordering::Relaxed) > 50);
    }
}
