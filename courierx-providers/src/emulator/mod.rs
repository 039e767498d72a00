//! Emulators: servers on this machine that behave as the vendors' APIs do, for tests.
//!
//! Each accepts only what the real API accepts, checks credentials, limits and required fields, answers with the
//! documented bodies and headers, keeps what it took, and fails in the ways of [`Fault`] when it is told to.
//! [`SmtpEmulator`] is a mail server, with faults of its own ([`SmtpFault`]).
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use courierx_providers::emulator::{Emulator, Fault};
//!
//! let emulator = Emulator::postmark("server-token").start().await?;
//! // Point the application at emulator.url(), let it send, and look at what arrived.
//! emulator.fail(Some(Fault::Typed503));
//! assert!(emulator.received().is_empty());
//! # Ok(())
//! # }
//! ```

mod calls;
mod fault;
mod mailboxes;
mod mailgun;
mod postmark;
mod reader;
mod resend;
mod sendgrid;
mod serve;
mod ses;
mod smtp;
mod vendor;
mod webhooks;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use courierx_core::provider::conformance::Received;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use calls::{CallbackKeys, Fate};
pub use fault::{FAULT_DOMAIN, Fault};
pub use smtp::{SmtpAct, SmtpEmulator, SmtpEmulatorBuilder, SmtpEnvelope, SmtpFault, SmtpPhase};
pub use vendor::{ApiAnswer, ApiRequest};

use calls::Calls;
use vendor::Vendor;

/// An emulator that is ready to be started.
#[must_use]
pub struct EmulatorBuilder {
    vendor: Arc<dyn Vendor>,
    address: SocketAddr,
    keeps: bool,
}

/// A running emulator. It stops when this is dropped.
pub struct Emulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    wanted: watch::Sender<bool>,
    open: watch::Receiver<bool>,
    _stop: DropGuard,
}

/// What the connections of an emulator share.
struct Shared {
    vendor: Arc<dyn Vendor>,
    keeps: bool,
    state: Mutex<State>,
    taken: AtomicUsize,
    changed: Notify,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    /// How many more requests the fault meets; all if none.
    times: Option<usize>,
    received: Vec<Received>,
    requests: Vec<ApiRequest>,
    calls: Calls,
}

impl EmulatorBuilder {
    fn new(vendor: impl Vendor) -> Self {
        Self { vendor: Arc::new(vendor), address: ([127, 0, 0, 1], 0).into(), keeps: true }
    }

    /// Listens there instead of on a free port of this machine.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Counts what it takes without keeping it: for long runs.
    pub fn only_counting(mut self) -> Self {
        self.keeps = false;
        self
    }

    /// Starts it.
    pub async fn start(self) -> std::io::Result<Emulator> {
        let listener = TcpListener::bind(self.address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            vendor: self.vendor,
            keeps: self.keeps,
            state: Mutex::default(),
            taken: AtomicUsize::new(0),
            changed: Notify::new(),
        });
        let (want, wanted) = watch::channel(true);
        let (opened, open) = watch::channel(true);
        let stop = CancellationToken::new();
        tokio::spawn(serve::run(
            Some(listener),
            address,
            Arc::clone(&shared),
            (wanted, opened),
            stop.clone(),
        ));
        Ok(Emulator { address, shared, wanted: want, open, _stop: stop.drop_guard() })
    }
}

impl fmt::Debug for EmulatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatorBuilder").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Emulator {
    /// Where it is: the base URL for an adapter or a vendor's client.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets every request meet this fault, until it is told otherwise.
    pub fn fail(&self, fault: Option<Fault>) {
        let mut state = self.shared.lock();
        (state.fault, state.times) = (fault, None);
    }

    /// Lets the next requests meet this fault.
    pub fn fail_next(&self, requests: usize, fault: Fault) {
        let mut state = self.shared.lock();
        (state.fault, state.times) = (Some(fault), Some(requests));
    }

    /// Refuses connections and cuts those there are, or takes them again.
    ///
    /// Taking them again needs the same port, which somebody else can have taken meanwhile.
    pub async fn refuse_connections(&self, refuse: bool) {
        self.wanted.send_replace(!refuse);
        // An error means that the server is gone, and with it every connection.
        let _ = self.open.clone().wait_for(|open| *open != refuse).await;
    }

    /// The messages that it took, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// The messages that it took since they were asked for this way, in order. It keeps neither them nor the
    /// requests, so that a long run can be looked at without being held in memory.
    pub fn drain_received(&self) -> Vec<Received> {
        let mut state = self.shared.lock();
        state.requests.clear();
        std::mem::take(&mut state.received)
    }

    /// How many messages it took.
    pub fn count(&self) -> usize {
        self.shared.taken.load(Ordering::Acquire)
    }

    /// Waits until it took so many messages.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        loop {
            let changed = self.shared.changed.notified();
            if self.count() >= count {
                return self.received();
            }
            changed.await;
        }
    }

    /// Every request that it read completely, in order, whatever it answered.
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.shared.lock().requests.clone()
    }

    /// Forgets what it took.
    pub fn clear(&self) {
        let mut state = self.shared.lock();
        state.received.clear();
        state.requests.clear();
        state.calls.clear();
        self.shared.taken.store(0, Ordering::Release);
        self.shared.vendor.forget();
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that the switch says the next request meets.
    fn switched_fault(&self) -> Option<Fault> {
        let mut state = self.lock();
        match &mut state.times {
            None => state.fault,
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                state.fault
            }
        }
    }

    fn keep_request(&self, request: ApiRequest) {
        if self.keeps {
            self.lock().requests.push(request);
        }
    }

    fn take(&self, messages: Vec<Received>, ids: &[String]) {
        let count = messages.len();
        if self.keeps {
            let mut state = self.lock();
            for (at, message) in messages.iter().enumerate() {
                let id = ids.get(at).or(ids.last()).cloned().unwrap_or_default();
                state.calls.take(message.clone(), id);
            }
            state.received.extend(messages);
        }
        self.taken.fetch_add(count, Ordering::AcqRel);
        self.changed.notify_waiters();
    }
}
