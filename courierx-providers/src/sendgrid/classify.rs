//! What SendGrid's answers mean.

use courierx_core::provider::{Acceptance, Outcome, RecipientOutcome, Refusal, RefusalKind};
use serde::Deserialize;
use serde_json::Value;

use super::SendGrid;
use super::parcel::{Parcel, Place};
use crate::http::{Answer, Rule, Status, VendorError, refusal, refused};

/// What it says to an account that may not send any more.
const SHUT: &[&str] = &["suspend", "disabled", "deactivated", "banned"];

/// SendGrid's errors. It has no codes; what stands for one here is the field that an error names, without the
/// positions in it.
///
/// <https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors>
pub(crate) const RULES: &[Rule] = &[
    Rule::within(400, 499, RefusalKind::Quota).saying(&["credits exceeded"]),
    Rule::within(401, 403, RefusalKind::Auth).saying(SHUT),
    Rule::within(400, 403, RefusalKind::Sender).saying(&["verified sender"]),
    naming(403, &["from", "from.email"], RefusalKind::Sender),
    naming(
        400,
        &["personalizations.to.email", "personalizations.cc.email", "personalizations.bcc.email"],
        RefusalKind::Recipient,
    ),
    Rule::status(400, RefusalKind::Content),
    Rule::status(401, RefusalKind::Auth),
    Rule::within(403, 405, RefusalKind::Auth),
    Rule::status(406, RefusalKind::Content),
    Rule::status(413, RefusalKind::Content),
    Rule::status(415, RefusalKind::Content),
    Rule::status(429, RefusalKind::Throttled),
    Rule::within(500, 599, RefusalKind::Unavailable),
];

/// For errors of a status that name one of these fields.
const fn naming(status: u16, fields: &'static [&'static str], kind: RefusalKind) -> Rule {
    Rule { status: Status::Is(status), codes: fields, says: &[], kind }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    message: String,
    /// A path, nothing, or the text `null`.
    #[serde(default)]
    field: Value,
}

impl Entry {
    fn field(&self) -> Option<&str> {
        self.field.as_str().filter(|&field| field != "null" && !field.is_empty())
    }

    fn error(&self) -> VendorError {
        let unnumbered = |field: &str| {
            let parts = field.split(['.', '[', ']']);
            let names: Vec<_> =
                parts.filter(|part| !part.is_empty() && part.parse::<usize>().is_err()).collect();
            names.join(".")
        };
        VendorError { code: self.field().map(unnumbered), message: self.message.clone() }
    }
}

impl SendGrid {
    /// What became of each message of a parcel. None for one that was not sent perhaps only because another of the
    /// same request was at fault: of a request with a mistake in it SendGrid sends nothing.
    pub(super) fn outcomes(&self, answer: &Answer, parcel: &Parcel<'_>) -> Vec<Option<Outcome>> {
        let all = |outcome| vec![Some(outcome); parcel.messages.len()];
        if answer.status.is_success() {
            let mut acceptance = Acceptance::default();
            acceptance.provider_message_id = answer.header("x-message-id").map(ToOwned::to_owned);
            return all(Outcome::Accepted(acceptance));
        }
        let errors = errors(answer);
        if errors.is_empty() {
            return match refused(RULES, answer, None, &[&self.api_key]) {
                Outcome::Refused(refusal) if is_vague(&refusal, parcel) => vec![None; parcel.messages.len()],
                Outcome::Refused(refusal) => all(Outcome::Refused(until_reset(answer, refusal))),
                unknown => all(unknown),
            };
        }
        let found: Vec<(Place, Refusal)> = errors
            .iter()
            .map(|entry| {
                let place = entry.field().map_or(Place::Request, |field| parcel.place(field));
                (place, self.refusal(answer, &entry.error()))
            })
            .filter(|(place, refusal)| *place != Place::Request || !is_vague(refusal, parcel))
            .collect();
        (0..parcel.messages.len()).map(|message| of_message(message, parcel, &found)).collect()
    }

    /// The reason of an answer that is no success, where nothing was to be sent.
    pub(super) fn reason(&self, answer: &Answer) -> Refusal {
        self.refusal(answer, &errors(answer).first().map(Entry::error).unwrap_or_default())
    }

    /// Whether a key is known and only may not ask what it was asked: 403 in SendGrid's own words, and none of
    /// them about the whole account.
    pub(super) fn is_forbidden_to_ask(answer: &Answer) -> bool {
        let errors = errors(answer);
        let shut = |entry: &Entry| {
            let text = entry.message.to_lowercase();
            SHUT.iter().any(|word| text.contains(word))
        };
        answer.status.as_u16() == 403 && !errors.is_empty() && !errors.iter().any(shut)
    }

    fn refusal(&self, answer: &Answer, error: &VendorError) -> Refusal {
        until_reset(answer, refusal(RULES, answer, error, &[&self.api_key]))
    }
}

/// The errors of an answer, if they are SendGrid's.
fn errors(answer: &Answer) -> Vec<Entry> {
    answer.json::<Errors>().map(|body| body.errors).unwrap_or_default()
}

/// Adds when SendGrid's limit is lifted, which it tells at some endpoints. A moment that is past tells nothing.
fn until_reset(answer: &Answer, mut refusal: Refusal) -> Refusal {
    if refusal.kind == RefusalKind::Throttled && refusal.retry_after.is_none() {
        refusal.retry_after = answer.until_epoch("x-ratelimit-reset").filter(|wait| !wait.is_zero());
    }
    refusal
}

/// Whether a mistake can be that of one message among several, and it is not told of which: only what the messages
/// have in common is outside of the personalizations.
fn is_vague(refusal: &Refusal, parcel: &Parcel<'_>) -> bool {
    let field = refusal.code.as_deref().unwrap_or_default();
    let untold = field.is_empty() || field.starts_with("personalizations") || refusal.status == Some(413);
    parcel.messages.len() > 1 && refusal.kind == RefusalKind::Content && untold
}

/// Why the other recipients of a message get nothing of which one was refused: they can without that one, so they
/// wait for the next step and nothing else.
pub(super) fn held_up() -> Refusal {
    let detail = "not sent, because SendGrid refused another recipient of it";
    Refusal::new(RefusalKind::RecipientTemporary, detail)
}

/// What the errors of a request mean for one of its messages.
fn of_message(message: usize, parcel: &Parcel<'_>, found: &[(Place, Refusal)]) -> Option<Outcome> {
    let about = |place| found.iter().filter(move |(at, _)| *at == place).map(|(_, refusal)| refusal);
    // What is wrong with the connection matters more than what is wrong with the content.
    let whole = about(Place::Request).find(|refusal| refusal.kind != RefusalKind::Content);
    let whole =
        whole.or_else(|| about(Place::Request).next()).or_else(|| about(Place::Message(message)).next());
    let recipients = 0..parcel.messages[message].1.recipients().len();
    let named: Vec<_> =
        recipients.map(|position| about(Place::Recipient(message, position)).next()).collect();
    if whole.is_none() && named.iter().all(Option::is_none) {
        return None;
    }
    let each = named
        .into_iter()
        .map(|own| RecipientOutcome::Refused(own.or(whole).cloned().unwrap_or_else(held_up)));
    Some(Outcome::from_each(each.collect()))
}
