//! Names of mail servers.

use std::net::IpAddr;

use crate::delivery::Guard;

/// Whether a password may travel there unencrypted, as far as the name tells: an address is judged again
/// when it is connected to.
pub(super) fn may_read_on_the_way(guard: &Guard, host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => guard.permits_as_private(address),
        Err(_) => guard.allows_some(),
    }
}

/// The host as it is resolved: a name in lower case, or an address.
pub(super) fn host_name(host: &str) -> Result<String, &'static str> {
    const WRONG: &str = "must be a host name or an IP address, without scheme, user or port";
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = literal.parse::<IpAddr>() {
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
