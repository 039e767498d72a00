//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::http::{Extensions, HeaderMap, request::Parts};

/// The other end of the connection; the listener puts it into every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Headers by which a proxy tells for whom it asks.
const FORWARDED: [&str; 2] = ["x-forwarded-for", "forwarded"];

/// The address of whoever asks. A proxy on this machine is believed when it says for whom it asks; anybody
/// else is not, since anybody can write a header.
pub(super) fn client_address(parts: &Parts) -> Option<IpAddr> {
    address_of(&parts.extensions, &parts.headers)
}

/// The same, of a request that is still whole.
pub(super) fn address_of(extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = extensions.get::<Peer>()?.0.ip().to_canonical();
    if !peer.is_loopback() {
        return Some(peer);
    }
    Some(last_forwarded(headers).unwrap_or(peer))
}

/// Whether the request was made on this machine, and not passed on by a proxy here.
pub(super) fn is_local(parts: &Parts) -> bool {
    let local = parts.extensions.get::<Peer>().is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    local && FORWARDED.iter().all(|name| !parts.headers.contains_key(*name))
}

/// The last address of `X-Forwarded-For`: the one that the nearest proxy saw itself.
fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let value = headers.get_all("x-forwarded-for").iter().next_back()?;
    value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(peer: &str, forwarded: Option<&str>) -> Parts {
        let mut request = axum::http::Request::new(());
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        if let Some(forwarded) = forwarded {
            request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
        }
        request.into_parts().0
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let address = |peer, forwarded| client_address(&request(peer, forwarded)).unwrap().to_string();
        assert_eq!(address("192.0.2.1:1", Some("198.51.100.7")), "192.0.2.1");
        assert_eq!(address("127.0.0.1:1", Some("203.0.113.9, 198.51.100.7")), "198.51.100.7");
        assert_eq!(address("[::ffff:127.0.0.1]:1", None), "127.0.0.1");
        assert!(is_local(&request("[::1]:1", None)));
        assert!(!is_local(&request("127.0.0.1:1", Some("198.51.100.7"))));
        assert!(!is_local(&request("192.0.2.1:1", None)));
    }
}
