//! Where rendered text goes: a string that ends at a limit, and escapes on demand.

use std::fmt;

use super::{Escape, TemplateError};

/// The rendered text so far.
#[derive(Debug)]
pub(super) struct Output {
    text: String,
    limit: usize,
    /// What the template is for.
    format: Escape,
    /// Whether what comes is a variable to be escaped.
    escape: bool,
}

impl Output {
    pub(super) fn new(format: Escape, capacity: usize, limit: usize) -> Self {
        Self { text: String::with_capacity(capacity.min(limit)), limit, format, escape: false }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn set_escape(&mut self, escape: bool) {
        self.escape = escape && self.format == Escape::Html;
    }

    pub(super) fn push(&mut self, text: &str) -> Result<(), TemplateError> {
        if self.escape { self.push_escaped(text) } else { self.push_raw(text) }
    }

    fn push_escaped(&mut self, text: &str) -> Result<(), TemplateError> {
        let mut copied = 0;
        for (at, byte) in text.bytes().enumerate() {
            if let Some(entity) = entity(byte) {
                self.push_raw(&text[copied..at])?;
                self.push_raw(entity)?;
                copied = at + 1;
            }
        }
        self.push_raw(&text[copied..])
    }

    fn push_raw(&mut self, text: &str) -> Result<(), TemplateError> {
        if text.len() > self.limit - self.text.len() {
            return Err(self.too_long());
        }
        self.text.push_str(text);
        Ok(())
    }

    pub(super) fn too_long(&self) -> TemplateError {
        TemplateError::OutputTooLong { limit: self.limit }
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text).map_err(|_| fmt::Error)
    }
}

/// What stands for `byte` in HTML, so that it cannot leave a text or a quoted or unquoted attribute value.
const fn entity(byte: u8) -> Option<&'static str> {
    Some(match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        b'\'' => "&#x27;",
        b'`' => "&#x60;",
        b'=' => "&#x3D;",
        _ => return None,
    })
}
