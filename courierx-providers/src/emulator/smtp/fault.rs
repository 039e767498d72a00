//! What a mail server can be told to do wrong.

use courierx_core::names;

use crate::emulator::FAULT_DOMAIN;

names! {
    /// A moment in a session at which something can go wrong.
    SmtpPhase, "greeting, ehlo, auth, mail, rcpt, data, dot, quit",
    /// The first line, before any command.
    Greeting = "greeting",
    /// EHLO.
    Ehlo = "ehlo",
    /// The end of AUTH.
    Auth = "auth",
    /// MAIL FROM.
    Mail = "mail",
    /// RCPT TO.
    Rcpt = "rcpt",
    /// DATA, before the body.
    Data = "data",
    /// The final dot: the server has the whole message.
    Dot = "dot",
    /// QUIT.
    Quit = "quit",
}

/// What happens instead of the usual answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SmtpAct {
    /// This is said, whatever it is; line ends are added. After 421 the connection ends (RFC 5321 §3.8).
    Reply(String),
    /// The connection ends without an answer.
    Drop,
    /// No answer comes, and the connection stays.
    Hang,
    /// The usual answer is cut after two characters, and the connection ends.
    Truncated,
}

/// Something going wrong at one moment of a session, chosen by [`SmtpEmulator::fail`](super::SmtpEmulator::fail),
/// or by a message: one of its recipients or its sender has the [`address`](Self::address).
///
/// At the final dot the message counts as taken, whatever goes wrong, unless the answer is a refusal (4xx, 5xx).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpFault {
    /// When it happens.
    pub phase: SmtpPhase,
    /// What happens.
    pub act: SmtpAct,
}

impl SmtpFault {
    /// Something else is answered: `550 5.1.1 No such user`.
    pub fn reply(phase: SmtpPhase, text: impl Into<String>) -> Self {
        Self { phase, act: SmtpAct::Reply(text.into()) }
    }

    /// The connection ends without an answer.
    pub const fn drop(phase: SmtpPhase) -> Self {
        Self { phase, act: SmtpAct::Drop }
    }

    /// No answer comes.
    pub const fn hang(phase: SmtpPhase) -> Self {
        Self { phase, act: SmtpAct::Hang }
    }

    /// The answer ends in the middle.
    pub const fn truncated(phase: SmtpPhase) -> Self {
        Self { phase, act: SmtpAct::Truncated }
    }

    /// The address that brings it about: `rcpt-550-5.1.1@emulator.test`, `dot-drop@emulator.test`.
    ///
    /// Of a reply it has the code and the enhanced code. Nothing before MAIL can be brought about by an address; a
    /// fault at RCPT concerns that recipient alone.
    pub fn address(&self) -> String {
        let act = match &self.act {
            SmtpAct::Reply(text) => {
                let mut words = text.split_whitespace();
                let code = words.next().unwrap_or_default();
                let enhanced = words.next().filter(|word| is_enhanced(word));
                enhanced.map_or_else(|| code.to_owned(), |enhanced| format!("{code}-{enhanced}"))
            }
            SmtpAct::Drop => "drop".to_owned(),
            SmtpAct::Hang => "hang".to_owned(),
            SmtpAct::Truncated => "truncated".to_owned(),
        };
        format!("{}-{act}@{FAULT_DOMAIN}", self.phase)
    }

    /// The fault that an address names.
    pub(super) fn named_by(address: &str) -> Option<Self> {
        let local = address.strip_suffix(FAULT_DOMAIN)?.strip_suffix('@')?;
        let (phase, act) = local.split_once('-')?;
        let act = match act {
            "drop" => SmtpAct::Drop,
            "hang" => SmtpAct::Hang,
            "truncated" => SmtpAct::Truncated,
            reply => {
                let (code, enhanced) = reply.split_once('-').unwrap_or((reply, ""));
                let known = code.len() == 3
                    && code.bytes().all(|digit| digit.is_ascii_digit())
                    && (enhanced.is_empty() || is_enhanced(enhanced));
                known.then(|| {
                    SmtpAct::Reply(format!("{code} {enhanced} as {local} asks").replace("  ", " "))
                })?
            }
        };
        Some(Self { phase: phase.parse().ok()?, act })
    }
}

fn is_enhanced(word: &str) -> bool {
    word.split('.').count() == 3 && word.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_fault() {
        for fault in [SmtpFault::drop(SmtpPhase::Dot), SmtpFault::hang(SmtpPhase::Mail)] {
            assert_eq!(SmtpFault::named_by(&fault.address()), Some(fault));
        }
        let greylisted = SmtpFault::reply(SmtpPhase::Rcpt, "450 4.2.0 Greylisted");
        assert_eq!(greylisted.address(), "rcpt-450-4.2.0@emulator.test");
        let named = SmtpFault::named_by(&greylisted.address()).unwrap();
        assert_eq!(named, SmtpFault::reply(SmtpPhase::Rcpt, "450 4.2.0 as rcpt-450-4.2.0 asks"));
        let bare = SmtpFault::reply(SmtpPhase::Dot, "451");
        assert_eq!(bare.address(), "dot-451@emulator.test");
        assert_eq!(
            SmtpFault::named_by(&bare.address()).unwrap(),
            SmtpFault::reply(SmtpPhase::Dot, "451 as dot-451 asks")
        );
        for nothing in ["ada@example.com", "dot-drop@example.com", "dot@emulator.test", "dot-x@emulator.test"]
        {
            assert_eq!(SmtpFault::named_by(nothing), None, "{nothing}");
        }
    }
}
