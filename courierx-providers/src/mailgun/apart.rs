//! Finding out whose address it is that Mailgun finds invalid.
//!
//! One makes it refuse a whole request, and it does not say which one it was. Nothing was sent to anybody then,
//! so the request is repeated for one half of the recipients and for the other, until those that are refused are
//! refused alone.

use std::ops::Range;

use courierx_core::provider::{Outcome, Outgoing, RecipientOutcome, Refusal, RefusalKind, SendOptions};
use tokio::time::{Duration, Instant};

use super::Mailgun;
use crate::http::Row;

/// Requests that are made to tell the recipients of one apart: enough for every one of fifty, and for five of
/// a thousand. Those that are not reached are left for the next step, with fewer to tell apart.
const MOST: usize = 100;

impl Mailgun {
    /// Hands a message over in parts that was refused for one of its recipients. Their header is the whole one.
    pub(super) async fn send_apart(
        &self,
        message: &Outgoing,
        whole: Refusal,
        options: &SendOptions,
    ) -> Outcome {
        let recipients = message.recipients();
        let mut halves = Halves::of(recipients.len(), options);
        while let Some((range, options)) = halves.next() {
            let outcome = self.ask(self.raw(message, &recipients[range.clone()]), &options).await;
            halves.tell(range, outcome);
        }
        let outcomes = halves.outcomes();
        // Where nobody is accepted, it may as well be the header that all of them share.
        let proven = outcomes.iter().any(Outcome::is_accepted);
        let each = outcomes.iter().map(|outcome| match outcome.of(0) {
            RecipientOutcome::Refused(refusal) if refusal.kind == RefusalKind::Recipient && !proven => {
                let mut refusal = whole.clone();
                refusal.kind = RefusalKind::Content;
                RecipientOutcome::Refused(refusal)
            }
            other => other,
        });
        Outcome::from_each(each.collect())
    }

    /// Hands messages over in parts whose request was refused for the recipient of one of them.
    pub(super) async fn send_batch_apart(&self, batch: &[&Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let mut halves = Halves::of(batch.len(), options);
        while let Some((range, options)) = halves.next() {
            let request = match &batch[range.clone()] {
                [alone] => self.one(alone),
                several => self.several(several),
            };
            let outcome = self.ask(request, &options).await;
            halves.tell(range, outcome);
        }
        halves.outcomes()
    }
}

/// What is still to be told apart, and what was found.
struct Halves<'a> {
    /// What comes next stands last.
    open: Vec<Range<usize>>,
    found: Vec<Option<Outcome>>,
    left: usize,
    end: Instant,
    options: &'a SendOptions,
    row: Row,
}

impl<'a> Halves<'a> {
    fn of(total: usize, options: &'a SendOptions) -> Self {
        let time = options.timeout.min(Duration::from_hours(24));
        let mut halves = Self {
            open: Vec::new(),
            found: vec![None; total],
            left: MOST,
            end: Instant::now() + time,
            options,
            row: Row::default(),
        };
        halves.open(0..total);
        halves
    }

    fn open(&mut self, range: Range<usize>) {
        let middle = range.start + range.len().div_ceil(2);
        self.open
            .extend([middle..range.end, range.start..middle].into_iter().filter(|half| !half.is_empty()));
    }

    /// Whom to hand over to next, with the time that is left.
    fn next(&mut self) -> Option<(Range<usize>, SendOptions)> {
        let time = self.end.saturating_duration_since(Instant::now());
        if self.row.over().is_some() || self.left == 0 || time.is_zero() {
            return None;
        }
        self.left -= 1;
        Some((self.open.pop()?, self.options.clone().timeout(time)))
    }

    fn tell(&mut self, range: Range<usize>, outcome: Outcome) {
        if range.len() > 1 && is_about_an_address(&outcome) {
            return self.open(range);
        }
        self.row.hear([&outcome]);
        self.found[range].fill(Some(outcome));
    }

    fn outcomes(self) -> Vec<Outcome> {
        let rest = self.row.over().unwrap_or_else(|| {
            let detail = "not handed over yet: finding out which address Mailgun finds invalid took too long";
            Outcome::Refused(Refusal::new(RefusalKind::RecipientTemporary, detail))
        });
        self.found.into_iter().map(|one| one.unwrap_or_else(|| rest.clone())).collect()
    }
}

/// Whether a request was refused for an address in it.
pub(super) fn is_about_an_address(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.kind == RefusalKind::Recipient)
}
