//! A client that posts the same bytes again and again: the floor of whatever sends over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use courierx_providers::emulator::{ApiRequest, Emulator};
use reqwest::header::{CONTENT_LENGTH, HOST, HeaderMap};
use tokio::task::JoinSet;

use super::rate;

const KEY_HEADER: &str = "idempotency-key";

/// What the bare client repeats.
#[derive(Clone)]
pub(crate) struct BareClient {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
    body: bytes::Bytes,
}

impl BareClient {
    /// Repeats what an adapter once sent, to this emulator.
    pub(crate) fn new(emulator: &Emulator, template: &ApiRequest) -> Self {
        let mut headers = template.headers.clone();
        // A signature is over the host that it was made for: that one is sent, whatever the port.
        headers.remove(CONTENT_LENGTH);
        if !headers.contains_key("x-amz-date") {
            headers.remove(HOST);
        }
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls()).build().expect("a client");
        let url = format!("{}{}", emulator.url(), template.path);
        Self { client, url, headers, body: template.body.clone() }
    }

    /// Posts so many times, so many at once, and answers how many a second.
    pub(crate) async fn post_all(&self, count: usize, concurrency: usize) -> f64 {
        let next = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..concurrency {
            let (bare, next) = (self.clone(), Arc::clone(&next));
            tasks.spawn(async move {
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    bare.post().await;
                }
            });
        }
        tasks.join_all().await;
        rate(count, start.elapsed())
    }

    async fn post(&self) {
        let mut headers = self.headers.clone();
        if headers.contains_key(KEY_HEADER) {
            // Under the same key the emulator would take nothing and only repeat its answer.
            static KEYS: AtomicUsize = AtomicUsize::new(0);
            headers.insert(KEY_HEADER, KEYS.fetch_add(1, Ordering::Relaxed).into());
        }
        let request = self.client.post(&self.url).headers(headers);
        let answer = request.body(self.body.clone()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.bytes().await.expect("a body");
    }
}

/// Nothing is encrypted here, and a client without a choice of cryptography panics.
fn tls() -> tokio_rustls::rustls::ClientConfig {
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    tokio_rustls::rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(tokio_rustls::rustls::RootCertStore::empty())
        .with_no_client_auth()
}
