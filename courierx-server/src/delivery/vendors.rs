//! Adapters to vendors' APIs, of what a connection says.

use courierx_providers::http::{BaseUrl, Http};
use courierx_providers::{Mailgun, Postmark, Resend, SendGrid, Ses, postmark};

use super::ProviderError;
use crate::model::provider_connections::{
    ConnectionMode, Credentials, MailgunAccount, PostmarkAccount, Region, ResendAccount, SendGridAccount,
    SesAccount,
};
use crate::secret::Secret;

type Result<P> = std::result::Result<P, ProviderError>;

pub(super) fn send_grid(
    account: &SendGridAccount,
    login: &Credentials,
    http: Http,
    mode: ConnectionMode,
) -> Result<SendGrid> {
    let SendGridAccount { region, ip_pool, base_url } = account;
    let send_grid = SendGrid::new(text(login.api_key.as_ref())).http(http);
    let send_grid = match region {
        Region::Us => send_grid,
        Region::Eu => send_grid.eu(),
    };
    let send_grid = if mode == ConnectionMode::Test { send_grid.sandbox() } else { send_grid };
    let send_grid = with(send_grid, ip_pool.as_deref(), SendGrid::ip_pool);
    at(send_grid, base_url.as_deref(), SendGrid::base_url)
}

pub(super) fn ses(account: &SesAccount, login: &Credentials, http: Http) -> Result<Ses> {
    let SesAccount { region, configuration_set, base_url } = account;
    let (id, secret) = (text(login.api_key.as_ref()), text(login.secret.as_ref()));
    let ses = Ses::new(id, secret, region.as_str())?.http(http);
    let ses = with(ses, login.session_token.as_ref().map(Secret::expose), Ses::session_token);
    let ses = with(ses, configuration_set.as_deref(), Ses::configuration_set);
    at(ses, base_url.as_deref(), Ses::base_url)
}

pub(super) fn mailgun(
    account: &MailgunAccount,
    login: &Credentials,
    http: Http,
    mode: ConnectionMode,
) -> Result<Mailgun> {
    let MailgunAccount { domain, region, ip_pool, base_url } = account;
    let mailgun = Mailgun::new(text(login.api_key.as_ref()), domain)?.http(http);
    let mailgun = match region {
        Region::Us => mailgun,
        Region::Eu => mailgun.eu(),
    };
    let mailgun = if mode == ConnectionMode::Test { mailgun.test_mode() } else { mailgun };
    let mailgun = with(mailgun, ip_pool.as_deref(), Mailgun::ip_pool);
    at(mailgun, base_url.as_deref(), Mailgun::base_url)
}

pub(super) fn postmark(
    account: &PostmarkAccount,
    login: &Credentials,
    http: Http,
    mode: ConnectionMode,
) -> Result<Postmark> {
    let PostmarkAccount { message_stream, base_url } = account;
    // The token of Postmark's own for tests; the account's could send.
    let token =
        if mode == ConnectionMode::Test { postmark::TEST_TOKEN } else { text(login.api_key.as_ref()) };
    let postmark = Postmark::new(token).http(http);
    let postmark = with(postmark, message_stream.as_deref(), Postmark::message_stream);
    at(postmark, base_url.as_deref(), Postmark::base_url)
}

pub(super) fn resend(account: &ResendAccount, login: &Credentials, http: Http) -> Result<Resend> {
    let resend = Resend::new(text(login.api_key.as_ref())).http(http);
    at(resend, account.base_url.as_deref(), Resend::base_url)
}

/// The provider with what there is of an option.
pub(super) fn with<P, T>(provider: P, option: Option<T>, set: impl FnOnce(P, T) -> P) -> P {
    match option {
        Some(option) => set(provider, option),
        None => provider,
    }
}

/// The provider at another address of its API, if there is one: it goes before that of a region.
fn at<P>(provider: P, url: Option<&str>, set: impl FnOnce(P, BaseUrl) -> P) -> Result<P> {
    Ok(match url {
        Some(url) => set(provider, BaseUrl::new(url)?),
        None => provider,
    })
}

/// A credential; empty only in a record that never was checked.
pub(super) fn text(secret: Option<&Secret>) -> &str {
    secret.map_or("", Secret::expose)
}
