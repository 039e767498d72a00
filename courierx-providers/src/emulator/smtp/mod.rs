//! A mail server, emulated: strict about what it is told, and faithful in how it fails.

mod answer;
mod builder;
mod command;
mod fault;
mod login;
mod message;
mod read;
mod session;
mod state;
mod transaction;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use courierx_core::provider::conformance::Received;
use tokio_util::sync::DropGuard;

pub use builder::SmtpEmulatorBuilder;
pub use fault::{SmtpAct, SmtpFault, SmtpPhase};
pub use state::SmtpEnvelope;

use state::Shared;

/// A mail server (RFC 5321) on this machine, for tests. It stops when this is dropped.
///
/// It takes what a strict server takes: commands in their order and exact syntax, parameters that it offers,
/// nothing sent together unless it said that it may be, bodies with CRLF and lines of at most 998 bytes. It does
/// not encrypt. What it took is kept, decoded and as it came, and it fails in the ways of [`SmtpFault`].
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use courierx_providers::emulator::{SmtpEmulator, SmtpFault, SmtpPhase};
///
/// let server = SmtpEmulator::builder().start().await?;
/// // Point the application at server.url(), let it send, and look at what arrived.
/// assert!(server.wait_for(1).await[0].subject.starts_with("Welcome"));
/// server.fail(Some(SmtpFault::reply(SmtpPhase::Rcpt, "450 4.2.0 Greylisted")));
/// # Ok(())
/// # }
/// ```
pub struct SmtpEmulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl SmtpEmulator {
    /// A server on a free port that offers everything it can, takes anybody's mail, and refuses nothing that is
    /// correct.
    pub fn builder() -> SmtpEmulatorBuilder {
        SmtpEmulatorBuilder::new()
    }

    /// Where it is: `smtp://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets every session meet this fault, until it is told otherwise.
    pub fn fail(&self, fault: Option<SmtpFault>) {
        let mut state = self.shared.lock();
        (state.fault, state.times) = (fault, None);
    }

    /// Lets this fault happen so many times.
    pub fn fail_next(&self, times: usize, fault: SmtpFault) {
        let mut state = self.shared.lock();
        (state.fault, state.times) = (Some(fault), Some(times));
    }

    /// The messages that it took, decoded, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// The bytes of the messages that it took, dots removed, in order.
    pub fn raw(&self) -> Vec<Vec<u8>> {
        self.shared.lock().raw.clone()
    }

    /// The envelopes of the messages that it took, in order.
    pub fn envelopes(&self) -> Vec<SmtpEnvelope> {
        self.shared.lock().envelopes.clone()
    }

    /// The commands that it read, in order, what is secret in AUTH left out.
    pub fn commands(&self) -> Vec<String> {
        self.shared.lock().commands.clone()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// How many messages it took.
    pub fn count(&self) -> usize {
        self.shared.taken.load(Ordering::Acquire)
    }

    /// Waits until it took so many messages.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        self.until(|server| server.count() >= count).await;
        self.received()
    }

    /// Waits until this holds; it is asked after each command and each message.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // What changes while the condition is looked at counts.
            changed.as_mut().enable();
            if condition(self) {
                return;
            }
            changed.await;
        }
    }

    /// Forgets what it took and read.
    pub fn clear(&self) {
        let mut state = self.shared.lock();
        state.received.clear();
        state.raw.clear();
        state.envelopes.clear();
        state.commands.clear();
        self.shared.taken.store(0, Ordering::Release);
    }
}

impl fmt::Debug for SmtpEmulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpEmulator").field("address", &self.address).finish_non_exhaustive()
    }
}
