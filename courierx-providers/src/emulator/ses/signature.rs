//! Whether a request is signed by the account's key (AWS Signature Version 4): written without a look at how adapters
//! sign, and for whatever headers a client chooses to sign.

use std::collections::BTreeMap;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::super::vendor::ApiRequest;
use super::{Mistake, Ses};

/// How far a client's clock may be from ours.
const SKEW: Duration = Duration::from_mins(5);

/// The parts of an `Authorization` header.
struct Claim<'a> {
    access_key_id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

fn denied<T>(code: &'static str, message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake(403, code, message.into()))
}

/// Checks who sent a request, and when.
pub(super) fn check(
    request: &ApiRequest,
    account: &Ses,
    service: &str,
    now: Timestamp,
) -> Result<(), Mistake> {
    let Some(authorization) = request.header("authorization") else {
        return denied("MissingAuthenticationTokenException", "Missing Authentication Token");
    };
    let Some(claim) = Claim::read(authorization) else {
        return denied("IncompleteSignatureException", "The Authorization header cannot be read");
    };
    check_key(request, account, &claim)?;
    if claim.region != account.region || claim.service != service {
        return denied(
            "InvalidSignatureException",
            "Credential should be scoped to another region or service.",
        );
    }
    let everything = ["host", "x-amz-date"].into_iter().chain(
        request.headers.keys().map(axum::http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-")),
    );
    for name in everything {
        if !claim.signed.contains(&name) {
            return denied("InvalidSignatureException", format!("'{name}' must be a signed header."));
        }
    }
    let time = check_time(request, &claim, now)?;
    let expected = account.signature(request, &claim, time)?;
    if claim.signature != expected {
        let message = "The request signature we calculated does not match the signature you provided.";
        return denied("InvalidSignatureException", message);
    }
    Ok(())
}

impl<'a> Claim<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let fields: BTreeMap<&str, &str> = text
            .strip_prefix("AWS4-HMAC-SHA256 ")?
            .split(',')
            .map(|field| field.trim().split_once('='))
            .collect::<Option<_>>()?;
        let mut scope = fields.get("Credential")?.rsplitn(5, '/');
        if scope.next() != Some("aws4_request") {
            return None;
        }
        let (service, region, day, access_key_id) =
            (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        let signed: Vec<&str> = fields.get("SignedHeaders")?.split(';').collect();
        // In order, each once, in lower case.
        let orderly = signed.windows(2).all(|pair| pair[0] < pair[1]);
        let lower = !signed.iter().any(|name| name.contains(|c: char| c.is_ascii_uppercase()));
        let signature = *fields.get("Signature")?;
        (orderly && lower).then_some(Self { access_key_id, day, region, service, signed, signature })
    }
}

fn check_key(request: &ApiRequest, account: &Ses, claim: &Claim<'_>) -> Result<(), Mistake> {
    let token = request.header("x-amz-security-token");
    let temporary = account.access_key_id.starts_with("ASIA");
    if token == Some("expired") {
        return denied("ExpiredTokenException", "The security token included in the request is expired");
    }
    if claim.access_key_id != account.access_key_id
        || temporary != token.is_some_and(|token| !token.is_empty())
    {
        let message = "The security token included in the request is invalid.";
        return denied("UnrecognizedClientException", message);
    }
    Ok(())
}

/// The time of a request, as it says it: `20230101T000000Z`.
fn check_time<'a>(request: &'a ApiRequest, claim: &Claim<'_>, now: Timestamp) -> Result<&'a str, Mistake> {
    let text = request.header("x-amz-date").unwrap_or_default();
    let Some(time) = moment(text).filter(|_| text.starts_with(claim.day)) else {
        return denied("IncompleteSignatureException", "The date is not that of the credential's scope");
    };
    if now.since(time) > SKEW {
        return denied("InvalidSignatureException", format!("Signature expired: {text} is too long ago"));
    }
    if time.since(now) > SKEW {
        return denied("InvalidSignatureException", format!("Signature not yet current: {text}"));
    }
    Ok(text)
}

fn moment(text: &str) -> Option<Timestamp> {
    let digits =
        |from: usize, to: usize| text.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..) != Some("Z") {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
    let (hour, minute, second) = (digits(9, 11)?, digits(11, 13)?, digits(13, 15)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

impl Ses {
    /// What the signature must be.
    fn signature(&self, request: &ApiRequest, claim: &Claim<'_>, time: &str) -> Result<String, Mistake> {
        let mut lines = vec![request.method.to_string(), escape(&request.path, b"/"), query(&request.query)];
        for name in &claim.signed {
            let values: Vec<_> = request.headers.get_all(*name).iter().map(|value| value.to_str()).collect();
            if values.is_empty() || values.iter().any(Result::is_err) {
                return denied(
                    "InvalidSignatureException",
                    format!("The signed header '{name}' is not there"),
                );
            }
            let values: Vec<String> = values
                .into_iter()
                .flatten()
                .map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            lines.push(format!("{name}:{}", values.join(",")));
        }
        lines.extend([String::new(), claim.signed.join(";"), digest(&request.body)]);
        let scope = [claim.day, claim.region, claim.service, "aws4_request"];
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{time}\n{}\n{}", scope.join("/"), digest(lines.join("\n").as_bytes()));
        let mut key = format!("AWS4{}", self.secret_access_key).into_bytes();
        for part in scope.into_iter().chain([to_sign.as_str()]) {
            key = match Hmac::<Sha256>::new_from_slice(&key) {
                Ok(mac) => mac.chain_update(part).finalize().into_bytes().to_vec(),
                Err(_) => return denied("InternalFailure", "the secret is no key"),
            };
        }
        Ok(hexadecimal(&key))
    }
}

/// The query's pairs in order, in AWS's own encoding.
fn query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (escape(&name, b""), escape(&value, b"")))
        .collect();
    pairs.sort();
    pairs.into_iter().map(|(name, value)| name + "=" + &value).collect::<Vec<_>>().join("&")
}

fn escape(text: &str, also: &[u8]) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.contains(&byte);
    text.bytes()
        .map(|byte| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pairs = bytes.iter().flat_map(|&byte| [byte / 16, byte % 16]);
    pairs.map(|half| char::from(DIGITS[usize::from(half)])).collect()
}
