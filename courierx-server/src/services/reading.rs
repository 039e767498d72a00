//! Room for what is read of mail: a question says little, and its answer has megabytes that a client may take its time
//! to fetch.

use std::sync::Arc;

use courierx_core::id::TenantId;

use super::room::{Place, Room, SMALL};
use crate::App;
use crate::error::ServiceResult;

/// The room for one answer, from before anything large is read until it is written. What is small takes none.
#[derive(Debug)]
pub struct Reading {
    room: Arc<Room>,
    tenant: TenantId,
    place: Place,
}

impl Reading {
    /// For an answer to this tenant.
    pub(in crate::services) fn new(app: &App, tenant: TenantId) -> Self {
        Self { room: Arc::clone(&app.reading), tenant, place: Place::default() }
    }

    /// Makes room for so many bytes in all, before they are there. Nobody waits for it: who does holds what is read
    /// already.
    pub(in crate::services) fn reserve(&mut self, bytes: usize) -> ServiceResult<()> {
        if bytes <= SMALL {
            return Ok(());
        }
        self.room.widen(self.tenant, &mut self.place, bytes)
    }

    /// The place of an answer of so many bytes, which nothing else is left of; none if it is small.
    pub fn answered(mut self, bytes: usize) -> ServiceResult<Option<Place>> {
        if bytes <= SMALL {
            return Ok(None);
        }
        self.room.widen(self.tenant, &mut self.place, bytes)?;
        self.place.shrink(bytes);
        Ok(Some(self.place))
    }
}
