//! Why a message bounced.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::EventKind;
use crate::names::names;

/// `class.subject.detail` (RFC 3463 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// What it is about: addresses, mailboxes, systems, …
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl EnhancedCode {
    /// The code a text begins with.
    pub fn leading(text: &str) -> Option<Self> {
        let word = text.split(' ').next()?;
        let mut numbers = word.split('.');
        let (class, subject, detail) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let class = match class {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return None,
        };
        let code = Self { class, subject: number(subject)?, detail: number(detail)? };
        numbers.next().is_none().then_some(code)
    }

    /// The code behind a text, as qmail writes it: `(#5.7.1)`, and with its patches `(#5.1.1 - chkuser)`.
    pub fn trailing(text: &str) -> Option<Self> {
        let (_, inside) = text.trim_end().strip_suffix(')')?.rsplit_once("(#")?;
        Self::leading(inside)
    }
}

fn number(digits: &str) -> Option<u16> {
    let valid = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.parse().ok()).flatten()
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

names! {
    /// What a bounce is about.
    #[non_exhaustive]
    BounceClass, "no_mailbox, mailbox_full, policy, content, unreachable, undetermined",
    /// Nobody has this address.
    NoMailbox = "no_mailbox",
    /// There is no room in the mailbox.
    MailboxFull = "mailbox_full",
    /// The sender, its servers or its domain are not wanted: nothing that is the recipient's fault.
    Policy = "policy",
    /// The message is not wanted as it is: its size, its form, what is in it.
    Content = "content",
    /// The recipient's server could not be reached in time.
    Unreachable = "unreachable",
    /// Nobody says.
    Undetermined = "undetermined",
}

/// Why a message bounced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bounce {
    /// What it is about.
    pub class: BounceClass,
    /// The SMTP code.
    pub code: Option<u16>,
    /// The enhanced code.
    pub enhanced: Option<EnhancedCode>,
}

impl Bounce {
    /// A bounce of this class, by what the vendor says, in whose diagnostic text codes may stand.
    ///
    /// An enhanced code is more exact than a vendor's own word, where it says something that the word does not:
    /// vendors call it a hard bounce when a mailbox is full for good, and when they are on somebody's list.
    pub fn new(class: BounceClass, diagnostic: &str) -> Self {
        let (code, enhanced) = codes(diagnostic);
        Self { class: class.refined(enhanced), code, enhanced }
    }

    /// Uses this enhanced code, which the vendor told apart from its text.
    #[must_use]
    pub fn status(mut self, status: &str) -> Self {
        let told = EnhancedCode::leading(status.trim());
        // `5.0.0` says nothing that a code in the text would not say better.
        let vague = |code: &EnhancedCode| code.subject == 0;
        if let Some(told) = told.filter(|told| self.enhanced.is_none() || !vague(told)) {
            self.enhanced = Some(told);
            self.class = self.class.refined(Some(told));
        }
        self
    }

    /// Uses this SMTP code, which the vendor told apart from its text.
    #[must_use]
    pub fn code(mut self, code: Option<u16>) -> Self {
        self.code = code.filter(|code| (200..600).contains(code)).or(self.code);
        self
    }

    /// What kind of event it is: hard if nobody has the address, and then only.
    pub const fn kind(&self) -> EventKind {
        match self.class {
            BounceClass::NoMailbox => EventKind::BouncedHard,
            _ => EventKind::BouncedSoft,
        }
    }
}

impl BounceClass {
    /// The class, if an enhanced code says something more exact. Nothing but the vendor's word makes a
    /// [`NoMailbox`](Self::NoMailbox), since much follows from it.
    const fn refined(self, enhanced: Option<EnhancedCode>) -> Self {
        let Some(EnhancedCode { subject, detail, .. }) = enhanced else { return self };
        match (subject, detail) {
            // RFC 3463 §3.2: 5.1.7 and 5.1.8 are about the sender's address.
            (7, _) | (1, 7 | 8) => Self::Policy,
            (2, 2) | (3, 1) => Self::MailboxFull,
            (2, 3) | (3, 4) | (6, _) => Self::Content,
            (4, 3 | 5 | 6 | 7) => Self::Unreachable,
            _ => self,
        }
    }
}

/// The reply code and the enhanced code in a server's words: `smtp; 550 5.1.1 user unknown`.
fn codes(diagnostic: &str) -> (Option<u16>, Option<EnhancedCode>) {
    let words =
        || diagnostic.split([' ', ';', '-', '\n', '\r', '\t']).filter(|word| !word.is_empty()).take(12);
    let code = words().find_map(|word| {
        let three = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
        three.then(|| word.parse().ok()).flatten().filter(|code| (200..600).contains(code))
    });
    let agrees = |found: &EnhancedCode| code.is_none_or(|code| u16::from(found.class) == code / 100);
    let enhanced =
        words().find_map(|word| EnhancedCode::leading(word.trim_matches(['(', ')', '#', ':', ','])));
    (code, enhanced.filter(agrees))
}

#[cfg(test)]
mod tests {
    use super::*;
    use BounceClass::{Content, MailboxFull, NoMailbox, Policy, Undetermined, Unreachable};

    #[test]
    fn codes_are_more_exact_than_words() {
        let table = [
            (NoMailbox, "", "smtp; 550 5.1.1 user unknown", NoMailbox, Some(550), "5.1.1"),
            (NoMailbox, "", "550-5.1.1 The email account does not exist", NoMailbox, Some(550), "5.1.1"),
            (NoMailbox, "5.0.0", "500 unknown recipient", NoMailbox, Some(500), "5.0.0"),
            (NoMailbox, "5.2.2", "552 5.2.2 over quota", MailboxFull, Some(552), "5.2.2"),
            (NoMailbox, "5.0.0", "smtp; 552 5.2.2 over quota", MailboxFull, Some(552), "5.2.2"),
            (NoMailbox, "", "554 5.7.1 blocked by a list", Policy, Some(554), "5.7.1"),
            (NoMailbox, "5.7.26", "", Policy, None, "5.7.26"),
            (NoMailbox, "", "550 5.1.8 sender's domain does not exist", Policy, Some(550), "5.1.8"),
            (Undetermined, "", "552 5.3.4 message too big", Content, Some(552), "5.3.4"),
            (Undetermined, "4.4.7", "expired", Unreachable, None, "4.4.7"),
            // What the vendor does not call hard is not.
            (Undetermined, "5.1.1", "550 5.1.1 no such user", Undetermined, Some(550), "5.1.1"),
            (NoMailbox, "", "no code at all", NoMailbox, None, ""),
            // They contradict each other.
            (NoMailbox, "", "550 4.2.2 what?", NoMailbox, Some(550), ""),
            (NoMailbox, "", "connect to 192.0.2.1 failed in 2024", NoMailbox, None, ""),
        ];
        for (said, status, text, class, code, enhanced) in table {
            let bounce = Bounce::new(said, text).status(status);
            let shown = bounce.enhanced.map_or_else(String::new, |code| code.to_string());
            assert_eq!(
                (bounce.class, bounce.code, shown.as_str()),
                (class, code, enhanced),
                "{text} {status}"
            );
        }
    }

    #[test]
    fn only_an_address_that_nobody_has_bounces_hard() {
        for class in BounceClass::ALL {
            let hard = Bounce::new(*class, "").kind() == EventKind::BouncedHard;
            assert_eq!(hard, *class == NoMailbox);
        }
    }
}
