//! SendGrid.
