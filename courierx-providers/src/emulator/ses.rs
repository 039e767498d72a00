//! Amazon SES, emulated.
