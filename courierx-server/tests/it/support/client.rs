//! An HTTP client that hides nothing, and asserts nothing but that answers are as the document of the API has them.

use std::time::Instant;

use reqwest::Method;
use reqwest::redirect::Policy;
use serde_json::Value;

use super::binary::PATIENCE;

#[derive(Debug, Clone)]
pub(crate) struct Client {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// An answer, with its body as JSON if it is some.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Client {
    pub(crate) fn new(base: String) -> Self {
        // The client wants to know how to encrypt, though nothing here is. An error means that it knows.
        let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
        Self {
            base,
            token: None,
            http: reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap(),
        }
    }

    /// The same client with this token or key.
    pub(crate) fn with(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Answer { status, headers, body, text };
        super::contract::check(&method, &path, &answer);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Waits until the server, on this machine, has nothing left to deliver, now or later.
    pub(crate) async fn drained(&self) {
        let patience = Instant::now();
        loop {
            let health = self.get("/api/v1/health").await;
            let queue = &health.body["services"]["queue"];
            // It may have been too busy to count.
            let counts = ["due", "waiting", "under_delivery"].map(|state| queue[state].as_u64());
            if counts == [Some(0); 3] {
                return;
            }
            assert!(patience.elapsed() < PATIENCE, "it does not deliver: {health:?}");
            tokio::task::yield_now().await;
        }
    }
}
