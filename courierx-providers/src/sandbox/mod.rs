//! The sandbox: a provider that keeps every message and lets none out.
//!
//! It accepts everything, except for recipients at [`MAGIC_DOMAIN`], whose local part says what happens
//! (anything behind a `+` is ignored, so `bounce+1@sandbox.test` is another recipient of the same kind):
//!
//! | local part | what happens | to whom |
//! |---|---|---|
//! | `bounce` | accepted; a hard bounce is called back | recipient |
//! | `complain` | accepted; delivery and a complaint are called back | recipient |
//! | `reject` | refused: `recipient` | recipient |
//! | `greylist` | refused: `recipient_temporary` for the first time, then accepted | recipient |
//! | `policy` | refused: `policy` | recipient |
//! | `throttle` | refused: `throttled`, again after one second | hand-over |
//! | `quota`, `content`, `sender`, `auth`, `unavailable` | refused for that reason | hand-over |
//! | `timeout-before-body` | refused: `unavailable` | hand-over |
//! | `timeout-after-body` | captured, and the answer is lost: unknown | hand-over |
//! | `lost-after-body` | not captured, and the answer is lost: unknown | hand-over |
//!
//! What happens to the hand-over happens to every recipient of it; the first such recipient decides.

mod callback;
mod fate;
mod inbox;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use courierx_core::clock::{Clock, SystemClock, Timestamp};
use courierx_core::id::MessageId;
use courierx_core::provider::{
    Acceptance, Authentic, Callback, CallbackError, Capability, EmailProvider, EventSource, LookupError,
    LookupKey, Outcome, Outgoing, Phase, ProviderEvent, ProviderId, RecipientOutcome, Refusal, RefusalKind,
    SendOptions, StatusLookup, TracksReaders, Uncertainty, Verified,
};

pub use callback::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
pub use fate::MAGIC_DOMAIN;
pub use inbox::Captured;

use callback::{Report, Signer};
use fate::{Fate, HandOver};
use inbox::{Handled, Inbox};

static ID: ProviderId = ProviderId::new("sandbox");

/// Messages that are kept, if nothing else is said.
const DEFAULT_CAPACITY: usize = 1000;

/// A provider that keeps every message in memory; see the [module](self) for its magic recipients.
///
/// There is no background task and no chance in it: what is called back waits for
/// [`take_callbacks`](Self::take_callbacks), and the same hand-overs in the same order have the same
/// outcomes.
///
/// Cheap to clone: clones share what was captured, so one is given to a courier and another kept to look.
///
/// ```
/// use courierx_providers::Sandbox;
///
/// let sandbox = Sandbox::new();
/// let given_away = sandbox.clone();
/// # drop(given_away);
/// for captured in sandbox.messages() {
///     println!("{captured}");
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Sandbox {
    capability: Capability,
    clock: Arc<dyn Clock>,
    signer: Signer,
    inbox: Arc<Mutex<Inbox>>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// An empty sandbox that keeps the last 1,000 messages, with a signing secret of its own.
    pub fn new() -> Self {
        let mut capability = Capability::full();
        capability.sandbox = true;
        // Nobody reads what it keeps: whatever is asked about readers is as good as done.
        capability.tracking = TracksReaders::AsAsked;
        capability.reports_delivery = true;
        capability.unknown_wait = Some(Duration::from_secs(1));
        // Two identifiers have 148 random bits; nobody else has to know the secret.
        let secret = format!("{}{}", MessageId::new(), MessageId::new());
        Self {
            capability,
            clock: SystemClock::shared(),
            signer: Signer::new(secret.as_bytes()),
            inbox: Arc::new(Mutex::new(Inbox::new(DEFAULT_CAPACITY, usize::MAX))),
        }
    }

    /// Keeps only this many messages, the last ones. It starts empty, and apart from earlier clones.
    #[must_use]
    pub fn capacity(mut self, messages: usize) -> Self {
        let (_, max_bytes) = self.inbox().limits();
        self.inbox = Arc::new(Mutex::new(Inbox::new(messages.max(1), max_bytes)));
        self
    }

    /// Keeps only as many messages, the last ones, as have this many bytes together, in each form that is kept;
    /// with 0 none. What became of them is remembered all the same. It starts empty, and apart from earlier
    /// clones.
    #[must_use]
    pub fn keep_bytes(mut self, max: usize) -> Self {
        let (capacity, _) = self.inbox().limits();
        self.inbox = Arc::new(Mutex::new(Inbox::new(capacity, max)));
        self
    }

    /// De-duplicates by delivery id, as providers with idempotency keys do: a hand-over that was captured is
    /// accepted again, and not captured again.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.capability.idempotency = Some(Duration::from_hours(24));
        self
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Signs and verifies callbacks with this secret, so that another process can read them.
    #[must_use]
    pub fn signing_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.signer = Signer::new(secret.as_ref());
        self
    }

    /// What was captured, the oldest first.
    pub fn messages(&self) -> Vec<Captured> {
        self.inbox().messages()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.inbox().clear();
    }

    /// What a real provider would have called back since the last time, signed now.
    pub fn take_callbacks(&self) -> Vec<Callback> {
        let reports = self.inbox().take_reports();
        let now = self.clock.now();
        reports.iter().map(|report| self.signer.callback(report, now)).collect()
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, message: &Outgoing) -> Outcome {
        let now = self.clock.now();
        let mut inbox = self.inbox();
        let attempt = inbox.count_attempt(message.delivery_id());
        if self.capability.idempotency.is_some()
            && let Some(handled) = inbox.handled(message.delivery_id())
        {
            return Outcome::from_each(handled.results.iter().map(|(_, result)| result.clone()).collect());
        }
        let hand_over = message.recipients().iter().find_map(|one| fate::of_hand_over(one.mailbox.address()));
        match hand_over {
            Some(HandOver::Refused(refusal)) => return Outcome::Refused(refusal),
            Some(HandOver::Lost) => return lost(),
            Some(HandOver::AnswerLost) | None => {}
        }
        let mut reports = Vec::new();
        let mut results = Vec::new();
        for recipient in message.recipients() {
            let address = recipient.mailbox.address();
            let fate = fate::of_recipient(address);
            let result = match fate {
                Fate::Refused(refusal) => RecipientOutcome::Refused(refusal),
                Fate::Greylisted if inbox.greylists(message.message_id(), recipient.index) => {
                    RecipientOutcome::Refused(Refusal::new(
                        RefusalKind::RecipientTemporary,
                        "greylisted: come back",
                    ))
                }
                Fate::Greylisted | Fate::Delivered | Fate::Bounced | Fate::Complained => {
                    let id = provider_message_id(message, attempt);
                    reports.extend(
                        fate.events().iter().map(|&kind| Report::new(kind, message, recipient, &id, now)),
                    );
                    RecipientOutcome::Accepted(Acceptance::with_id(id))
                }
            };
            results.push((address.clone(), result));
        }
        let outcome = Outcome::from_each(results.iter().map(|(_, result)| result.clone()).collect());
        if results.iter().any(|(_, result)| matches!(result, RecipientOutcome::Accepted(_))) {
            if inbox.keeps_messages() {
                inbox.capture(Captured::new(message, &results, attempt, now));
            }
            inbox.report(reports);
            inbox.remember(message.delivery_id(), Handled { results });
        }
        if hand_over.is_some() { lost() } else { outcome }
    }
}

fn lost() -> Outcome {
    Outcome::Unknown(Uncertainty::new(Phase::Answer, "the answer was lost"))
}

fn provider_message_id(message: &Outgoing, attempt: u32) -> String {
    format!("{}-{attempt}", message.delivery_id())
}

#[async_trait]
impl EmailProvider for Sandbox {
    fn id(&self) -> &ProviderId {
        &ID
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        if options.cancel.is_cancelled() {
            return Outcome::Refused(Refusal::new(RefusalKind::Interrupted, "shutting down"));
        }
        self.receive(message)
    }

    async fn verify(&self, _: &SendOptions) -> Result<Verified, Refusal> {
        Ok(Verified::new("messages are kept in memory and go nowhere").sandbox())
    }

    fn status_lookup(&self) -> Option<&dyn StatusLookup> {
        Some(self)
    }

    fn event_source(&self) -> Option<&dyn EventSource> {
        Some(self)
    }
}

#[async_trait]
impl StatusLookup for Sandbox {
    async fn lookup(&self, key: &LookupKey, _: &SendOptions) -> Result<Vec<RecipientOutcome>, LookupError> {
        let inbox = self.inbox();
        let handled = inbox.handled(key.delivery);
        let answer = |recipient| match handled {
            Some(handled) => {
                let known = handled.results.iter().find(|(address, _)| address == recipient);
                known.map_or_else(never_taken, |(_, result)| result.clone())
            }
            None if inbox.has_forgotten() => RecipientOutcome::Unknown(Uncertainty::new(
                Phase::Answer,
                "it may have been captured and forgotten since",
            )),
            None => never_taken(),
        };
        Ok(key.recipients.iter().map(answer).collect())
    }
}

fn never_taken() -> RecipientOutcome {
    RecipientOutcome::Refused(Refusal::new(RefusalKind::Unavailable, "it was never captured"))
}

#[async_trait]
impl EventSource for Sandbox {
    async fn verify(&self, callback: &Callback, now: Timestamp) -> Result<Authentic, CallbackError> {
        self.signer.verify(callback, now)?;
        Ok(Authentic::messages(callback.body.as_slice()))
    }

    fn events(&self, authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
        authentic.body().map_or_else(|| Ok(Vec::new()), callback::events)
    }
}
