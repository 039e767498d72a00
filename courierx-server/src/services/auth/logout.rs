//! Logging out: the token ends, here at once and in other processes as soon as they hear of the change.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::store::{Change, ConfigsExt};
use uuid::Uuid;

use crate::App;
use crate::auth::TOKEN_LIFETIME;
use crate::ctx::{Actor, Ctx};
use crate::error::{ServiceError, ServiceResult};
use crate::model::users::{EndedToken, User};

/// How often it is tried again that another change of the user came in between.
const TRIES: usize = 5;
/// Ended tokens that a user's record names. Whoever has more is logged out everywhere.
const MAX_ENDED: usize = 50;

/// Ends the token that one asks with, or every token of the user.
pub async fn log_out(ctx: &Ctx, app: &App, everywhere: bool) -> ServiceResult<()> {
    let Actor::User { id, home, token, .. } = &ctx.actor else {
        return Err(ServiceError::Forbidden("this needs a user's token, not an API key".to_owned()));
    };
    for _ in 0..TRIES {
        let Some(mut user) = app.store.get::<User>(*home, *id).await? else { return Ok(()) };
        end(&mut user.value, *token, everywhere, app.now().after(TOKEN_LIFETIME), app.now());
        let change = Change::update(*home, *id, user.version, &user.value)?;
        match app.commit_by(ctx, *home, vec![change]).await {
            Err(ServiceError::Conflict(_)) => {}
            other => return other,
        }
    }
    Err(ServiceError::Unavailable {
        retry_after: Duration::from_secs(1),
        source: "the user was changed by others each time".into(),
    })
}

fn end(user: &mut User, token: Uuid, everywhere: bool, ends_at: Timestamp, now: Timestamp) {
    user.ended.retain(|one| one.ends_at > now);
    if everywhere || user.ended.len() >= MAX_ENDED {
        user.end_all_tokens();
    } else if user.ended.iter().all(|one| one.token != token) {
        user.ended.push(EndedToken { token, ends_at });
    }
}

#[cfg(test)]
mod tests {
    use courierx_core::clock::Timestamp;

    use super::*;

    #[test]
    fn what_is_named_is_bounded_and_forgotten_once_it_has_ended_by_itself() {
        let now = Timestamp::from_secs(1_900_000_000);
        let mut user = User::new("ada@example.com".to_owned(), String::new(), now);
        for _ in 0..MAX_ENDED {
            end(&mut user, Uuid::now_v7(), false, now.after(TOKEN_LIFETIME), now);
        }
        assert_eq!((user.ended.len(), user.epoch), (MAX_ENDED, 0));
        let mut later = user.clone();
        end(&mut later, Uuid::now_v7(), false, now.after(TOKEN_LIFETIME * 2), now.after(TOKEN_LIFETIME));
        assert_eq!((later.ended.len(), later.epoch), (1, 0));
        end(&mut user, Uuid::now_v7(), false, now.after(TOKEN_LIFETIME), now);
        assert_eq!((user.ended.len(), user.epoch), (0, 1), "one too many ends all");
    }
}
