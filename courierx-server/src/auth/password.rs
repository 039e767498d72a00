//! Passwords: Argon2id, off the async threads, and only a few at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::error::{ServiceError, ServiceResult};
use crate::secret::Secret;

/// Passwords hashed at once: each takes 19 MiB and a core for some 20 milliseconds.
const AT_ONCE: usize = 2;
/// How many wait behind them; whoever comes then is told to come back.
const WAITING: usize = 64;

/// The hash of nobody's password: random bytes in the form that hashes have. Checking against it takes as long
/// as checking a real one, so that an unknown address cannot be told from a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Sd116FzW539A1lIvzTaMSQ$Uzj699ifEJG+GnQwCwlo4tRISt+k5+W0lh1mWVTv970";

/// Hashes and checks passwords.
#[derive(Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), places: Arc::new(Semaphore::new(AT_ONCE + WAITING)) }
    }
}

impl Passwords {
    /// The hash of a password, as a PHC string.
    pub async fn hash(&self, password: Secret) -> ServiceResult<String> {
        self.run(move || hash(password.expose().as_bytes())).await?.map_err(ServiceError::internal)
    }

    /// Whether the password is the one of this hash; never, but not faster, if there is no hash.
    pub async fn verify(&self, password: Secret, hash: Option<&str>) -> ServiceResult<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let matches = self
            .run(move || {
                let hash = PasswordHash::new(&hash)?;
                Ok::<_, argon2::password_hash::phc::Error>(
                    Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok(),
                )
            })
            .await?;
        Ok(matches.map_err(ServiceError::internal)? && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> ServiceResult<T> {
        let busy = |_| ServiceError::TooMany {
            message: "too many log-ins at the moment",
            retry_after: Duration::from_secs(2),
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(ServiceError::internal)?;
        // The permits go with the work: whoever gives up waiting does not make room for more of it.
        let done = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            work()
        });
        done.await.map_err(ServiceError::internal)
    }
}

fn hash(password: &[u8]) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_somebody_is_right() {
        let passwords = Passwords::default();
        let text = |text: &str| Secret::new(text);
        let hash = passwords.hash(text("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"));
        assert!(passwords.verify(text("correct horse"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(text("battery staple"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(text("correct horse"), None).await.unwrap());
        let parameters = |hash: &str| hash.rsplitn(3, '$').nth(2).unwrap().to_owned();
        assert_eq!(parameters(NOBODY), parameters(&hash), "both take as long");
    }
}
