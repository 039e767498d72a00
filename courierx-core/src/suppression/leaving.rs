//! What recipients do themselves: they leave by a link of ours, and come back by it.

use super::{NewSuppression, Pattern, Reason, Scope, Suppression};
use crate::id::MessageId;
use crate::message::AddressKey;

/// Where entries come from that links of ours made, and nothing else.
pub(crate) const BY_LINK: &str = "courierx";

impl NewSuppression {
    /// Holds back, for ever, mail of this scope to who left by a link of ours in this message.
    pub fn left(recipient: &AddressKey, scope: Scope, message: MessageId) -> Self {
        Self::new(Pattern::address(recipient), Reason::Unsubscribe, BY_LINK)
            .scope(scope)
            .source_message(message)
    }
}

impl Suppression {
    /// Whether it is there because its recipient left by a link of ours, and for nothing else, so that coming back by
    /// the link ends it. Anybody may follow a link who was passed the message.
    pub fn ends_by_coming_back(&self) -> bool {
        self.reason == Reason::Unsubscribe && self.source == BY_LINK
    }
}
