//! The message: read to its final dot, and held to what was said of it.

use courierx_core::provider::conformance::Received;

use super::builder::Rules;
use super::command::Sender;
use super::read;
use super::session::{Gone, Session};
use super::state::SmtpEnvelope;
use super::{SmtpAct, SmtpFault, SmtpPhase};

/// Bytes of a line with its end (RFC 5321 §4.5.3.1.6), and the dot that may stand before it.
const LONGEST_LINE: usize = 1001;
/// The largest message that is kept while it is read, where no limit was said.
const LARGEST: usize = 200 * 1024 * 1024;

/// A message as it came, dots removed, and what is wrong with its lines.
#[derive(Default)]
pub(super) struct Body {
    bytes: Vec<u8>,
    too_large: bool,
    too_long: bool,
    bare: bool,
}

impl Body {
    /// The message as it is understood; an error is the reply.
    pub(super) fn check(
        &self,
        sender: &Sender,
        envelope: &SmtpEnvelope,
        rules: &Rules,
    ) -> Result<Received, &'static str> {
        let header = self.bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or(self.bytes.len());
        if self.too_large || rules.size.is_some_and(|most| self.bytes.len() > most) {
            Err("552 5.3.4 The message is too large")
        } else if self.bare {
            Err("554 5.6.0 A CR or LF stands alone")
        } else if self.too_long {
            Err("554 5.6.0 A line is longer than 998 bytes")
        } else if !sender.eight_bit && !self.bytes.is_ascii() {
            Err("554 5.6.3 Eight-bit data without BODY=8BITMIME")
        } else if !sender.utf8 && !self.bytes[..header].is_ascii() {
            Err("554 5.6.9 A header beyond ASCII needs SMTPUTF8")
        } else {
            read::message(&self.bytes, &envelope.recipients)
                .ok_or("554 5.6.0 That is no message with From and Date")
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn add(&mut self, line: &[u8]) {
        let Some(text) = line.strip_suffix(b"\r\n") else {
            self.bare = true;
            return;
        };
        self.bare |= text.contains(&b'\r');
        self.too_large |= self.bytes.len() > LARGEST;
        if !self.too_large {
            // The dot that makes a line unlike the last one (RFC 5321 §4.5.2).
            self.bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
    }
}

impl Session<'_> {
    /// Reads a message and its final dot.
    pub(super) async fn body(&mut self) -> Result<Body, Gone> {
        let mut body = Body::default();
        loop {
            match self.line(LONGEST_LINE).await? {
                // A dot behind a line that did not end with CRLF is no final dot.
                Some(line) if line == b".\r\n" => return Ok(body),
                Some(line) => body.add(&line),
                None => body.too_long = true,
            }
        }
    }

    /// Takes responsibility, and says so as the fault lets it.
    pub(super) async fn take(
        &mut self,
        named: Option<SmtpFault>,
        (envelope, received, raw): (SmtpEnvelope, Received, Vec<u8>),
    ) -> Result<(), Gone> {
        let fault = named.or_else(|| self.shared.switched_fault(SmtpPhase::Dot));
        let refuses = |act: &SmtpAct| matches!(act, SmtpAct::Reply(text) if text.starts_with(['4', '5']));
        if !fault.as_ref().is_some_and(|fault| refuses(&fault.act)) {
            self.shared.take(envelope, received, raw);
        }
        let usual = format!("250 2.0.0 Ok: queued as EMU{:06}", self.shared.next_number());
        if let Some(fault) = fault {
            return self.act(fault.act, &usual).await.map(drop);
        }
        self.say(&usual);
        Ok(())
    }
}
