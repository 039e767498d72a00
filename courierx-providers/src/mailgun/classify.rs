//! What Mailgun's answers mean.

use std::time::Duration;

use courierx_core::provider::{Acceptance, Outcome, Phase, Refusal, RefusalKind, Uncertainty};
use serde::Deserialize;
use serde_json::Value;

use super::Mailgun;
use crate::http::{Answer, Rule, VendorError, is_page, refusal, refused, stranger};

/// Mailgun's errors: a status, and a sentence.
///
/// There is none for a 5xx: whoever answers it and whatever is in it, the message may have been sent.
///
/// <https://documentation.mailgun.com/docs/mailgun/api-reference/mg-errors>
pub(crate) const RULES: &[Rule] = &[
    Rule::status(429, RefusalKind::Throttled),
    Rule::status(402, RefusalKind::Quota),
    Rule::status(403, RefusalKind::Quota).saying(&["large batches"]),
    Rule::status(400, RefusalKind::Content).saying(&[
        "reply-to parameter",
        "reply-to' parameter",
        "reply-to` parameter",
        "from parameter",
        "from' parameter",
        "from` parameter",
    ]),
    Rule::status(400, RefusalKind::Recipient).saying(&[
        "to parameter is not a valid",
        "to' parameter is not a valid",
        "to` parameter is not a valid",
        "cc parameter is not a valid",
        "cc' parameter is not a valid",
        "cc` parameter is not a valid",
    ]),
    // A pool is the connection's set-up, and the next message would fare the same.
    Rule::status(400, RefusalKind::Auth).saying(&["sending-ip-pool", "ip pool", "ip_pool"]),
    Rule::status(400, RefusalKind::Sender).saying(&["is unverified", "requires dns", "dns configuration"]),
    Rule::status(400, RefusalKind::Auth).saying(&[
        "is not allowed to send",
        "activate your",
        "not activated",
        "free accounts",
        "sandbox subdomains",
        "authorized recipients",
        "account is disabled",
        "is disabled",
    ]),
    Rule::status(413, RefusalKind::Content),
    Rule::status(400, RefusalKind::Content),
    // The key, its rights, the address that it is used from; a domain that is in the other region.
    Rule::within(401, 401, RefusalKind::Auth),
    Rule::within(403, 404, RefusalKind::Auth),
];

/// What stands at every path that Mailgun does not know, under a status that says all is well.
const TRAP: &[u8] = b"Mailgun Magnificent API";

#[derive(Default, Deserialize)]
struct Queued {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl Mailgun {
    /// The answer to a request as a whole.
    pub(super) fn read(&self, answer: &Answer) -> Outcome {
        if answer.status.is_success() {
            return match self.wrong_place(answer) {
                Some(refusal) => Outcome::Refused(refusal),
                None if is_page(answer) => stranger(answer, "a page for people"),
                None => Outcome::Accepted(acceptance(answer)),
            };
        }
        // Gateways in front of Mailgun write errors in the same form, and Mailgun itself sends some messages for
        // which it answers that it is out of order: no body of a 5xx is a proof.
        if answer.status.is_server_error() {
            let said = self.reason(answer).detail;
            return Outcome::Unknown(Uncertainty::new(Phase::Answer, format!("{}: {said}", answer.status)));
        }
        let outcome = refused(RULES, answer, error(answer).as_ref(), &self.secrets());
        match outcome {
            Outcome::Refused(refusal) => Outcome::Refused(with_wait(refusal, answer)),
            other => other,
        }
    }

    /// The reason of an answer that is no success, where nothing was to be sent.
    pub(super) fn reason(&self, answer: &Answer) -> Refusal {
        let error = error(answer).unwrap_or_default();
        with_wait(refusal(RULES, answer, &error, &self.secrets()), answer)
    }

    /// A success that is none: nothing of Mailgun's API is at this URL.
    pub(super) fn wrong_place(&self, answer: &Answer) -> Option<Refusal> {
        let trapped = answer.body.windows(TRAP.len()).any(|part| part == TRAP);
        if !trapped || answer.json::<Queued>().is_some() {
            return None;
        }
        let detail =
            format!("Mailgun has nothing at this URL: is the base URL right? ({})", self.base_url.host());
        Some(Refusal::new(RefusalKind::Auth, detail).status(answer.status.as_u16()))
    }
}

/// A complete success that cannot be read is one nevertheless.
fn acceptance(answer: &Answer) -> Acceptance {
    let queued = answer.json::<Queued>().unwrap_or_default();
    // Events name it without its brackets.
    let acceptance = Acceptance::with_id(bare(queued.id.as_deref().unwrap_or_default()));
    match queued.message {
        Some(message) if !message.starts_with("Queued") => acceptance.detail(message),
        _ => acceptance,
    }
}

/// A message id without angle brackets.
pub(super) fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

/// What an answer says that is no success: an object with a message, or, for a status below 500, whatever text
/// there is.
fn error(answer: &Answer) -> Option<VendorError> {
    let message = match answer.json::<Value>() {
        Some(Value::Object(object)) => {
            ["message", "Error", "error"].iter().find_map(|&key| object.get(key)?.as_str()).map(str::to_owned)
        }
        Some(Value::String(text)) if !answer.status.is_server_error() => Some(text),
        _ if answer.status.is_client_error() => text(answer),
        _ => None,
    };
    message.map(|message| VendorError { code: None, message })
}

/// A short answer in plain text, not a page of something in between.
fn text(answer: &Answer) -> Option<String> {
    let text = std::str::from_utf8(&answer.body).ok()?.trim();
    (!text.is_empty() && text.len() <= 500 && !text.starts_with('<')).then(|| text.to_owned())
}

/// Adds when Mailgun wants to be asked again, if it says so in its own ways.
fn with_wait(refusal: Refusal, answer: &Answer) -> Refusal {
    if refusal.retry_after.is_some() || refusal.kind != RefusalKind::Throttled {
        return refusal;
    }
    let wait = said_wait(answer, &refusal.detail).or_else(|| answer.until_epoch("x-ratelimit-reset"));
    match wait {
        Some(wait) => refusal.retry_after(wait),
        None => refusal,
    }
}

/// The wait in a sentence: `… try again after 7 seconds`, or a date.
fn said_wait(answer: &Answer, sentence: &str) -> Option<Duration> {
    const MARK: &str = "try again after ";
    let rest = &sentence[sentence.find(MARK)? + MARK.len()..];
    let rest = rest.trim().trim_end_matches('.');
    match rest.split_once(' ') {
        Some((number, unit)) if unit.starts_with("second") => answer.wait(number),
        _ => answer.wait(&rest.replace(" UTC", " GMT").replace(" +0000", " GMT")),
    }
}
