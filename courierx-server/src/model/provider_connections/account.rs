//! What differs between connections of different kinds.

use courierx_core::names;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::kinds::{
    MailgunAccount, PostmarkAccount, Region, ResendAccount, SendGridAccount, SesAccount, SmtpTarget, SmtpTls,
};

names! {
    /// A kind of provider.
    ProviderKind, "smtp, sendgrid, aws_ses, mailgun, postmark, resend, sandbox",
    /// Any mail server.
    Smtp = "smtp",
    /// SendGrid.
    SendGrid = "sendgrid",
    /// Amazon SES.
    AwsSes = "aws_ses",
    /// Mailgun.
    Mailgun = "mailgun",
    /// Postmark.
    Postmark = "postmark",
    /// Resend.
    Resend = "resend",
    /// Keeps mail and lets none out.
    Sandbox = "sandbox",
}

impl ProviderKind {
    /// The kind of this name. Amazon's has a second one, which its adapter and the first version's engine use.
    pub fn named(name: &str) -> Option<Self> {
        if name == "ses" { Some(Self::AwsSes) } else { name.parse().ok() }
    }

    /// What its adapter is called, in attempts and in statistics.
    pub const fn provider_id(self) -> &'static str {
        match self {
            Self::AwsSes => "ses",
            other => other.as_str(),
        }
    }
}

/// An account at a provider: at which, and what of it is no secret.
///
/// In a record its fields stand beside those of the connection, so that records of mail servers from before there
/// were vendors read the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "provider")]
pub enum Account {
    /// Any mail server.
    #[serde(rename = "smtp")]
    Smtp {
        /// How it is reached.
        smtp: SmtpTarget,
    },
    /// SendGrid.
    #[serde(rename = "sendgrid")]
    SendGrid(SendGridAccount),
    /// Amazon SES.
    #[serde(rename = "aws_ses")]
    AwsSes(SesAccount),
    /// Mailgun.
    #[serde(rename = "mailgun")]
    Mailgun(MailgunAccount),
    /// Postmark.
    #[serde(rename = "postmark")]
    Postmark(PostmarkAccount),
    /// Resend.
    #[serde(rename = "resend")]
    Resend(ResendAccount),
    /// The server's own.
    #[serde(rename = "sandbox")]
    Sandbox {},
}

/// What an account has, whatever its kind, as clients are shown it.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = ConnectionDetails)]
pub struct Details<'a> {
    /// Where it is kept.
    pub region: Option<&'a str>,
    /// The sending domain.
    pub domain: Option<&'a str>,
    /// The configuration set of every message.
    pub configuration_set: Option<&'a str>,
    /// The stream of every message.
    pub message_stream: Option<&'a str>,
    /// The addresses that mail leaves from.
    pub ip_pool: Option<&'a str>,
    /// Another address of the API.
    pub base_url: Option<&'a str>,
}

impl Account {
    /// One of this kind of which nothing is known yet: what it needs is empty.
    pub fn blank(kind: ProviderKind) -> Self {
        let (region, empty) = (Region::Us, String::new);
        match kind {
            ProviderKind::Smtp => {
                Self::Smtp { smtp: SmtpTarget { host: empty(), port: None, tls: SmtpTls::StartTls } }
            }
            ProviderKind::SendGrid => {
                Self::SendGrid(SendGridAccount { region, ip_pool: None, base_url: None })
            }
            ProviderKind::AwsSes => {
                Self::AwsSes(SesAccount { region: empty(), configuration_set: None, base_url: None })
            }
            ProviderKind::Mailgun => {
                Self::Mailgun(MailgunAccount { domain: empty(), region, ip_pool: None, base_url: None })
            }
            ProviderKind::Postmark => {
                Self::Postmark(PostmarkAccount { message_stream: None, base_url: None })
            }
            ProviderKind::Resend => Self::Resend(ResendAccount { base_url: None }),
            ProviderKind::Sandbox => Self::Sandbox {},
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> ProviderKind {
        match self {
            Self::Smtp { .. } => ProviderKind::Smtp,
            Self::SendGrid(_) => ProviderKind::SendGrid,
            Self::AwsSes(_) => ProviderKind::AwsSes,
            Self::Mailgun(_) => ProviderKind::Mailgun,
            Self::Postmark(_) => ProviderKind::Postmark,
            Self::Resend(_) => ProviderKind::Resend,
            Self::Sandbox {} => ProviderKind::Sandbox,
        }
    }

    /// What it has.
    pub fn details(&self) -> Details<'_> {
        let none = Details::default();
        match self {
            Self::Smtp { .. } | Self::Sandbox {} => none,
            Self::SendGrid(SendGridAccount { region, ip_pool, base_url }) => Details {
                region: Some(region.as_str()),
                ip_pool: ip_pool.as_deref(),
                base_url: base_url.as_deref(),
                ..none
            },
            Self::AwsSes(SesAccount { region, configuration_set, base_url }) => Details {
                region: Some(region),
                configuration_set: configuration_set.as_deref(),
                base_url: base_url.as_deref(),
                ..none
            },
            Self::Mailgun(MailgunAccount { domain, region, ip_pool, base_url }) => Details {
                region: Some(region.as_str()),
                domain: Some(domain),
                ip_pool: ip_pool.as_deref(),
                base_url: base_url.as_deref(),
                ..none
            },
            Self::Postmark(PostmarkAccount { message_stream, base_url }) => {
                Details { message_stream: message_stream.as_deref(), base_url: base_url.as_deref(), ..none }
            }
            Self::Resend(ResendAccount { base_url }) => Details { base_url: base_url.as_deref(), ..none },
        }
    }

    /// How a mail server is reached.
    pub const fn smtp(&self) -> Option<&SmtpTarget> {
        match self {
            Self::Smtp { smtp } => Some(smtp),
            _ => None,
        }
    }

    /// The host or the URL, chosen by the tenant, that its credentials are sent to; none if that is the vendor's.
    pub fn destination(&self) -> Option<&str> {
        self.smtp().map(|target| target.host.as_str()).or(self.details().base_url)
    }
}
