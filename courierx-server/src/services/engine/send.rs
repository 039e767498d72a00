//! One message, now.

use std::sync::Arc;
use std::time::Instant;

use courierx_core::engine::{Direct, SendError};
use courierx_core::id::TenantId;
use courierx_core::message::{Email, EmailBuilder, IdempotencyKey};

use super::providers::{ProviderInput, Way, way};
use super::repeat::{Key, hash_of, once};
use super::report::Report;
use crate::App;
use crate::ctx::Operator;
use crate::error::{ServiceError, ServiceResult};

/// A message to send now.
pub struct Request {
    /// The message.
    pub email: EmailBuilder,
    /// The accounts to send it with.
    pub providers: Vec<ProviderInput>,
    /// For whom it is sent, in the client's words. If that is a tenant of this server, its suppressions count.
    pub tenant: Option<String>,
    /// What makes the request repeatable.
    pub key: Option<IdempotencyKey>,
}

/// Sends a message now. What has begun goes on if the client hangs up: cutting a hand-over off would make its outcome
/// unknown.
pub async fn send(operator: &Operator, app: &Arc<App>, request: Request) -> ServiceResult<Report> {
    let Request { email, providers, tenant, key } = request;
    let (email, way) = both(email.build().map_err(ServiceError::from), way(app, providers))?;
    let sender = Sender::new(app, way, tenant);
    let key = match key {
        Some(key) => Some(sender.key(&key, None, hash_of(&email).await?)),
        None => None,
    };
    let sending = async move { sender.send(&email, key.as_ref()).await };
    let report = app.engine.apart(sending).await?;
    let (request_id, message, verdict) = (&operator.request_id, report.message, report.verdict.as_str());
    tracing::debug!(%request_id, message = message.map(tracing::field::display), verdict, "sent at once");
    Ok(report)
}

/// Sends messages over the accounts of one request.
#[derive(Debug)]
pub(super) struct Sender {
    app: Arc<App>,
    way: Way,
    direct: Direct,
    tenant: Option<String>,
}

impl Sender {
    pub(super) fn new(app: &Arc<App>, way: Way, tenant: Option<String>) -> Self {
        let direct = Direct::new(way.router.clone(), app.store.clock());
        let direct = match tenant.as_deref().and_then(|tenant| tenant.parse::<TenantId>().ok()) {
            Some(tenant) => direct.with_suppressions(Arc::clone(&app.store), tenant),
            None => direct,
        };
        Self { app: Arc::clone(app), way, direct, tenant }
    }

    /// The key of a message of this hash; `part` tells messages of one key apart.
    pub(super) fn key(&self, key: &IdempotencyKey, part: Option<&str>, message: String) -> Key {
        Key::new(self.tenant.as_deref(), key, part, message)
    }

    /// Sends a message, at most once under its key.
    pub(super) async fn send(&self, email: &Email, key: Option<&Key>) -> ServiceResult<Report> {
        match key {
            Some(key) => once(&self.app, key, self.now(email)).await,
            None => self.now(email).await,
        }
    }

    async fn now(&self, email: &Email) -> ServiceResult<Report> {
        let start = Instant::now();
        let mut report = match self.direct.send(email).await {
            Ok(sent) => Report::sent(&sent, email, &self.way),
            Err(SendError::NotSent(not_sent)) => {
                Report::not_sent(&not_sent, email, &self.way, self.app.now())
            }
            Err(SendError::Suppressed) => Report::suppressed(email),
            Err(SendError::Invalid(invalid)) => return Err(invalid.into()),
            Err(SendError::Render(error)) => {
                return Err(ServiceError::Refused { code: "template_error", message: error.to_string() });
            }
            Err(SendError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(ServiceError::internal(error)),
        };
        report.took = start.elapsed();
        Ok(report)
    }
}

/// Both, or everything that is wrong with either.
pub(super) fn both<A, B>(first: ServiceResult<A>, second: ServiceResult<B>) -> ServiceResult<(A, B)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(ServiceError::Invalid(mut wrong)), Err(ServiceError::Invalid(more))) => {
            wrong.extend(more);
            Err(ServiceError::Invalid(wrong))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}
