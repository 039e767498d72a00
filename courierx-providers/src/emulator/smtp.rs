//! A mail server, emulated.
