//! Connections: how many, how slow, and how they end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::Peer;
use super::input::Patience;
use super::linger::lingering;
use super::stream::{Impatient, Pace, Unpaced};

/// What lasts for as long as somebody listens.
const EVENTS: &str = "text/event-stream";

/// What a listener bears.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    /// Connections at once; further ones wait to be accepted.
    pub connections: usize,
    /// How long the headers of a request may take, and how long a connection may be idle.
    pub headers: Duration,
    /// Headers of one request, together with the request line, in bytes.
    pub header_bytes: usize,
    /// How long the body of a request may take.
    pub body: Duration,
    /// How long the rest of a body that was refused is read, so that the client gets to read why.
    pub linger: Duration,
    /// How long the other end may take nothing of an answer.
    pub write: Duration,
    /// How many bytes a second it takes at least of an answer that waits for it; streams of events last at any pace.
    pub pace: u32,
    /// How long open requests may go on after the listener was told to stop.
    pub grace: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: 4096,
            headers: Duration::from_mins(1),
            header_bytes: 64 * 1024,
            body: Duration::from_secs(30),
            linger: Duration::from_secs(5),
            write: Duration::from_secs(30),
            pace: 16 * 1024,
            grace: Duration::from_secs(15),
        }
    }
}

/// Serves requests until `stop` is cancelled and those under way are answered.
pub async fn serve(listener: TcpListener, router: Router, limits: ListenerLimits, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.headers).max_buf_size(limits.header_bytes);
    loop {
        let (stream, place) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, mostly: connections that end make room.
                    tracing::warn!(error = &error as &dyn std::error::Error, "a connection was not accepted");
                    pause(&stop).await;
                    continue;
                }
            },
        };
        let Ok(peer) = stream.peer_addr() else { continue };
        let _ = stream.set_nodelay(true);
        let unpaced = Unpaced::default();
        let least = Pace { patience: limits.write, least: limits.pace };
        let stream = Impatient::new(stream, least, unpaced.clone());
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = lingering(request, limits.linger);
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(Patience(limits.body));
            let answer = router.clone().call(request);
            let unpaced = unpaced.clone();
            async move {
                let answer = answer.await.unwrap_or_else(|never| match never {});
                unpaced.set(answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == EVENTS));
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::trace!(error = &error as &dyn std::error::Error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way at the end of the grace");
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

#[expect(clippy::disallowed_methods, reason = "nothing tells when a file descriptor becomes free")]
async fn pause(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }
}
