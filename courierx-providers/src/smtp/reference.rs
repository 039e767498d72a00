//! Examples of replies and what is made of them, for the reference.

use super::classify::{self, Step};
use super::reply::Reply;
use crate::reference::Treatment;

/// Replies that servers in wide use give, by the step at which they give them.
const EXAMPLES: &[(Step, u16, &str)] = &[
    (Step::Greeting, 421, "4.3.2 not available"),
    (Step::Greeting, 554, "no SMTP service here"),
    (Step::Auth, 454, "4.7.0 temporary authentication failure"),
    (Step::Auth, 535, "5.7.8 credentials invalid"),
    (Step::Mail, 421, "4.7.0 too many messages"),
    (Step::Mail, 530, "5.7.0 authentication required"),
    (Step::Mail, 550, "5.7.1 sender not authorized"),
    (Step::Mail, 553, "5.1.8 bad sender"),
    (Step::Mail, 552, "5.3.4 message too large"),
    (Step::Rcpt, 450, "4.2.0 greylisted"),
    (Step::Rcpt, 451, "4.3.0 local error"),
    (Step::Rcpt, 451, "4.7.1 try again later"),
    (Step::Rcpt, 451, "try again later"),
    (Step::Rcpt, 452, "4.2.2 mailbox full"),
    (Step::Rcpt, 452, "4.5.3 too many recipients"),
    (Step::Rcpt, 550, "5.1.1 no such user"),
    (Step::Rcpt, 550, "5.2.1 mailbox disabled"),
    (Step::Rcpt, 550, "5.4.1 no route to the domain"),
    (Step::Rcpt, 550, "5.7.1 blocked"),
    (Step::Rcpt, 550, "5.1.1 sender address rejected"),
    (Step::Rcpt, 550, "5.1.0 address rejected"),
    (Step::Rcpt, 550, "relay not permitted"),
    (Step::Rcpt, 550, "no such user"),
    (Step::Rcpt, 550, "refused"),
    (Step::Rcpt, 552, "user over daily quota"),
    (Step::Rcpt, 552, "5.2.2 over quota"),
    (Step::Rcpt, 556, "5.1.10 the domain takes no mail"),
    (Step::Data, 554, "no valid recipients"),
    (Step::Answer { several: false }, 432, "4.3.2 concurrent connection limit exceeded"),
    (Step::Answer { several: false }, 451, "4.7.1 rate limit exceeded"),
    (Step::Answer { several: false }, 452, "4.3.1 insufficient storage"),
    (Step::Answer { several: false }, 454, "Throttling failure: Daily message quota exceeded"),
    (Step::Answer { several: false }, 550, "5.7.26 DMARC"),
    (Step::Answer { several: false }, 552, "5.2.3 too large"),
    (Step::Answer { several: false }, 554, "5.6.0 content refused"),
    (Step::Answer { several: false }, 554, "Access denied: not authorized to perform ses:SendRawEmail"),
    (Step::Answer { several: true }, 550, "5.1.1 no such user, of several"),
];

/// How replies are treated.
pub(crate) fn treatments() -> Vec<Treatment> {
    let treat = |&(step, code, text): &(Step, u16, &str)| {
        let reply = Reply::new(code, vec![text.to_owned()]);
        let refusal = classify::refusal(step, &reply);
        let step = match step {
            Step::Greeting => "greeting",
            Step::StartTls => "STARTTLS",
            Step::Auth => "AUTH",
            Step::Mail => "MAIL",
            Step::Rcpt => "RCPT",
            Step::Data => "DATA",
            Step::Answer { .. } => "after the message",
        };
        Treatment {
            status: format!("{step}: {code}"),
            codes: refusal.code.unwrap_or_default(),
            says: reply.text(),
            kind: refusal.kind,
        }
    };
    EXAMPLES.iter().map(treat).collect()
}
