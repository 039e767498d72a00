//! The one place where a tenant's connection becomes a provider.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::provider::EmailProvider;
use courierx_core::vault::Vault;
use courierx_providers::http::{Http, HttpError, InvalidBaseUrl};
use courierx_providers::mailgun::InvalidDomain;
use courierx_providers::ses::InvalidRegion;
use courierx_providers::smtp::{SmtpConfigError, SmtpTimeouts};
use courierx_providers::{Mailgun, Postmark, Resend, Sandbox, SendGrid, Ses, Smtp};

use super::callbacks::Keys;
use super::vendors::{self, text, with};
use super::{Guard, REFUSED, REFUSED_PLAIN};
use crate::config::Settings;
use crate::model::provider_connections::{
    Account, ConnectionMode, Credentials, CredentialsError, ProviderConnection, SmtpTarget, SmtpTls,
};

/// What a tenant is told whose file anybody on the way could change.
const REFUSED_PLAIN_FILE: &str = "files are fetched by https:// only";
/// What a tenant is told whose endpoint would be told in the clear.
const REFUSED_PLAIN_WEBHOOK: &str = "what is told without TLS goes only to private targets that the operator's \
     setting COURIERX_ALLOW_PRIVATE_TARGETS allows";

/// Makes providers of connections. Clones share their HTTP connections, and so do all tenants: what proves who
/// somebody is travels with each request.
#[derive(Debug, Clone)]
pub struct Providers {
    vault: Vault,
    guard: Guard,
    extra_roots: Option<String>,
    delivering: Http,
    verifying: Http,
    fetching: Http,
    telling: Http,
}

/// What a provider is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To carry messages, with the patience of a mail server.
    Delivery,
    /// To be verified while somebody waits.
    Verification,
    /// To fetch files, without credentials.
    Files,
    /// To tell applications what happened.
    Webhooks,
}

/// Why a connection cannot be used. Nothing in it is a secret.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Its credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The operator's own certificates cannot be read.
    #[error(transparent)]
    Roots(#[from] SmtpConfigError),
    /// It names an API that is nowhere.
    #[error("base_url {0}")]
    BaseUrl(#[from] InvalidBaseUrl),
    /// It names a region that none can be.
    #[error(transparent)]
    Region(#[from] InvalidRegion),
    /// It names a sending domain that none can be.
    #[error(transparent)]
    Domain(#[from] InvalidDomain),
}

impl Providers {
    /// Opens credentials with this vault, and connects as the settings allow.
    pub fn new(settings: &Settings, vault: Vault) -> Result<Self, HttpError> {
        let guard = Guard::new(settings.private_targets.clone());
        let roots = settings.extra_roots.as_deref();
        Ok(Self {
            delivering: http(&guard, roots, Purpose::Delivery)?,
            verifying: http(&guard, roots, Purpose::Verification)?,
            fetching: http(&guard, roots, Purpose::Files)?,
            telling: http(&guard, roots, Purpose::Webhooks)?,
            extra_roots: settings.extra_roots.clone(),
            vault,
            guard,
        })
    }

    /// What decides which addresses they may reach.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// What fetches files that tenants name, from permitted addresses.
    pub fn files(&self) -> &Http {
        &self.fetching
    }

    /// What tells endpoints that tenants name, at permitted addresses.
    pub fn webhooks(&self) -> &Http {
        &self.telling
    }

    /// The provider of a connection.
    pub fn provider(
        &self,
        tenant: TenantId,
        id: &RecordId,
        connection: &ProviderConnection,
        purpose: Purpose,
    ) -> Result<Arc<dyn EmailProvider>, ProviderError> {
        let sealed = connection.credentials.as_ref();
        let open = |sealed| Credentials::open(&self.vault, tenant, id, sealed);
        let login = sealed.map(open).transpose()?.unwrap_or_default();
        let keys = Keys::of(&self.vault, tenant, id, connection);
        self.with_keys(&connection.account, &login, connection.mode, purpose, &keys)
    }

    /// The provider of an account that somebody proves to have.
    pub fn of_account(
        &self,
        account: &Account,
        login: &Credentials,
        mode: ConnectionMode,
        purpose: Purpose,
    ) -> Result<Arc<dyn EmailProvider>, ProviderError> {
        self.with_keys(account, login, mode, purpose, &Keys::default())
    }

    fn with_keys(
        &self,
        account: &Account,
        login: &Credentials,
        mode: ConnectionMode,
        purpose: Purpose,
        keys: &Keys,
    ) -> Result<Arc<dyn EmailProvider>, ProviderError> {
        let http = match purpose {
            Purpose::Delivery => self.delivering.clone(),
            Purpose::Verification | Purpose::Files | Purpose::Webhooks => self.verifying.clone(),
        };
        Ok(match account {
            Account::Smtp { smtp } => Arc::new(self.smtp(smtp, login, purpose, mode)?),
            Account::SendGrid(account) => {
                let provider = vendors::send_grid(account, login, http, mode)?;
                Arc::new(with(provider, keys.send_grid(), SendGrid::callbacks))
            }
            Account::AwsSes(account) => {
                let provider = vendors::ses(account, login, http)?;
                Arc::new(with(provider, keys.ses(&self.verifying), Ses::callbacks))
            }
            Account::Mailgun(account) => {
                let provider = vendors::mailgun(account, login, http, mode)?;
                Arc::new(with(provider, keys.mailgun(), Mailgun::callbacks))
            }
            Account::Postmark(account) => {
                let provider = vendors::postmark(account, login, http, mode)?;
                Arc::new(with(provider, keys.postmark(), Postmark::callbacks))
            }
            Account::Resend(account) => {
                let provider = vendors::resend(account, login, http)?;
                Arc::new(with(provider, keys.resend(), Resend::callbacks))
            }
            Account::Sandbox {} => Arc::new(Sandbox::new()),
        })
    }

    fn smtp(
        &self,
        target: &SmtpTarget,
        login: &Credentials,
        purpose: Purpose,
        mode: ConnectionMode,
    ) -> Result<Smtp, ProviderError> {
        let mut smtp = self.reach(target, !login.is_empty()).timeouts(timeouts(purpose));
        if let Some(pem) = &self.extra_roots {
            smtp = smtp.root_certificate_pem(pem)?;
        }
        if !login.is_empty() {
            smtp = smtp.credentials(text(login.api_key.as_ref()), text(login.secret.as_ref()));
        }
        Ok(if mode == ConnectionMode::Test { smtp.for_tests() } else { smtp })
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

/// A client for vendors' APIs that reaches permitted addresses, and without TLS only those within the operator's
/// network.
fn http(guard: &Guard, extra_roots: Option<&str>, purpose: Purpose) -> Result<Http, HttpError> {
    let (any, plain) = (guard.clone(), guard.clone());
    let mut http = Http::builder()
        .permit(move |address| any.permits(address))
        .permit_plain(move |address| plain.permits_as_private(address))
        .refusals(
            REFUSED,
            match purpose {
                Purpose::Files => REFUSED_PLAIN_FILE,
                Purpose::Webhooks => REFUSED_PLAIN_WEBHOOK,
                Purpose::Delivery | Purpose::Verification => REFUSED_PLAIN,
            },
        );
    if purpose != Purpose::Delivery {
        http = http.connect_timeout(Duration::from_secs(7)).answer_timeout(Duration::from_secs(10));
    }
    if let Some(pem) = extra_roots {
        http = http.root_certificate_pem(pem)?;
    }
    http.build()
}

fn timeouts(purpose: Purpose) -> SmtpTimeouts {
    match purpose {
        // Each hand-over is bounded as a whole; what is left is the answer, which nobody should cut short.
        Purpose::Delivery => SmtpTimeouts::default(),
        Purpose::Verification | Purpose::Files | Purpose::Webhooks => {
            let seconds = Duration::from_secs;
            SmtpTimeouts::default().connect(seconds(7)).greeting(seconds(10)).command(seconds(10))
        }
    }
}
