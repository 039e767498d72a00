//! What a mail server offers and allows.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::state::Shared;
use super::{SmtpEmulator, session};

/// A mail server that is ready to be started.
#[derive(Debug)]
#[must_use]
pub struct SmtpEmulatorBuilder {
    address: SocketAddr,
    rules: Rules,
}

/// What holds for every session.
pub(super) struct Rules {
    pub(super) credentials: Option<(String, String)>,
    /// The most bytes of a message; none if it says nothing about sizes.
    pub(super) size: Option<usize>,
    pub(super) max_recipients: usize,
    pub(super) pipelining: bool,
    pub(super) eight_bit: bool,
    pub(super) utf8: bool,
    pub(super) keeps: bool,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("size", &self.size).finish_non_exhaustive()
    }
}

impl SmtpEmulatorBuilder {
    pub(super) fn new() -> Self {
        let rules = Rules {
            credentials: None,
            size: Some(35 * 1024 * 1024),
            max_recipients: 100,
            pipelining: true,
            eight_bit: true,
            utf8: true,
            keeps: true,
        };
        Self { address: ([127, 0, 0, 1], 0).into(), rules }
    }

    /// Listens there instead of on a free port of this machine.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Wants everybody to log in so, by PLAIN or LOGIN.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.rules.credentials = Some((user.into(), password.into()));
        self
    }

    /// Takes messages of at most so many bytes and says so (RFC 1870); without a number it says nothing and takes
    /// any. 35 MiB if not set.
    pub fn size(mut self, most: Option<usize>) -> Self {
        self.rules.size = most;
        self
    }

    /// Takes so many recipients for one message; 100 if not set.
    pub fn max_recipients(mut self, most: usize) -> Self {
        self.rules.max_recipients = most;
        self
    }

    /// Whether commands may be sent together (RFC 2920). A client that does so unasked is turned away.
    pub fn pipelining(mut self, offered: bool) -> Self {
        self.rules.pipelining = offered;
        self
    }

    /// Whether bodies may go beyond ASCII (RFC 6152).
    pub fn eight_bit_mime(mut self, offered: bool) -> Self {
        self.rules.eight_bit = offered;
        self
    }

    /// Whether addresses may go beyond ASCII (RFC 6531).
    pub fn smtputf8(mut self, offered: bool) -> Self {
        self.rules.utf8 = offered;
        self
    }

    /// Counts what it takes without keeping it: for long runs.
    pub fn only_counting(mut self) -> Self {
        self.rules.keeps = false;
        self
    }

    /// Starts it.
    pub async fn start(self) -> std::io::Result<SmtpEmulator> {
        let listener = TcpListener::bind(self.address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(self.rules));
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, Arc::clone(&shared), stop.clone()));
        Ok(SmtpEmulator { address, shared, _stop: stop.drop_guard() })
    }
}

/// Takes connections until it is stopped, and ends them then.
async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let (shared, stop) = (Arc::clone(&shared), stop.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = session::run(stream, &shared) => {}
                    }
                });
            },
        }
    }
}
