//! Sending domains.

use courierx_core::message::Address;

/// A text that is no domain name. It is not repeated: it could be a key in the wrong place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sending domain is no domain name")]
#[non_exhaustive]
pub struct InvalidDomain;

/// A domain as it stands in the path: what the address of its postmaster says, so that nothing in it is a
/// slash, a dot segment or an escape.
pub(super) fn checked(domain: &str) -> Result<String, InvalidDomain> {
    let address: Address = format!("postmaster@{}", domain.trim()).parse().map_err(|_| InvalidDomain)?;
    if address.local() == "postmaster" { Ok(address.domain().to_owned()) } else { Err(InvalidDomain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_cannot_change_the_path() {
        for (domain, expected) in [
            ("mg.example.com", "mg.example.com"),
            (" MG.Example.com ", "mg.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            (
                "sandbox55887fac92de874df5ae0023b75fd62f1d.mailgun.org",
                "sandbox55887fac92de874df5ae0023b75fd62f1d.mailgun.org",
            ),
        ] {
            assert_eq!(checked(domain).as_deref(), Ok(expected));
        }
        for domain in [
            "",
            " ",
            ".",
            "..",
            "a/b.example",
            "a%2fb.example",
            "example.com/..",
            "example.com?x",
            "example.com#x",
            "a@example.com",
            "\"@example.com",
            "exa mple.com",
            "example.com\r\nx",
            "[127.0.0.1]",
            "127.0.0.1",
            "a\\b.example",
            "key-of-the-account/",
        ] {
            assert_eq!(checked(domain), Err(InvalidDomain), "{domain}");
        }
    }
}
