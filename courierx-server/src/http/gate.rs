//! What every request passes on its way to a handler: a name, who asks, what that may do, a measure.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

use super::meters::RouteMeters;
use super::room::{Place, Room};
use super::{ApiError, Route};
use crate::App;
use crate::auth::authenticate;
use crate::ctx::{Actor, Ctx, RequestId, Scope};
use crate::error::{ServiceError, ServiceResult};

/// The header that names a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a route needs of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// A user's token; an API key is refused.
    User,
    /// A user whose role, or an API key whose scopes, include this.
    Needs(Scope),
}

struct Gate {
    app: Arc<App>,
    access: Access,
    path: &'static str,
    meters: RouteMeters,
    room: Arc<Room>,
}

/// The route behind its gate.
pub(super) fn guarded(route: Route, app: &Arc<App>, room: &Arc<Room>) -> MethodRouter<Arc<App>> {
    let meters = app.meters.route(&route.method, route.path);
    let (app, room) = (Arc::clone(app), Arc::clone(room));
    let gate = Gate { app, access: route.access, path: route.path, meters, room };
    route.handler.layer(from_fn_with_state(Arc::new(gate), pass))
}

async fn pass(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let request_id = name(&request);
    let method = request.method().clone();
    let mut response = match gate.admit(&mut request, &request_id).await {
        Ok(_place) => next.run(request).await,
        Err(error) => ApiError::from(error).into_response(),
    };
    let status = response.status();
    let took = start.elapsed();
    gate.meters.observe(status, took);
    // The path is the route's, without identifiers, and the query may hold addresses: neither is logged.
    if status.is_server_error() {
        tracing::warn!(%method, route = gate.path, status = status.as_u16(), ?took, %request_id, "answered");
    } else {
        tracing::debug!(%method, route = gate.path, status = status.as_u16(), ?took, %request_id, "answered");
    }
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

impl Gate {
    /// Lets a request in, with its [`Ctx`] if the route is not public, once there is room for its body.
    async fn admit(&self, request: &mut Request, request_id: &RequestId) -> ServiceResult<Place> {
        if self.access == Access::Public {
            return Ok(Place::default());
        }
        // Of two, a proxy may have checked the other.
        let mut headers = request.headers().get_all(header::AUTHORIZATION).iter();
        let header = match (headers.next(), headers.next()) {
            (Some(only), None) => only.to_str().unwrap_or_default(),
            _ => "",
        };
        let (directory, tokens) = (&self.app.directory, &self.app.tokens);
        let ctx = authenticate(directory, tokens, header, request_id.clone(), self.app.now()).await?;
        match self.access {
            Access::Public => {}
            Access::User => {
                if let Actor::ApiKey { .. } = ctx.actor {
                    return Err(ServiceError::Forbidden(
                        "this needs a user's token, not an API key".to_owned(),
                    ));
                }
            }
            Access::Needs(scope) => ctx.require(scope)?,
        }
        let place = self.room.take(ctx.tenant, request.headers()).await?;
        request.extensions_mut().insert(ctx);
        Ok(place)
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
