//! DKIM keys in DNS (RFC 6376 §3.6.1).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Some publish their keys without the padding at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes of a selector, as a part of a name.
const SELECTOR: usize = 63 * 3;

/// Whether the texts at a selector's name are a key; otherwise what is wrong.
pub(super) fn key(texts: &[String]) -> Result<(), &'static str> {
    let [text] = texts else {
        return Err(if texts.is_empty() { "there is no key" } else { "there are several texts; one may be" });
    };
    let mut public = None;
    for (index, tag) in text.split(';').map(str::trim).filter(|tag| !tag.is_empty()).enumerate() {
        let Some((name, value)) = tag.split_once('=') else { return Err("it is no DKIM key") };
        match (name.trim(), value.trim()) {
            ("v", version) if version != "DKIM1" || index > 0 => return Err("it is no DKIM key"),
            ("k", kind) if !matches!(kind, "rsa" | "ed25519") => return Err("it is of an unknown kind"),
            ("p", key) => public = Some(key.split_ascii_whitespace().collect::<String>()),
            _ => {}
        }
    }
    match public.as_deref() {
        None => Err("it is no DKIM key"),
        Some("") => Err("the key was revoked"),
        Some(key) if BASE64.decode(key).is_err() => Err("the key is cut off or damaged"),
        Some(_) => Ok(()),
    }
}

/// A selector in lower case, as it stands in names.
pub(super) fn selector(text: &str) -> Result<String, &'static str> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_suffix("._domainkey").unwrap_or(&text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if text.len() <= SELECTOR && text.split('.').all(is_label) {
        Ok(text.to_owned())
    } else {
        Err("must be a DKIM selector, the part of the name before ._domainkey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_other_texts() {
        let key = |text: &str| key(&[text.to_owned()]);
        for right in
            ["v=DKIM1; k=rsa; p=MIGf MA0=", "p=MIGfMA0=", "k=ed25519;p=MIGfMA0=;", " v=DKIM1;p=QQ==;t=s"]
        {
            assert_eq!(key(right), Ok(()), "{right}");
        }
        for wrong in
            ["", "v=spf1 -all", "v=DKIM1", "v=DKIM2; p=QQ==", "k=dsa; p=QQ==", "p=QQ==; v=DKIM1", "p=Q"]
        {
            assert!(key(wrong).is_err(), "{wrong}");
        }
        assert_eq!(key("v=DKIM1; p="), Err("the key was revoked"));
        assert!(super::key(&[]).is_err() && super::key(&["p=QQ==".to_owned(), "p=QQ==".to_owned()]).is_err());
    }

    #[test]
    fn selectors_are_parts_of_names() {
        assert_eq!(selector(" S1._domainkey ").as_deref(), Ok("s1"));
        assert_eq!(selector("2026.mail").as_deref(), Ok("2026.mail"));
        for wrong in ["", ".", "a..b", "a b", "ä", "a/b", &"a".repeat(64), &"abc.".repeat(64)] {
            assert!(selector(wrong).is_err(), "{wrong}");
        }
    }
}
