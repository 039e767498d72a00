//! Commands out, replies in, over whatever carries bytes.
//!
//! This is a session of our own because what an outcome rests on is exact here: the body and the final dot
//! are written apart, so that a hand-over is unknown only from the dot on; a reply counts whatever its
//! characters are; and nothing that arrived before TLS is read after it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use super::credentials::Secrets;
use super::dots::Stuffed;
use super::incoming::Incoming;
use super::reply::Reply;

/// What carries the bytes: TCP, or TLS over it.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Transport for T {}

/// Why no reply came.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("no answer in time")]
    Timeout,
    #[error("the server closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("the server does not speak SMTP: {0}")]
    Garbage(&'static str),
}

/// One connection's bytes.
pub(super) struct Wire {
    transport: Box<dyn Transport>,
    incoming: Incoming,
    /// What is blackened in every reply.
    secrets: Option<Secrets>,
    /// Whether it failed, or the server said that it closes it.
    over: bool,
}

impl Wire {
    pub(super) fn new(transport: Box<dyn Transport>, secrets: Option<Secrets>) -> Self {
        Self { transport, incoming: Incoming::default(), secrets, over: false }
    }

    /// Whether no other command makes sense.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Sends nothing more here: after an answer that fits no question, the next one could be read as the
    /// answer to something else.
    pub(super) fn give_up(&mut self) {
        self.over = true;
    }

    /// Whether nothing came in since the last reply, as far as can be seen without waiting. What comes in
    /// unasked is a goodbye, or the end.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        let mut probe = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        self.incoming.is_empty()
            && Pin::new(&mut self.transport).poll_read(&mut context, &mut probe).is_pending()
    }

    /// The transport, if the server sent nothing that was not asked for.
    ///
    /// What a third party slipped in before TLS must never be taken for an answer inside it.
    pub(super) fn into_transport(self) -> Result<Box<dyn Transport>, WireError> {
        if self.incoming.is_empty() {
            Ok(self.transport)
        } else {
            Err(WireError::Garbage("it sent more than its answer to STARTTLS"))
        }
    }

    /// Sends a command, without its line end, and reads the reply.
    pub(super) async fn command(&mut self, line: &str, limit: Duration) -> Result<Reply, WireError> {
        self.write(format!("{line}\r\n").as_bytes(), limit).await?;
        self.reply(limit).await
    }

    /// Writes bytes and flushes them.
    pub(super) async fn write(&mut self, bytes: &[u8], limit: Duration) -> Result<(), WireError> {
        let written = within(limit, async {
            self.transport.write_all(bytes).await?;
            Ok(self.transport.flush().await?)
        });
        let written = written.await;
        self.over |= written.is_err();
        written
    }

    /// Writes a message up to the final dot, which is not written.
    pub(super) async fn write_body(&mut self, message: &[u8], limit: Duration) -> Result<(), WireError> {
        let written = within(limit, async {
            let mut body = Stuffed::new(message);
            while let Some(piece) = body.next() {
                self.transport.write_all(piece).await?;
            }
            Ok(self.transport.flush().await?)
        });
        let written = written.await;
        self.over |= written.is_err();
        written
    }

    /// Reads one reply.
    pub(super) async fn reply(&mut self, limit: Duration) -> Result<Reply, WireError> {
        // Of replies to commands that were sent together, most are there already.
        let mut reply = match self.incoming.reply() {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => within(limit, self.read_reply()).await,
            Err(garbage) => Err(WireError::Garbage(garbage)),
        };
        // Servers repeat what they were told, and not only in answer to AUTH.
        if let (Ok(reply), Some(secrets)) = (&mut reply, &self.secrets) {
            secrets.scrub(reply);
        }
        // 421 may answer any command: the server closes the connection (RFC 5321 §3.8).
        self.over |= reply.as_ref().map_or(true, |reply| reply.code == 421);
        reply
    }

    /// Says goodbye, without waiting for the answer.
    pub(super) async fn quit(mut self) {
        let goodbye = async {
            self.transport.write_all(b"QUIT\r\n").await?;
            Ok(self.transport.shutdown().await?)
        };
        // Nothing depends on it: the server notices the end either way.
        let _: Result<(), WireError> = within(Duration::from_secs(1), goodbye).await;
    }

    async fn read_reply(&mut self) -> Result<Reply, WireError> {
        loop {
            if self.transport.read_buf(self.incoming.room()).await? == 0 {
                return Err(WireError::Closed);
            }
            if let Some(reply) = self.incoming.reply().map_err(WireError::Garbage)? {
                return Ok(reply);
            }
        }
    }
}

/// Bounds a step in time.
pub(super) async fn within<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, WireError>>,
) -> Result<T, WireError> {
    timeout(limit, step).await.unwrap_or(Err(WireError::Timeout))
}
