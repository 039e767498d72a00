//! One request and its answer, with the moment known from which on the outcome can be unknown.

use std::error::Error as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use courierx_core::provider::{Outcome, Phase, Refusal, RefusalKind, SendOptions, Uncertainty};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Response, Url};
use tokio::time::{Duration, Instant, sleep_until};

use super::body::{Progress, WatchedBody};
use super::{Answer, Http};

/// How long a complete request is still waited for after the process wants to stop.
const GRACE: Duration = Duration::from_secs(5);

/// A request as an adapter makes it. The body is built once, and sent as it is.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    pub(crate) fn post(url: Url) -> Self {
        Self::new(Method::POST, url)
    }

    /// Adds a header. A value that cannot be one is left out: the vendor then refuses, and says why.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds a header that nobody may see.
    pub(crate) fn secret_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self = self.header("content-type", content_type);
        self.body = body.into();
        self
    }
}

/// Why there is no complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The request certainly had no effect.
    NotSent(Refusal),
    /// It may have had.
    Lost(Uncertainty),
}

impl From<NoAnswer> for Outcome {
    fn from(no_answer: NoAnswer) -> Self {
        match no_answer {
            NoAnswer::NotSent(refusal) => Self::Refused(refusal),
            NoAnswer::Lost(uncertainty) => Self::Unknown(uncertainty),
        }
    }
}

impl NoAnswer {
    /// What it means where nothing can be sent twice: for questions.
    pub(crate) fn into_refusal(self) -> Refusal {
        match self {
            Self::NotSent(refusal) => refusal,
            Self::Lost(lost) => Refusal::new(RefusalKind::Unavailable, lost.detail),
        }
    }
}

impl Http {
    /// Sends a request and reads its answer.
    ///
    /// Up to the last byte of the body, [`SendOptions`] bound it and any failure is certain. After it, the answer
    /// has the time of this client, since giving up earlier would only make the outcome unknown.
    pub(crate) async fn exchange(&self, request: Request, options: &SendOptions) -> Result<Answer, NoAnswer> {
        if options.cancel.is_cancelled() {
            return Err(interrupted());
        }
        let client = self.client_for(&request.url).map_err(|error| unavailable(error.to_string()))?;
        let progress = Arc::new(Progress::default());
        let has_body = !request.body.is_empty();
        let mut sent = reqwest::Request::new(request.method, request.url);
        *sent.headers_mut() = request.headers;
        if has_body {
            *sent.body_mut() = Some(Body::wrap(WatchedBody::new(request.body, Arc::clone(&progress))));
        }
        let work = async {
            let response = client.execute(sent).await.map_err(|error| failed(&error, &progress))?;
            self.read(response, &progress).await
        };
        self.watch(work, &progress, options).await
    }

    /// Waits for the work, as long as the phase allows that it is in. The clock is looked at when a time is over,
    /// not when the phase changes.
    async fn watch(
        &self,
        work: impl Future<Output = Result<Answer, NoAnswer>>,
        progress: &Progress,
        options: &SendOptions,
    ) -> Result<Answer, NoAnswer> {
        tokio::pin!(work);
        let start = Instant::now();
        // An endless timeout is as good as a day.
        let end = start + options.timeout.min(Duration::from_hours(24));
        let mut patience = self.options().answer;
        let mut stopping = false;
        let mut look = end.min(start + patience);
        loop {
            #[expect(clippy::disallowed_methods, reason = "the network's time, like every timeout here")]
            let time = sleep_until(look);
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = options.cancel.cancelled(), if !stopping => {
                    // Whoever was just giving the last byte away has done so, or never will.
                    if progress.abandon() {
                        return Err(interrupted());
                    }
                    stopping = true;
                    // Knowing is worth a little more time than stopping at once.
                    patience = Instant::now().saturating_duration_since(start) + GRACE;
                    look = start + patience;
                }
                () = time => match progress.taken_at() {
                    Some(_) if stopping => return Err(lost("stopped while waiting")),
                    Some(at) if at + patience <= look => return Err(lost("no answer within the time")),
                    Some(at) => look = at + patience,
                    None if look < end => look = end,
                    None if progress.abandon() => {
                        return Err(unavailable("the time was over before the request was complete"));
                    }
                    // Given away this very moment.
                    None => {}
                },
            }
        }
    }

    /// Reads the rest of an answer.
    async fn read(&self, mut response: Response, progress: &Progress) -> Result<Answer, NoAnswer> {
        let most = self.options().max_answer_bytes;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Bytes::new();
        loop {
            match response.chunk().await {
                // Nearly always there is one piece, which needs no copy.
                Ok(Some(piece)) if body.is_empty() && piece.len() <= most => body = piece,
                Ok(Some(piece)) if body.len() + piece.len() <= most => {
                    let mut joined = BytesMut::from(body);
                    joined.extend_from_slice(&piece);
                    body = joined.freeze();
                }
                // The status is known, and the rest would tell nothing that is worth the memory.
                Ok(Some(_)) => {
                    body = Bytes::new();
                    break;
                }
                Ok(None) => break,
                Err(error) => return Err(failed(&error, progress)),
            }
        }
        // An answer that came early ends the request: what was not taken by now never is.
        progress.abandon();
        Ok(Answer { status, headers, body, at: self.clock().now() })
    }
}

/// A failure of the connection, and whether the body was complete by then.
fn failed(error: &reqwest::Error, progress: &Progress) -> NoAnswer {
    let detail = describe(error);
    // The connection may go on taking the body although it told of a failure: whoever is first decides.
    if progress.abandon() { unavailable(detail) } else { lost(&detail) }
}

fn unavailable(detail: impl AsRef<str>) -> NoAnswer {
    NoAnswer::NotSent(Refusal::new(RefusalKind::Unavailable, detail))
}

fn interrupted() -> NoAnswer {
    let detail = "shutting down before the request was complete";
    NoAnswer::NotSent(Refusal::new(RefusalKind::Interrupted, detail))
}

fn lost(detail: &str) -> NoAnswer {
    NoAnswer::Lost(Uncertainty::new(Phase::Answer, detail))
}

/// The innermost cause: the outer ones say little, and the first repeats the URL, which may hold a token.
pub(super) fn describe(error: &reqwest::Error) -> String {
    let what = if error.is_connect() { "connecting" } else { "the connection failed" };
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"))
}
