//! How the internet reaches this server: `COURIERX_PUBLIC_URL`.

use url::Url;

use super::loader::Parsed;

/// The URL under which others reach this server: providers that call back, readers of mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// The URL of a path, which begins with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// The host, as it stands in the URL.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The same URL at another host.
    pub fn with_host(&self, host: &str) -> String {
        let mut url = self.0.clone();
        // What is no host changes nothing; domains are.
        let _ = url.set_host(Some(host));
        url.as_str().trim_end_matches('/').to_owned()
    }

    /// Whether what is sent there is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl std::fmt::Display for PublicUrl {
    /// Without a slash at the end.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

pub(super) fn public_url(text: &str) -> Parsed<PublicUrl> {
    let wrong = "must be https://HOST or http://HOST, with a port and a path if there are, and nothing else";
    let url = Url::parse(text.trim()).map_err(|_| wrong.to_owned())?;
    let is_http = matches!(url.scheme(), "https" | "http");
    let is_plain = url.username().is_empty() && url.password().is_none();
    if is_http && is_plain && url.has_host() && url.query().is_none() && url.fragment().is_none() {
        return Ok(PublicUrl(url));
    }
    Err(wrong.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_with_its_path() {
        let at = |text: &str| public_url(text).map(|url| url.at("/t/o/x"));
        assert_eq!(at("https://mail.example.com/").as_deref(), Ok("https://mail.example.com/t/o/x"));
        assert_eq!(
            at("http://Mail.example.com:8080/in").as_deref(),
            Ok("http://mail.example.com:8080/in/t/o/x")
        );
        for wrong in
            ["mail.example.com", "ftp://a.example", "https://u:p@a.example", "https://a.example/?q", ""]
        {
            assert!(public_url(wrong).is_err(), "{wrong}");
        }
    }
}
