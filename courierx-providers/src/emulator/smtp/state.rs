//! What the sessions of a mail server share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use courierx_core::provider::conformance::Received;
use tokio::sync::Notify;

use super::builder::Rules;
use super::{SmtpFault, SmtpPhase};

/// The envelope of a message (RFC 5321 §2.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpEnvelope {
    /// Whom answers about its delivery go to; empty for none.
    pub from: String,
    /// The recipients that were taken, in order.
    pub recipients: Vec<String>,
}

pub(super) struct Shared {
    pub(super) rules: Rules,
    pub(super) connections: AtomicUsize,
    pub(super) taken: AtomicUsize,
    pub(super) changed: Notify,
    numbers: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) fault: Option<SmtpFault>,
    /// How many more times the fault happens; without end if none.
    pub(super) times: Option<usize>,
    pub(super) received: Vec<Received>,
    pub(super) raw: Vec<Vec<u8>>,
    pub(super) envelopes: Vec<SmtpEnvelope>,
    pub(super) commands: Vec<String>,
}

impl Shared {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            connections: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            changed: Notify::new(),
            numbers: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half done that matters to a test.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that the switch says happens now.
    pub(super) fn switched_fault(&self, phase: SmtpPhase) -> Option<SmtpFault> {
        let mut state = self.lock();
        let fault = state.fault.clone().filter(|fault| fault.phase == phase)?;
        match &mut state.times {
            None => Some(fault),
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(fault)
            }
        }
    }

    /// The number of the next message in the queue.
    pub(super) fn next_number(&self) -> usize {
        self.numbers.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(super) fn note_command(&self, line: String) {
        if self.rules.keeps {
            self.lock().commands.push(line);
        }
        self.changed.notify_waiters();
    }

    /// Takes responsibility for a message.
    pub(super) fn take(&self, envelope: SmtpEnvelope, received: Received, raw: Vec<u8>) {
        if self.rules.keeps {
            let mut state = self.lock();
            state.envelopes.push(envelope);
            state.received.push(received);
            state.raw.push(raw);
        }
        self.taken.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }
}
