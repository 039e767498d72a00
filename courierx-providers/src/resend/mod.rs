//! Resend.
