//! What becomes of messages.

use courierx_core::clock::Timestamp;
use courierx_core::names;
use courierx_core::provider::conformance::Received;

use super::super::fault::{FAULT_DOMAIN, Fault};

names! {
    /// What becomes of a message for a recipient who is named so at [`FAULT_DOMAIN`](super::super::FAULT_DOMAIN):
    /// `bounce@emulator.test`. For all others it is delivered.
    Fate, "delivered, bounce, soft-bounce, complain, open, machine-open, click, unsubscribe, defer",
    /// It is delivered.
    Delivered = "delivered",
    /// Nobody has the address.
    Bounce = "bounce",
    /// The mailbox is full.
    SoftBounce = "soft-bounce",
    /// It is delivered, and the recipient calls it spam.
    Complain = "complain",
    /// It is delivered and opened.
    Open = "open",
    /// It is delivered, and opened by no reader.
    MachineOpen = "machine-open",
    /// It is delivered and opened, and a link is followed.
    Click = "click",
    /// It is delivered, and the recipient unsubscribes.
    Unsubscribe = "unsubscribe",
    /// It is delivered after it was put off.
    Defer = "defer",
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Happened {
    Sent,
    Delivered,
    Deferred,
    HardBounce,
    SoftBounce,
    Complained,
    Opened,
    MachineOpened,
    Clicked,
    Unsubscribed,
    /// The vendor's own list holds the recipient.
    Listed,
}

/// Something that happened to a message, for one of its recipients.
pub(in super::super) struct Happening {
    pub(in super::super) kind: Happened,
    pub(in super::super) message: Received,
    pub(in super::super) recipient: String,
    /// What the vendor calls the message.
    pub(in super::super) id: String,
    pub(in super::super) at: Timestamp,
    /// Which event it is, from 1.
    pub(in super::super) number: u64,
}

/// What calls itself nothing else is Apple's.
const MACHINE: &str = "Mozilla/5.0";
const READER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

impl Happening {
    pub(in super::super) fn user_agent(&self) -> &'static str {
        if self.kind == Happened::MachineOpened { MACHINE } else { READER }
    }

    /// What the recipient's server said.
    pub(in super::super) fn said(&self) -> &'static str {
        match self.kind {
            Happened::HardBounce => "550 5.1.1 The email account that you tried to reach does not exist",
            Happened::SoftBounce => "552 5.2.2 The mailbox is full",
            Happened::Deferred => "451 4.7.1 Try again later",
            _ => "250 2.0.0 OK",
        }
    }
}

impl Fate {
    pub(super) fn of(recipient: &str) -> Self {
        let local = recipient.strip_suffix(FAULT_DOMAIN).and_then(|local| local.strip_suffix('@'));
        local.and_then(|local| local.parse().ok()).unwrap_or(Self::Delivered)
    }

    /// What happens, in order.
    pub(super) const fn events(self) -> &'static [Happened] {
        use Happened::{
            Clicked, Complained, Deferred, Delivered, HardBounce, MachineOpened, Opened, Sent, SoftBounce,
            Unsubscribed,
        };
        match self {
            Self::Delivered => &[Sent, Delivered],
            Self::Bounce => &[Sent, HardBounce],
            Self::SoftBounce => &[Sent, SoftBounce],
            Self::Complain => &[Sent, Delivered, Complained],
            Self::Open => &[Sent, Delivered, Opened],
            Self::MachineOpen => &[Sent, Delivered, MachineOpened],
            Self::Click => &[Sent, Delivered, Opened, Clicked],
            Self::Unsubscribe => &[Sent, Delivered, Unsubscribed],
            Self::Defer => &[Sent, Deferred, Delivered],
        }
    }
}

/// What happens to a message for this recipient.
pub(super) fn of_recipient(recipient: &str) -> &'static [Happened] {
    if recipient.eq_ignore_ascii_case(&Fault::Suppressed.address()) {
        return &[Happened::Sent, Happened::Listed];
    }
    Fate::of(recipient).events()
}
