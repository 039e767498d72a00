//! Carries requests to the server and answers back.

use std::fmt;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::Error;
use crate::retry::{RetryPolicy, delay_before, may_retry};

pub(crate) struct Transport {
    pub(crate) http: reqwest::Client,
    pub(crate) base_url: Url,
    pub(crate) authorization: HeaderValue,
    pub(crate) timeout: Duration,
    pub(crate) policy: RetryPolicy,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the key.
        f.debug_struct("Transport").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

/// A request, before it is written.
#[derive(Debug)]
pub(crate) struct Request {
    method: Method,
    /// Parts of the path below `/api/v1`.
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    /// Whether it may be carried out twice without harm.
    repeatable: bool,
    idempotency_key: Option<String>,
    /// Of a stream: the last event that was read.
    last: Option<String>,
}

impl Request {
    fn new(method: Method, path: &[&str], repeatable: bool) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        Self { method, path, query: Vec::new(), body: None, repeatable, idempotency_key: None, last: None }
    }

    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path, true)
    }

    /// Makes something: done twice, it would be there twice.
    pub(crate) fn make(path: &[&str]) -> Self {
        Self::new(Method::POST, path, false)
    }

    /// Does what may as well be done twice.
    pub(crate) fn act(path: &[&str]) -> Self {
        Self::new(Method::POST, path, true)
    }

    pub(crate) fn change(path: &[&str]) -> Self {
        Self::new(Method::PATCH, path, true)
    }

    pub(crate) fn remove(path: &[&str]) -> Self {
        Self::new(Method::DELETE, path, true)
    }

    pub(crate) fn query(mut self, query: Vec<(&'static str, String)>) -> Self {
        self.query = query;
        self
    }

    pub(crate) fn body(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body).map_err(|error| Error::Request(error.to_string()))?;
        self.body = Some(body);
        Ok(self)
    }

    pub(crate) fn last(mut self, last: Option<String>) -> Self {
        self.last = last;
        self
    }

    pub(crate) fn idempotency_key(mut self, key: String) -> Self {
        self.idempotency_key = Some(key);
        self
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    text: String,
}

impl Answer {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.text).map_err(Error::Answer)
    }
}

impl Transport {
    /// Sends a request, again where that is safe, and returns what the server answers.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Error> {
        let url = self.url(&request)?;
        let (mut retry, mut in_doubt) = (0, false);
        loop {
            let error = match self.attempt(&request, url.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // An earlier try may have been carried out although it failed.
            if in_doubt && request.method == Method::DELETE && matches!(error, Error::NotFound(_)) {
                return Ok(Answer { headers: HeaderMap::new(), text: String::new() });
            }
            if retry >= self.policy.max_retries || !may_retry(&error, request.repeatable) {
                return Err(error);
            }
            let Some(delay) = delay_before(retry, &self.policy, &error) else { return Err(error) };
            in_doubt |= !may_retry(&error, false);
            pause(delay).await;
            retry += 1;
        }
    }

    /// Opens a stream, again where it cannot be for a moment.
    pub(crate) async fn open(&self, request: &Request) -> Result<Response, Error> {
        let url = self.url(request)?;
        let mut retry = 0;
        loop {
            let mut http = self.written(request, url.clone()).header(ACCEPT, "text/event-stream");
            if let Some(last) = &request.last {
                http = http.header("last-event-id", last);
            }
            // A limit for the whole of it would end it.
            let error = match tokio::time::timeout(self.timeout, begun(http)).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => error,
                Err(_) => Error::Silence,
            };
            if retry >= self.policy.max_retries || !may_retry(&error, true) {
                return Err(error);
            }
            let Some(delay) = delay_before(retry, &self.policy, &error) else { return Err(error) };
            pause(delay).await;
            retry += 1;
        }
    }

    /// Waits before a stream is opened again that was cut off so often in a row.
    pub(crate) async fn rest(&self, failures: u32) {
        if let Some(delay) = delay_before(failures, &self.policy, &Error::Silence) {
            pause(delay).await;
        }
    }

    /// Sends a request and reads what is answered.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.send(request).await?.read()
    }

    async fn attempt(&self, request: &Request, url: Url) -> Result<Answer, Error> {
        let mut http = self.written(request, url).timeout(self.timeout).header(ACCEPT, "application/json");
        if let Some(key) = &request.idempotency_key {
            http = http.header("idempotency-key", key);
        }
        if let Some(body) = &request.body {
            http = http.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        read(http.send().await?).await
    }

    fn written(&self, request: &Request, url: Url) -> RequestBuilder {
        let http = self.http.request(request.method.clone(), url);
        let http = http.header(AUTHORIZATION, self.authorization.clone());
        http.header(USER_AGENT, concat!("courierx-client/", env!("CARGO_PKG_VERSION")))
    }

    fn url(&self, request: &Request) -> Result<Url, Error> {
        let mut url = self.base_url.clone();
        let wrong = |part: &str| Error::Request(format!("{part:?} is no id"));
        // Dots alone would lead out of the folder.
        if let Some(part) = request.path.iter().find(|part| part.trim_matches('.').is_empty()) {
            return Err(wrong(part));
        }
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(["api", "v1"]).extend(&request.path);
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }
}

/// The answer that is a stream.
async fn begun(http: RequestBuilder) -> Result<Response, Error> {
    let response = http.send().await?;
    let media =
        response.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    if response.status().is_success() && media.starts_with("text/event-stream") {
        return Ok(response);
    }
    let status = response.status();
    read(response).await?;
    Err(Error::NoStream { status: status.as_u16() })
}

async fn read(response: Response) -> Result<Answer, Error> {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await?;
    if status.is_success() {
        Ok(Answer { headers, text })
    } else {
        Err(Error::of(status.as_u16(), &headers, &text))
    }
}

#[expect(clippy::disallowed_methods, reason = "a client has no clock but tokio's")]
async fn pause(delay: Duration) {
    tokio::time::sleep(delay).await;
}
