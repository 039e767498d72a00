//! Mailgun, by its API v3.
