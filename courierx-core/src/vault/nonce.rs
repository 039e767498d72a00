//! Random nonces, many per system call.
//!
//! A batch lives in memory until it is used up. What copies memory copies nonces: a fork is noticed, but a
//! virtual machine that is resumed twice from one snapshot would repeat what is left of a batch, so it has
//! to start its programs after the snapshot.

use std::sync::{Mutex, PoisonError};

use aes_gcm::aead::Generate;

/// The length of a nonce, in bytes.
pub(super) const NONCE: usize = 12;
/// How many bytes are fetched at once: 42 nonces, so that fetching costs little next to sealing.
const BATCH: usize = 42 * NONCE;

/// Nonces straight from the operating system's generator, fetched in batches.
pub(super) struct Nonces(Mutex<Batch>);

struct Batch {
    bytes: [u8; BATCH],
    used: usize,
    /// Who fetched it: a forked child starts with its parent's batch and must not use it.
    process: u32,
}

impl Nonces {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Batch { bytes: [0; BATCH], used: BATCH, process: 0 }))
    }

    /// A nonce that was never used. Panics if the operating system has no randomness to give.
    pub(super) fn next(&self) -> [u8; NONCE] {
        // A panic while fetching leaves the batch used up, so a poisoned lock guards nothing broken.
        let mut batch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if batch.used == BATCH || batch.process != process {
            batch.used = BATCH;
            batch.bytes = <[u8; BATCH]>::generate();
            (batch.used, batch.process) = (0, process);
        }
        let mut nonce = [0; NONCE];
        let start = batch.used;
        nonce.copy_from_slice(&batch.bytes[start..start + NONCE]);
        batch.used += NONCE;
        nonce
    }
}
