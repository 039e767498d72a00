//! Which credentials a connection needs, and where they may travel.

use super::check::Applied;
use super::host::{base_url, literal, may_read_on_the_way};
use crate::delivery::{REFUSED, REFUSED_PLAIN};
use crate::model::provider_connections::{Account, Credentials, ProviderKind, SmtpTls};
use crate::secret::Secret;

/// Bytes of a user, a password or a key.
const MAX_SECRET: usize = 4096;

/// What a kind of provider wants with a credential.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// It has to be there; people call it so.
    Required(&'static str),
    /// It can be there.
    Optional,
    /// There is no such thing.
    Nothing,
}

/// What a kind wants as `api_key`, `secret` and `session_token`.
fn needs(kind: ProviderKind, credentials: &Credentials) -> [Need; 3] {
    use Need::{Nothing, Optional, Required};
    match kind {
        // Both or none.
        ProviderKind::Smtp if credentials.api_key.is_none() && credentials.secret.is_none() => {
            [Optional, Optional, Nothing]
        }
        ProviderKind::Smtp => {
            let both = "api_key is the user, secret the password";
            [Required(both), Required(both), Nothing]
        }
        ProviderKind::AwsSes => {
            [Required("the id of an access key"), Required("the secret of the access key"), Optional]
        }
        ProviderKind::SendGrid | ProviderKind::Resend => [Required("an API key"), Nothing, Nothing],
        ProviderKind::Mailgun => [Required("an API key or a sending key"), Nothing, Nothing],
        ProviderKind::Postmark => [Required("the token of a server"), Nothing, Nothing],
        ProviderKind::Sandbox => [Nothing, Nothing, Nothing],
    }
}

/// The credential that nobody may learn by leading it to a server of their own.
pub(super) fn secret_of(kind: ProviderKind, credentials: &Credentials) -> (&'static str, Option<&Secret>) {
    match kind {
        ProviderKind::Smtp | ProviderKind::AwsSes => ("secret", credentials.secret.as_ref()),
        _ => ("api_key", credentials.api_key.as_ref()),
    }
}

impl Applied<'_> {
    /// Whether everything is there that the kind needs, and nothing else.
    pub(super) fn credentials(&mut self, credentials: &Credentials, kind: ProviderKind) {
        let Credentials { api_key, secret, session_token } = credentials;
        let all = [("api_key", api_key), ("secret", secret), ("session_token", session_token)];
        for ((field, value), need) in all.into_iter().zip(needs(kind, credentials)) {
            match (value, need) {
                (None, Need::Required(what)) => self.is_wrong(field, format!("is missing: {what}")),
                (None, _) => {}
                (Some(_), Need::Nothing) => self.is_wrong(field, format!("is nothing that {kind} has")),
                (Some(text), _) => self.secret(field, text.expose(), kind),
            }
        }
    }

    fn secret(&mut self, field: &'static str, text: &str, kind: ProviderKind) {
        if text.len() > MAX_SECRET {
            self.is_wrong(field, format!("is too long (maximum is {MAX_SECRET} bytes)"));
        } else if kind == ProviderKind::Smtp && text.contains('\0') {
            self.is_wrong(field, "contains a NUL character");
        } else if kind != ProviderKind::Smtp && !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            // No vendor's have others, and none could stand in a header: something was copied with it.
            self.is_wrong(field, "must be printable ASCII without blanks");
        }
    }

    /// Whether credentials may go where the client says, as far as names and URLs tell: an address is judged
    /// again when it is connected to.
    pub(super) fn destination(&mut self, account: &Account, credentials: &Credentials) {
        if let Account::Smtp { smtp } = account {
            let readable = smtp.tls == SmtpTls::None && !credentials.is_empty();
            if readable && !may_read_on_the_way(self.guard, &smtp.host) {
                self.is_wrong("tls", format!("is none: {REFUSED_PLAIN}"));
            }
            return;
        }
        let Some(Ok(url)) = account.destination().map(base_url) else { return };
        if url.is_plain() && !may_read_on_the_way(self.guard, url.host()) {
            self.is_wrong("base_url", REFUSED_PLAIN);
        } else if literal(url.host()).is_some_and(|address| !self.guard.permits(address)) {
            self.is_wrong("base_url", REFUSED);
        }
    }
}
