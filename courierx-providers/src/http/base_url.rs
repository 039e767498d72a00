//! Where an API is.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use url::Host;

/// The beginning of every URL of an API: scheme, host, and perhaps a path, without user, query or fragment.
///
/// Vendors have one each, and another for other regions. One of your own is for gateways and emulators.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// A text that cannot be the base of an API's URLs. It does not repeat the text, which may hold credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBaseUrl {
    /// It is no URL.
    #[error("is no URL")]
    Syntax,
    /// It begins with something else than `https://` or `http://`.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// It names no host.
    #[error("names no host")]
    Host,
    /// It has a user, a password, a query or a fragment.
    #[error("must have no user, password, query or fragment")]
    Extra,
}

impl BaseUrl {
    /// Checks a URL.
    pub fn new(text: &str) -> Result<Self, InvalidBaseUrl> {
        let mut url = Url::parse(text.trim()).map_err(|_| InvalidBaseUrl::Syntax)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(InvalidBaseUrl::Scheme);
        }
        if !url.has_host() {
            return Err(InvalidBaseUrl::Host);
        }
        let extra = url.username().len() + url.password().map_or(0, str::len);
        if extra > 0 || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidBaseUrl::Extra);
        }
        if url.path().ends_with('/') {
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// One that is written in this crate.
    pub(crate) fn known(text: &str) -> Self {
        match Self::new(text) {
            Ok(url) => url,
            Err(error) => unreachable!("{text} {error}"),
        }
    }

    /// The URL of an endpoint below it. Each part is one segment of the path, whatever it contains.
    pub(crate) fn join(&self, parts: &[&str]) -> Url {
        let mut url = self.0.clone();
        // Only a URL that cannot be a base has no segments, and none of those is http.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    /// Whether requests travel unencrypted.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The host's name or address, as it is written in URLs.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({})", self.0)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// The address that a URL names itself: no resolver is asked then.
pub(super) fn literal_address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_base_is_refused_without_being_repeated() {
        for (text, expected) in [
            ("", InvalidBaseUrl::Syntax),
            ("api.example.com", InvalidBaseUrl::Syntax),
            ("ftp://api.example.com", InvalidBaseUrl::Scheme),
            ("file:///etc/passwd", InvalidBaseUrl::Scheme),
            ("https://", InvalidBaseUrl::Syntax),
            ("https://user@api.example.com", InvalidBaseUrl::Extra),
            ("https://:s3cret@api.example.com", InvalidBaseUrl::Extra),
            ("https://api.example.com?x=1", InvalidBaseUrl::Extra),
            ("https://api.example.com#x", InvalidBaseUrl::Extra),
        ] {
            assert_eq!(BaseUrl::new(text), Err(expected), "{text}");
            assert!(!expected.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn a_part_is_a_segment_whatever_it_contains() {
        let base = BaseUrl::new("https://gateway.example.com/mail/").unwrap();
        let url = base.join(&["v3", "a/../b?c#d", "messages"]);
        assert_eq!(url.as_str(), "https://gateway.example.com/mail/v3/a%2F..%2Fb%3Fc%23d/messages");
        assert_eq!(BaseUrl::new("http://127.0.0.1:80").unwrap().join(&["x"]).as_str(), "http://127.0.0.1/x");
    }
}
