//! What Postmark's answers mean.

use std::collections::HashSet;

use courierx_core::message::RecipientField;
use courierx_core::provider::{
    Acceptance, Outcome, Outgoing, Phase, RecipientOutcome, Refusal, RefusalKind, Uncertainty,
};
use serde::Deserialize;

use super::Postmark;
use crate::http::{Answer, Rule, VendorError, blame, is_page, refusal, refused, stranger};
use crate::secret::Secret;

/// Postmark's error codes: nearly all of them come with the status 422.
///
/// <https://postmarkapp.com/developer/api/overview#error-codes>
pub(crate) const RULES: &[Rule] = &[
    Rule::codes(&["10"], RefusalKind::Auth),
    Rule::codes(&["300"], RefusalKind::Recipient).saying(&[
        "invalid 'to'",
        "invalid 'cc'",
        "invalid 'bcc'",
        "parsing 'to'",
        "parsing 'cc'",
        "parsing 'bcc'",
    ]),
    Rule::codes(&["300"], RefusalKind::Content),
    Rule::codes(&["400", "401"], RefusalKind::Sender),
    Rule::codes(&["405"], RefusalKind::Quota),
    Rule::codes(&["406"], RefusalKind::Suppressed),
    Rule::codes(&["402", "403", "409", "410", "411"], RefusalKind::Content),
    Rule::codes(&["412", "413"], RefusalKind::Auth),
    // Message streams that are unknown, archived, or for other mail: the connection's set-up is wrong.
    Rule::codes(&["1221", "1224", "1226", "1227", "1228", "1230", "1234", "1235", "1236"], RefusalKind::Auth),
    Rule::codes(&["429"], RefusalKind::Throttled),
    Rule::codes(&["100", "500"], RefusalKind::Unavailable),
    Rule::status(422, RefusalKind::Content),
];

/// The answer to a message, alone or in a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Reply {
    #[serde(default)]
    error_code: Option<i64>,
    #[serde(default)]
    message: String,
    #[serde(default, rename = "MessageID")]
    message_id: Option<String>,
}

impl Reply {
    fn error(&self) -> Option<VendorError> {
        // An acceptance whose delivery "may be delayed" has no code at all.
        let code = self.error_code.filter(|&code| code != 0)?;
        Some(VendorError { code: Some(code.to_string()), message: self.message.clone() })
    }
}

impl Postmark {
    /// What became of one message.
    pub(super) fn outcome(&self, answer: &Answer, message: &Outgoing) -> Outcome {
        if answer.status.is_success() {
            if is_page(answer) {
                return stranger(answer, "a page for people");
            }
            // A complete success that cannot be read is one nevertheless.
            let reply = answer.json::<Reply>().unwrap_or_default();
            return one(&reply, answer, message, &self.token);
        }
        let error = error(answer);
        match refused(RULES, answer, error.as_ref(), &[&self.token]) {
            Outcome::Refused(reason) => accuse(reason, message, &error.unwrap_or_default().message),
            other => other,
        }
    }

    /// What it means for all of a batch that nothing of it was taken; none if something may have been.
    pub(super) fn batch_refusal(&self, answer: &Answer) -> Option<Outcome> {
        let whole = !answer.status.is_success();
        whole.then(|| refused(RULES, answer, error(answer).as_ref(), &[&self.token]))
    }

    /// What became of the messages of a batch that was taken.
    pub(super) fn outcomes(&self, answer: &Answer, messages: &[Outgoing]) -> Vec<Outcome> {
        let replies = answer.json::<Vec<Reply>>();
        let Some(replies) = replies.filter(|replies| replies.len() == messages.len()) else {
            // Each has an answer of its own, and which it was cannot be read.
            let lost = Uncertainty::new(Phase::Answer, "the answer to the batch cannot be read");
            return vec![Outcome::Unknown(lost); messages.len()];
        };
        let pairs = replies.iter().zip(messages);
        pairs.map(|(reply, message)| one(reply, answer, message, &self.token)).collect()
    }

    /// The reason of an answer that is no success, where nothing was to be sent.
    pub(super) fn reason(&self, answer: &Answer) -> Refusal {
        refusal(RULES, answer, &error(answer).unwrap_or_default(), &[&self.token])
    }
}

/// The vendor's error in an answer that is no success, if it is the vendor's.
fn error(answer: &Answer) -> Option<VendorError> {
    answer.json::<Reply>()?.error()
}

fn one(reply: &Reply, answer: &Answer, message: &Outgoing, token: &Secret) -> Outcome {
    if let Some(error) = reply.error() {
        return accuse(refusal(RULES, answer, &error, &[token]), message, &error.message);
    }
    let mut acceptance = Acceptance::with_id(reply.message_id.as_deref().unwrap_or_default());
    let inactive = inactive(&reply.message);
    if !inactive.is_empty() {
        // Whoever is written otherwise than we know the address is found by people.
        acceptance = acceptance.detail(&reply.message);
    }
    let each = message.recipients().iter().map(|recipient| {
        if inactive.contains(&recipient.mailbox.address().as_str().to_lowercase()) {
            let detail = "Postmark has made this recipient inactive";
            return RecipientOutcome::Refused(Refusal::new(RefusalKind::Suppressed, detail));
        }
        RecipientOutcome::Accepted(acceptance.clone())
    });
    Outcome::from_each(each.collect())
}

/// Says whom a refusal is about: the text names an address, or the field that it stands in.
fn accuse(reason: Refusal, message: &Outgoing, text: &str) -> Outcome {
    let lower = text.to_lowercase();
    blame(reason, message.recipients(), text, |one| match one.field {
        RecipientField::To => lower.contains("'to'"),
        RecipientField::Cc => lower.contains("'cc'"),
        RecipientField::Bcc => lower.contains("'bcc'"),
    })
}

/// The addresses, in lower case, that an acceptance says it leaves out: they stand between a colon and the
/// end of the sentence.
fn inactive(message: &str) -> HashSet<String> {
    const MARK: &str = "inactive addresses:";
    let Some(at) = message.find(MARK) else { return HashSet::new() };
    let list = message[at + MARK.len()..].split(". ").next().unwrap_or_default();
    list.split(',').map(|address| address.trim().trim_end_matches('.').to_lowercase()).collect()
}
