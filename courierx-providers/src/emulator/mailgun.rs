//! Mailgun, emulated.
