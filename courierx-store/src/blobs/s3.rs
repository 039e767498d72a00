//! Large contents in a bucket.

use std::fmt;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{BackoffConfig, RetryConfig};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::ObjectBlobs;
use super::http::Client;
use super::list::Listing;

/// A request that was answered with an error of the server is tried again so often, and for so long.
const RETRIES: (usize, Duration) = (2, Duration::from_secs(10));
/// How long it waits before, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How a bucket is reached; made by [`ObjectBlobs::s3`]. `Debug` shows no credentials.
#[derive(Clone)]
#[must_use = "options do nothing until a bucket is opened with them"]
pub struct S3Options {
    bucket: String,
    prefix: String,
    endpoint: Option<String>,
    region: String,
    credentials: Option<(String, String)>,
    roots_pem: Option<String>,
}

/// Why a bucket cannot be used like this. Nothing was asked yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No bucket has such a name.
    #[error(
        "no bucket is called like that: 3 to 63 lower-case letters, digits, dots and hyphens, and no directory bucket \
         (`--x-s3`), which does not list in order"
    )]
    Bucket,
    /// A prefix cannot be like that.
    #[error("a prefix has letters, digits and `.`, `_`, `-` between its slashes, 200 at most in all")]
    Prefix,
    /// It is not the URL of an endpoint.
    #[error(
        "an endpoint is https:// or http:// and a host, perhaps with a port, without user, path and options; a bucket \
         and a prefix are given apart"
    )]
    Endpoint,
    /// No region is called like that.
    #[error("a region has lower-case letters, digits and hyphens: eu-central-1")]
    Region,
    /// There are no credentials.
    #[error("a bucket needs an access key and its secret")]
    NoCredentials,
    /// The text has no PEM certificate, or one that cannot be read.
    #[error("no certificate can be read from the PEM text")]
    Certificate,
    /// The client cannot be set up.
    #[error("the client for the bucket cannot be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ObjectBlobs {
    /// Large contents in this bucket, of S3 at Amazon unless an [endpoint](S3Options::endpoint) is given.
    pub fn s3(bucket: impl Into<String>) -> S3Options {
        S3Options {
            bucket: bucket.into(),
            prefix: String::new(),
            endpoint: None,
            region: "us-east-1".to_owned(),
            credentials: None,
            roots_pem: None,
        }
    }
}

impl S3Options {
    /// Lets all names begin with this and a slash. One database has it for itself.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Asks this host, `https://minio.example` or `http://127.0.0.1:9000`, and names the bucket in the path.
    ///
    /// Contents are sealed and the secret key is never sent; what can be seen without TLS is when how much is kept.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Sets the region: `us-east-1` unless set.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Signs requests with this access key.
    pub fn credentials(mut self, access_key_id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.credentials = Some((access_key_id.into(), secret.into()));
        self
    }

    /// Trusts these PEM certificates too, beside the Mozilla roots.
    pub fn root_certificate_pem(mut self, pem: impl Into<String>) -> Self {
        self.roots_pem = Some(pem.into());
        self
    }

    /// Checks all of it. Nothing is connected yet.
    pub fn open(self) -> Result<ObjectBlobs, OpenError> {
        self.check()?;
        let prefix = Path::parse(&self.prefix).map_err(|_| OpenError::Prefix)?;
        let client = Client::new(&self.roots()?).map_err(|error| OpenError::Client(error.into()))?;
        let place = match self.prefix.as_str() {
            "" => format!("bucket {}", self.bucket),
            prefix => format!("bucket {}, prefix {prefix}", self.bucket),
        };
        let (id, secret) = self.credentials.ok_or(OpenError::NoCredentials)?;
        let builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(self.region)
            .with_access_key_id(id)
            .with_secret_access_key(secret)
            .with_http_connector(client)
            .with_retry(retries());
        let builder = match self.endpoint {
            // Our client takes http too, whatever this says; it is said where an endpoint is read.
            Some(endpoint) => builder.with_endpoint(endpoint.trim_end_matches('/')).with_allow_http(true),
            // The certificate of Amazon does not hold for a bucket with dots as the name of a host.
            None => builder.with_virtual_hosted_style_request(!self.bucket.contains('.')),
        };
        let objects = builder.build().map_err(|error| OpenError::Client(error.into()))?;
        Ok(ObjectBlobs::new(objects, prefix, Listing::Flat, None, place))
    }

    /// Checks what was given, without setting anything up.
    pub fn check(&self) -> Result<(), OpenError> {
        let plain = |text: &str, others: &str| {
            text.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || others.contains(one))
        };
        let is_name = |text: &str| {
            text.starts_with(|one: char| one.is_ascii_alphanumeric())
                && text.ends_with(|one: char| one.is_ascii_alphanumeric())
        };
        let Self { bucket, prefix, endpoint, region, .. } = self;
        if !(3..=63).contains(&bucket.len())
            || !plain(bucket, ".-")
            || !is_name(bucket)
            || bucket.ends_with("--x-s3")
        {
            return Err(OpenError::Bucket);
        }
        let is_part = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.chars().all(|one| one.is_ascii_alphanumeric() || "._-".contains(one))
        };
        if prefix.len() > 200 || !(prefix.is_empty() || prefix.split('/').all(is_part)) {
            return Err(OpenError::Prefix);
        }
        if region.is_empty() || !plain(region, "-") {
            return Err(OpenError::Region);
        }
        if !endpoint.as_deref().is_none_or(is_endpoint) {
            return Err(OpenError::Endpoint);
        }
        let is_there = |(id, secret): &(String, String)| !id.is_empty() && !secret.is_empty();
        if self.credentials.as_ref().is_some_and(is_there) { Ok(()) } else { Err(OpenError::NoCredentials) }
    }

    fn roots(&self) -> Result<Vec<CertificateDer<'static>>, OpenError> {
        let Some(pem) = &self.roots_pem else { return Ok(Vec::new()) };
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        roots.ok().filter(|roots| !roots.is_empty()).ok_or(OpenError::Certificate)
    }
}

fn is_endpoint(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: PAUSES.0, max_backoff: PAUSES.1, base: 2.0 };
    RetryConfig { backoff, max_retries: RETRIES.0, retry_timeout: RETRIES.1 }
}

impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("endpoint", &self.endpoint.as_deref().filter(|text| is_endpoint(text)))
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
