//! Bodies that nobody read to their end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

/// Bytes that are read of such a body, to throw them away.
const MAX: u64 = 32 * 1024 * 1024;

/// A request's body, of which the rest is thrown away when it is dropped early.
///
/// Many clients write all of their request before they read the answer. Were the connection closed under a
/// client that still writes, the answer that says why could be lost with it (RFC 9112 §9.6).
struct Lingering {
    inner: Option<Incoming>,
    patience: Duration,
}

/// The same request, whose body is [`Lingering`] for so long.
pub(super) fn lingering(request: Request<Incoming>, patience: Duration) -> Request<Body> {
    // Who asks first whether to send a body does not send one that was refused.
    if request.headers().contains_key(header::EXPECT) {
        return request.map(Body::new);
    }
    request.map(|body| Body::new(Lingering { inner: Some(body), patience }))
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let frame = Pin::new(inner).poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = frame {
            self.inner = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(rest) = self.inner.take().filter(|rest| !rest.is_end_stream()) else { return };
        let (Ok(runtime), true) = (Handle::try_current(), rest.size_hint().lower() <= MAX) else { return };
        runtime.spawn(tokio::time::timeout(self.patience, throw_away(rest)));
    }
}

async fn throw_away(mut rest: Incoming) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = rest.frame().await {
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if bytes > MAX {
            return;
        }
    }
}
