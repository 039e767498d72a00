//! The one place where a tenant's connection becomes a provider.

use std::time::Duration;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::vault::Vault;
use courierx_providers::Smtp;
use courierx_providers::smtp::{SmtpConfigError, SmtpTimeouts};

use super::Guard;
use crate::config::Settings;
use crate::model::provider_connections::{
    Credentials, CredentialsError, ProviderConnection, SmtpTarget, SmtpTls,
};
use crate::secret::Secret;

/// Makes providers of connections.
#[derive(Debug, Clone)]
pub struct Providers {
    vault: Vault,
    guard: Guard,
    extra_roots: Option<String>,
}

/// What a provider is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To carry messages, with the patience of a mail server.
    Delivery,
    /// To be verified while somebody waits.
    Verification,
}

/// Why a connection cannot be used. Nothing in it is a secret.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Its credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// It does not say which server it reaches.
    #[error("the connection names no server")]
    NoTarget,
    /// The operator's own certificates cannot be read.
    #[error(transparent)]
    Roots(#[from] SmtpConfigError),
}

impl Providers {
    /// Opens credentials with this vault, and connects as the settings allow.
    pub fn new(settings: &Settings, vault: Vault) -> Self {
        let guard = Guard::new(settings.private_targets.clone());
        Self { vault, guard, extra_roots: settings.extra_roots.clone() }
    }

    /// What decides which addresses they may reach.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The mail server of a connection.
    pub fn smtp(
        &self,
        tenant: TenantId,
        id: &RecordId,
        connection: &ProviderConnection,
        purpose: Purpose,
    ) -> Result<Smtp, ProviderError> {
        let target = connection.smtp.as_ref().ok_or(ProviderError::NoTarget)?;
        let sealed = connection.credentials.as_ref();
        let credentials =
            sealed.map(|sealed| Credentials::open(&self.vault, tenant, id, sealed)).transpose()?;
        let mut smtp = self.reach(target, credentials.is_some()).timeouts(timeouts(purpose));
        if let Some(pem) = &self.extra_roots {
            smtp = smtp.root_certificate_pem(pem)?;
        }
        if let Some(Credentials { api_key, secret }) = credentials {
            let text = |secret: &Option<Secret>| secret.as_ref().map_or("", Secret::expose).to_owned();
            smtp = smtp.credentials(text(&api_key), text(&secret));
        }
        Ok(smtp)
    }

    /// The way to a server: to permitted addresses, and with a password that can be read on the way only to
    /// those within the operator's network.
    fn reach(&self, target: &SmtpTarget, credentials: bool) -> Smtp {
        let host = target.host.as_str();
        let smtp = match target.tls {
            SmtpTls::StartTls => Smtp::starttls(host),
            SmtpTls::Implicit => Smtp::implicit_tls(host),
            SmtpTls::None => Smtp::plain(host),
        };
        let smtp = smtp.port(target.effective_port());
        if credentials && target.tls == SmtpTls::None {
            smtp.allow_plain_credentials().connect_with(self.guard.connect_privately())
        } else {
            smtp.connect_with(self.guard.connect())
        }
    }
}

fn timeouts(purpose: Purpose) -> SmtpTimeouts {
    match purpose {
        // Each hand-over is bounded as a whole; what is left is the answer, which nobody should cut short.
        Purpose::Delivery => SmtpTimeouts::default(),
        Purpose::Verification => {
            let seconds = Duration::from_secs;
            SmtpTimeouts::default().connect(seconds(7)).greeting(seconds(10)).command(seconds(10))
        }
    }
}
