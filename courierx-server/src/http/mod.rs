//! HTTP: parses, calls a service, renders. No rule of the business lives here.

pub mod api;
mod error;
mod gate;
mod health;
mod id;
mod input;
mod linger;
mod listener;
mod meters;
mod paging;
mod peer;
mod query;
mod room;
mod routes;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;

pub use error::{ApiError, ApiResult};
pub use gate::Access;
pub use id::Id;
pub use input::{Input, Json};
pub use listener::{ListenerLimits, serve};
pub use meters::Meters;
pub use paging::{Paged, Paging};
pub use peer::Peer;
pub use query::Params;
pub use routes::{Route, routes};

use crate::App;
use crate::error::ServiceError;
use gate::Gate;

/// The whole HTTP surface of an app.
pub fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    let room = Arc::<room::Room>::default();
    for route in routes() {
        let Route { method, path, access, behind } = route;
        let meters = app.meters.route(&method, path);
        router = router.route(path, behind(Gate { access, path, meters, room: Arc::clone(&room) }));
    }
    router
        .fallback(async || ApiError::from(ServiceError::NotFound))
        .method_not_allowed_fallback(async || {
            ApiError::status(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
        })
        .layer(CatchPanicLayer::custom(error::panicked))
        .with_state(Arc::clone(app))
}
