//! What every provider can do and how its errors are treated, as data: `docs/providers.md` is made of it.

use courierx_core::provider::{Capability, RefusalKind};

pub use crate::callback::{EventRule, Meaning};
#[cfg(feature = "http")]
use crate::http::{Rule, Status};

/// One provider.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reference {
    /// Its name in configurations.
    pub id: &'static str,
    /// Its name, for people.
    pub name: &'static str,
    /// What it can do.
    pub capability: Capability,
    /// How its errors are treated: the first that fits counts.
    pub treatments: Vec<Treatment>,
    /// Whether it can be asked what became of a hand-over.
    pub lookup: bool,
    /// What its events mean: the first that fits counts. None if it does not call back.
    pub events: &'static [EventRule],
}

/// How an error is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Treatment {
    /// The HTTP status, or the step of the session and the reply code.
    pub status: String,
    /// The vendor's own codes, or the enhanced code.
    pub codes: String,
    /// What the text has to say, if that counts.
    pub says: String,
    /// The reason that it gives.
    pub kind: RefusalKind,
}

#[cfg(feature = "http")]
impl From<&Rule> for Treatment {
    fn from(rule: &Rule) -> Self {
        let status = match rule.status {
            Status::Any => String::new(),
            status => status.to_string(),
        };
        Self { status, codes: rule.codes.join(", "), says: rule.says.join(", "), kind: rule.kind }
    }
}

/// A vendor with a table of rules.
#[cfg(feature = "http")]
#[allow(dead_code, reason = "without any vendor's adapter there is no table")]
fn vendor(
    id: &'static str,
    name: &'static str,
    capability: Capability,
    rules: &[Rule],
    lookup: bool,
    events: &'static [EventRule],
) -> Reference {
    Reference {
        id,
        name,
        capability,
        treatments: rules.iter().map(Treatment::from).collect(),
        lookup,
        events,
    }
}

/// Every provider that is built in and leads somewhere.
pub fn references() -> Vec<Reference> {
    vec![
        #[cfg(feature = "smtp")]
        Reference {
            id: "smtp",
            name: "SMTP",
            capability: crate::smtp::capability(),
            treatments: crate::smtp::treatments(),
            lookup: false,
            events: &[],
        },
        #[cfg(feature = "sendgrid")]
        vendor(
            "sendgrid",
            "SendGrid",
            crate::sendgrid::capability(),
            crate::sendgrid::RULES,
            false,
            crate::sendgrid::EVENTS,
        ),
        #[cfg(feature = "ses")]
        vendor(
            "aws_ses",
            "Amazon SES",
            crate::ses::capability(),
            crate::ses::RULES,
            false,
            crate::ses::EVENTS,
        ),
        #[cfg(feature = "mailgun")]
        vendor(
            "mailgun",
            "Mailgun",
            crate::mailgun::capability(),
            crate::mailgun::RULES,
            true,
            crate::mailgun::EVENTS,
        ),
        #[cfg(feature = "postmark")]
        vendor(
            "postmark",
            "Postmark",
            crate::postmark::capability(),
            crate::postmark::RULES,
            true,
            crate::postmark::EVENTS,
        ),
        #[cfg(feature = "resend")]
        vendor(
            "resend",
            "Resend",
            crate::resend::capability(),
            crate::resend::RULES,
            true,
            crate::resend::EVENTS,
        ),
    ]
}
