//! The HTTP client for buckets: our TLS, and answers that are errors as errors with nothing in them but what is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Collected, Limited};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

const CONNECT: Duration = Duration::from_secs(5);
/// How long nothing may arrive of an answer.
const SILENCE: Duration = Duration::from_secs(20);
/// Less than what servers in wide use keep idle connections for.
const IDLE: Duration = Duration::from_secs(20);

/// Errors are short.
const MOST_OF_AN_ERROR: usize = 64 * 1024;

/// An answer that is an error: its status, and the name that S3 gives to it. The rest of it may repeat what was
/// signed, and whose key it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) code: Option<String>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it answered {}", self.status)?;
        self.code.iter().try_for_each(|code| write!(f, " {code}"))
    }
}

impl Told {
    fn read(status: u16, body: &str) -> Self {
        let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        let is_name = |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Self { status, code: code.map(|(code, _)| code).filter(is_name).map(str::to_owned) }
    }

    fn kind(&self) -> HttpErrorKind {
        match self.status {
            // Tried again.
            408 | 429 | 500.. => HttpErrorKind::Request,
            _ => HttpErrorKind::Unknown,
        }
    }
}

/// Sends requests.
#[derive(Debug, Clone)]
pub(super) struct Client(reqwest::Client);

impl Client {
    pub(super) fn new(roots: &[CertificateDer<'static>]) -> Result<Self, ClientError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(roots)?)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .user_agent(concat!("courierx/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self(client))
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the HTTP client cannot be set up")]
    Client(#[from] reqwest::Error),
}

/// The Mozilla roots, and those of the application, by the same cryptography as everywhere.
fn tls(extra: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra {
        roots.add(root.clone())?;
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = request.map(reqwest::Body::wrap).try_into().map_err(failed)?;
        let mut response = self.0.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = reqwest::Body::from(response);
        if status.is_success() {
            let mut answer = HttpResponse::new(HttpResponseBody::new(body.map_err(failed)));
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            return Ok(answer);
        }
        // What cannot be read does not say more than the status.
        let body = Limited::new(body, MOST_OF_AN_ERROR).collect().await;
        let body = body.map(Collected::to_bytes).unwrap_or_default();
        let told = Told::read(status.as_u16(), &String::from_utf8_lossy(&body));
        Err(HttpError::new(told.kind(), told))
    }
}

/// What may help against an error: it is tried again, always or only where nothing is done twice by that, or never.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_builder() || error.is_decode() {
        HttpErrorKind::Decode
    } else {
        // Whatever else goes wrong between two machines: a connection that broke, or was closed before its answer.
        HttpErrorKind::Interrupted
    };
    // The URL may be signed.
    HttpError::new(kind, error.without_url())
}

impl HttpConnector for Client {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use object_store::client::HttpRequestBody;
    use tokio::net::TcpListener;

    use super::*;

    async fn kind_of(place: SocketAddr) -> HttpErrorKind {
        let request = http_request(&format!("http://{place}/bucket/blob"));
        Client::new(&[]).unwrap().call(request).await.unwrap_err().kind()
    }

    fn http_request(url: &str) -> HttpRequest {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.parse().unwrap();
        request
    }

    #[tokio::test]
    async fn an_error_tells_whether_it_may_be_tried_again() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = server.local_addr().unwrap();
        let hang_up = async { drop(server.accept().await.unwrap()) };
        let (kind, ()) = tokio::join!(kind_of(place), hang_up);
        assert_eq!(kind, HttpErrorKind::Interrupted);
        drop(server);
        assert_eq!(kind_of(place).await, HttpErrorKind::Connect);
        let nonsense = Client::new(&[]).unwrap().call(http_request("/nowhere")).await;
        assert_eq!(nonsense.unwrap_err().kind(), HttpErrorKind::Decode);
    }

    #[test]
    fn an_answer_tells_its_status_and_the_name_of_the_error() {
        let body =
            "<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>AKIAEXAMPLE</AWSAccessKeyId></Error>";
        let told = Told::read(403, body);
        assert_eq!(told.to_string(), "it answered 403 InvalidAccessKeyId");
        assert_eq!(Told::read(502, "<html>Bad gateway").to_string(), "it answered 502");
        assert_eq!(Told::read(403, "<Code>no name</Code>").code, None);
    }
}
