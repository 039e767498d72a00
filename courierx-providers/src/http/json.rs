//! Bodies in JSON, written once and straight into the buffer that is sent.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Serialize, Serializer};

/// Bytes that are written in base64 (RFC 4648 §4), without a copy in between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base64<'a>(pub(crate) &'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}

/// A value as JSON. `about` is how long it will be, so that a large one does not grow by copying itself.
pub(crate) fn body(value: &impl Serialize, about: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(about);
    match serde_json::to_writer(&mut bytes, value) {
        Ok(()) => bytes.into(),
        // Only maps with other keys than text fail, and no adapter writes any.
        Err(error) => unreachable!("{error}"),
    }
}
