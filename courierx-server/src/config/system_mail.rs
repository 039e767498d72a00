//! How the server sends mail of its own: `COURIERX_SYSTEM_MAIL` and `DASHBOARD_URL`.

use courierx_core::message::Mailbox;

use super::loader::{Loader, Parsed};
use super::table;

/// How the server sends mail of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemMail {
    /// The slug of the tenant as whose it is sent.
    pub tenant: String,
    /// Who stands in From.
    pub from: Mailbox,
    /// Where its links lead, without a slash at the end.
    pub dashboard: Option<String>,
}

impl SystemMail {
    /// The link to a page of the dashboard that takes a token.
    pub fn link(&self, page: &str, token: &str) -> Option<String> {
        self.dashboard.as_ref().map(|dashboard| format!("{dashboard}/{page}/{token}"))
    }
}

pub(super) fn load(from: &mut Loader<'_>) -> Option<SystemMail> {
    let mail = from.optional(&table::COURIERX_SYSTEM_MAIL, system_mail);
    let dashboard = from.optional(&table::DASHBOARD_URL, dashboard);
    mail.map(|(tenant, from)| SystemMail { tenant, from, dashboard })
}

fn system_mail(text: &str) -> Parsed<(String, Mailbox)> {
    let parts = text.split_once(':').map(|(tenant, from)| (tenant.trim(), from.trim().parse()));
    match parts {
        Some((tenant, Ok(from))) if !tenant.is_empty() => Ok((tenant.to_owned(), from)),
        _ => Err("must be the slug of a tenant, a colon and a sender".to_owned()),
    }
}

fn dashboard(text: &str) -> Parsed<String> {
    let text = text.trim_end_matches('/');
    let is_http = text.starts_with("https://") || text.starts_with("http://");
    if is_http && !text.chars().any(|one| one.is_whitespace() || one.is_control() || one == '?' || one == '#')
    {
        return Ok(text.to_owned());
    }
    Err("must begin with https:// or http://, and have no `?` and no `#`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_and_a_sender_are_read() {
        let (tenant, from) = system_mail("acme: Acme <no-reply@acme.example>").unwrap();
        assert_eq!((tenant.as_str(), from.to_string().contains("no-reply@acme.example")), ("acme", true));
        for wrong in ["acme", "no-reply@acme.example", ": a@a.example", "acme: nobody"] {
            assert!(system_mail(wrong).is_err(), "{wrong}");
        }
        assert_eq!(dashboard("https://a.example/").as_deref(), Ok("https://a.example"));
        for wrong in ["a.example", "https://a.example/?x", "javascript:alert(1)"] {
            assert!(dashboard(wrong).is_err(), "{wrong}");
        }
    }
}
