//! What texts of replies say, where servers in wide use say it by nothing else.

use super::reply::Reply;

/// This client, or what it sends, rather than the recipient: any of these outweighs [`MAILBOX`].
const US: &[&str] = &[
    "relay",
    "block",
    "blacklist",
    "black list",
    "listed",
    "spam",
    "policy",
    "sender",
    "helo",
    "ehlo",
    "hostname",
    "reverse dns",
];

/// The mailbox, and that nobody has it.
const MAILBOX: &[&str] = &[
    "user unknown",
    "unknown user",
    "user not found",
    "no such user",
    "no such mailbox",
    "no such recipient",
    "no such address",
    "no mailbox",
    "mailbox unavailable",
    "mailbox unknown",
    "unknown mailbox",
    "mailbox not found",
    "invalid mailbox",
    "does not exist",
    "doesn't exist",
    "invalid recipient",
    "unknown recipient",
    "recipient unknown",
    "recipient not found",
    "recipient rejected",
];

/// The address that a message is from.
const SENDER: &[&str] = &[
    "sender address",
    "sender verif",
    "sender reject",
    "sender domain",
    "domain of sender",
    "envelope sender",
    "return path",
    "from address",
];

/// An account's credit. SES: `454 Throttling failure: Daily message quota exceeded`; SendGrid: `451 … Maximum
/// credits exceeded`.
const CREDIT: &[&str] = &["credits exceeded", "message quota", "daily quota", "monthly quota"];

/// A client's pace, where it is the client that is spoken to.
const PACE: &[&str] = &["throttl", "too many", "rate exceeded", "rate limit", "unusual rate", "concurrent"];

/// A client's pace, whoever may have written the text: SES, Exchange Online.
const OWN_PACE: &[&str] =
    &["throttling failure", "sending rate", "sending limit", "thread limit", "concurrent connection"];

/// The text of a reply.
pub(super) struct Wording(String);

impl Wording {
    pub(super) fn of(reply: &Reply) -> Self {
        Self(reply.text().to_ascii_lowercase())
    }

    fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.contains(word))
    }

    /// Whether it says that nobody has the recipient's mailbox, and nothing else that could be the reason.
    pub(super) fn names_the_mailbox(&self) -> bool {
        self.has(MAILBOX) && !self.has(US)
    }

    pub(super) fn names_the_sender(&self) -> bool {
        self.has(SENDER)
    }

    pub(super) fn is_of_a_full_mailbox(&self) -> bool {
        self.has(&["quota", "mailbox full", "mailbox is full"])
    }

    pub(super) fn is_of_credit(&self) -> bool {
        self.has(CREDIT)
    }

    /// One transaction's size is not this client's pace.
    pub(super) fn is_of_pace(&self) -> bool {
        (self.has(PACE) && !self.has(&["recipients"])) || self.is_of_own_pace()
    }

    pub(super) fn is_of_own_pace(&self) -> bool {
        self.has(OWN_PACE)
    }

    pub(super) fn is_of_greylisting(&self) -> bool {
        self.has(&["greylist", "graylist"])
    }

    pub(super) fn wants_a_login(&self) -> bool {
        self.has(&["authentication required", "authenticate first"])
    }

    /// SES speaks of one identity where a permission is missing.
    pub(super) fn refuses_the_sender(&self) -> bool {
        self.has(&["not verified", "sender not authorized", "not authorized to perform"])
    }
}
