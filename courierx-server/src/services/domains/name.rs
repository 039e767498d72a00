//! Names of domains that may be sent from.

use std::net::IpAddr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use public_suffix::{DEFAULT_PROVIDER, EffectiveTLDProvider as _};

/// The domain as addresses have it: an A-label in lower case.
pub(in crate::services) fn domain_name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() {
        return Err("can't be blank");
    }
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if inner.parse::<IpAddr>().is_ok() {
        return Err("must be a domain, not an IP address");
    }
    let name = Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| "must be the name of a domain, without scheme, user or path: mail.myapp.example")?;
    let Some((_, last)) = name.rsplit_once('.') else {
        return Err("must have a dot: nobody owns a single label");
    };
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("must be the name of a domain");
    }
    if DEFAULT_PROVIDER.is_effective_tld(&name) {
        return Err("is a registry's: name a domain below it");
    }
    Ok(name.into_owned())
}

/// The domains that this one is part of, the nearest first, up to the one that was registered.
pub(super) fn parents(domain: &str) -> Vec<&str> {
    let registered = DEFAULT_PROVIDER.effective_tld_plus_one(domain).unwrap_or(domain);
    let mut parents = Vec::new();
    let mut rest = domain;
    while rest.len() > registered.len() {
        let Some((_, parent)) = rest.split_once('.') else { break };
        parents.push(parent);
        rest = parent;
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_addresses_have_them() {
        for (text, name) in [
            (" Mail.MyApp.Example. ", "mail.myapp.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER。example", "xn--bcher-kva.example"),
            ("foo.github.io", "foo.github.io"),
            ("a.co.uk", "a.co.uk"),
            ("www.ck", "www.ck"),
            ("myapp.registry-that-nobody-knows", "myapp.registry-that-nobody-knows"),
        ] {
            assert_eq!(domain_name(text).as_deref(), Ok(name), "{text}");
        }
    }

    #[test]
    fn what_nobody_can_own_is_refused() {
        let long = format!("{}.example", "a".repeat(64));
        let longer = format!("{}example", "abcdefghi.".repeat(25));
        for wrong in [
            "",
            ".",
            "localhost",
            "com",
            "co.uk",
            "github.io",
            "foo.ck",
            "127.0.0.1",
            "[::1]",
            "::1",
            "1.2.3.4.5",
            "a..example",
            "-a.example",
            "a-.example",
            "_dmarc.myapp.example",
            "*.myapp.example",
            "https://myapp.example",
            "a@myapp.example",
            "my app.example",
            "myapp.example\r\nx",
            "xn--zzzzzzz-.example",
            &long,
            &longer,
        ] {
            assert!(domain_name(wrong).is_err(), "{wrong}: {:?}", domain_name(wrong));
        }
    }

    #[test]
    fn parents_end_at_what_was_registered() {
        assert_eq!(parents("a.b.myapp.co.uk"), ["b.myapp.co.uk", "myapp.co.uk"]);
        assert!(parents("myapp.co.uk").is_empty());
        assert_eq!(parents("x.city.kawasaki.jp"), ["city.kawasaki.jp"]);
        assert_eq!(parents("a.b.kawasaki.jp"), [] as [&str; 0]);
    }
}
