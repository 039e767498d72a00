//! What a provider answers when it is asked: the truth, or that it does not know yet.

use async_trait::async_trait;
use courierx::RefusalKind;
use courierx::provider::{
    Acceptance, LookupError, LookupKey, Phase, RecipientOutcome, Refusal, SendOptions, StatusLookup,
    Uncertainty,
};

use super::provider::Scripted;

#[async_trait]
impl StatusLookup for Scripted {
    async fn lookup(
        &self,
        key: &LookupKey,
        _options: &SendOptions,
    ) -> Result<Vec<RecipientOutcome>, LookupError> {
        let mut desk = self.desk();
        if desk.rng.u8(..8) == 0 {
            return Err(LookupError::new(Refusal::new(RefusalKind::Unavailable, "by chance")));
        }
        let unknown = RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, "not known yet"));
        let never = RecipientOutcome::Refused(Refusal::new(RefusalKind::Unavailable, "never taken"));
        let on_the_wire = desk.on_the_wire.contains(&key.delivery);
        let mut answer = |address: String| {
            if on_the_wire || desk.rng.u8(..3) == 0 {
                unknown.clone()
            } else if desk.taken.contains_key(&(key.delivery, address)) {
                RecipientOutcome::Accepted(Acceptance::default())
            } else {
                never.clone()
            }
        };
        Ok(key.recipients.iter().map(|address| answer(address.to_string())).collect())
    }
}
