//! What really happened, whatever the courier was told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use courierx::{ConnectionId, MessageId};
use courierx_core::id::DeliveryId;

/// What really happened, shared by the providers of one world.
#[derive(Debug, Clone, Default)]
pub(super) struct Truth(Arc<Mutex<Facts>>);

#[derive(Debug, Default)]
pub(super) struct Facts {
    /// How often each recipient really gets a message.
    pub(super) sent: HashMap<(MessageId, u32), usize>,
    /// What was handed over under each delivery id.
    pub(super) content: HashMap<DeliveryId, String>,
    /// Hand-overs of which a provider could call back.
    pub(super) taken: Vec<(ConnectionId, DeliveryId, String)>,
    /// Moves with everything that happens at a provider.
    pub(super) steps: u64,
    /// What must not have happened.
    pub(super) wrong: Vec<String>,
}

impl Truth {
    pub(super) fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap()
    }
}
