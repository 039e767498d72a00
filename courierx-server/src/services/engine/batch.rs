//! One message to many, each with variables of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use courierx_core::clock::Timestamp;
use courierx_core::message::{AddressKey, EmailBuilder, IdempotencyKey};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use super::providers::{ProviderInput, way};
use super::repeat::{hash_of, hash_of_part};
use super::report::{Report, Verdict};
use super::send::{Sender, both};
use crate::App;
use crate::ctx::Operator;
use crate::error::{ServiceError, ServiceResult};

/// Recipients of one batch.
pub const MAX_RECIPIENTS: usize = 1000;
/// Messages of one batch under way at once.
const WORKERS: usize = 10;
/// For how long a batch begins messages.
const PATIENCE: Duration = Duration::from_mins(10);
/// Stands in for the recipient while everything else is checked.
const SOMEBODY: &str = "somebody@example.com";

/// A message to many.
pub struct Batch {
    /// The message, without a recipient.
    pub email: EmailBuilder,
    /// The variables that all have.
    pub variables: Option<Map<String, Value>>,
    /// Who gets it.
    pub recipients: Vec<BatchRecipient>,
    /// The accounts to send it with.
    pub providers: Vec<ProviderInput>,
    /// For whom it is sent, in the client's words. If that is a tenant of this server, its suppressions count.
    pub tenant: Option<String>,
    /// What makes each message repeatable, together with its recipient.
    pub key: Option<IdempotencyKey>,
}

/// Who gets a message of a batch.
pub struct BatchRecipient {
    /// The address.
    pub email: String,
    /// The variables that go before those of all.
    pub variables: Option<Map<String, Value>>,
    /// What the client calls the message.
    pub email_id: Option<String>,
}

/// What became of a batch.
pub struct BatchReport {
    /// One result for each recipient, in their order.
    pub results: Vec<BatchResult>,
    /// How long it took.
    pub took: Duration,
}

/// What became of one message of a batch.
pub struct BatchResult {
    /// The address, as the client wrote it.
    pub email: String,
    /// What the client calls the message.
    pub email_id: Option<String>,
    /// What became of it, or what is wrong with it.
    pub outcome: ServiceResult<Report>,
}

impl BatchResult {
    /// Whether it was sent.
    pub fn is_sent(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|report| report.verdict == Verdict::Sent)
    }

    /// Whether it may have been sent, and nobody can tell.
    pub fn is_unknown(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|report| report.verdict == Verdict::UnknownOutcome)
    }
}

/// What the messages of a batch share.
struct Shared {
    sender: Sender,
    email: EmailBuilder,
    variables: Option<Map<String, Value>>,
    /// The key, and the hash of what all have.
    key: Option<(IdempotencyKey, String)>,
    _place: OwnedSemaphorePermit,
}

/// Sends a message to each of the recipients, some at once. A client that hangs up ends it: what has begun goes on,
/// and nothing else begins.
pub async fn send_batch(operator: &Operator, app: &Arc<App>, batch: Batch) -> ServiceResult<BatchReport> {
    let start = Instant::now();
    let Batch { email, mut variables, recipients, providers, tenant, key } = batch;
    let checked = email.clone().to(SOMEBODY).build().map_err(ServiceError::from);
    let ((checked, ()), way) = both(both(checked, count(recipients.len())), way(app, providers))?;
    let place = Arc::clone(&app.engine.batches).try_acquire_owned().map_err(|_| ServiceError::TooMany {
        message: "too many batches at the moment",
        retry_after: Duration::from_secs(5),
    })?;
    let key = match key {
        Some(key) => Some((key, hash_of(&checked).await?)),
        None => None,
    };
    if recipients.iter().any(|one| one.variables.is_some()) {
        // The message is a template then, also for those who have none.
        variables.get_or_insert_default();
    }
    let sender = Sender::new(app, way, tenant);
    let shared = Arc::new(Shared { sender, email, variables, key, _place: place });
    let end = app.now().after(PATIENCE);
    let all = recipients.into_iter().enumerate();
    let sending = all.map(|(index, recipient)| {
        let (app, shared) = (Arc::clone(app), Arc::clone(&shared));
        async move { (index, begin(&app, shared, recipient, end).await) }
    });
    let mut results: Vec<_> = stream::iter(sending).buffer_unordered(WORKERS).collect().await;
    results.sort_unstable_by_key(|(index, _)| *index);
    let results: Vec<_> = results.into_iter().map(|(_, one)| one).collect();
    let sent = results.iter().filter(|one| one.is_sent()).count();
    tracing::debug!(request_id = %operator.request_id, messages = results.len(), sent, "a batch was sent at once");
    Ok(BatchReport { results, took: start.elapsed() })
}

fn count(recipients: usize) -> ServiceResult<()> {
    if (1..=MAX_RECIPIENTS).contains(&recipients) {
        return Ok(());
    }
    Err(ServiceError::field("recipients", format!("must have 1 to {MAX_RECIPIENTS} items, not {recipients}")))
}

/// Sends to one recipient, on a task of its own.
async fn begin(app: &App, shared: Arc<Shared>, recipient: BatchRecipient, end: Timestamp) -> BatchResult {
    let BatchRecipient { email, variables, email_id } = recipient;
    if app.now() >= end {
        let minutes = PATIENCE.as_secs() / 60;
        let message = format!("not sent: the batch has taken more than {minutes} minutes");
        return BatchResult {
            email,
            email_id,
            outcome: Err(ServiceError::Refused { code: "not_begun", message }),
        };
    }
    let (address, part) = (email.clone(), email_id.clone());
    let sending = async move { shared.send(&address, variables, part.as_deref()).await };
    BatchResult { email, email_id, outcome: app.engine.apart(sending).await }
}

impl Shared {
    async fn send(
        &self,
        address: &str,
        variables: Option<Map<String, Value>>,
        email_id: Option<&str>,
    ) -> ServiceResult<Report> {
        let mut email = self.email.clone().to(address);
        if let Some(all) = &self.variables {
            email = email.variables(all.clone()).variables(variables.unwrap_or_default());
        }
        let email = email.build()?;
        let Some((key, shared)) = &self.key else { return self.sender.send(&email, None).await };
        let address = email.recipients().next().map(|one| one.mailbox.address().key());
        let part = email_id.or(address.as_ref().map(AddressKey::as_str));
        let key = self.sender.key(key, part, hash_of_part(shared, &email)?);
        self.sender.send(&email, Some(&key)).await
    }
}

#[cfg(test)]
mod tests {
    use courierx_core::message::Email;
    use courierx_core::vault::{Vault, VaultKey};
    use courierx_store::MemoryStore;

    use super::super::providers::AccountInput;
    use super::*;
    use crate::config::Settings;
    use crate::secret::Secret;

    #[tokio::test]
    async fn nothing_begins_after_the_batch_has_taken_too_long() {
        let settings = Settings::in_directory("nowhere".into());
        let (store, vault) = (Arc::new(MemoryStore::new()), Vault::new(VaultKey::generate()));
        let app = Arc::new(App::new(settings, store, vault, &Secret::new("secret")).unwrap());
        let account = AccountInput { kind: Some("sandbox".to_owned()), config: None };
        let provider = ProviderInput { provider: account, ..ProviderInput::default() };
        let sender = Sender::new(&app, way(&app, vec![provider]).unwrap(), None);
        let email = Email::builder().from("hi@acme.example").subject("Hello").text("Hello");
        let place = Arc::clone(&app.engine.batches).try_acquire_owned().unwrap();
        let shared = Arc::new(Shared { sender, email, variables: None, key: None, _place: place });
        let now = app.now();
        for (end, begins) in [(now, false), (now.after(PATIENCE), true)] {
            let recipient = BatchRecipient {
                email: SOMEBODY.to_owned(),
                variables: None,
                email_id: Some("e-1".to_owned()),
            };
            let result = begin(&app, Arc::clone(&shared), recipient, end).await;
            assert_eq!((result.is_sent(), result.email_id.as_deref()), (begins, Some("e-1")));
            let refused = matches!(result.outcome, Err(ServiceError::Refused { code: "not_begun", .. }));
            assert_eq!(refused, !begins);
        }
    }
}
