//! A user's password: what makes one, and changing it.

use std::net::IpAddr;

use courierx_core::store::{Change, ConfigsExt};

use super::{LoggedIn, logged_in};
use crate::App;
use crate::ctx::{Actor, Ctx};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::password_resets::PasswordReset;
use crate::model::users::User;
use crate::secret::Secret;

/// Characters of a password at least, and bytes at most: hashing a longer one would cost us, not an attacker.
pub(super) const LENGTH: (usize, usize) = (8, 1024);

/// A password that somebody chose.
#[derive(Debug)]
pub struct NewPassword {
    /// The password.
    pub password: Secret,
    /// The same once more, if the client asked for it twice.
    pub confirmation: Option<Secret>,
}

impl NewPassword {
    /// What is wrong with it.
    pub(super) fn problems(&self) -> Vec<FieldError> {
        let (least, most) = LENGTH;
        let password = self.password.expose();
        let mut wrong = Vec::new();
        if password.chars().count() < least {
            let text = format!("is too short (minimum is {least} characters)");
            wrong.push(FieldError::new("password", text));
        } else if password.len() > most {
            wrong.push(FieldError::new("password", format!("is too long (maximum is {most} bytes)")));
        }
        if self.confirmation.as_ref().is_some_and(|again| *again != self.password) {
            wrong.push(FieldError::new("password_confirmation", "doesn't match password"));
        }
        wrong
    }

    pub(in crate::services) fn check(&self) -> ServiceResult<()> {
        let wrong = self.problems();
        if wrong.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(wrong)) }
    }
}

/// Whether this is the password of whoever asks; counted as a try to log in.
pub(super) async fn proves(
    ctx: &Ctx,
    app: &App,
    current: Secret,
    from: Option<IpAddr>,
) -> ServiceResult<User> {
    let Actor::User { id, home, .. } = &ctx.actor else {
        return Err(ServiceError::Forbidden("this needs a user's token, not an API key".to_owned()));
    };
    let user = app.store.get::<User>(*home, *id).await?.ok_or(ServiceError::NotFound)?.value;
    app.logins.account(&User::login(&user.email).value, from)?;
    let short = current.expose().len() <= LENGTH.1;
    if short && app.passwords.verify(current, Some(&user.password_hash)).await? {
        return Ok(user);
    }
    Err(ServiceError::field("current_password", "is not right"))
}

/// Changes the password of whoever knows the one before. Every token of the user ends; the answer has a new one.
pub async fn change(
    ctx: &Ctx,
    app: &App,
    current: Secret,
    new: NewPassword,
    from: Option<IpAddr>,
) -> ServiceResult<LoggedIn> {
    new.check()?;
    let proven = proves(ctx, app, current, from).await?;
    let Actor::User { id, home, .. } = &ctx.actor else { return Err(ServiceError::NotFound) };
    let hash = app.passwords.hash(new.password).await?;
    let mut user = app.store.get::<User>(*home, *id).await?.ok_or(ServiceError::NotFound)?;
    if user.value.password_hash != proven.password_hash {
        return Err(ServiceError::Conflict("the password was changed meanwhile".to_owned()));
    }
    user.value.password_hash = hash;
    user.value.end_all_tokens();
    // A link that was mailed before is for the password that is gone.
    let changes = vec![
        Change::update(*home, *id, user.version, &user.value)?,
        Change::delete::<PasswordReset>(PasswordReset::of(*id)),
    ];
    app.commit_by(ctx, *home, changes).await?;
    logged_in(app, ctx.tenant, &user).await?.ok_or(ServiceError::NotFound)
}
