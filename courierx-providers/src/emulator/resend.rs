//! Resend, emulated.
