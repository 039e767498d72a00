//! Files that a URL leads to.

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use tokio::time::Duration;

use super::Http;
use super::exchange::describe;

/// A file that was fetched.
#[derive(Clone)]
#[non_exhaustive]
pub struct Fetched {
    /// What the server calls it, if it says so in ASCII.
    pub content_type: Option<String>,
    /// What is in it.
    pub content: Vec<u8>,
}

/// Why a file was not fetched. It does not repeat the URL, which may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL is none, or not one of `http` or `https`, or has a user or a password.
    #[error("is no URL of the form https://host/path")]
    Url,
    /// The server answered something else than 200. Redirects are not followed.
    #[error("could not be fetched: the server answered {0}")]
    Status(u16),
    /// There is more of it than allowed.
    #[error("has more than {max} bytes")]
    TooLarge {
        /// How many are allowed.
        max: usize,
    },
    /// It did not arrive in time.
    #[error("could not be fetched within {} seconds", .limit.as_secs())]
    TooSlow {
        /// How long it was waited for.
        limit: Duration,
    },
    /// The server could not be reached, may not be, or stopped in the middle.
    #[error("could not be fetched: {0}")]
    Failed(String),
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetched").field("bytes", &self.content.len()).finish_non_exhaustive()
    }
}

impl Http {
    /// Fetches a file of at most `max` bytes within `limit`, from addresses that this client may reach.
    pub async fn fetch(&self, url: &str, max: usize, limit: Duration) -> Result<Fetched, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::Url)?;
        let plain = matches!(url.scheme(), "http" | "https") && url.has_host();
        if !plain || !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Url);
        }
        let fetching = tokio::time::timeout(limit, self.get(url, max));
        fetching.await.unwrap_or(Err(FetchError::TooSlow { limit }))
    }

    /// Posts a callback: the status of the answer.
    #[cfg(feature = "emulator")]
    pub(crate) async fn post_callback(
        &self,
        url: &str,
        call: &courierx_core::provider::Callback,
    ) -> Result<u16, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::Url)?;
        let client = self.client_for(&url).map_err(|error| FetchError::Failed(error.to_string()))?;
        let mut request = client.post(url).timeout(Duration::from_secs(15)).body(call.body.clone());
        for (name, value) in &call.headers {
            request = request.header(name.as_str(), value.as_slice());
        }
        let answer = request.send().await.map_err(|error| FetchError::Failed(describe(&error)))?;
        Ok(answer.status().as_u16())
    }

    async fn get(&self, url: Url, max: usize) -> Result<Fetched, FetchError> {
        let client = self.client_for(&url).map_err(|error| FetchError::Failed(error.to_string()))?;
        let failed = |error: reqwest::Error| FetchError::Failed(describe(&error));
        let mut response = client.get(url).send().await.map_err(failed)?;
        if response.status() != 200 {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        if response.content_length().is_some_and(|bytes| bytes > max as u64) {
            return Err(FetchError::TooLarge { max });
        }
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut content = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if content.len() + piece.len() > max {
                return Err(FetchError::TooLarge { max });
            }
            content.extend_from_slice(&piece);
        }
        Ok(Fetched { content_type, content })
    }
}
