//! The certificates by which SNS signs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use courierx_core::provider::CallbackError;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::http::Http;

/// The largest certificate, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// How long one is waited for: SNS waits 15 seconds for an answer to its callback.
const LIMIT: Duration = Duration::from_secs(8);
/// The most certificates that are kept. SNS has one for each region at a time.
const MOST: usize = 64;

/// Fetches certificates of SNS.
#[async_trait]
pub trait Certificates: fmt::Debug + Send + Sync {
    /// The certificate at this URL, in PEM; or why it cannot be had. The host is one of SNS's; follow no redirect.
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String>;
}

#[async_trait]
impl Certificates for Http {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let fetched = Self::fetch(self, url, MAX_BYTES, LIMIT).await.map_err(|error| error.to_string())?;
        Ok(fetched.content)
    }
}

/// What a certificate is for: its key. That it came by TLS from SNS is what makes it SNS's; its issuer and its last day
/// are not looked at, as in Amazon's own libraries.
pub(super) struct Certificate(Vec<u8>);

impl Certificate {
    fn read(pem: &[u8]) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem).ok()?;
        let certificate = webpki::EndEntityCert::try_from(&der).ok()?;
        Some(Self(certificate.subject_public_key_info().to_vec()))
    }

    /// The key (RFC 5280 §4.1.2.7).
    pub(super) fn key(&self) -> &[u8] {
        &self.0
    }
}

/// The certificates that were fetched.
pub(super) struct Cache {
    source: Arc<dyn Certificates>,
    known: Mutex<HashMap<String, Arc<Certificate>>>,
}

impl Cache {
    pub(super) fn new(source: Arc<dyn Certificates>) -> Self {
        Self { source, known: Mutex::default() }
    }

    /// The certificate at a URL that was checked.
    pub(super) async fn get(&self, url: &str) -> Result<Arc<Certificate>, CallbackError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(url) {
            return Ok(Arc::clone(found));
        }
        let unavailable = |why: String| CallbackError::Unavailable(format!("the certificate of SNS {why}"));
        let pem = self.source.fetch(url).await.map_err(unavailable)?;
        let read = Certificate::read(&pem).ok_or_else(|| unavailable("cannot be read".to_owned()))?;
        let certificate = Arc::new(read);
        let mut known = known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(url.to_owned(), Arc::clone(&certificate));
        Ok(certificate)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("source", &self.source).finish_non_exhaustive()
    }
}
