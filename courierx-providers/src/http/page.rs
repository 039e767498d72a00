//! Answers that no API gives.

use courierx_core::provider::{Outcome, Phase, Refusal, RefusalKind, Uncertainty};

use super::Answer;

/// Whether an answer is a page for people. APIs have none: a portal in between wrote it, or whoever owns the
/// address now.
pub(crate) fn is_page(answer: &Answer) -> bool {
    let kind = answer.header("content-type").unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"].iter().any(|page| page.eq_ignore_ascii_case(essence))
}

/// The outcome of a request that was answered with success, by something that the vendor is not: nobody knows
/// whether the vendor saw it.
pub(crate) fn stranger(answer: &Answer, what: &str) -> Outcome {
    let detail = format!("{}, but not in the vendor's words: {what}", answer.status);
    Outcome::Unknown(Uncertainty::new(Phase::Answer, detail))
}

/// The reason to give when the answer to a question is a success that cannot be read.
pub(crate) fn unreadable() -> Refusal {
    Refusal::new(RefusalKind::Unavailable, "the answer cannot be read: is the base URL right?")
}
