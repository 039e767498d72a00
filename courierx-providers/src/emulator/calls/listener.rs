//! Who was named by a vendor's API to be called back.

use std::sync::Arc;

use super::keys::CallbackKeys;

/// Where a vendor calls back, and how it signs there.
pub(in super::super) struct Listener {
    pub(in super::super) url: String,
    pub(in super::super) keys: Arc<CallbackKeys>,
    /// What a vendor knows it by.
    pub(in super::super) name: String,
}
