//! Signing requests: AWS Signature Version 4.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>

use courierx_core::clock::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use reqwest::header::HeaderMap;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::http::Request;
use crate::secret::Secret;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The headers that are signed where they are there, in order.
const SIGNED: [&str; 4] = ["content-type", "host", "x-amz-date", "x-amz-security-token"];

/// Who signs.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Option<Secret>,
}

/// What a signature holds for, beside its day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// Adds what proves that the request comes from these credentials, and when.
pub(super) fn sign(request: Request, by: &Credentials, scope: Scope<'_>, at: Timestamp) -> Request {
    let time = stamp(at);
    let day = time.get(..8).unwrap_or_default();
    let host = host(&request.url);
    let mut request = request.header("host", &host).header("x-amz-date", &time);
    if let Some(token) = &by.session_token {
        request = request.secret_header("x-amz-security-token", token.expose());
    }
    let scope_text = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let (canonical, signed) = canonical(&request);
    let to_sign = format!("{ALGORITHM}\n{time}\n{scope_text}\n{}", hex(&Sha256::digest(canonical)));
    let signature = hex(&mac(&key(&by.secret_access_key, day, scope), to_sign.as_bytes()));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope_text}, SignedHeaders={signed}, Signature={signature}",
        by.access_key_id
    );
    request.secret_header("authorization", &authorization)
}

/// The key of one day, region and service. It is not kept: making it takes some microseconds, as hashing a small body
/// does, and a key in memory is one more to guard.
fn key(secret: &Secret, day: &str, scope: Scope<'_>) -> [u8; 32] {
    let start = Zeroizing::new(format!("AWS4{}", secret.expose()));
    [scope.region, scope.service, "aws4_request"]
        .into_iter()
        .fold(mac(start.as_bytes(), day.as_bytes()), |key, part| mac(&key, part.as_bytes()))
}

/// The request in the one form that both sides hash, and the names of the headers in it.
pub(super) fn canonical(request: &Request) -> (String, String) {
    let present: Vec<(&str, String)> =
        SIGNED.into_iter().filter_map(|name| Some((name, value(&request.headers, name)?))).collect();
    let signed = present.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let mut text = format!("{}\n{}\n{}\n", request.method, path(&request.url), query(&request.url));
    for (name, value) in &present {
        text.extend([name, ":", value, "\n"]);
    }
    text.extend(["\n", &signed, "\n", &hex(&Sha256::digest(&request.body))]);
    (text, signed)
}

/// A header's value without blanks around it, and with single ones inside.
fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

/// The path, in which what is already percent-encoded is encoded once more.
fn path(url: &Url) -> String {
    let segments: Vec<_> = url.path().trim_start_matches('/').split('/').map(encode).collect();
    format!("/{}", segments.join("/"))
}

/// The query's pairs, each encoded, in the order of their names and values.
fn query(url: &Url) -> String {
    let mut pairs: Vec<_> = url.query_pairs().map(|(name, value)| (encode(&name), encode(&value))).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Percent-encodes everything but the unreserved characters (RFC 3986 §2.3).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.extend([
                '%',
                digit(byte >> 4).to_ascii_uppercase(),
                digit(byte & 15).to_ascii_uppercase(),
            ]),
        }
    }
    encoded
}

/// The host as the request names it: with its port, unless that is the usual one.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A moment as signatures write it: `20230101T000000Z`.
fn stamp(at: Timestamp) -> String {
    let mut text = at.clamp(Timestamp::EPOCH, Timestamp::MAX).to_string();
    text.truncate("2023-01-01T00:00:00".len());
    text.retain(|c| !matches!(c, '-' | ':'));
    text.push('Z');
    text
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac.chain_update(text).finalize().into_bytes().into(),
        Err(error) => unreachable!("any length is a key's: {error}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A digit below 16.
fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}
