//! Postmark.
