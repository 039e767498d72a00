//! What became of a hand-over: [`Outcome`], and the reasons a provider gives for refusing.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::names::names;

/// What became of handing one message to one provider.
///
/// There are three answers, not two: a provider took the message, certainly did not take it, or nobody
/// knows. Nothing turns into "certainly not sent" by a conversion: an adapter says so explicitly, and what
/// it cannot prove is [`Outcome::Unknown`]. What follows from a refusal is in [`RefusalKind`], what follows
/// from an unknown outcome in the [router's documentation](crate::router).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an outcome that is not recorded is a message lost or sent twice"]
pub enum Outcome {
    /// The provider took responsibility for every recipient.
    Accepted(Acceptance),
    /// The provider certainly sends to none of the recipients.
    Refused(Refusal),
    /// The request was handed over completely and no complete answer came.
    Unknown(Uncertainty),
    /// The recipients fared differently: one result for each, in the order of
    /// [`Outgoing::recipients`](super::Outgoing::recipients). What is beyond them is ignored, and those it
    /// does not tell of are unknown.
    Mixed(Vec<RecipientOutcome>),
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientOutcome {
    /// The provider took responsibility for this recipient.
    Accepted(Acceptance),
    /// The provider certainly does not send to this recipient.
    Refused(Refusal),
    /// Nobody knows.
    Unknown(Uncertainty),
}

impl Outcome {
    /// The result for the recipient at `position` in the order of the hand-over.
    ///
    /// A [`Outcome::Mixed`] that is shorter than the list of recipients breaks the contract of
    /// [`EmailProvider`](super::EmailProvider); what it does not tell is unknown, never "not sent".
    pub fn of(&self, position: usize) -> RecipientOutcome {
        match self {
            Self::Accepted(acceptance) => RecipientOutcome::Accepted(acceptance.clone()),
            Self::Refused(refusal) => RecipientOutcome::Refused(refusal.clone()),
            Self::Unknown(uncertainty) => RecipientOutcome::Unknown(uncertainty.clone()),
            Self::Mixed(each) => each.get(position).cloned().unwrap_or_else(|| {
                RecipientOutcome::Unknown(Uncertainty::new(
                    Phase::Answer,
                    "the provider told nothing of this recipient",
                ))
            }),
        }
    }

    /// One result for each recipient, folded into one variant if they are all equal. Acceptances under
    /// different identifiers are not: they stay [`Outcome::Mixed`], and [`is_accepted`](Self::is_accepted).
    pub fn from_each(each: Vec<RecipientOutcome>) -> Self {
        match each.first() {
            Some(first) if each.iter().all(|other| other == first) => match first.clone() {
                RecipientOutcome::Accepted(acceptance) => Self::Accepted(acceptance),
                RecipientOutcome::Refused(refusal) => Self::Refused(refusal),
                RecipientOutcome::Unknown(uncertainty) => Self::Unknown(uncertainty),
            },
            _ => Self::Mixed(each),
        }
    }

    /// Whether the provider took responsibility for every recipient.
    pub fn is_accepted(&self) -> bool {
        match self {
            Self::Accepted(_) => true,
            Self::Refused(_) | Self::Unknown(_) => false,
            Self::Mixed(each) => each.iter().all(|one| matches!(one, RecipientOutcome::Accepted(_))),
        }
    }
}

/// The provider took the message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Acceptance {
    provider_message_id: Option<String>,
    /// What the provider said, bounded, for the message's history.
    pub detail: Option<String>,
}

impl Acceptance {
    /// Taken, under the provider's identifier; without one if that is empty, longer than 500 bytes, or no line of
    /// text.
    pub fn with_id(provider_message_id: impl Into<String>) -> Self {
        // What is longer than any vendor's, or no line of text, is none: it is kept with every attempt.
        let id = Some(provider_message_id.into()).filter(|id| is_code(id, LONGEST_ID));
        Self { provider_message_id: id, detail: None }
    }

    /// The provider's own identifier, if it gave one that could be read. Its callbacks name it.
    pub fn provider_message_id(&self) -> Option<&str> {
        self.provider_message_id.as_deref()
    }

    /// Adds what the provider said; cut to 500 characters.
    #[must_use]
    pub fn detail(mut self, text: impl AsRef<str>) -> Self {
        self.detail = Some(bounded(text.as_ref()));
        self
    }
}

/// The provider certainly does not send the message, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {detail}")]
#[non_exhaustive]
pub struct Refusal {
    /// What is to blame, and therefore what happens next.
    pub kind: RefusalKind,
    /// How long the provider asks to be left alone, if it said so.
    pub retry_after: Option<Duration>,
    /// The HTTP status or SMTP reply code.
    pub status: Option<u16>,
    /// The vendor's own code: an SMTP enhanced status (`5.1.1`), a Postmark error code (`406`), …
    pub code: Option<String>,
    /// What the provider said: bounded, and free of credentials.
    pub detail: String,
    /// Whether the reason is a limit of this connection's own server, which another one like it may not have. It counts
    /// for [`Content`](RefusalKind::Content), which else ends the message at all connections of equal capability.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_here: bool,
}

impl Refusal {
    /// A refusal for this reason; `detail` is cut to 500 characters.
    pub fn new(kind: RefusalKind, detail: impl AsRef<str>) -> Self {
        let detail = bounded(detail.as_ref());
        Self { kind, retry_after: None, status: None, code: None, detail, only_here: false }
    }

    /// Says that another server of the same kind may take what this one does not.
    #[must_use]
    pub fn only_here(mut self) -> Self {
        self.only_here = true;
        self
    }

    /// Adds how long the provider asks to be left alone.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds the HTTP status or SMTP reply code.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds the vendor's own code; none if it is empty, longer than 100 bytes, or no line of text.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into()).filter(|code| is_code(code, LONGEST_CODE));
        self
    }
}

names! {
    /// Why a provider refused, in the words of the router: who is to blame decides what happens next.
    ///
    /// | kind | to blame | same connection again | next connection | nobody left |
    /// |---|---|---|---|---|
    /// | `Recipient` | recipient | no | no | the recipient fails, and is suppressed if a mail server said so |
    /// | `RecipientTemporary` | recipient | at the next step | no | retry schedule |
    /// | `Suppressed` | recipient | no | no | the recipient is `suppressed` |
    /// | `Policy` | connection × recipient domain | after all others | yes | retry schedule |
    /// | `Content` | message × connection | no | where capabilities differ, or if it is refused [only here](Refusal::only_here) | the recipient fails |
    /// | `Sender` | connection × from-domain | after all others | yes | retry schedule |
    /// | `Auth` | connection | after a minute, then rarer | yes | waits |
    /// | `Throttled` | connection | when it says | yes | waits |
    /// | `Quota` | connection | when it says | yes | waits |
    /// | `Unavailable` | connection | at the next step | yes, at once | retry schedule |
    /// | `Interrupted` | nobody | when the process is back | no | – |
    ///
    /// Those that blame the connection concern it as a whole, also where they are the answer for one
    /// recipient of several. For a vendor's code that you do not know, and that certainly means "not sent",
    /// take `Unavailable`: it is tried again, elsewhere too, and ends with the schedule.
    #[non_exhaustive]
    RefusalKind, "the kinds of refusals",
    /// No such mailbox, or the recipient's domain does not exist or takes no mail (RFC 7505).
    Recipient = "recipient",
    /// Greylisted, mailbox full, or a temporary fault at the recipient's side.
    RecipientTemporary = "recipient_temporary",
    /// The provider's own suppression list holds the recipient.
    Suppressed = "suppressed",
    /// Refused for SPF, DMARC, a blocklist or reputation (`5.7.x`).
    Policy = "policy",
    /// This provider cannot or will not carry this content: invalid request, forbidden attachment, too large.
    Content = "content",
    /// The address or domain in From is not verified at this connection.
    Sender = "sender",
    /// The credentials are wrong, or the account is suspended.
    Auth = "auth",
    /// Too fast.
    Throttled = "throttled",
    /// The day's, month's or account's credit is used up.
    Quota = "quota",
    /// The provider cannot be reached or is out of order, and said or showed so before it had the message.
    Unavailable = "unavailable",
    /// We are shutting down and had not handed the message over.
    Interrupted = "interrupted",
}

impl RefusalKind {
    /// Whether the same hand-over can never succeed, at any provider, for this recipient.
    pub const fn ends_recipient(self) -> bool {
        matches!(self, Self::Recipient | Self::Suppressed)
    }
}

/// The message may or may not have been sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("unknown outcome ({phase}): {detail}")]
#[non_exhaustive]
pub struct Uncertainty {
    /// How far the hand-over had come.
    pub phase: Phase,
    /// What was seen: bounded, and free of credentials.
    pub detail: String,
}

impl Uncertainty {
    /// An outcome nobody knows; `detail` is cut to 500 characters.
    pub fn new(phase: Phase, detail: impl AsRef<str>) -> Self {
        Self { phase, detail: bounded(detail.as_ref()) }
    }
}

/// How far a hand-over of unknown outcome had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// While the last of the body was being written: it may have left.
    Body,
    /// After the body, before a complete answer.
    Answer,
    /// The process that held the attempt ended without recording a result.
    Crash,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Body => "while the body was sent",
            Self::Answer => "waiting for the answer",
            Self::Crash => "the sender stopped",
        })
    }
}

const LONGEST_ID: usize = 500;
const LONGEST_CODE: usize = 100;

/// Whether a text can be an identifier or a code: its length is the provider's choice.
fn is_code(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// At most 500 characters of what a provider said, on one line: it is stored with every attempt and shown
/// to people, and its length is the provider's choice.
fn bounded(text: &str) -> String {
    const LONGEST: usize = 500;
    let mut line: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
