//! Providers: what carries a message out of the process.
//!
//! [`EmailProvider`] is the one trait to implement; [`Capability`] tells the router what the provider can
//! do, [`Outcome`] tells it what became of a hand-over. A provider that can be asked about an earlier
//! hand-over also implements [`StatusLookup`]; one that calls back implements [`EventSource`].
//!
//! # Writing a provider
//!
//! 1. Turn the [`Outgoing`] into the provider's request. Plant [`Outgoing::delivery_id`] and
//!    [`Outgoing::header_message_id`] where the provider echoes them in callbacks.
//! 2. Map its answer to an [`Outcome`] in one function from typed codes: *refused* only when it is certain
//!    that nothing was sent, [`Outcome::Unknown`] from the moment the last byte of the body may have left
//!    until a complete answer was read.
//! 3. Respect [`SendOptions`] before the body is complete: running out of time is *refused: unavailable*,
//!    cancellation *refused: interrupted*. After it, go on waiting for the answer: it is the only way to know,
//!    and stopping then would be *unknown*.
//! 4. Run the public suite of `courierx_core::provider::conformance` (feature `conformance`) over it.

mod bounce;
mod callback;
mod capability;
#[cfg(feature = "conformance")]
pub mod conformance;
mod events;
mod outcome;
mod outgoing;
mod setup;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// What [`SendOptions::cancel`] is, so that a provider's tests need no dependency for it.
pub use tokio_util::sync::CancellationToken;

pub use bounce::{Bounce, BounceClass, EnhancedCode};
pub use callback::{
    Authentic, Callback, CallbackError, Confirmation, EventSource, MAX_CALLBACK_BYTES, MAX_CALLBACK_EVENTS,
    Replay, Subject,
};
pub use capability::{Capability, TracksReaders};
pub use events::{LookupError, LookupKey, ProviderEvent, StatusLookup};
pub use outcome::{Acceptance, Outcome, Phase, RecipientOutcome, Refusal, RefusalKind, Uncertainty};
pub use outgoing::{Content, Outgoing, OutgoingBuilder, OutgoingRecipient};
pub use setup::{CallbackKey, CallbackSetup, CallbackState};

/// A kind of provider: `smtp`, `sendgrid`, `my-gateway`.
///
/// It names the adapter. The name that an application gives to one configured use of it is a
/// [`ConnectionId`](crate::router::ConnectionId).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderId(Cow<'static, str>);

impl ProviderId {
    /// Names a kind of provider.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that carries messages: an adapter to a vendor's API, an SMTP relay, a test double.
///
/// Implementations hold their own connections and credentials, are shared between tasks, and never retry
/// on their own: the router and the queue decide that. Their `Debug` shows no secret.
#[async_trait]
pub trait EmailProvider: fmt::Debug + Send + Sync + 'static {
    /// Which kind of provider this is.
    fn id(&self) -> &ProviderId;

    /// What the provider can do. Asked for every decision, so it is cheap and never does I/O.
    fn capability(&self) -> &Capability;

    /// Hands one message to the provider and says what became of it.
    ///
    /// Never fails as a call: whatever goes wrong is an [`Outcome`].
    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome;

    /// Hands several messages over, answering one by one in the same order.
    ///
    /// The default calls [`send`](Self::send) for each; providers with a batch call of their own override it.
    /// The engine does not call this: it hands over one message at a time. It is for programs that use an
    /// adapter directly.
    async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(messages.len());
        for message in messages {
            outcomes.push(self.send(message, options).await);
        }
        outcomes
    }

    /// Checks the credentials and the way to the provider without sending anything, within
    /// [`SendOptions::timeout`] as a whole.
    ///
    /// An error tells what to mend: [`RefusalKind::Auth`] for credentials, [`RefusalKind::Unavailable`] for
    /// the way. A provider without a harmless call checks the way alone, and says so in
    /// [`Verified::detail`].
    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal>;

    /// How to ask what became of an earlier hand-over, where the provider can be asked.
    fn status_lookup(&self) -> Option<&dyn StatusLookup> {
        None
    }

    /// How to read the provider's callbacks, where it calls back.
    fn event_source(&self) -> Option<&dyn EventSource> {
        None
    }

    /// How to tell the provider where to call back, where it can be told by its API.
    fn callback_setup(&self) -> Option<&dyn CallbackSetup> {
        None
    }
}

/// How one hand-over is to be done. Grows by new fields; build it from [`SendOptions::default`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SendOptions {
    /// How long the hand-over may take up to the end of the body; the wait for the answer to a complete
    /// body is the provider's own, since cutting it short makes outcomes unknown.
    pub timeout: Duration,
    /// Fires when the process wants to stop.
    pub cancel: CancellationToken,
}

impl Default for SendOptions {
    /// Thirty seconds, never canceled.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), cancel: CancellationToken::new() }
    }
}

impl SendOptions {
    /// Sets the time for everything up to the end of the body.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets what tells that the process wants to stop.
    #[must_use]
    pub fn cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }
}

/// The credentials work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// What was checked, for people: `logged in as user to smtp.example.com:587 over TLS`.
    pub detail: String,
    /// Whether the account only pretends to deliver (a vendor's sandbox or test server).
    pub sandbox: bool,
}

impl Verified {
    /// A working account, and what was checked.
    pub fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), sandbox: false }
    }

    /// Marks an account that only pretends to deliver.
    #[must_use]
    pub fn sandbox(mut self) -> Self {
        self.sandbox = true;
        self
    }
}

macro_rules! delegate_provider {
    ($pointer:ident) => {
        #[async_trait]
        impl<P: EmailProvider + ?Sized> EmailProvider for $pointer<P> {
            fn id(&self) -> &ProviderId {
                (**self).id()
            }

            fn capability(&self) -> &Capability {
                (**self).capability()
            }

            async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
                (**self).send(message, options).await
            }

            async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
                (**self).send_batch(messages, options).await
            }

            async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
                (**self).verify(options).await
            }

            fn status_lookup(&self) -> Option<&dyn StatusLookup> {
                (**self).status_lookup()
            }

            fn event_source(&self) -> Option<&dyn EventSource> {
                (**self).event_source()
            }

            fn callback_setup(&self) -> Option<&dyn CallbackSetup> {
                (**self).callback_setup()
            }
        }
    };
}

delegate_provider!(Arc);
delegate_provider!(Box);
