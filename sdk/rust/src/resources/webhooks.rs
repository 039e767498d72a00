//! Webhook endpoints.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identified;
use crate::transport::{Request, Transport};
use crate::{Error, Pages};

/// Where the server tells what happens.
#[derive(Debug, Clone, Copy)]
pub struct Webhooks<'a>(pub(crate) &'a Transport);

/// What is said of an endpoint: everything of a new one, and what changes of an old one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WebhookEndpointFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `delivered`, `bounced`, `complained`, `opened`, `clicked`, `unsubscribed`, `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Whether it is told anything.
    #[serde(rename = "is_active", skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// An endpoint.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct WebhookEndpoint {
    pub id: String,
    pub url: String,
    #[serde(default)]
    pub description: Option<String>,
    pub events: Vec<String>,
    pub is_active: bool,
    pub created_at: Timestamp,
}

/// An endpoint with its secret, which [`verify`](crate::webhook::verify) needs: it is shown this once.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct CreatedWebhookEndpoint {
    #[serde(flatten)]
    pub endpoint: WebhookEndpoint,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for CreatedWebhookEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedWebhookEndpoint").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

identified!(WebhookEndpoint);

const ENDPOINTS: &str = "webhook_endpoints";

impl<'a> Webhooks<'a> {
    /// Every endpoint.
    pub fn list(&self) -> Pages<'a, WebhookEndpoint> {
        Pages::new(self.0, &[ENDPOINTS], Vec::new())
    }

    /// One of them.
    pub async fn get(&self, id: &str) -> Result<WebhookEndpoint, Error> {
        self.0.ask(Request::get(&[ENDPOINTS, id])).await
    }

    /// Adds an endpoint.
    pub async fn create(&self, endpoint: &WebhookEndpointFields) -> Result<CreatedWebhookEndpoint, Error> {
        self.0.ask(Request::make(&[ENDPOINTS]).body(endpoint)?).await
    }

    /// Changes what is named.
    pub async fn update(&self, id: &str, changes: &WebhookEndpointFields) -> Result<WebhookEndpoint, Error> {
        self.0.ask(Request::change(&[ENDPOINTS, id]).body(changes)?).await
    }

    /// Removes it.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.0.send(Request::remove(&[ENDPOINTS, id])).await.map(drop)
    }
}
