//! Encrypting a session.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::wire::Transport;
use crate::tls::client_config;

/// Whom one server's connections trust. They share it, so that a connection resumes the TLS session of one before
/// it, in place of a whole handshake.
#[derive(Debug, Default)]
pub(super) struct Trust {
    extra_roots: Vec<CertificateDer<'static>>,
    /// Made for the first connection.
    config: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    pub(super) fn add(&mut self, roots: Vec<CertificateDer<'static>>) {
        self.extra_roots.extend(roots);
        self.config = OnceLock::new();
    }

    fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(client_config(&self.extra_roots).map_err(io::Error::other)?);
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }
}

/// Encrypts a connection after checking that the server's certificate is for `host`.
pub(super) async fn encrypt(
    transport: Box<dyn Transport>,
    host: &str,
    trust: &Trust,
) -> io::Result<Box<dyn Transport>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(trust.config()?).connect(name, transport).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_share_one_configuration() {
        let mut trust = Trust::default();
        let first = trust.config().unwrap();
        assert!(Arc::ptr_eq(&first, &trust.config().unwrap()));
        trust.add(Vec::new());
        assert!(!Arc::ptr_eq(&first, &trust.config().unwrap()), "other roots are another trust");
    }
}
