//! What accounts of each kind have, besides their credentials.

use courierx_core::names;
use serde::{Deserialize, Serialize};

names! {
    /// How a connection to an SMTP server is encrypted.
    SmtpTls, "starttls, implicit, none",
    /// By `STARTTLS` (RFC 3207), required.
    StartTls = "starttls",
    /// From the first byte (RFC 8314).
    Implicit = "implicit",
    /// Not at all.
    None = "none",
}

names! {
    /// Where a vendor that has two houses keeps an account.
    Region, "us, eu",
    /// The United States.
    Us = "us",
    /// The European Union.
    Eu = "eu",
}

/// How an SMTP server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpTarget {
    /// The host.
    pub host: String,
    /// The port; the usual one for the encryption if none.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
}

/// An account at SendGrid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendGridAccount {
    /// Where it is kept.
    pub region: Region,
    /// The addresses that mail leaves from.
    pub ip_pool: Option<String>,
    /// Another address of the API.
    pub base_url: Option<String>,
}

/// Amazon SES in one region of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SesAccount {
    /// The region: `eu-west-1`.
    pub region: String,
    /// The configuration set of every message.
    pub configuration_set: Option<String>,
    /// Another address of the API.
    pub base_url: Option<String>,
}

/// A sending domain at Mailgun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailgunAccount {
    /// The domain.
    pub domain: String,
    /// Where it is kept.
    pub region: Region,
    /// The addresses that mail leaves from.
    pub ip_pool: Option<String>,
    /// Another address of the API.
    pub base_url: Option<String>,
}

/// A server of Postmark's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostmarkAccount {
    /// The stream of every message.
    pub message_stream: Option<String>,
    /// Another address of the API.
    pub base_url: Option<String>,
}

/// An account at Resend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResendAccount {
    /// Another address of the API.
    pub base_url: Option<String>,
}

impl SmtpTarget {
    /// The port, also if it is only implied.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SmtpTls::StartTls => 587,
            SmtpTls::Implicit => 465,
            SmtpTls::None => 25,
        })
    }
}
