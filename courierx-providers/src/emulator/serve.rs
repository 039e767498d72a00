//! Serving: requests are read, meet their fault, and are answered by the vendor.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::vendor::{ApiAnswer, ApiRequest};
use super::{Fault, Shared};

/// The largest body that is read: more than any vendor takes.
const MAX_BODY: usize = 80 * 1024 * 1024;

/// Takes connections while it is wanted, until it is stopped.
pub(super) async fn run(
    mut listener: Option<TcpListener>,
    address: SocketAddr,
    shared: Arc<Shared>,
    (mut wanted, open): (watch::Receiver<bool>, watch::Sender<bool>),
    stop: CancellationToken,
) {
    let mut connections = stop.child_token();
    loop {
        let want = *wanted.borrow_and_update();
        if !want {
            listener = None;
            std::mem::replace(&mut connections, stop.child_token()).cancel();
        } else if listener.is_none() {
            listener = TcpListener::bind(address).await.ok();
        }
        open.send_replace(listener.is_some());
        tokio::select! {
            () = stop.cancelled() => return,
            changed = wanted.changed() => if changed.is_err() { return },
            accepted = accept(listener.as_ref()) => if let Ok((stream, _)) = accepted {
                tokio::spawn(connection(stream, Arc::clone(&shared), connections.clone()));
            },
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// The requests of one connection.
async fn connection(stream: TcpStream, shared: Arc<Shared>, stop: CancellationToken) {
    // Answers are small, and each is waited for.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(&shared, request));
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.cancelled() => {}
        _ = serving => {}
    }
}

/// Answers one request; an error ends the connection without a word.
async fn answer(shared: &Shared, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let cut = || io::Error::from(io::ErrorKind::ConnectionReset);
    let switched = shared.switched_fault();
    if switched == Some(Fault::Reset) {
        return Err(cut());
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), MAX_BODY).await.map_err(|_| cut())?;
    let request = ApiRequest {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    let fault = switched.or_else(|| Fault::named_in(&request.body));
    if fault == Some(Fault::Reset) {
        return Err(cut());
    }
    if let Some(status) = fault.and_then(Fault::untyped_status) {
        // The request never comes as far as the vendor.
        shared.keep_request(request);
        let page = format!("<html><body><h1>{status}</h1></body></html>");
        return Ok(ApiAnswer::text(status, "text/html", page).into_response());
    }
    let answer = fault.and_then(|fault| shared.vendor.fault(fault));
    let answer = answer.unwrap_or_else(|| shared.vendor.answer(&request));
    shared.keep_request(request);
    Ok(finish(shared, answer, fault).await)
}

/// Takes what the vendor took, and answers as the fault lets it.
async fn finish(shared: &Shared, mut answer: ApiAnswer, fault: Option<Fault>) -> Response<Body> {
    shared.take(std::mem::take(&mut answer.taken), &answer.ids);
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Slow) => {
            #[expect(clippy::disallowed_methods, reason = "slowness is what was asked for")]
            tokio::time::sleep(Duration::from_millis(333)).await;
            answer.into_response()
        }
        Some(Fault::Truncated) => truncated(answer),
        Some(Fault::Unreadable) => {
            // Its headers are the vendor's own, and its body is not.
            let mut unreadable = answer.header("content-type", "text/plain");
            unreadable.body = Bytes::from_static(b"?{not what you expect");
            unreadable.into_response()
        }
        _ => answer.into_response(),
    }
}

/// An answer that promises more bytes than it has.
fn truncated(answer: ApiAnswer) -> Response<Body> {
    let length = answer.body.len() + 100;
    let sent = answer.body.slice(..answer.body.len() / 2);
    let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
    let frames: Vec<io::Result<Frame<Bytes>>> = vec![Ok(Frame::data(sent)), Err(broken())];
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    let mut response = answer.header("content-length", &length.to_string()).into_response();
    *response.body_mut() = body;
    response
}
