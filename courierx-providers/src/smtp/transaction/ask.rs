//! What is asked of the server before the body, and what is not even asked.

use courierx_core::message::Address;
use courierx_core::provider::{Refusal, RefusalKind};

use super::{Stopped, Transaction};
use crate::smtp::envelope::Envelope;
use crate::smtp::session::Features;

impl Transaction<'_> {
    /// What the server would refuse, or should not be asked.
    pub(super) fn begin(&mut self, features: &Features) -> Result<(), Stopped> {
        self.known.fill(None);
        if let Some(max) = features.max_size.filter(|&max| self.bytes.len() > max) {
            let detail = format!("the message has {} bytes, the server takes {max}", self.bytes.len());
            return Err(self.refused(Refusal::new(RefusalKind::Content, detail).code("5.3.4").only_here()));
        }
        if features.smtputf8 {
            return Ok(());
        }
        let refusal = || {
            let detail = "an address beyond ASCII, and the server does not offer SMTPUTF8";
            Refusal::new(RefusalKind::Content, detail).code("5.6.7").only_here()
        };
        if self.header_needs_smtputf8() {
            return Err(self.refused(refusal()));
        }
        for (known, recipient) in self.known.iter_mut().zip(self.message.recipients()) {
            if recipient.mailbox.address().needs_smtputf8() {
                *known = Some(refusal());
            }
        }
        self.anybody_left()
    }

    fn header_needs_smtputf8(&self) -> bool {
        self.message.envelope_from().needs_smtputf8() || !self.is_ascii
    }

    pub(super) fn envelope(&self, features: &Features, reset: bool) -> Envelope {
        let mut envelope = Envelope::new(features);
        if reset {
            envelope.reset();
        }
        let utf8 =
            self.remaining().any(|(_, address)| address.needs_smtputf8()) || self.header_needs_smtputf8();
        let size = features.size.then_some(self.bytes.len());
        envelope.mail(self.message.envelope_from(), size, utf8, !self.is_ascii);
        for (at, address) in self.remaining() {
            envelope.rcpt(at, address);
        }
        envelope.data();
        envelope
    }

    /// The recipients that nothing has ended yet.
    fn remaining(&self) -> impl Iterator<Item = (usize, &Address)> {
        let all = self.message.recipients().iter().enumerate().zip(&self.known);
        all.filter(|(_, known)| known.is_none()).map(|((at, one), _)| (at, one.mailbox.address()))
    }
}
