//! The one place where a message leaves for a provider.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::message::Lane;
use crate::provider::{Outgoing, Phase, RecipientOutcome, Refusal, RefusalKind, SendOptions, Uncertainty};
use crate::router::{Connection, Place};

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
    let options = SendOptions::default().timeout(timeout + time_of(outgoing)).cancel(cancel.clone());
    // What an adapter holds when it panics is its own; here nothing is shared with it but what it borrows.
    let sending = AssertUnwindSafe(connection.provider().send(outgoing, &options)).catch_unwind();
    let count = outgoing.recipients().len();
    let what = match tokio::time::timeout(LONGEST, sending).await {
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

/// Waits for a place among the connection's hand-overs; none if the process wants to stop first.
pub(super) async fn place<'a>(
    connection: &'a Connection,
    lane: Lane,
    cancel: &CancellationToken,
) -> Option<Place<'a>> {
    tokio::select! {
        biased;
        place = connection.places().take(lane) => Some(place),
        () = cancel.cancelled() => None,
    }
}

/// What recipients get that were not handed over because the process wants to stop.
pub(super) fn interrupted(count: usize) -> Vec<RecipientOutcome> {
    let refusal = Refusal::new(RefusalKind::Interrupted, "stopped before the message was handed over");
    vec![RecipientOutcome::Refused(refusal); count]
}
