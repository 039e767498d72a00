//! Postmark, emulated.
