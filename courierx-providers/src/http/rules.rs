//! How a vendor's error becomes a reason: a table for each vendor, read from the top.
//!
//! The same tables make the reference in `docs/providers.md`.

use std::fmt;

use courierx_core::provider::{Outcome, Phase, Refusal, RefusalKind, Uncertainty};

use super::Answer;
use crate::secret::Secret;

/// One line of a vendor's table: for which errors it holds, and what they mean.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Rule {
    /// The HTTP status.
    pub status: Status,
    /// The vendor's own codes, if one of them has to be there.
    pub codes: &'static [&'static str],
    /// Words of which the vendor's text has one, in lower case, where a code does not tell enough.
    pub says: &'static [&'static str],
    /// What it means.
    pub kind: RefusalKind,
}

/// The HTTP statuses that a [`Rule`] holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Whichever.
    Any,
    /// This one.
    Is(u16),
    /// From the first to the second, both included.
    Within(u16, u16),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Is(status) => write!(f, "{status}"),
            Self::Within(first, last) => write!(f, "{first}–{last}"),
        }
    }
}

impl Rule {
    /// For a status.
    pub(crate) const fn status(status: u16, kind: RefusalKind) -> Self {
        Self { status: Status::Is(status), codes: &[], says: &[], kind }
    }

    /// For several statuses in a row.
    pub(crate) const fn within(first: u16, last: u16, kind: RefusalKind) -> Self {
        Self { status: Status::Within(first, last), codes: &[], says: &[], kind }
    }

    /// For codes of the vendor's own, whatever the status.
    pub(crate) const fn codes(codes: &'static [&'static str], kind: RefusalKind) -> Self {
        Self { status: Status::Any, codes, says: &[], kind }
    }

    /// Only where the text says one of these, in lower case.
    pub(crate) const fn saying(mut self, words: &'static [&'static str]) -> Self {
        self.says = words;
        self
    }

    fn holds(&self, status: u16, error: &VendorError) -> bool {
        let status = match self.status {
            Status::Any => true,
            Status::Is(one) => one == status,
            Status::Within(first, last) => (first..=last).contains(&status),
        };
        let code = || error.code.as_deref().is_some_and(|code| self.codes.contains(&code));
        let says = || {
            let text = error.message.to_lowercase();
            self.says.iter().any(|words| text.contains(words))
        };
        status && (self.codes.is_empty() || code()) && (self.says.is_empty() || says())
    }
}

/// An error as a vendor writes it in the body of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VendorError {
    /// The vendor's own code.
    pub(crate) code: Option<String>,
    /// What it says, for people.
    pub(crate) message: String,
}

/// What statuses mean that a vendor's table does not tell of, where the vendor says something itself.
const USUAL: &[Rule] = &[
    Rule::within(300, 399, RefusalKind::Auth),
    Rule::status(401, RefusalKind::Auth),
    Rule::status(402, RefusalKind::Quota),
    Rule::within(403, 405, RefusalKind::Auth),
    Rule::status(429, RefusalKind::Throttled),
    Rule::status(400, RefusalKind::Content),
    Rule::status(413, RefusalKind::Content),
    Rule::status(415, RefusalKind::Content),
    Rule::status(422, RefusalKind::Content),
];

/// What they mean on a page of something in between. It may be about this message alone, as a firewall's is, so it
/// closes no connection for others; only what every request would meet does.
const BETWEEN: &[Rule] = &[
    Rule::within(300, 399, RefusalKind::Auth),
    Rule::status(401, RefusalKind::Auth),
    Rule::within(404, 405, RefusalKind::Auth),
    Rule::status(413, RefusalKind::Content),
    Rule::status(429, RefusalKind::Throttled),
    Rule::status(400, RefusalKind::Policy),
    Rule::status(403, RefusalKind::Policy),
];

/// The reason that an error gives: by the vendor's table, else by what its status usually means. `secrets` are
/// blackened in what the vendor says, since some repeat them.
pub(crate) fn refusal(rules: &[Rule], answer: &Answer, error: &VendorError, secrets: &[&Secret]) -> Refusal {
    explain(rules.iter().chain(USUAL), answer, error, secrets)
}

fn explain<'a>(
    mut rules: impl Iterator<Item = &'a Rule>,
    answer: &Answer,
    error: &VendorError,
    secrets: &[&Secret],
) -> Refusal {
    let status = answer.status.as_u16();
    let rule = rules.find(|rule| rule.holds(status, error));
    let kind = rule.map_or(RefusalKind::Unavailable, |rule| rule.kind);
    let mut detail = if error.message.is_empty() { answer.status.to_string() } else { error.message.clone() };
    for secret in secrets {
        secret.scrub(&mut detail);
    }
    let mut refusal = Refusal::new(kind, detail).status(status);
    if let Some(code) = &error.code {
        refusal = refusal.code(code);
    }
    refusal.retry_after = answer.retry_after();
    refusal
}

/// The outcome of a request that was answered with an error; `error` is the body, if it is the vendor's own.
///
/// A status below 500 is certain, and so is what a vendor says itself. A 5xx without the vendor's words comes from
/// something between: whether the vendor has the message, it does not know.
pub(crate) fn refused(
    rules: &[Rule],
    answer: &Answer,
    error: Option<&VendorError>,
    secrets: &[&Secret],
) -> Outcome {
    match error {
        Some(error) => Outcome::Refused(refusal(rules, answer, error, secrets)),
        None if answer.status.is_server_error() || answer.status.is_informational() => {
            let detail = format!("{} without an error of the vendor's own", answer.status);
            Outcome::Unknown(Uncertainty::new(Phase::Answer, detail))
        }
        None => {
            let page = VendorError::default();
            Outcome::Refused(explain(BETWEEN.iter().chain(rules), answer, &page, secrets))
        }
    }
}
