//! One request to an endpoint.

use std::time::{Duration, Instant};

use courierx_core::clock::Timestamp;
use courierx_core::event::Sequence;
use courierx_core::id::{EventId, MessageId, RecordId};
use courierx_core::store::{Versioned, WebhookResult, WebhookTry};
use courierx_core::webhook::{ToSign, WebhookEvent, WebhookSecret};
use courierx_providers::http::FetchError;
use metrics::Counter;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::payload::Payload;
use crate::App;
use crate::error::{ServiceError, ServiceResult};
use crate::model::webhook_endpoints::{Secrets, WebhookEndpoint};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of an answer that are kept.
const KEPT: usize = 2000;

/// An endpoint that is asked, with what its requests are signed with.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) app: &'a App,
    pub(super) endpoint: &'a Versioned<WebhookEndpoint>,
    secrets: Vec<WebhookSecret>,
    /// None if it can be read no more.
    url: Option<Url>,
    /// How many requests were taken, and how many failed.
    counts: [Counter; 2],
}

/// What came of a request.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) entry: WebhookTry,
    pub(super) retry_after: Option<Duration>,
}

impl Answered {
    /// Whether the endpoint says that it is there no more.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.entry.result, WebhookResult::Answered { status: 410, .. })
    }
}

impl<'a> Asked<'a> {
    pub(super) fn new(app: &'a App, endpoint: &'a Versioned<WebhookEndpoint>) -> ServiceResult<Self> {
        let secrets = endpoint.value.secrets(&app.vault, endpoint.tenant, &endpoint.id, app.now());
        let Secrets(secrets) = secrets.map_err(ServiceError::internal)?;
        let url = Url::parse(&endpoint.value.url).ok();
        let counts = ["taken", "failed"]
            .map(|result| app.meters.counter("courierx_webhooks_total", &[("result", result)]));
        Ok(Self { app, endpoint, secrets, url, counts })
    }

    /// Tells the endpoint, for the `number`th time.
    pub(super) async fn tell(
        &self,
        payload: &Payload<'_>,
        sequence: Option<Sequence>,
        number: u32,
    ) -> ServiceResult<Answered> {
        let at = self.app.now();
        let body = serde_json::to_vec(payload)?;
        let headers = self.headers(payload.id, payload.event, at, &body)?;
        // By the time of this machine: it is a network that is waited for.
        let start = Instant::now();
        let notified = match &self.url {
            Some(url) => self.app.webhooks.http.notify(url, headers, body, KEPT, PATIENCE).await,
            None => Err(FetchError::Url),
        };
        let (result, retry_after) = match notified {
            Ok(answer) => {
                (WebhookResult::Answered { status: answer.status, body: answer.body }, answer.retry_after)
            }
            Err(error) => (WebhookResult::Failed(error.to_string()), None),
        };
        let entry = self.entry(payload.id, payload.event, payload.message_id, sequence, number, at, result);
        let took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let entry = WebhookTry { took_ms, ..entry };
        self.counts[usize::from(!entry.taken())].increment(1);
        Ok(Answered { entry, retry_after })
    }

    #[expect(clippy::too_many_arguments, reason = "as many as the entry has fields")]
    fn entry(
        &self,
        event: EventId,
        name: WebhookEvent,
        message: Option<MessageId>,
        sequence: Option<Sequence>,
        number: u32,
        at: Timestamp,
        result: WebhookResult,
    ) -> WebhookTry {
        WebhookTry {
            id: RecordId::new(),
            tenant: self.endpoint.tenant,
            endpoint: self.endpoint.id,
            event,
            sequence,
            name,
            message,
            number,
            at,
            took_ms: 0,
            result,
            next_at: None,
        }
    }

    fn headers(
        &self,
        id: EventId,
        event: WebhookEvent,
        at: Timestamp,
        body: &[u8],
    ) -> ServiceResult<HeaderMap> {
        let id = id.to_string();
        let what = ToSign { id: &id, timestamp: u64::try_from(at.as_secs()).unwrap_or_default(), body };
        let mut headers = HeaderMap::with_capacity(8);
        for (name, value) in self.endpoint.value.scheme.headers(what, &self.secrets) {
            let value = HeaderValue::try_from(value).map_err(ServiceError::internal)?;
            headers.insert(HeaderName::from_static(name), value);
        }
        headers.insert("x-courierx-event", HeaderValue::from_static(event.as_str()));
        headers.insert("x-courierx-event-id", HeaderValue::try_from(id).map_err(ServiceError::internal)?);
        Ok(headers)
    }
}

/// Tries an endpoint out: one request, which is never repeated.
pub(crate) async fn try_out(
    app: &App,
    endpoint: &Versioned<WebhookEndpoint>,
    event: WebhookEvent,
) -> ServiceResult<WebhookTry> {
    let payload = Payload::sample(event, endpoint.value.mode, app.now());
    let answered = Asked::new(app, endpoint)?.tell(&payload, None, 1).await?;
    app.store.log_webhooks(vec![answered.entry.clone()]).await?;
    Ok(answered.entry)
}
