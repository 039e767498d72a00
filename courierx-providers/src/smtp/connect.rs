//! The way to the server's address, which a host application may want to guard.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Opens TCP connections by host name.
///
/// An application that lets others name servers replaces it, so that the address that was checked is the
/// address that is connected to.
#[async_trait]
pub trait Connect: fmt::Debug + Send + Sync + 'static {
    /// Connects to one of the host's addresses, giving each at most `limit`.
    async fn connect(&self, host: &str, port: u16, limit: Duration) -> io::Result<TcpStream>;
}

/// Connects to the addresses that the system's resolver gives, in its order, until one answers.
#[derive(Clone, Default)]
pub struct Direct {
    permit: Option<Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>>,
}

impl Direct {
    /// Connects only to addresses for which `permit` says yes.
    pub fn only(permit: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { permit: Some(Arc::new(permit)) }
    }

    fn permits(&self, address: SocketAddr) -> bool {
        self.permit.as_ref().is_none_or(|permit| permit(address))
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").field("guarded", &self.permit.is_some()).finish()
    }
}

#[async_trait]
impl Connect for Direct {
    async fn connect(&self, host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
        let addresses = timeout(limit, lookup_host((host, port))).await.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "no answer from the resolver"))
        })?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            if !self.permits(address) {
                last = io::Error::new(io::ErrorKind::PermissionDenied, "the host's address is not permitted");
                continue;
            }
            match timeout(limit, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "no answer"),
            }
        }
        Err(last)
    }
}
