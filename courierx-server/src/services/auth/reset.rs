//! A forgotten password: whoever gets the mail may set another one.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigsExt, Resource};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::password::NewPassword;
use crate::App;
use crate::auth::{hex, random_hex};
use crate::error::{ServiceError, ServiceResult};
use crate::model::password_resets::PasswordReset;
use crate::model::users::User;
use crate::secret::Secret;
use crate::services::audit_log::Author;
use crate::services::system_mail;

/// For how long a token works.
const LIFETIME: Duration = Duration::from_hours(1);
/// For how long nobody is mailed another one.
const PAUSE: Duration = Duration::from_mins(1);
/// Mails that are prepared at once; beyond, people have to ask again.
const AT_ONCE: usize = 16;

/// How many resets are begun at once.
pub struct Resets(Arc<Semaphore>);

impl Default for Resets {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl fmt::Debug for Resets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resets")
    }
}

/// Mails a token to an address, if somebody logs in with it. Neither the answer nor its time tells whether.
pub async fn forgot(app: &Arc<App>, email: &str, from: Option<IpAddr>) -> ServiceResult<()> {
    if app.settings.system_mail.is_none() {
        return Err(ServiceError::Refused {
            code: "no_system_mail",
            message: "This server sends no mail of its own. Ask its operator.".to_owned(),
        });
    }
    if let Some(from) = from {
        app.logins.address(from)?;
    }
    let login = User::login(email);
    app.logins.account(&login.value, from)?;
    let busy = |_| ServiceError::TooMany {
        message: "too many forgotten passwords at the moment",
        retry_after: Duration::from_secs(2),
    };
    let place = Arc::clone(&app.resets.0).try_acquire_owned().map_err(busy)?;
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let _held = place;
        let begun = async {
            let Some(user) = app.store.find_anywhere::<User>(&login).await? else { return Ok(()) };
            begin(&app, user.tenant, user.id, &user.value.email).await
        };
        if let Err(error) = begun.await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a password reset was not mailed");
        }
    });
    Ok(())
}

async fn begin(app: &App, home: TenantId, user: RecordId, email: &str) -> ServiceResult<()> {
    let id = PasswordReset::of(user);
    let before = app.store.get::<PasswordReset>(home, id).await?;
    let now = app.now();
    if before.as_ref().is_some_and(|one| one.value.created_at.after(PAUSE) > now) {
        return Ok(());
    }
    let token = random_hex();
    let reset =
        PasswordReset { user, digest: digest(&token), created_at: now, expires_at: now.after(LIFETIME) };
    let change = match before {
        Some(before) => Change::update(home, id, before.version, &reset)?,
        None => Change::create(home, id, &reset)?,
    };
    app.commit(home, vec![change]).await?;
    let text = match app.settings.system_mail.as_ref().and_then(|mail| mail.link("reset-password", &token)) {
        Some(link) => format!("To choose another password, open\n\n{link}\n"),
        None => format!("To choose another password, use this token:\n\n{}\n", token.as_str()),
    };
    let text = format!(
        "Somebody asked to reset the password of this address.\n\n{text}\nIt works once, and for an hour. If it was \
         not you, nothing has changed.\n"
    );
    system_mail::send(app, email, "Reset your password", &text, LIFETIME).await
}

/// Sets another password by a token that was mailed. Every token to log in of the user ends.
pub async fn reset(app: &App, token: &Secret, new: NewPassword, from: Option<IpAddr>) -> ServiceResult<()> {
    if let Some(from) = from {
        app.logins.address(from)?;
    }
    new.check()?;
    let ended = || ServiceError::field("token", "is not right, was used, or has ended");
    let key = PasswordReset::by_digest(digest(token.expose()));
    let found = app.store.find_anywhere::<PasswordReset>(&key).await?;
    let found = found.filter(|one| one.value.expires_at > app.now()).ok_or_else(ended)?;
    let (home, id) = (found.tenant, found.value.user);
    let hash = app.passwords.hash(new.password).await?;
    let mut user = app.store.get::<User>(home, id).await?.ok_or_else(ended)?;
    user.value.password_hash = hash;
    user.value.end_all_tokens();
    // Of two who come with the same token one is first: the other finds it gone.
    let gone =
        Change::Delete { kind: PasswordReset::KIND.to_owned(), id: found.id, expected: Some(found.version) };
    let changes = vec![gone, Change::update(home, id, user.version, &user.value)?];
    app.commit_as(&Author::user(id), home, changes).await.map_err(|error| match error {
        ServiceError::Conflict(_) => ended(),
        error => error,
    })
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}
