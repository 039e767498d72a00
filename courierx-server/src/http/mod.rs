//! HTTP: parses, calls a service, renders. No rule of the business lives here.

mod answer;
pub mod api;
mod docs;
mod error;
mod gate;
mod health;
mod id;
mod input;
mod linger;
mod links;
mod listener;
mod meters;
pub mod openapi;
mod paging;
mod peer;
mod polled;
mod query;
mod room;
mod routes;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;

pub use answer::{Accepted, Answer, Created, Either, NoContent, Streamed, Text};
pub use error::{ApiError, ApiResult};
pub use gate::Access;
pub use id::{Id, PlanId};
use input::Form;
use input::parse;
pub use input::{Input, Json, MaybeEmpty, New, Table, Unread};
pub use listener::{ListenerLimits, serve};
pub use meters::Meters;
pub use paging::{Page, Paged, Pages, Paging};
pub use peer::Peer;
pub use polled::Lasting;
use polled::Polled;
pub use query::Params;
pub use routes::{Route, routes};

use crate::App;
use crate::error::ServiceError;
use crate::services::room::Room;
use gate::{Erased, Gate, Guarded};

/// The whole HTTP surface of an app.
pub fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    let room = Arc::<Room>::default();
    for route in routes() {
        let Route { path, access, .. } = route;
        let meters = app.meters.route(route.method.as_str(), path);
        router = router.route(path, route.behind(Gate { access, path, meters, room: Arc::clone(&room) }));
    }
    // What no route answers passes a gate all the same: it has a name, and is measured.
    let gate = |path| {
        let meters = app.meters.route("*", path);
        Gate { access: Access::Public, path, meters, room: Arc::clone(&room) }
    };
    let not_found = async || ApiError::from(ServiceError::NotFound);
    let not_allowed =
        async || ApiError::status(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed");
    router
        .fallback(Guarded::new(gate("unknown path"), Erased::new(not_found)))
        .method_not_allowed_fallback(Guarded::new(gate("unknown method"), Erased::new(not_allowed)))
        .with_state(Arc::clone(app))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use courierx_core::vault::{Vault, VaultKey};
    use courierx_store::MemoryStore;
    use tower::ServiceExt as _;

    use super::*;
    use crate::config::Settings;
    use crate::secret::Secret;

    #[tokio::test]
    async fn a_handler_that_panics_is_answered_for() {
        let settings = Settings::in_directory("nowhere".into());
        let store = Arc::new(MemoryStore::new());
        let app = App::new(settings, store, Vault::new(VaultKey::generate()), &Secret::new("secret"));
        let app = Arc::new(app.unwrap());
        let meters = app.meters.route("GET", "/panic");
        let gate = Gate { access: Access::Public, path: "/panic", meters, room: Arc::default() };
        let panics = async || -> StatusCode { panic!("of its own making") };
        let router =
            Router::new().route("/panic", axum::routing::get(Guarded::new(gate, Erased::new(panics))));
        let request = Request::get("/panic").header("x-request-id", "mine").body(Body::empty()).unwrap();
        let answer = router.with_state(Arc::clone(&app)).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()["x-request-id"], "mine");
        let counted = r#"courierx_http_requests_total{method="GET",route="/panic",status="5xx"} 1"#;
        assert!(app.meters.render().contains(counted));
    }
}
