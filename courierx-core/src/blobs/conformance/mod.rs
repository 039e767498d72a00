//! The suite that every back-end for blobs passes: the rules of [`Blobs`] as cases that can fail.
//!
//! Each case is a free function over a [`Subject`]: a place with nothing in it. The macro
//! [`blobs_conformance!`](crate::blobs_conformance) makes one test of each, so a back-end's test file is one
//! function and one line, and a failing case is named:
//!
//! ```ignore
//! use courierx_core::blobs::conformance::Subject;
//!
//! async fn subject() -> Subject {
//!     let directory = tempfile::tempdir().expect("a directory");
//!     Subject::new(MyBlobs::open(directory.path())).keeping(directory)
//! }
//!
//! courierx_core::blobs_conformance!(subject());
//! ```
//!
//! The crate needs `tokio` with `macros` and `rt-multi-thread` among its development dependencies. No case
//! sleeps, and none needs the place to itself for longer than it runs; but each expects to find it empty.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "cases are tests: they fail by panicking, and say which rule was broken"
)]

mod cases;
mod contents;
mod lists;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub use self::contents::{
    a_blob_is_read_back_as_it_was_put, a_blob_is_replaced_whole, a_blob_that_is_not_there_is_none,
    a_dropped_put_leaves_all_or_nothing, deleted_blobs_are_gone, readers_never_see_half_a_blob,
};
pub use self::lists::{
    a_list_has_only_the_days_asked_for, a_list_is_in_order_and_without_gaps, a_list_may_begin_after_any_key,
    lists_are_stable_while_others_put,
};
use super::{BlobKey, Blobs, Day};
use crate::clock::Timestamp;
use crate::id::{MessageId, TenantId};

/// A place under test, with nothing in it.
pub struct Subject {
    blobs: Arc<dyn Blobs>,
    /// Dropped after the place.
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Subject {
    /// This place.
    pub fn new(blobs: impl Blobs) -> Self {
        Self { blobs: Arc::new(blobs), kept: Vec::new() }
    }

    /// Keeps `guard` until the case is over: the directory the blobs are in, the server they are at.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The place.
    pub fn blobs(&self) -> &dyn Blobs {
        &*self.blobs
    }

    /// The place, for tasks that run beside the case.
    pub fn shared(&self) -> Arc<dyn Blobs> {
        Arc::clone(&self.blobs)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("blobs", &self.blobs).finish_non_exhaustive()
    }
}

/// Noon of a day.
fn day(text: &str) -> Day {
    Day::of(format!("{text}T12:00:00Z").parse::<Timestamp>().expect("a date"))
}

/// A new key of a new tenant.
fn key(day: Day) -> BlobKey {
    BlobKey::new(day, TenantId::new(), MessageId::new())
}
