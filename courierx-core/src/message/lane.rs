//! How a message is treated on its way: urgency, the risk of a duplicate, and whether it is real.

use crate::names::names;

names! {
    /// How urgent a message is. Lanes have reserved shares of every connection, so that none starves another.
    #[derive(Default)]
    Lane, "critical, transactional, bulk",
    /// Someone waits for it: one-time codes, password resets.
    Critical = "critical",
    /// What a single action of a single person causes: receipts, notices.
    #[default]
    Transactional = "transactional",
    /// Newsletters, broadcasts: what can wait for everything else.
    Bulk = "bulk",
}

impl Lane {
    /// What messages of this lane do after an attempt of unknown result, unless they say otherwise.
    ///
    /// A second one-time code harms less than none, hence [`DuplicatePolicy::FailoverNow`] for
    /// [`Lane::Critical`].
    pub const fn default_duplicate_policy(self) -> DuplicatePolicy {
        match self {
            Self::Critical => DuplicatePolicy::FailoverNow,
            Self::Transactional | Self::Bulk => DuplicatePolicy::WaitThenFailover,
        }
    }
}

names! {
    /// What to do when the result of an attempt is unknown: the message may have been sent, or not.
    DuplicatePolicy, "wait_then_failover, failover_now, never",
    /// Look for proof first (status query, callback); hand it over again once none came in time.
    WaitThenFailover = "wait_then_failover",
    /// Hand it over again at once: a duplicate is better than a delay.
    FailoverNow = "failover_now",
    /// Never hand it over again without proof that it was not sent: a loss is better than a duplicate.
    Never = "never",
}

names! {
    /// Whether a message is real.
    #[derive(Default)]
    Mode, "live, test",
    /// It goes to a provider.
    #[default]
    Live = "live",
    /// It goes to the sandbox and to nobody else; its bounces suppress nobody.
    Test = "test",
}
