//! Encrypting a session.

use std::io;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::wire::Transport;
use crate::tls::client_config;

/// Encrypts a connection after checking that the server's certificate is for `host`.
pub(super) async fn encrypt(
    transport: Box<dyn Transport>,
    host: &str,
    extra_roots: &[CertificateDer<'static>],
) -> io::Result<Box<dyn Transport>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let config = Arc::new(client_config(extra_roots).map_err(io::Error::other)?);
    Ok(Box::new(TlsConnector::from(config).connect(name, transport).await?))
}
