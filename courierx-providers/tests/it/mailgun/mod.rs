//! Mailgun.
