//! Handing over one by one what cannot be handed over together.

use courierx_core::provider::{EmailProvider, Outcome, Outgoing, Refusal, RefusalKind, SendOptions};

/// Whether a refusal is about one message: another one can fare better.
pub(crate) const fn blames_a_message(kind: RefusalKind) -> bool {
    use RefusalKind::{Content, Policy, Recipient, RecipientTemporary, Sender, Suppressed};
    matches!(kind, Content | Policy | Recipient | RecipientTemporary | Sender | Suppressed)
}

/// Why what follows is not to be handed over now, if so: it would fare the same.
pub(crate) fn speaks_against_more(outcome: &Outcome) -> Option<Refusal> {
    match outcome {
        Outcome::Refused(reason) if !blames_a_message(reason.kind) => Some(reason.clone()),
        Outcome::Unknown(_) => {
            let detail = "not handed over, since what became of the one before is unknown";
            Some(Refusal::new(RefusalKind::Unavailable, detail))
        }
        _ => None,
    }
}

/// Hands over one by one a batch of which nothing was sent because of some message in it, until the connection is
/// to blame.
pub(crate) async fn send_apart(
    provider: &dyn EmailProvider,
    batch: &[Outgoing],
    options: &SendOptions,
) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut stop = None;
    for message in batch {
        let outcome = match &stop {
            None => provider.send(message, options).await,
            Some(reason) => Outcome::Refused(Refusal::clone(reason)),
        };
        stop = stop.or_else(|| speaks_against_more(&outcome));
        outcomes.push(outcome);
    }
    outcomes
}
