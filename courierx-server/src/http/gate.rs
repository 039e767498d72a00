//! What every request passes on its way to a handler: a name, who asks, what that may do, a measure.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request};
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use courierx_core::id::TenantId;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::error::panicked;
use super::links;
use super::meters::RouteMeters;
use super::peer::address_of;
use super::room::for_body;
use super::{ApiError, ApiResult};
use crate::App;
use crate::auth::{Asking, Credential, Standing, authenticate};
use crate::ctx::{Ctx, Operator, RequestId, Role, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::services::links::is_for_links;
use crate::services::room::{Place, Room};

/// The header that names a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header in which a program of the operator's own proves that it is.
pub(super) const INTERNAL_SECRET: HeaderName = HeaderName::from_static("x-internal-secret");

/// What a route needs of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// The operator's `SUPER_ADMIN_API_KEY`; no token or key of a tenant is worth anything here.
    Admin,
    /// The operator's `INTERNAL_SECRET`; no token or key is worth anything here.
    Internal,
    /// The token of a user of at least this role; an API key is refused.
    Member(Role),
    /// A user whose role, or an API key whose scopes, include this.
    Needs(Scope),
}

/// What stands in front of a route's handler.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) access: Access,
    pub(super) path: &'static str,
    pub(super) meters: RouteMeters,
    pub(super) room: Arc<Room>,
}

/// A handler whose type nobody knows any more: what stands around it is compiled once, and not for each of them.
#[derive(Clone)]
pub(super) struct Erased(Arc<dyn Fn(Request, Arc<App>) -> BoxFuture<'static, Response> + Send + Sync>);

impl Erased {
    pub(super) fn new<H, T>(handler: H) -> Self
    where
        H: Handler<T, Arc<App>, Future = BoxFuture<'static, Response>>,
        T: 'static,
    {
        Self(Arc::new(move |request, app| handler.clone().call(request, app)))
    }
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Erased")
    }
}

/// A handler behind its gate. Itself a handler, and not a layer around the route: a layer costs every request
/// a copy of the service and two more boxes.
#[derive(Debug, Clone)]
pub(super) struct Guarded {
    gate: Arc<Gate>,
    handler: Erased,
}

impl Guarded {
    pub(super) fn new(gate: Gate, handler: Erased) -> Self {
        Self { gate: Arc::new(gate), handler }
    }

    async fn answer(self, mut request: Request, app: Arc<App>) -> Response {
        let Self { gate, handler } = self;
        let start = Instant::now();
        let request_id = name(&request);
        let method = request.method().clone();
        let mut standing = None;
        let answering = async {
            match gate.admit(&app, &mut request, &request_id, &mut standing).await {
                Ok(_place) => handler.0(request, Arc::clone(&app)).await,
                Err(error) => error.into_response(),
            }
        };
        // What a request leaves half done when it panics is its own: all that is shared is behind locks that
        // bear it, or in the store.
        let mut response =
            AssertUnwindSafe(answering).catch_unwind().await.unwrap_or_else(|panic| panicked(&*panic));
        let (status, took, route) = (response.status().as_u16(), start.elapsed(), gate.path);
        gate.meters.observe(response.status(), took);
        // The path is the route's, without identifiers, and the query may hold addresses: neither is logged.
        if status >= 500 {
            tracing::warn!(%method, route, status, ?took, %request_id, "answered");
        } else {
            tracing::debug!(%method, route, status, ?took, %request_id, "answered");
        }
        if let Some(standing) = standing {
            tell(&standing, response.headers_mut());
        }
        if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
}

impl Handler<(), Arc<App>> for Guarded {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, app: Arc<App>) -> Self::Future {
        Box::pin(self.answer(request, app))
    }
}

impl Gate {
    /// Lets a request in, with its [`Ctx`] or as its [`Operator`] if the route is not public, once there is room
    /// for its body.
    async fn admit(
        &self,
        app: &App,
        request: &mut Request,
        request_id: &RequestId,
        standing: &mut Option<Standing>,
    ) -> ApiResult<Place> {
        // A host of a tenant's own has links and nothing else: no page of ours speaks in its name.
        if !links::is_link(self.path)
            && let Some(host) = links::host(request.headers())
            && is_for_links(app, host).await
        {
            return Err(ServiceError::NotFound.into());
        }
        let tenant = match self.access {
            Access::Public => return Ok(Place::default()),
            Access::Internal => {
                recognise(app, request)?;
                request.extensions_mut().insert(Operator { request_id: request_id.clone() });
                TenantId::DEFAULT
            }
            Access::Admin => {
                administer(app, request)?;
                request.extensions_mut().insert(Operator { request_id: request_id.clone() });
                TenantId::DEFAULT
            }
            access => {
                let asking = identify(app, request.headers(), request_id).await?;
                *standing = asking.standing;
                let ctx = allow(access, request.method(), asking)?;
                let tenant = ctx.tenant;
                request.extensions_mut().insert(ctx);
                tenant
            }
        };
        Ok(for_body(&self.room, tenant, request.headers()).await?)
    }
}

/// Who asks.
async fn identify(app: &App, headers: &HeaderMap, request_id: &RequestId) -> ServiceResult<Asking> {
    let (directory, tokens) = (&app.directory, &app.tokens);
    authenticate(directory, tokens, authorization(headers), request_id.clone(), app.now()).await
}

/// The one `Authorization` header. Of two, a proxy may have checked the other.
fn authorization(headers: &HeaderMap) -> &str {
    only(headers, &header::AUTHORIZATION).and_then(|one| one.to_str().ok()).unwrap_or_default()
}

/// Lets in who may ask for this, and has not asked too often.
fn allow(access: Access, method: &Method, asking: Asking) -> ServiceResult<Ctx> {
    let Asking { ctx, standing, suspended } = asking;
    if let Some(retry_after) = standing.and_then(|standing| standing.wait) {
        return Err(ServiceError::TooMany { message: "Rate limit exceeded", retry_after });
    }
    match access {
        Access::Public | Access::Internal | Access::Admin => {}
        Access::Member(least) => ctx.require_role(least)?,
        Access::Needs(scope) => ctx.require(scope)?,
    }
    if suspended && changes(access, method) {
        return Err(ServiceError::Suspended);
    }
    Ok(ctx)
}

/// Whether a request changes something of the tenant: what is everybody's own, such as their password, is not.
fn changes(access: Access, method: &Method) -> bool {
    match access {
        Access::Needs(scope) => scope.writes(),
        Access::Member(least) => least > Role::Viewer && method != Method::GET,
        Access::Public | Access::Internal | Access::Admin => false,
    }
}

/// Tells how somebody stands, with the names that the first version's clients know.
fn tell(standing: &Standing, headers: &mut HeaderMap) {
    headers.insert(HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(standing.limit));
    headers.insert(HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(standing.remaining));
    headers.insert(HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(standing.reset_at));
}

/// Refuses whoever does not show the secret that the operator's programs share.
fn recognise(app: &App, request: &Request) -> ApiResult<()> {
    let Some(secret) = &app.settings.internal_secret else {
        let text = "INTERNAL_SECRET is not set: the internal API is closed";
        return Err(ApiError::status(StatusCode::SERVICE_UNAVAILABLE, "misconfiguration", text));
    };
    if !request.headers().contains_key(INTERNAL_SECRET) {
        return Err(ApiError::status(StatusCode::UNAUTHORIZED, "missing_auth", "Unauthorized"));
    }
    if is_the_operator(app, request, &INTERNAL_SECRET, |given| secret.matches(given))? {
        return Ok(());
    }
    Err(ApiError::status(StatusCode::UNAUTHORIZED, "invalid_auth", "Unauthorized"))
}

/// Refuses whoever does not show the operator's key, as a token is shown.
fn administer(app: &App, request: &Request) -> ApiResult<()> {
    let Some(key) = &app.settings.admin_key else {
        let text = "SUPER_ADMIN_API_KEY is not set: the admin API is closed";
        return Err(ApiError::status(StatusCode::FORBIDDEN, "admin_not_configured", text));
    };
    let matches = |given: &str| given.strip_prefix("Bearer ").is_some_and(|given| key.matches(given));
    if is_the_operator(app, request, &header::AUTHORIZATION, matches)? {
        return Ok(());
    }
    Err(ServiceError::Unauthorized("Unauthorized").into())
}

/// Whether what a header shows is right. A right one is let in whatever came from its address before, where the operator's
/// programs may be together with anybody else; of wrong ones only so many are told of.
fn is_the_operator(
    app: &App,
    request: &Request,
    header: &HeaderName,
    is_right: impl FnOnce(&str) -> bool,
) -> ServiceResult<bool> {
    let headers = request.headers();
    // Who shows nothing guesses nothing.
    if !headers.contains_key(header) {
        return Ok(false);
    }
    let given = only(headers, header).and_then(|one| std::str::from_utf8(one.as_bytes()).ok());
    if given.is_some_and(is_right) {
        return Ok(true);
    }
    if let Some(address) = address_of(&app.settings.trusted_proxies, request.extensions(), headers) {
        let now = app.now();
        app.guesses.refuse(address, now)?;
        tracing::warn!(%address, %header, "a wrong key of the operator");
        app.guesses.wrong(address, now);
    }
    Ok(false)
}

/// The header, if there is one and no other of its name.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn name(request: &Request) -> RequestId {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    given.and_then(RequestId::from_client).unwrap_or_else(RequestId::generate)
}

impl<S: Send + Sync> FromRequestParts<S> for Ctx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // A handler that asks for it on a public route is a mistake of ours, and refused to everybody.
        parts.extensions.remove::<Self>().ok_or_else(|| ServiceError::Unauthorized("Unauthorized").into())
    }
}

/// What let a request in, for what goes on after it.
impl FromRequestParts<Arc<App>> for Credential {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let credential = Self::read(&app.tokens, authorization(&parts.headers), app.now());
        credential.ok_or_else(|| ServiceError::Unauthorized("Unauthorized").into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // As above.
        parts.extensions.remove::<Self>().ok_or_else(|| ServiceError::Unauthorized("Unauthorized").into())
    }
}
