//! Requests that tell somebody something.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Url};

use super::exchange::describe;
use super::{Answer, FetchError, Http};

/// What was answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Notified {
    /// The status.
    pub status: u16,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The beginning of the body; what is no text in it is replaced.
    pub body: String,
}

impl Http {
    /// Posts a body in JSON with these headers to an address that this client may reach, within `limit`. At most
    /// `max` bytes of the answer are read.
    pub async fn notify(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Vec<u8>,
        max: usize,
        limit: Duration,
    ) -> Result<Notified, FetchError> {
        let notifying = tokio::time::timeout(limit, self.post(url, headers, body, max));
        notifying.await.unwrap_or(Err(FetchError::TooSlow { limit }))
    }

    async fn post(
        &self,
        url: &Url,
        mut headers: HeaderMap,
        body: Vec<u8>,
        max: usize,
    ) -> Result<Notified, FetchError> {
        let client = self.client_for(url).map_err(|error| FetchError::Failed(error.to_string()))?;
        let failed = |error: reqwest::Error| FetchError::Failed(describe(&error));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut request = Request::new(Method::POST, url.clone());
        (*request.headers_mut(), *request.body_mut()) = (headers, Some(body.into()));
        let mut response = client.execute(request).await.map_err(failed)?;
        let mut answer = Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: bytes::Bytes::new(),
            at: self.clock().now(),
        };
        let mut read = Vec::new();
        // A status is an answer, whatever happens to the rest of it.
        while read.len() < max
            && let Ok(Some(piece)) = response.chunk().await
        {
            read.extend_from_slice(&piece[..piece.len().min(max - read.len())]);
        }
        answer.body = read.into();
        Ok(Notified {
            status: answer.status.as_u16(),
            retry_after: answer.retry_after(),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
        })
    }
}
