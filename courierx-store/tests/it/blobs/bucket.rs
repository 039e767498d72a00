//! An emulator of what a bucket answers: enough of S3 to put, get, delete and list.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use courierx_store::blobs::{ObjectBlobs, S3Options};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(super) const NAME: &str = "acme-mail";
pub(super) const KEY: &str = "AKIAEXAMPLEOFTESTS";
pub(super) const SECRET: &str = "hunter2hunter2hunter2";
pub(super) const REGION: &str = "eu-test-1";
/// Names on one page of a list.
const PAGE: usize = 5;

/// A bucket. It is gone when this is dropped.
pub(super) struct Bucket {
    pub(super) url: String,
    state: Shared,
    _server: JoinSet<()>,
}

type Shared = Arc<Mutex<Inside>>;

#[derive(Default)]
struct Inside {
    objects: BTreeMap<String, Vec<u8>>,
    /// What was asked: method, path and query.
    asked: Vec<String>,
    /// Statuses and names of errors that the next requests are answered with.
    faults: VecDeque<(u16, &'static str)>,
}

impl Bucket {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Shared::default();
        let app = Router::new()
            .fallback(answer)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&state));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, state, _server: server }
    }

    pub(super) fn options(&self) -> S3Options {
        ObjectBlobs::s3(NAME).endpoint(&self.url).region(REGION).credentials(KEY, SECRET)
    }

    /// Answers the next requests like this.
    pub(super) fn fail(&self, faults: &[(u16, &'static str)]) {
        self.state.lock().unwrap().faults = faults.iter().copied().collect();
    }

    /// What was asked since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    /// The names of what is in it.
    pub(super) fn names(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }
}

async fn answer(
    State(state): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut inside = state.lock().unwrap();
    inside.asked.push(format!("{method} {uri}"));
    if let Some((status, code)) = inside.faults.pop_front() {
        return error(status, code);
    }
    if !is_signed(&headers, &body) {
        return error(403, "SignatureDoesNotMatch");
    }
    let Some(key) = uri.path().strip_prefix(&format!("/{NAME}")) else { return error(404, "NoSuchBucket") };
    let key = key.trim_start_matches('/').to_owned();
    let query = uri.query().unwrap_or_default();
    match (method, query) {
        (Method::PUT, "") => {
            inside.objects.insert(key, body.to_vec());
            ([("etag", "\"1\"")], "").into_response()
        }
        (Method::GET, "") => match inside.objects.get(&key) {
            Some(content) => {
                let headers = [("etag", "\"1\""), ("last-modified", "Tue, 15 Jan 2030 12:00:00 GMT")];
                (headers, content.clone()).into_response()
            }
            None => error(404, "NoSuchKey"),
        },
        (Method::POST, "delete") => {
            let text = String::from_utf8(body.to_vec()).unwrap();
            let mut answer = "<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
            for named in text.split("<Key>").skip(1) {
                // What is not there counts as deleted, too.
                let key = named.split("</Key>").next().unwrap();
                inside.objects.remove(key);
                let _ = write!(answer, "<Deleted><Key>{key}</Key></Deleted>");
            }
            format!("{answer}</DeleteResult>").into_response()
        }
        (Method::GET, query) => list(&inside.objects, query),
        _ => error(405, "MethodNotAllowed"),
    }
}

fn list(objects: &BTreeMap<String, Vec<u8>>, query: &str) -> Response {
    let of = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map_or(String::new(), |(_, value)| value.replace("%2F", "/"))
    };
    assert_eq!(of("list-type"), "2", "{query}");
    let from = of("start-after").max(of("continuation-token"));
    let mut found = objects.iter().filter(|(key, _)| key.starts_with(&of("prefix")) && **key > from);
    let page: Vec<_> = found.by_ref().take(PAGE).collect();
    let mut text = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
    for (key, content) in &page {
        let _ = write!(
            text,
            "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>2030-01-15T12:00:00.000Z</LastModified>\
             <ETag>&quot;1&quot;</ETag></Contents>",
            content.len()
        );
    }
    if found.next().is_some() {
        let _ = write!(text, "<NextContinuationToken>{}</NextContinuationToken>", page[PAGE - 1].0);
    }
    text.push_str("</ListBucketResult>");
    text.into_response()
}

/// Whether the request is signed by the key, for the region, over this body.
fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let digest = Sha256::digest(body).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let authorization = of("authorization");
    authorization.starts_with(&format!("AWS4-HMAC-SHA256 Credential={KEY}/"))
        && authorization.contains(&format!("/{REGION}/s3/aws4_request"))
        && authorization.contains("Signature=")
        && of("x-amz-content-sha256") == digest
}

/// An error as S3 tells it, with what nobody should repeat.
fn error(status: u16, code: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message>\
         <AWSAccessKeyId>{KEY}</AWSAccessKeyId></Error>"
    );
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}
