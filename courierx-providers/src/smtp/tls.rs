//! TLS, by rustls with the Mozilla roots and those the application adds.

use std::io;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::wire::Transport;

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

fn client_config(
    extra_roots: &[CertificateDer<'static>],
) -> Result<ClientConfig, tokio_rustls::rustls::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra_roots {
        roots.add(root.clone())?;
    }
    // Named, because a process default may not be set, or be set by someone else.
    Ok(ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
