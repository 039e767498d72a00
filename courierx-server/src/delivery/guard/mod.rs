//! Which addresses connections on behalf of tenants may reach.
//!
//! A tenant names hosts, and the server connects to them from within the operator's network. So every address
//! that a name resolves to is judged, and the address that was judged is the one that is connected to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use courierx_providers::smtp::{Connect, Direct};
use ipnet::{Ipv4Net, Ipv6Net};
use tokio::net::TcpStream;

use crate::config::PrivateTargets;

/// What a tenant is told whose host is refused. It does not tell which address the name has.
pub const REFUSED: &str = "private targets are refused by this server; its operator's setting \
     COURIERX_ALLOW_PRIVATE_TARGETS allows them";
/// What a tenant is told whose password would leave the operator's network unencrypted.
pub const REFUSED_PLAIN: &str = "credentials without TLS are sent only to private targets that the operator's \
     setting COURIERX_ALLOW_PRIVATE_TARGETS allows";

/// Decides which addresses may be reached. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Guard(Arc<PrivateTargets>);

impl Guard {
    /// Refuses every address that is not public, except for these.
    pub fn new(allowed: PrivateTargets) -> Self {
        Self(Arc::new(allowed))
    }

    /// Whether this address may be reached.
    pub fn permits(&self, address: IpAddr) -> bool {
        is_public(address) || self.allows(address)
    }

    /// Whether this address may be reached, and is within the operator's network.
    pub fn permits_as_private(&self, address: IpAddr) -> bool {
        !is_public(address) && self.allows(address)
    }

    /// Whether any private address may be reached at all.
    pub fn allows_some(&self) -> bool {
        match &*self.0 {
            PrivateTargets::None => false,
            PrivateTargets::Networks(networks) => !networks.is_empty(),
            PrivateTargets::All => true,
        }
    }

    /// Opens connections to permitted addresses.
    pub fn connect(&self) -> Guarded {
        let guard = self.clone();
        let direct = Direct::only(move |address: SocketAddr| guard.permits(address.ip()));
        Guarded { direct, refused: REFUSED }
    }

    /// Opens connections to permitted addresses within the operator's network: for what may be read on the way.
    pub fn connect_privately(&self) -> Guarded {
        let guard = self.clone();
        let direct = Direct::only(move |address: SocketAddr| guard.permits_as_private(address.ip()));
        Guarded { direct, refused: REFUSED_PLAIN }
    }

    fn allows(&self, address: IpAddr) -> bool {
        match &*self.0 {
            PrivateTargets::None => false,
            PrivateTargets::Networks(networks) => {
                let inner = embedded(address).map(IpAddr::V4);
                networks.iter().any(|net| net.contains(&address) || inner.is_some_and(|v4| net.contains(&v4)))
            }
            PrivateTargets::All => true,
        }
    }
}

/// Opens connections to permitted addresses only, and says who can permit others.
#[derive(Debug)]
pub struct Guarded {
    direct: Direct,
    refused: &'static str,
}

#[async_trait]
impl Connect for Guarded {
    async fn connect(&self, host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
        self.direct.connect(host, port, limit).await.map_err(|error| {
            // The system's own refusals have a code.
            if error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
                io::Error::new(error.kind(), self.refused)
            } else {
                error
            }
        })
    }
}

/// IPv4 addresses that are nobody's on the internet (IANA's registry of special-purpose addresses).
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
    v4([255, 255, 255, 255], 32),
];

/// All global unicast addresses of IPv6 that were ever given to anybody.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0], 3);
/// What is special among them: protocols such as Teredo, documentation.
const SPECIAL_V6: [Ipv6Net; 3] = [v6([0x2001, 0, 0], 23), v6([0x2001, 0xdb8, 0], 32), v6([0x3fff, 0, 0], 20)];

const IPV4_COMPATIBLE: Ipv6Net = v6([0, 0, 0], 96);
const IPV4_MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0], 96);
/// The local one (RFC 8215), where the IPv4 address is at the end. A network may put it elsewhere: such
/// addresses are not understood, and so not public.
const NAT64_LOCAL: Ipv6Net = v6([0x64, 0xff9b, 1], 96);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0], 16);

const fn v4([a, b, c, d]: [u8; 4], bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6([a, b, c]: [u16; 3], bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)
}

/// Whether an address is somebody's on the internet.
fn is_public(address: IpAddr) -> bool {
    match (address, embedded(address)) {
        (IpAddr::V4(inner), _) | (IpAddr::V6(_), Some(inner)) => {
            !SPECIAL_V4.iter().any(|net| net.contains(&inner))
        }
        (IpAddr::V6(address), None) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address))
        }
    }
}

/// The IPv4 address that is reached by way of an IPv6 address.
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let bytes = address.octets();
    let at = |start: usize| Ipv4Addr::new(bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3]);
    let in_the_end = [IPV4_COMPATIBLE, IPV4_MAPPED, NAT64, NAT64_LOCAL];
    if in_the_end.iter().any(|net| net.contains(&address)) {
        return Some(at(12));
    }
    SIX_TO_FOUR.contains(&address).then(|| at(2))
}

#[cfg(test)]
mod tests;
