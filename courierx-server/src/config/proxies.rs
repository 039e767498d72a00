//! Which proxies are believed.

use std::net::IpAddr;

use ipnet::IpNet;

/// The networks of proxies that are believed when they say for whom they ask: this machine, unless others are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl Default for TrustedProxies {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"];
        Self(loopback.into_iter().filter_map(|network| network.parse().ok()).collect())
    }
}

impl TrustedProxies {
    /// These; none of them may be all of the internet, where anybody could say to be anybody.
    pub(super) fn new(networks: Vec<IpNet>) -> Option<Self> {
        let is_right = !networks.is_empty() && networks.iter().all(|network| network.prefix_len() > 0);
        is_right.then_some(Self(networks))
    }

    /// Whether what comes from this address is believed.
    pub fn include(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_believed_if_nobody_is_named() {
        let trusted = TrustedProxies::default();
        for (address, expected) in
            [("127.0.0.1", true), ("127.8.8.8", true), ("::1", true), ("10.0.0.1", false), ("::2", false)]
        {
            assert_eq!(trusted.include(address.parse().unwrap()), expected, "{address}");
        }
    }
}
