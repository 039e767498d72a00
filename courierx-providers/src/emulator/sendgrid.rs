//! SendGrid, emulated.
