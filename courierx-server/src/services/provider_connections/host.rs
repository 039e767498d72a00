//! Names of mail servers, and URLs of APIs.

use std::net::IpAddr;

use courierx_providers::http::BaseUrl;

use crate::delivery::Guard;
use crate::services::is_one_line;

/// Bytes of a URL.
const MAX_URL: usize = 500;

/// Whether a password may travel there unencrypted, as far as the name tells: an address is judged again
/// when it is connected to.
pub(in crate::services) fn may_read_on_the_way(guard: &Guard, host: &str) -> bool {
    match literal(host) {
        Some(address) => guard.permits_as_private(address),
        None => guard.allows_some(),
    }
}

/// The address that a host is without anybody being asked; one of IPv6 may stand in brackets.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// The beginning of an API's URLs.
pub(super) fn base_url(text: &str) -> Result<BaseUrl, String> {
    if text.len() > MAX_URL {
        return Err(format!("is too long (maximum is {MAX_URL} bytes)"));
    }
    // What reads URLs would leave them out.
    if !is_one_line(text.trim()) {
        return Err("must be one line".to_owned());
    }
    BaseUrl::new(text).map_err(|error| error.to_string())
}

/// The host as it is resolved: a name in lower case, or an address.
pub(super) fn host_name(host: &str) -> Result<String, &'static str> {
    const WRONG: &str = "must be a host name or an IP address, without scheme, user or port";
    if let Some(address) = literal(host) {
        return Ok(address.to_string());
    }
    if host.is_empty() {
        return Err("can't be blank");
    }
    if !host.is_ascii() {
        return Err("must be ASCII; write an international name in its xn-- form");
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let valid = name.len() <= 253 && name.split('.').all(is_label);
    if valid { Ok(name.to_ascii_lowercase()) } else { Err(WRONG) }
}
