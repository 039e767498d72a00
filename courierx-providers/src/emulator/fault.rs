//! What an emulator can be told to do wrong.

use courierx_core::names;

names! {
    /// A way to fail, chosen by [`Emulator::fail`](super::Emulator::fail), or by a message that names it in a
    /// recipient's address: `throttled@emulator.test`.
    Fault, "throttled, throttled-without-time, quota, suspended, unverified, suppressed, unauthorized, \
        typed-500, typed-503, untyped-500, untyped-502, untyped-503, untyped-504, reset, hang, truncated, \
        unreadable, slow",
    /// Too fast: come back in seven seconds.
    Throttled = "throttled",
    /// Too fast, without a word about when to come back.
    ThrottledWithoutTime = "throttled-without-time",
    /// The account's credit is used up.
    Quota = "quota",
    /// The account is suspended.
    Suspended = "suspended",
    /// The sender's domain is not verified.
    Unverified = "unverified",
    /// The vendor's own suppression list holds the recipient. Vendors that tell it only by an event accept.
    Suppressed = "suppressed",
    /// The credentials are refused.
    Unauthorized = "unauthorized",
    /// Out of order, in the vendor's own words.
    Typed500 = "typed-500",
    /// Out of order for now, in the vendor's own words.
    Typed503 = "typed-503",
    /// An error page of something in front of the vendor.
    Untyped500 = "untyped-500",
    /// A bad gateway.
    Untyped502 = "untyped-502",
    /// A gateway without anything behind it.
    Untyped503 = "untyped-503",
    /// A gateway that waited in vain.
    Untyped504 = "untyped-504",
    /// The connection ends without an answer. By [`Emulator::fail`](super::Emulator::fail): before the body is
    /// read.
    Reset = "reset",
    /// The message is taken and no answer comes.
    Hang = "hang",
    /// The message is taken and the answer ends in the middle.
    Truncated = "truncated",
    /// The message is taken and the answer makes no sense.
    Unreadable = "unreadable",
    /// The answer takes a third of a second.
    Slow = "slow",
}

/// The domain of addresses that name a fault.
pub const FAULT_DOMAIN: &str = "emulator.test";

impl Fault {
    /// The address that brings it about.
    pub fn address(self) -> String {
        format!("{self}@{FAULT_DOMAIN}")
    }

    /// The fault that a request names in some address.
    pub(super) fn named_in(body: &[u8]) -> Option<Self> {
        // `@` is `%40` in forms.
        let names = |fault: &Self| {
            [format!("{fault}@{FAULT_DOMAIN}"), format!("{fault}%40{FAULT_DOMAIN}")].iter().any(|address| {
                body.windows(address.len()).enumerate().any(|(at, window)| {
                    let starts = at == 0 || !body[at - 1].is_ascii_alphanumeric() && body[at - 1] != b'-';
                    starts && window == address.as_bytes()
                })
            })
        };
        if !body.windows(FAULT_DOMAIN.len()).any(|window| window == FAULT_DOMAIN.as_bytes()) {
            return None;
        }
        Self::ALL.iter().copied().find(names)
    }

    /// The status of an error page that is not the vendor's.
    pub(super) const fn untyped_status(self) -> Option<u16> {
        match self {
            Self::Untyped500 => Some(500),
            Self::Untyped502 => Some(502),
            Self::Untyped503 => Some(503),
            Self::Untyped504 => Some(504),
            _ => None,
        }
    }
}
