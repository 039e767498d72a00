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

use super::reply::Reply;

/// Bytes of one line, and lines of one reply, that a server may use: far beyond RFC 5321 §4.5.3.1.5.
const LONGEST_LINE: usize = 4096;
const MOST_LINES: usize = 128;

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
    /// Bytes that were read beyond the last reply.
    buffer: Vec<u8>,
    /// Whether it failed, or the server said that it closes it.
    over: bool,
}

impl Wire {
    pub(super) fn new(transport: Box<dyn Transport>) -> Self {
        Self { transport, buffer: Vec::new(), over: false }
    }

    /// Whether another command makes sense.
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
        self.buffer.is_empty()
            && Pin::new(&mut self.transport).poll_read(&mut context, &mut probe).is_pending()
    }

    /// The transport, if the server sent nothing that was not asked for.
    ///
    /// What a third party slipped in before TLS must never be taken for an answer inside it.
    pub(super) fn into_transport(self) -> Result<Box<dyn Transport>, WireError> {
        if self.buffer.is_empty() {
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

    /// Reads one reply.
    pub(super) async fn reply(&mut self, limit: Duration) -> Result<Reply, WireError> {
        let reply = within(limit, self.read_reply()).await;
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
        let mut code = None;
        let mut lines = Vec::new();
        loop {
            let line = self.read_line().await?;
            let (number, more, text) = parse_line(&line)?;
            if *code.get_or_insert(number) != number {
                return Err(WireError::Garbage("the lines of a reply have different codes"));
            }
            lines.push(text);
            if !more {
                return Ok(Reply::new(number, lines));
            }
            if lines.len() == MOST_LINES {
                return Err(WireError::Garbage("a reply has no end"));
            }
        }
    }

    /// One line without its end; a bare LF ends it too.
    async fn read_line(&mut self) -> Result<Vec<u8>, WireError> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.buffer[searched..].iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=searched + end).collect();
                line.pop();
                line.pop_if(|&mut last| last == b'\r');
                return Ok(line);
            }
            searched = self.buffer.len();
            if searched > LONGEST_LINE {
                return Err(WireError::Garbage("a line has no end"));
            }
            if self.transport.read_buf(&mut self.buffer).await? == 0 {
                return Err(WireError::Closed);
            }
        }
    }
}

/// The code, whether more lines follow, and the text. A bare code without a text is accepted.
fn parse_line(line: &[u8]) -> Result<(u16, bool, String), WireError> {
    let garbage = || WireError::Garbage("a line does not begin with a reply code");
    let (digits, rest) = line.split_at_checked(3).ok_or_else(garbage)?;
    let [first @ b'2'..=b'5', second @ b'0'..=b'9', third @ b'0'..=b'9'] = *digits else {
        return Err(garbage());
    };
    let code = [first, second, third].iter().fold(0, |code, &digit| code * 10 + u16::from(digit - b'0'));
    let (more, text) = match rest {
        [] => (false, rest),
        [b' ', text @ ..] => (false, text),
        [b'-', text @ ..] => (true, text),
        _ => return Err(garbage()),
    };
    Ok((code, more, String::from_utf8_lossy(text).trim_end().to_owned()))
}

/// Bounds a step in time.
pub(super) async fn within<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, WireError>>,
) -> Result<T, WireError> {
    timeout(limit, step).await.unwrap_or(Err(WireError::Timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &'static [u8]) -> Result<Reply, WireError> {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let writing = tokio::spawn(async move { theirs.write_all(bytes).await });
        let reply = Wire::new(Box::new(ours)).read_reply().await;
        writing.await.unwrap().unwrap();
        reply
    }

    #[tokio::test]
    async fn replies_are_read_whatever_their_characters() {
        assert_eq!(read(b"250\r\n").await.unwrap(), Reply::new(250, vec![String::new()]));
        assert_eq!(read(b"250-a\r\n250-b\n250 c\r\n").await.unwrap().text(), "a b c");
        assert_eq!(read(b"550 5.1.1 Empf\xe4nger\r\n").await.unwrap().code, 550);
    }

    #[tokio::test]
    async fn anything_else_is_no_reply() {
        for garbage in [&b"hello\r\n"[..], b"25\r\n", b"650 x\r\n", b"250x\r\n", b"250-a\r\n251 b\r\n"] {
            assert!(matches!(read(garbage).await, Err(WireError::Garbage(_))));
        }
        assert!(matches!(read(b"250-half").await, Err(WireError::Closed)));
        let endless: &'static [u8] = Vec::leak(vec![b'2'; 10_000]);
        assert!(matches!(read(endless).await, Err(WireError::Garbage(_))));
    }
}
