//! An application that is told, and what tells it without a server: as processes of their own.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};

/// What makes this program the receiver.
pub(crate) const RECEIVER: &str = "--serve-receiver";
/// What makes this program the loop that posts.
pub(crate) const POSTING: &str = "--post";

#[derive(Default)]
struct Received {
    count: AtomicUsize,
    last: Mutex<Bytes>,
}

async fn take(State(received): State<Arc<Received>>, body: Bytes) -> StatusCode {
    if received.count.fetch_add(1, Ordering::Relaxed) == 0 {
        *received.last.lock().unwrap() = body;
    }
    StatusCode::NO_CONTENT
}

/// Serves until it is killed.
#[tokio::main]
pub(crate) async fn serve() {
    let hang = async || -> StatusCode { std::future::pending().await };
    let count =
        async |State(received): State<Arc<Received>>| received.count.load(Ordering::Relaxed).to_string();
    let last = async |State(received): State<Arc<Received>>| received.last.lock().unwrap().clone();
    let router = axum::Router::new().route("/hook", post(take)).route("/hang", post(hang));
    let router = router.route("/count", get(count)).route("/last", get(last)).with_state(Arc::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

/// The command that posts a file so often.
pub(crate) fn posting(url: &str, body: &Path, at_once: u32, count: u32) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([POSTING, url]).arg(body).args([at_once.to_string(), count.to_string()]);
    command
}

/// Posts as the arguments say.
#[tokio::main]
pub(crate) async fn post_all() {
    let args: Vec<String> = std::env::args().skip_while(|arg| arg != POSTING).skip(1).collect();
    let [url, file, at_once, count] = &args[..4] else { panic!("four arguments") };
    let (at_once, count): (u32, u32) = (at_once.parse().unwrap(), count.parse().unwrap());
    let body = Bytes::from(std::fs::read(file).unwrap());
    let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().http1_only().tcp_nodelay(true).build().unwrap();
    let loops = (0..at_once).map(|_| {
        let (client, url, body) = (client.clone(), url.clone(), body.clone());
        tokio::spawn(async move {
            for _ in 0..count / at_once {
                let request = client.post(&url).header("content-type", "application/json").body(body.clone());
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), 204);
                answer.bytes().await.unwrap();
            }
        })
    });
    for one in loops.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}
