//! Amazon SES, by its API v2.
