//! An application that is told what happened.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::PATIENCE;

/// A request that it got.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Told {
    pub(crate) fn event(&self) -> &str {
        self.body["event"].as_str().unwrap()
    }
}

/// What it answers to its `n`th request, from 0; nothing at all if none.
type Script = Box<dyn Fn(usize) -> Option<Response> + Send + Sync>;

struct Inner {
    told: Mutex<Vec<Told>>,
    came: Notify,
    script: Script,
}

/// The application. It ends when it is dropped.
pub(crate) struct Receiver {
    inner: Arc<Inner>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    /// One that takes everything.
    pub(crate) async fn start() -> Self {
        Self::answering(|_| Some(StatusCode::NO_CONTENT.into_response())).await
    }

    pub(crate) async fn answering(
        script: impl Fn(usize) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        Self::at("127.0.0.1:0", script).await
    }

    /// At another address of this machine.
    pub(crate) async fn at(
        address: &str,
        script: impl Fn(usize) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        let inner = Arc::new(Inner { told: Mutex::default(), came: Notify::new(), script: Box::new(script) });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(take).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { inner, address, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.inner.told.lock().unwrap().clone()
    }

    /// Waits until it was told so often.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Told> {
        let come = async {
            while self.told().len() < count {
                self.inner.came.notified().await;
            }
        };
        let come = tokio::time::timeout(PATIENCE, come).await;
        let told = self.told();
        assert!(come.is_ok(), "told {} times, not {count}: {told:#?}", told.len());
        told
    }
}

async fn take(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap();
    let number = {
        let mut told = inner.told.lock().unwrap();
        told.push(Told { headers, text, body });
        told.len() - 1
    };
    // Kept until somebody waits.
    inner.came.notify_one();
    match (inner.script)(number) {
        Some(answer) => answer,
        None => std::future::pending().await,
    }
}
