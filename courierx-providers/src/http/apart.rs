//! Handing over one by one what cannot be handed over together.

use courierx_core::provider::{
    EmailProvider, Outcome, Outgoing, RecipientOutcome, Refusal, RefusalKind, SendOptions,
};

/// Whether a refusal is about one message: another one can fare better.
pub(crate) const fn blames_a_message(kind: RefusalKind) -> bool {
    use RefusalKind::{Content, Policy, Recipient, RecipientTemporary, Sender, Suppressed};
    matches!(kind, Content | Policy | Recipient | RecipientTemporary | Sender | Suppressed)
}

/// Requests of one batch, one after the other, until an answer says that the next would fare no better.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// Why nothing more is handed over.
    stop: Option<String>,
}

impl Row {
    /// Listens to what became of a request.
    pub(crate) fn hear<'a>(&mut self, outcomes: impl IntoIterator<Item = &'a Outcome>) {
        for outcome in outcomes {
            if self.stop.is_none() {
                self.stop = speaks_against_more(outcome);
            }
        }
    }

    /// What becomes of a message that is not to be handed over any more.
    ///
    /// The one answer counts once: it is not repeated for those that nobody asked about. They were interrupted,
    /// which is nobody's fault, and are handed over when the connection is used again.
    pub(crate) fn over(&self) -> Option<Outcome> {
        let reason = self.stop.as_ref()?;
        Some(Outcome::Refused(Refusal::new(
            RefusalKind::Interrupted,
            format!("not handed over, since {reason}"),
        )))
    }
}

/// Why nothing is to be handed over after this, if so: because the connection is to blame, or nobody knows.
fn speaks_against_more(outcome: &Outcome) -> Option<String> {
    let refused = |reason: &Refusal| {
        let kind = reason.kind;
        (!blames_a_message(kind)).then(|| format!("the hand-over before it was refused as {kind}"))
    };
    let unknown = || Some("what became of the hand-over before it is unknown".to_owned());
    match outcome {
        Outcome::Accepted(_) => None,
        Outcome::Refused(reason) => refused(reason),
        Outcome::Unknown(_) => unknown(),
        Outcome::Mixed(each) => each.iter().find_map(|one| match one {
            RecipientOutcome::Accepted(_) => None,
            RecipientOutcome::Refused(reason) => refused(reason),
            RecipientOutcome::Unknown(_) => unknown(),
        }),
    }
}

/// Hands over one by one a batch of which nothing was sent because of some message in it, as far as the row goes:
/// one outcome for each.
pub(crate) async fn send_apart<'a>(
    provider: &dyn EmailProvider,
    batch: impl IntoIterator<Item = &'a Outgoing>,
    options: &SendOptions,
) -> Vec<Outcome> {
    let mut row = Row::default();
    let mut outcomes = Vec::new();
    for message in batch {
        let outcome = match row.over() {
            None => provider.send(message, options).await,
            Some(over) => over,
        };
        row.hear([&outcome]);
        outcomes.push(outcome);
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use courierx_core::provider::{Acceptance, Phase, Uncertainty};

    use super::*;

    #[test]
    fn a_row_ends_where_the_next_would_fare_no_better() {
        use RefusalKind::{
            Auth, Content, Interrupted, Policy, Quota, Recipient, Sender, Throttled, Unavailable,
        };

        let refused = |kind| Outcome::Refused(Refusal::new(kind, "x"));
        let accepted = || RecipientOutcome::Accepted(Acceptance::default());
        let unknown = Outcome::Unknown(Uncertainty::new(Phase::Answer, "x"));
        let partly = |other: &Outcome| Outcome::Mixed(vec![accepted(), other.of(0)]);
        for kind in [Content, Policy, Recipient, Sender] {
            let mut row = Row::default();
            row.hear([&Outcome::Accepted(Acceptance::default()), &refused(kind), &partly(&refused(kind))]);
            assert_eq!(row.over(), None, "{kind}");
        }
        let against = [Auth, Interrupted, Quota, Throttled, Unavailable].map(refused);
        for outcome in against.into_iter().chain([unknown]) {
            for outcome in [partly(&outcome), outcome] {
                let mut row = Row::default();
                row.hear([&outcome]);
                let Some(Outcome::Refused(refusal)) = row.over() else { panic!("{outcome:?}") };
                assert_eq!(refusal.kind, Interrupted);
                assert!(refusal.detail.starts_with("not handed over, since "), "{refusal}");
            }
        }
    }
}
