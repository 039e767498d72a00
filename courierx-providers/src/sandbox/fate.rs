//! What the magic recipients mean.

use std::time::Duration;

use courierx_core::event::EventKind;
use courierx_core::message::Address;
use courierx_core::provider::{Refusal, RefusalKind};

/// The domain of the magic recipients. `.test` is reserved (RFC 6761 §6.2): nobody has it.
pub const MAGIC_DOMAIN: &str = "sandbox.test";

/// What happens to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered,
    Bounced,
    Complained,
    Greylisted,
    Refused(Refusal),
}

impl Fate {
    /// What is called back about it.
    pub(super) const fn events(&self) -> &'static [EventKind] {
        match self {
            Self::Delivered | Self::Greylisted => &[EventKind::Delivered],
            Self::Bounced => &[EventKind::BouncedHard],
            Self::Complained => &[EventKind::Delivered, EventKind::Complained],
            Self::Refused(_) => &[],
        }
    }
}

/// What happens to a whole hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HandOver {
    Refused(Refusal),
    /// Captured, and nobody learns of it.
    AnswerLost,
    /// Not captured, and nobody learns of it.
    Lost,
}

pub(super) fn of_recipient(address: &Address) -> Fate {
    match magic(address).as_deref() {
        Some("bounce") => Fate::Bounced,
        Some("complain") => Fate::Complained,
        Some("greylist") => Fate::Greylisted,
        Some("reject") => Fate::Refused(Refusal::new(RefusalKind::Recipient, "no such mailbox")),
        Some("policy") => {
            Fate::Refused(Refusal::new(RefusalKind::Policy, "refused for its sender's reputation"))
        }
        _ => Fate::Delivered,
    }
}

pub(super) fn of_hand_over(address: &Address) -> Option<HandOver> {
    let refused = |kind, detail| Some(HandOver::Refused(Refusal::new(kind, detail)));
    match magic(address)?.as_str() {
        "throttle" => {
            let refusal =
                Refusal::new(RefusalKind::Throttled, "too fast").retry_after(Duration::from_secs(1));
            Some(HandOver::Refused(refusal))
        }
        "quota" => refused(RefusalKind::Quota, "the day's credit is used up"),
        "content" => refused(RefusalKind::Content, "the content is refused"),
        "sender" => refused(RefusalKind::Sender, "the sender's domain is not verified"),
        "auth" => refused(RefusalKind::Auth, "the credentials are wrong"),
        "unavailable" => refused(RefusalKind::Unavailable, "out of order"),
        "timeout-before-body" => refused(RefusalKind::Unavailable, "no answer before the body"),
        "timeout-after-body" => Some(HandOver::AnswerLost),
        "lost-after-body" => Some(HandOver::Lost),
        _ => None,
    }
}

/// The local part of a magic recipient in lower case, up to its `+`.
fn magic(address: &Address) -> Option<String> {
    let local = address.local().split('+').next().filter(|_| address.domain() == MAGIC_DOMAIN)?;
    Some(local.to_ascii_lowercase())
}
