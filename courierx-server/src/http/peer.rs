//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::http::{Extensions, HeaderMap, request::Parts};

use crate::config::TrustedProxies;

/// The other end of the connection; the listener puts it into every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Headers by which a proxy tells for whom it asks.
const FORWARDED: [&str; 2] = ["x-forwarded-for", "forwarded"];

/// The address of whoever asks. A proxy that the operator trusts is believed when it says for whom it asks, and so is the
/// one for which it asks, if that is trusted as well; anybody else is not, since anybody can write a header.
pub(super) fn client_address(trusted: &TrustedProxies, parts: &Parts) -> Option<IpAddr> {
    address_of(trusted, &parts.extensions, &parts.headers)
}

/// The same, of a request that is still whole.
pub(super) fn address_of(
    trusted: &TrustedProxies,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Option<IpAddr> {
    let mut address = extensions.get::<Peer>()?.0.ip().to_canonical();
    let mut earlier = forwarded(headers);
    while trusted.include(address) {
        // What says nothing, or nothing that can be read, is taken for whoever asks.
        let Some(Some(before)) = earlier.next() else { break };
        address = before;
    }
    Some(address)
}

/// Whether the request was made on this machine, and not passed on by a proxy here.
pub(super) fn is_local(parts: &Parts) -> bool {
    let local = parts.extensions.get::<Peer>().is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    local && FORWARDED.iter().all(|name| !parts.headers.contains_key(*name))
}

/// The addresses of `X-Forwarded-For`, the last one first: that is the one which the nearest proxy saw itself. None stands
/// for what is no address.
fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(FORWARDED[0]).iter().rev();
    lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',').map(|one| address(one.trim())))
}

/// An address, which some proxies write with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use crate::config::{Environment, Flags, Settings};

    use super::*;

    fn request(peer: &str, forwarded: Option<&str>) -> Parts {
        let mut request = axum::http::Request::new(());
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        if let Some(forwarded) = forwarded {
            request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
        }
        request.into_parts().0
    }

    fn seen(trusted: &TrustedProxies, peer: &str, forwarded: Option<&str>) -> String {
        client_address(trusted, &request(peer, forwarded)).unwrap().to_string()
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed_if_no_other_is_named() {
        let trusted = TrustedProxies::default();
        let address = |peer, forwarded| seen(&trusted, peer, forwarded);
        assert_eq!(address("192.0.2.1:1", Some("198.51.100.7")), "192.0.2.1");
        assert_eq!(address("127.0.0.1:1", Some("203.0.113.9, 198.51.100.7")), "198.51.100.7");
        assert_eq!(address("[::ffff:127.0.0.1]:1", None), "127.0.0.1");
        assert!(is_local(&request("[::1]:1", None)));
        assert!(!is_local(&request("127.0.0.1:1", Some("198.51.100.7"))));
        assert!(!is_local(&request("192.0.2.1:1", None)));
    }

    #[test]
    fn proxies_are_passed_by_until_somebody_is_none() {
        let set =
            [("COURIERX_TRUSTED_PROXIES", "10.0.0.0/8,2001:db8::/32")].into_iter().collect::<Environment>();
        let read = Settings::load(&Flags::default(), &set, &std::env::temp_dir()).unwrap();
        let trusted = read.trusted_proxies;
        for (peer, forwarded, expected) in [
            ("10.0.0.1:1", Some("198.51.100.7"), "198.51.100.7"),
            ("[::ffff:10.0.0.1]:1", Some("198.51.100.7"), "198.51.100.7"),
            ("10.0.0.1:1", Some("198.51.100.7, 10.0.0.2, 2001:db8::2"), "198.51.100.7"),
            ("10.0.0.1:1", Some("198.51.100.7,::ffff:10.0.0.2"), "198.51.100.7"),
            // What the client wrote itself stands before what a proxy saw.
            ("10.0.0.1:1", Some("192.0.2.9, 10.0.0.3, 198.51.100.7, 10.0.0.2"), "198.51.100.7"),
            ("198.51.100.7:1", Some("10.0.0.2"), "198.51.100.7"),
            ("127.0.0.1:1", Some("198.51.100.7"), "127.0.0.1"),
            // With a port, as some write it.
            ("10.0.0.1:1", Some("198.51.100.7:50123, [2001:db8::2]:443, [2001:db8::3]"), "198.51.100.7"),
            // Nobody but proxies, or nothing that can be read.
            ("10.0.0.1:1", Some("10.0.0.3, 10.0.0.2"), "10.0.0.3"),
            ("10.0.0.1:1", None, "10.0.0.1"),
            ("10.0.0.1:1", Some(""), "10.0.0.1"),
            ("10.0.0.1:1", Some("198.51.100.7, unknown, 10.0.0.2"), "10.0.0.2"),
        ] {
            assert_eq!(seen(&trusted, peer, forwarded), expected, "{peer} {forwarded:?}");
        }
        let mut lines = request("10.0.0.1:1", Some("198.51.100.7, 10.0.0.3"));
        lines.headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        assert_eq!(
            client_address(&trusted, &lines).unwrap().to_string(),
            "198.51.100.7",
            "lines are one list"
        );
    }
}
