//! A provider that records.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::RecordedEmail;
use crate::provider::{
    Acceptance, Capability, EmailProvider, Outcome, Outgoing, Phase, ProviderId, Refusal, RefusalKind,
    SendOptions, Uncertainty, Verified,
};

/// A provider that records what it is handed and answers as told: it accepts, unless a failure is due.
///
/// Clones share what was recorded, so a test keeps one and gives the other away.
#[derive(Debug, Clone)]
pub struct Recorder {
    id: ProviderId,
    capability: Capability,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<Recorded>,
    handed_over: Notify,
}

#[derive(Debug, Default)]
struct Recorded {
    emails: Vec<RecordedEmail>,
    script: VecDeque<Outcome>,
    always: Option<Outcome>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// A recorder that accepts everything.
    pub fn new() -> Self {
        Self { id: ProviderId::new("recorder"), capability: Capability::full(), shared: Arc::default() }
    }

    /// Pretends to have these capabilities.
    #[must_use]
    pub fn with_capability(mut self, capability: Capability) -> Self {
        self.capability = capability;
        self
    }

    /// Answers the next hand-over with this outcome; repeated calls queue up.
    pub fn answer_next(&self, outcome: Outcome) -> &Self {
        self.lock().script.push_back(outcome);
        self
    }

    /// Refuses the next hand-over for this reason.
    pub fn refuse_next(&self, kind: RefusalKind) -> &Self {
        self.answer_next(Outcome::Refused(Refusal::new(kind, "scripted")))
    }

    /// Takes the next message and never tells: its outcome is unknown, though it is recorded.
    pub fn lose_next_answer(&self) -> &Self {
        self.answer_next(Outcome::Unknown(Uncertainty::new(Phase::Answer, "scripted")))
    }

    /// Answers every hand-over with this outcome, once the queued answers are used up, until
    /// [`recover`](Self::recover).
    pub fn always(&self, outcome: Outcome) -> &Self {
        self.lock().always = Some(outcome);
        self
    }

    /// Refuses everything for this reason until [`recover`](Self::recover).
    pub fn refuse_all(&self, kind: RefusalKind) -> &Self {
        self.always(Outcome::Refused(Refusal::new(kind, "scripted")))
    }

    /// Accepts again.
    pub fn recover(&self) -> &Self {
        let mut state = self.lock();
        state.always = None;
        state.script.clear();
        drop(state);
        self
    }

    /// What was taken, for at least one recipient, in order.
    pub fn sent(&self) -> Vec<RecordedEmail> {
        self.lock().emails.iter().filter(|email| email.was_accepted()).cloned().collect()
    }

    /// Everything that was handed over, taken or not, in order.
    pub fn handed_over(&self) -> Vec<RecordedEmail> {
        self.lock().emails.clone()
    }

    /// Waits until so many messages were handed over, taken or not, and returns all of them.
    pub async fn wait_for(&self, count: usize) -> Vec<RecordedEmail> {
        loop {
            let notified = self.shared.handed_over.notified();
            let emails = self.handed_over();
            if emails.len() >= count {
                return emails;
            }
            notified.await;
        }
    }

    /// Forgets what was recorded.
    pub fn clear(&self) {
        self.lock().emails.clear();
    }

    /// What was taken, as a reader would see it.
    pub fn preview(&self) -> String {
        let sent = self.sent();
        let mut text = format!("{} sent\n", sent.len());
        for email in sent {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:-<60}\n{email}", "");
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        // Every change is one assignment: a panic elsewhere leaves nothing half done.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EmailProvider for Recorder {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, _options: &SendOptions) -> Outcome {
        let mut state = self.lock();
        let accept = || {
            let id = message.delivery_id().to_string();
            Outcome::Accepted(Acceptance::with_id(id))
        };
        let outcome = state.script.pop_front().or_else(|| state.always.clone()).unwrap_or_else(accept);
        let answers = (0..message.recipients().len()).map(|position| outcome.of(position)).collect();
        state.emails.push(RecordedEmail::new(message.clone(), answers));
        drop(state);
        self.shared.handed_over.notify_waiters();
        outcome
    }

    async fn verify(&self, _options: &SendOptions) -> Result<Verified, Refusal> {
        match self.lock().always.clone() {
            Some(Outcome::Refused(refusal)) => Err(refusal),
            _ => Ok(Verified::new("records instead of sending")),
        }
    }
}
