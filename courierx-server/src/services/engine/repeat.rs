//! Requests that can be repeated: at most one hand-over for each idempotency key, whatever happens to the process.
//!
//! The key is written down before anything is sent, and what became of it afterwards. One that was begun and never
//! ended was cut off: nobody knows what became of it, and it is not sent again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use courierx_core::id::TenantId;
use courierx_core::message::{Email, IdempotencyKey};
use courierx_core::store::{Expected, StateKey, Swap};
use courierx_core::vault::{SealContext, Sealed};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::report::{Report, Verdict};
use crate::App;
use crate::auth::hex;
use crate::error::{ServiceError, ServiceResult};

/// How often an entry is looked at again that expired meanwhile.
const TRIES: usize = 3;
/// Bytes from which on hashing a message is worth the way to another thread.
const LARGE: usize = 32 * 1024;
/// How long a key is kept at least from when its message is begun: longer than anybody sends one, whatever
/// `IDEMPOTENCY_TTL` is. A shorter life would let a repetition send it a second time meanwhile.
const BEGUN: Duration = Duration::from_hours(12);
/// Beyond so many keys, those that nobody uses are forgotten.
const KEYS: usize = 1000;

/// The keys whose messages this process sends at the moment, each with a lock: whoever repeats a request waits for
/// its end.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl UnderWay {
    fn of(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = keys.get(name).and_then(Weak::upgrade) {
            return known;
        }
        if keys.len() > KEYS {
            keys.retain(|_, one| one.strong_count() > 0);
        }
        let fresh = Arc::default();
        keys.insert(name.to_owned(), Arc::downgrade(&fresh));
        fresh
    }
}

/// Under which key a message is sent, and which message that is.
#[derive(Debug)]
pub(super) struct Key {
    state: StateKey,
    record: [u8; 16],
    message: String,
}

/// What is kept under a key, sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The hash of the message: another one under the same key is a mistake of the client.
    message: String,
    /// What became of it; none while it is being sent, and if that was cut off.
    report: Option<Report>,
}

impl Key {
    /// The key of one tenant is none of another's. Those are the client's, and no tenants of this server. `message` is
    /// the message's hash.
    pub(super) fn new(
        tenant: Option<&str>,
        key: &IdempotencyKey,
        part: Option<&str>,
        message: String,
    ) -> Self {
        let mut hash = Sha256::new();
        for text in [tenant, Some(key.as_str()), part] {
            hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            hash.update(text.unwrap_or_default());
        }
        let hash: [u8; 32] = hash.finalize().into();
        let mut record = [0; 16];
        record.copy_from_slice(&hash[..16]);
        let state = StateKey::new(TenantId::DEFAULT, format!("engine/sent/{}", hex(&hash)));
        Self { state, record, message }
    }

    fn seal(&self, app: &App, report: Option<&Report>) -> ServiceResult<Vec<u8>> {
        let kept = Kept { message: self.message.clone(), report: report.cloned() };
        Ok(app.vault.seal(&self.context(), &serde_json::to_vec(&kept)?).into_bytes())
    }

    fn open(&self, app: &App, value: Vec<u8>) -> ServiceResult<Kept> {
        let sealed = Sealed::from_bytes(value).map_err(ServiceError::internal)?;
        let bytes = app.vault.open(&self.context(), &sealed).map_err(ServiceError::internal)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    fn context(&self) -> SealContext<'_> {
        SealContext { tenant: TenantId::DEFAULT, kind: "engine", record: &self.record }
    }
}

/// What a message is known by. A large one is hashed where it keeps nobody else waiting.
pub(super) async fn hash_of(email: &Email) -> ServiceResult<String> {
    let hash = |email: &Email| Ok(hex(&Sha256::digest(serde_json::to_vec(email)?)));
    if email.estimated_bytes() < LARGE {
        return hash(email);
    }
    let email = email.clone();
    tokio::task::spawn_blocking(move || hash(&email)).await.map_err(ServiceError::internal)?
}

/// What one message of several is known by: what all share, of this hash, and what it has of its own.
pub(super) fn hash_of_part(shared: &str, email: &Email) -> ServiceResult<String> {
    let to: Vec<_> = email.recipients().map(|one| one.mailbox.to_string()).collect();
    Ok(hex(&Sha256::digest(serde_json::to_vec(&(shared, to, email.variables()))?)))
}

/// Whose turn it is.
enum Turn {
    /// Ours: the entry has this version.
    Ours(u64),
    /// Nobody's any more; this became of it.
    Over(Box<Report>),
}

/// Sends unless that was done before under this key; then it tells what became of it.
pub(super) async fn once(
    app: &App,
    key: &Key,
    sending: impl Future<Output = ServiceResult<Report>>,
) -> ServiceResult<Report> {
    let lock = app.engine.under_way.of(&key.state.name);
    let _held = lock.lock().await;
    let version = match turn(app, key).await? {
        Turn::Ours(version) => version,
        Turn::Over(report) => return Ok(Report { repeated: true, ..*report }),
    };
    let result = sending.await;
    if let Err(error) = end(app, key, version, result.as_ref().ok()).await {
        // From now on the key counts as cut off, which is never sent again.
        tracing::error!(error = &error as &dyn std::error::Error, "an idempotency key was not written down");
    }
    result
}

async fn turn(app: &App, key: &Key) -> ServiceResult<Turn> {
    for _ in 0..TRIES {
        let value = key.seal(app, None)?;
        let ttl = app.settings.idempotency_ttl.max(BEGUN);
        match app.store.swap_state(&key.state, Expected::Absent, value, ttl).await? {
            Swap::Stored { version } => return Ok(Turn::Ours(version)),
            Swap::Conflict { current: Some(entry) } => {
                let kept = key.open(app, entry.value)?;
                if kept.message != key.message {
                    let text = "the idempotency key was used for another message";
                    return Err(ServiceError::Conflict(text.to_owned()));
                }
                // Nobody sends it here, since the lock is ours.
                return Ok(Turn::Over(Box::new(kept.report.unwrap_or_else(Report::lost))));
            }
            Swap::Conflict { current: None } => {}
        }
    }
    Err(ServiceError::Conflict("the idempotency key is being used by somebody else".to_owned()))
}

/// Writes down what became of it. Where certainly nothing was sent, the key can be used again.
async fn end(app: &App, key: &Key, version: u64, report: Option<&Report>) -> ServiceResult<()> {
    let may_have_been_sent = |report: &&Report| {
        matches!(report.verdict, Verdict::Sent | Verdict::PartlySent | Verdict::UnknownOutcome)
    };
    if let Some(report) = report.filter(may_have_been_sent) {
        return write_down(app, key, version, report).await;
    }
    app.store.remove_state(&key.state, version).await?;
    Ok(())
}

/// Writes down what became of it, even if the entry expired meanwhile.
async fn write_down(app: &App, key: &Key, version: u64, report: &Report) -> ServiceResult<()> {
    let ttl = app.settings.idempotency_ttl;
    for expected in [Expected::Version(version), Expected::Absent] {
        let value = key.seal(app, Some(report))?;
        match app.store.swap_state(&key.state, expected, value, ttl).await? {
            Swap::Stored { .. } => return Ok(()),
            Swap::Conflict { current: None } => {}
            Swap::Conflict { current: Some(entry) } => {
                // Nothing is to be done about it: somebody else has sent the message too, or is about to.
                tracing::error!(entry.version, "an idempotency key was used by somebody else meanwhile");
                return Ok(());
            }
        }
    }
    Err(ServiceError::Conflict("the idempotency key changes all the time".to_owned()))
}

#[cfg(test)]
mod tests {
    use courierx_core::clock::{ManualClock, Timestamp};
    use courierx_core::id::MessageId;
    use courierx_core::vault::{Vault, VaultKey};
    use courierx_store::MemoryStore;

    use super::*;
    use crate::config::Settings;
    use crate::secret::Secret;

    const START: Timestamp = Timestamp::from_secs(1_000_000);

    fn app(clock: &Arc<ManualClock>) -> App {
        let mut settings = Settings::in_directory("nowhere".into());
        settings.idempotency_ttl = Duration::from_mins(1);
        let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(clock));
        App::new(settings, Arc::new(store), Vault::new(VaultKey::generate()), &Secret::new("secret")).unwrap()
    }

    fn key() -> Key {
        let email = Email::to("ada@example.com").from("hi@acme.example").subject("s").text("t");
        let hash = hash_of_part("shared", &email.build().unwrap()).unwrap();
        Key::new(None, &IdempotencyKey::new("order").unwrap(), None, hash)
    }

    #[tokio::test]
    async fn every_message_has_a_hash_of_its_own() {
        let large = "x".repeat(LARGE);
        let mut hashes = Vec::new();
        for (to, text, name) in
            [("a", "t", "x"), ("b", "t", "x"), ("a", "u", "x"), ("a", "t", "y"), ("a", large.as_str(), "x")]
        {
            let email =
                Email::to(format!("{to}@example.com")).from("hi@acme.example").subject("s").text(text);
            let email = email.variable("name", name).build().unwrap();
            let hash = hash_of(&email).await.unwrap();
            assert_eq!(hash_of(&email).await.unwrap(), hash);
            hashes.push(hash);
            if text == "t" {
                hashes.extend(["one", "other"].map(|shared| hash_of_part(shared, &email).unwrap()));
            }
        }
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!((hashes.len(), count), (11, 11));
    }

    /// Sends for this long, and says so.
    async fn send(app: &App, key: &Key, clock: &ManualClock, takes: Duration) -> Report {
        let sending = async {
            clock.advance(takes);
            Ok(Report { message: Some(MessageId::new()), ..Report::lost() })
        };
        once(app, key, sending).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_begun_outlives_a_short_life_of_keys() {
        let clock = ManualClock::starting_at(START);
        let (app, key) = (app(&clock), key());
        assert!(matches!(turn(&app, &key).await.unwrap(), Turn::Ours(_)));
        clock.advance(app.settings.idempotency_ttl * 100);
        assert!(matches!(turn(&app, &key).await.unwrap(), Turn::Over(_)), "another process sends it");
    }

    #[tokio::test]
    async fn an_end_is_written_down_however_late_it_comes() {
        let clock = ManualClock::starting_at(START);
        let (app, key) = (app(&clock), key());
        let first = send(&app, &key, &clock, BEGUN * 2).await;
        let again = send(&app, &key, &clock, Duration::ZERO).await;
        assert_eq!((again.message, again.repeated), (first.message, true));
        // From its end on it is kept as long as is configured.
        clock.advance(app.settings.idempotency_ttl);
        assert!(!send(&app, &key, &clock, Duration::ZERO).await.repeated);
    }
}
