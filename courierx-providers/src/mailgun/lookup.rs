//! Asking what became of a hand-over: Mailgun's events repeat the delivery id among a message's variables.
//!
//! <https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events/get-v3-domain_name-events>

use async_trait::async_trait;
use courierx_core::message::Address;
use courierx_core::provider::{
    Acceptance, LookupError, LookupKey, Phase, ProviderEvent, RecipientOutcome, Refusal, RefusalKind,
    SendOptions, StatusLookup, Uncertainty,
};
use serde::Deserialize;
use serde_json::Value;

use super::Mailgun;
use super::classify::bare;
use super::events::of_data;
use crate::http::{NoAnswer, named};
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
    items: Vec<Value>,
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
        let mut events = typed(self.of_recipients(key, options).await?);
        let known = |one: &Address| find(one, &events).is_some();
        if !key.recipients.iter().all(known) {
            // A rejection has no recipient of its own.
            events.extend(typed(self.events(key, ("event", "rejected"), options).await?));
        }
        if let ([alone], true) = (key.recipients.as_slice(), events.iter().all(|one| one.recipient.is_none()))
        {
            return Ok(vec![events.iter().find(|event| event.shows_only(alone)).map_or_else(unknown, tell)]);
        }
        let each = key.recipients.iter().map(|one| find(one, &events).map_or_else(unknown, tell));
        Ok(each.collect())
    }

    /// Mailgun's own events: the same that its callbacks bring, under the same identifiers.
    async fn history(
        &self,
        key: &LookupKey,
        options: &SendOptions,
    ) -> Result<Vec<ProviderEvent>, LookupError> {
        Ok(self.of_recipients(key, options).await?.iter().map(of_data).collect())
    }
}

impl Mailgun {
    /// The events of a hand-over that name its recipients.
    async fn of_recipients(&self, key: &LookupKey, options: &SendOptions) -> Result<Vec<Value>, LookupError> {
        let mut events = Vec::new();
        for recipients in key.recipients.chunks(RECIPIENTS) {
            events.extend(self.events(key, ("recipient", &any_of(recipients)), options).await?);
        }
        Ok(events)
    }

    /// The events of a hand-over that a filter lets through.
    async fn events(
        &self,
        key: &LookupKey,
        (field, filter): (&str, &str),
        options: &SendOptions,
    ) -> Result<Vec<Value>, LookupError> {
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
        events.retain(|event| event["user-variables"][DELIVERY_KEY].as_str() == Some(&delivery));
        Ok(events)
    }
}

/// Those that can be read.
fn typed(events: Vec<Value>) -> Vec<Event> {
    events.into_iter().filter_map(|event| serde_json::from_value(event).ok()).collect()
}

/// A filter for events of any of these recipients.
fn any_of(recipients: &[Address]) -> String {
    let quoted = recipients.iter().map(|one| format!("\"{}\"", one.as_str().replace('"', "")));
    quoted.collect::<Vec<_>>().join(" OR ")
}

/// The event that tells most of a recipient, of those that name it: what says that Mailgun sent nothing before
/// what says that it took the message.
fn find<'a>(recipient: &Address, events: &'a [Event]) -> Option<&'a Event> {
    let names = |event: &&Event| {
        event.recipient.as_ref().is_some_and(|address| address.eq_ignore_ascii_case(recipient.as_str()))
    };
    events.iter().filter(names).min_by_key(|event| matches!(tell(event), RecipientOutcome::Accepted(_)))
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
            let acceptance = Acceptance::with_id(bare(id.unwrap_or_default()));
            let severity = event.severity.as_deref().unwrap_or_default();
            let words = [kind, severity, reason, event.said()].into_iter().filter(|word| !word.is_empty());
            RecipientOutcome::Accepted(acceptance.detail(words.collect::<Vec<_>>().join(" ")))
        }
    }
}

impl Event {
    /// Whether the header of its message shows this recipient and nobody else. Of an event without a recipient
    /// this is the only hint, and none where a hand-over had several: they all have the same header.
    fn shows_only(&self, recipient: &Address) -> bool {
        let to = self.message.as_ref().and_then(|message| message.headers.to.as_deref()).unwrap_or_default();
        let address = recipient.as_str();
        let ats = |text: &str| text.matches('@').count();
        ats(to) == ats(address) && named(to, &[address]) == [true]
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
