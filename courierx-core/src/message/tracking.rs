//! Whether a provider may watch what readers do with a message.

use serde::{Deserialize, Serialize};

use crate::names::names;

/// What a provider is asked to count of a message; what is not said is as the provider's account is set up.
///
/// A provider that cannot be asked is passed over, since a reader who must not be watched must not be:
/// [`Capability::tracking`](crate::provider::Capability::tracking) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tracking {
    /// Whether openings are counted, by an invisible image in the HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<bool>,
    /// Whether clicks are counted, by links that lead through the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicks: Option<bool>,
}

impl Tracking {
    /// Nothing is counted, whatever the account's default is.
    pub const OFF: Self = Self { opens: Some(false), clicks: Some(false) };
    /// Openings and clicks are counted.
    pub const ON: Self = Self { opens: Some(true), clicks: Some(true) };

    /// Whether nothing is said: it is as the account is set up.
    pub const fn is_default(&self) -> bool {
        self.opens.is_none() && self.clicks.is_none()
    }

    /// Whether anything is to be counted.
    pub const fn is_wanted(&self) -> bool {
        matches!(self.opens, Some(true)) || matches!(self.clicks, Some(true))
    }
}

names! {
    /// Who counts what a message wants counted.
    #[derive(Default)]
    TrackedBy, "provider, courierx",
    /// The provider that carries it.
    #[default]
    Provider = "provider",
    /// We do, whichever provider carries it: see [`tracking`](crate::tracking). Providers are asked not to.
    CourierX = "courierx",
}

impl TrackedBy {
    /// What a provider is asked of what a message wants: what we count, none is to count again.
    pub(crate) fn asked(self, wanted: Tracking) -> Tracking {
        self.each(wanted, Some(false))
    }

    /// What a connection must be able to promise. One that cannot be asked may carry what we count all the same: its
    /// readers are to be counted, if twice.
    pub(crate) fn needed(self, wanted: Tracking) -> Tracking {
        self.each(wanted, None)
    }

    fn each(self, wanted: Tracking, ours: Option<bool>) -> Tracking {
        let one = |said: Option<bool>| match self {
            Self::CourierX if said == Some(true) => ours,
            Self::CourierX | Self::Provider => said,
        };
        Tracking { opens: one(wanted.opens), clicks: one(wanted.clicks) }
    }

    /// Whether it is what it is where nothing is said.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
