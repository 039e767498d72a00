//! The HTTP client that all adapters share.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use courierx_core::clock::{Clock, SystemClock};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::base_url::literal_address;
use crate::tls;

/// How long an idle connection is kept: less than what servers in wide use keep theirs, so that a request is
/// seldom written to one that the other side has just closed.
const IDLE: Duration = Duration::from_secs(20);
/// Idle connections to one host.
const IDLE_PER_HOST: usize = 64;

/// The addresses of a name, in a while.
type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
/// Finds the addresses of a name.
type Lookup = Arc<dyn Fn(String) -> Addresses + Send + Sync>;
/// Decides which addresses may be reached.
type Permit = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// An HTTP client: connections that are kept and reused, limits for every phase, no redirects, no proxy, and
/// nothing repeated behind the caller's back.
///
/// Cheap to clone; clones share their connections. HTTP/1.1 is spoken, since there is one request at a time on a
/// connection of it: so it is known of each whether the last of its body was written.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    encrypted: Client,
    plain: Client,
    options: HttpBuilder,
}

/// Sets up an [`Http`].
#[derive(Clone)]
#[must_use]
pub struct HttpBuilder {
    pub(super) connect: Duration,
    pub(super) answer: Duration,
    pub(super) max_answer_bytes: usize,
    permit: Permit,
    permit_plain: Permit,
    /// The system's, if none.
    lookup: Option<Lookup>,
    /// What is told of addresses that may not be reached: at all, and without TLS.
    refusals: (&'static str, &'static str),
    extra_roots: Vec<CertificateDer<'static>>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The text has no PEM certificate, or one that cannot be read.
    #[error("no certificate can be read from the PEM text")]
    Certificate,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// The client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[from] reqwest::Error),
}

impl Http {
    /// Begins a client of its own.
    pub fn builder() -> HttpBuilder {
        HttpBuilder {
            connect: Duration::from_secs(10),
            answer: Duration::from_mins(1),
            max_answer_bytes: 1024 * 1024,
            permit: Arc::new(|_| true),
            permit_plain: Arc::new(|address| address.is_loopback()),
            lookup: None,
            refusals: ("the host's address is not permitted", "an address without TLS is not permitted"),
            extra_roots: Vec::new(),
            clock: SystemClock::shared(),
        }
    }

    /// The client that providers use which are given none: one for the whole process.
    ///
    /// # Panics
    ///
    /// If TLS cannot be set up at all, which does not happen with the roots and the cryptography built in.
    pub fn shared() -> Self {
        static SHARED: OnceLock<Http> = OnceLock::new();
        let build = || match Self::builder().build() {
            Ok(http) => http,
            Err(error) => panic!("{error}"),
        };
        SHARED.get_or_init(build).clone()
    }

    pub(super) fn options(&self) -> &HttpBuilder {
        &self.0.options
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.options.clock
    }

    /// The client for a URL, if its address may be reached as far as it is known already.
    pub(super) fn client_for(&self, url: &Url) -> Result<&Client, NotPermitted> {
        let plain = url.scheme() == "http";
        if let Some(address) = literal_address(url) {
            self.0.options.permits(address, plain)?;
        }
        Ok(if plain { &self.0.plain } else { &self.0.encrypted })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

impl HttpBuilder {
    /// Sets how long connecting may take, TLS included: 10 seconds.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// Sets how long a complete request is waited for: a minute. A shorter one makes outcomes unknown that the
    /// vendor would still have told.
    pub fn answer_timeout(mut self, limit: Duration) -> Self {
        self.answer = limit;
        self
    }

    /// Sets how much of an answer is read: 1 MiB.
    pub fn max_answer_bytes(mut self, bytes: usize) -> Self {
        self.max_answer_bytes = bytes;
        self
    }

    /// Connects only to addresses for which `permit` says yes: those that a name resolves to, and those that a
    /// URL names itself.
    pub fn permit(mut self, permit: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        self.permit = Arc::new(permit);
        self
    }

    /// Connects without TLS only to addresses for which `permit` says yes too. Without it, only to this machine:
    /// credentials could be read on the way.
    pub fn permit_plain(mut self, permit: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        self.permit_plain = Arc::new(permit);
        self
    }

    /// Finds the addresses of names this way, instead of by the system. They are judged like any others, once for each
    /// connection, which is made to one that was permitted.
    pub fn lookup<F>(mut self, lookup: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        self.lookup = Some(Arc::new(move |name| Box::pin(lookup(name))));
        self
    }

    /// Says so of addresses that [`permit`](Self::permit) refuses, and of those that
    /// [`permit_plain`](Self::permit_plain) does: whoever is told may want to know who can change that.
    pub fn refusals(mut self, any: &'static str, plain: &'static str) -> Self {
        self.refusals = (any, plain);
        self
    }

    /// Trusts these PEM certificates too, beside the Mozilla roots.
    pub fn root_certificate_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self, HttpError> {
        self.extra_roots.extend(tls::certificates(pem.as_ref()).ok_or(HttpError::Certificate)?);
        Ok(self)
    }

    /// Takes the time from this clock: signatures and waits depend on it.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The finished client. Nothing is connected yet.
    pub fn build(self) -> Result<Http, HttpError> {
        let tls = tls::client_config(&self.extra_roots)?;
        let client = |plain: bool| {
            let resolver = Guarded { options: self.clone(), plain };
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .http1_only()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .connect_timeout(self.connect)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_PER_HOST)
                .tcp_nodelay(true)
                .dns_resolver(resolver)
                .user_agent(concat!("courierx/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        Ok(Http(Arc::new(Inner { encrypted: client(false)?, plain: client(true)?, options: self })))
    }

    fn permits(&self, address: IpAddr, plain: bool) -> Result<(), NotPermitted> {
        if !(self.permit)(address) {
            return Err(NotPermitted(self.refusals.0));
        }
        if plain && !(self.permit_plain)(address) {
            return Err(NotPermitted(self.refusals.1));
        }
        Ok(())
    }
}

impl fmt::Debug for HttpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBuilder")
            .field("connect", &self.connect)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

/// The address of a host may not be reached.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotPermitted(&'static str);

/// Resolves names by the system, and keeps the addresses that may be reached.
struct Guarded {
    options: HttpBuilder,
    plain: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (options, plain) = (self.options.clone(), self.plain);
        Box::pin(async move {
            let found = match &options.lookup {
                Some(lookup) => lookup(name.as_str().to_owned()).await?,
                None => tokio::net::lookup_host((name.as_str(), 0)).await?.map(|found| found.ip()).collect(),
            };
            let mut permitted = Vec::new();
            let mut refused = None;
            for address in found {
                match options.permits(address, plain) {
                    Ok(()) => permitted.push(SocketAddr::new(address, 0)),
                    Err(error) => refused = Some(error),
                }
            }
            if let Some(error) = refused.filter(|_| permitted.is_empty()) {
                return Err(error.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}
