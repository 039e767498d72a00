//! Several messages in one request.
//!
//! <https://resend.com/docs/api-reference/emails/send-batch-emails>

use courierx_core::provider::{
    Acceptance, Outcome, Outgoing, Phase, Refusal, RefusalKind, SendOptions, Uncertainty,
};
use serde::Deserialize;

use super::Resend;
use super::provider::JSON;
use super::request::{batch_key, several};
use crate::http::{Answer, blames_a_message, send_apart};

/// The answer to a batch: `data` has the messages that were taken, in order, without those in `errors`.
#[derive(Deserialize)]
struct Reply {
    data: Vec<Sent>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Sent {
    id: String,
}

#[derive(Deserialize)]
struct Problem {
    index: usize,
    #[serde(default)]
    message: String,
}

impl Resend {
    /// Hands over messages in one request, of which some may be refused without the others.
    pub(super) async fn send_together(&self, batch: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let request = self.post(&["emails", "batch"], &batch_key(batch)).body(JSON, several(batch));
        let request = request.header("x-batch-validation", "permissive");
        let answer = match self.http.exchange(request, options).await {
            Ok(answer) => answer,
            Err(no_answer) => return vec![no_answer.into(); batch.len()],
        };
        if answer.status.is_success() {
            return self.outcomes(&answer, batch);
        }
        match self.failure(&answer, &[]) {
            // One message is to blame, the answer does not say which, and nothing was sent.
            Outcome::Refused(reason) if blames_one(&reason, batch) => send_apart(self, batch, options).await,
            outcome => vec![outcome; batch.len()],
        }
    }

    /// What became of the messages of a batch that was taken, wholly or in part.
    fn outcomes(&self, answer: &Answer, batch: &[Outgoing]) -> Vec<Outcome> {
        let sorted = answer.json::<Reply>().and_then(|reply| sort(reply, batch.len()));
        let Some(sorted) = sorted else {
            // Some were taken, and which cannot be read.
            let lost = Uncertainty::new(Phase::Answer, "the answer to the batch cannot be read");
            return vec![Outcome::Unknown(lost); batch.len()];
        };
        let pairs = sorted.into_iter().zip(batch);
        let outcome = |(result, message): (Result<String, String>, &Outgoing)| match result {
            Ok(id) => Outcome::Accepted(Acceptance::with_id(id)),
            Err(text) => self.item_failure(answer, &text, message.recipients()),
        };
        pairs.map(outcome).collect()
    }
}

/// The identifier or the error of each message; none if they do not add up.
fn sort(reply: Reply, count: usize) -> Option<Vec<Result<String, String>>> {
    if reply.data.len() + reply.errors.len() != count {
        return None;
    }
    let mut sorted: Vec<Option<Result<String, String>>> = vec![None; count];
    for problem in reply.errors {
        // One index twice leaves a gap that no identifier is left for.
        *sorted.get_mut(problem.index)? = Some(Err(problem.message));
    }
    let mut ids = reply.data.into_iter().map(|sent| Ok(sent.id));
    for place in sorted.iter_mut().filter(|place| place.is_none()) {
        *place = Some(ids.next()?);
    }
    sorted.into_iter().collect()
}

/// Whether some of a refused batch can fare better alone.
fn blames_one(reason: &Refusal, batch: &[Outgoing]) -> bool {
    let domain = |message: &Outgoing| message.from().address().domain().to_owned();
    let one_sender = batch.windows(2).all(|pair| domain(&pair[0]) == domain(&pair[1]));
    blames_a_message(reason.kind) && !(reason.kind == RefusalKind::Sender && one_sender)
}
