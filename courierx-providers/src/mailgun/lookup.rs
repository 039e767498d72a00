//! Asking what became of a hand-over: Mailgun's events repeat the delivery id among a message's variables.
//!
//! <https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events/get-v3-domain_name-events>

use async_trait::async_trait;
use courierx_core::message::Address;
use courierx_core::provider::{
    Acceptance, LookupError, LookupKey, Phase, RecipientOutcome, Refusal, RefusalKind, SendOptions,
    StatusLookup, Uncertainty,
};
use serde::Deserialize;
use serde_json::Value;

use super::Mailgun;
use super::blame::mentions;
use super::classify::bare;
use crate::http::NoAnswer;
use crate::planted::DELIVERY_KEY;

/// Events of one answer: the most there are.
const LIMIT: &str = "300";
/// Recipients that one question names.
const RECIPIENTS: usize = 10;
/// Seconds by which clocks may differ.
const CLOCKS: i64 = 300;

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    items: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Event {
    #[serde(default, rename = "event")]
    kind: String,
    #[serde(default)]
    recipient: Option<String>,
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    reject: Option<Reject>,
    #[serde(default)]
    delivery_status: Option<DeliveryStatus>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    user_variables: Value,
}

#[derive(Deserialize)]
struct Reject {
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct DeliveryStatus {
    #[serde(default)]
    code: Option<i64>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    headers: Headers,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Headers {
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    to: Option<String>,
}

#[async_trait]
impl StatusLookup for Mailgun {
    async fn lookup(
        &self,
        key: &LookupKey,
        options: &SendOptions,
    ) -> Result<Vec<RecipientOutcome>, LookupError> {
        let mut events = Vec::new();
        for recipients in key.recipients.chunks(RECIPIENTS) {
            events.extend(self.events(key, ("recipient", &any_of(recipients)), options).await?);
        }
        let known = |events: &[Event]| key.recipients.iter().all(|one| find(one, events).is_some());
        if !known(&events) {
            // A rejection has no recipient of its own.
            events.extend(self.events(key, ("event", "rejected"), options).await?);
        }
        let each = key.recipients.iter().map(|one| find(one, &events).map_or_else(unknown, tell));
        Ok(each.collect())
    }
}

impl Mailgun {
    /// The events of a hand-over that a filter lets through.
    async fn events(
        &self,
        key: &LookupKey,
        (field, filter): (&str, &str),
        options: &SendOptions,
    ) -> Result<Vec<Event>, LookupError> {
        let mut request = self.get(&["v3", &self.domain, "events"]);
        let begin = (key.started_at.as_secs() - CLOCKS).max(0);
        let begin = begin.to_string();
        let id = key.provider_message_id.as_deref().map(|id| ("message-id", bare(id)));
        let filters = [("begin", begin.as_str()), ("ascending", "yes"), ("limit", LIMIT), (field, filter)];
        request.url.query_pairs_mut().extend_pairs(filters.into_iter().chain(id));
        let answer = self.http.exchange(request, options).await;
        let answer = answer.map_err(|no_answer| LookupError::new(NoAnswer::into_refusal(no_answer)))?;
        if let Some(refusal) = self.wrong_place(&answer) {
            return Err(LookupError::new(refusal));
        }
        if !answer.status.is_success() {
            return Err(LookupError::new(self.reason(&answer)));
        }
        let mut events = answer.json::<Found>().map(|found| found.items).unwrap_or_default();
        let delivery = key.delivery.to_string();
        events.retain(|event| event.user_variables[DELIVERY_KEY].as_str() == Some(&delivery));
        Ok(events)
    }
}

/// A filter for events of any of these recipients.
fn any_of(recipients: &[Address]) -> String {
    let quoted = recipients.iter().map(|one| format!("\"{}\"", one.as_str().replace('"', "")));
    quoted.collect::<Vec<_>>().join(" OR ")
}

/// The event that tells most of a recipient: what says that Mailgun sent nothing before what says that it took
/// the message.
fn find<'a>(recipient: &Address, events: &'a [Event]) -> Option<&'a Event> {
    let concerns = |event: &&Event| match &event.recipient {
        Some(address) => address.eq_ignore_ascii_case(recipient.as_str()),
        None => event.to().is_some_and(|to| mentions(to, recipient.as_str())),
    };
    let mut all: Vec<_> = events.iter().filter(concerns).collect();
    all.sort_by_key(|event| matches!(tell(event), RecipientOutcome::Accepted(_)));
    all.first().copied()
}

/// That nothing is found proves nothing: events come late.
fn unknown() -> RecipientOutcome {
    RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, "Mailgun has no event of the message"))
}

/// What an event says of its recipient.
fn tell(event: &Event) -> RecipientOutcome {
    let never = |kind: RefusalKind, detail: &str| RecipientOutcome::Refused(Refusal::new(kind, detail));
    match (event.kind.as_str(), event.reason.as_deref().unwrap_or_default()) {
        ("rejected", _) => {
            let reason =
                event.reject.as_ref().and_then(|reject| reject.reason.as_deref()).unwrap_or("rejected");
            let limited = ["sandbox", "account"].iter().any(|word| reason.to_lowercase().contains(word));
            never(if limited { RefusalKind::Auth } else { RefusalKind::Content }, reason)
        }
        ("failed", reason) if event.is_suppressed(reason) => {
            never(RefusalKind::Suppressed, &format!("Mailgun does not deliver to this recipient: {reason}"))
        }
        (kind, reason) => {
            let id = event.message.as_ref().and_then(|message| message.headers.message_id.as_deref());
            let mut acceptance = Acceptance::default();
            acceptance.provider_message_id = id.map(|id| bare(id).to_owned());
            let severity = event.severity.as_deref().unwrap_or_default();
            let words = [kind, severity, reason, event.said()].into_iter().filter(|word| !word.is_empty());
            RecipientOutcome::Accepted(acceptance.detail(words.collect::<Vec<_>>().join(" ")))
        }
    }
}

impl Event {
    fn to(&self) -> Option<&str> {
        self.message.as_ref()?.headers.to.as_deref()
    }

    /// Whether Mailgun sent nothing because of its own list.
    fn is_suppressed(&self, reason: &str) -> bool {
        let code = self.delivery_status.as_ref().and_then(|status| status.code);
        reason.starts_with("suppress-") || matches!(code, Some(605..=607))
    }

    fn said(&self) -> &str {
        let status = self.delivery_status.as_ref();
        let texts = status.map(|status| [status.message.as_deref(), status.description.as_deref()]);
        let mut texts = texts.into_iter().flatten().flatten();
        texts.find(|text| !text.is_empty()).unwrap_or_default()
    }
}
