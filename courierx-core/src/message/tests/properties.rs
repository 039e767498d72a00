//! Properties: what holds for any text at all.

use email_address::EmailAddress;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::minimal;
use crate::message::{
    Address, AddressKey, Attachment, ContentId, ContentType, DisplayName, Email, EmailBuilder, FileName,
    HeaderName, HeaderValue, IdempotencyKey, Mailbox, MetadataKey, Subject, Tag,
};

/// Texts that are hostile more often than chance would have it.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\0".to_owned()),
        Just("\u{85}".to_owned()),
        Just("\u{2028}".to_owned()),
        Just("\\".to_owned()),
        Just("\"".to_owned()),
        Just("<".to_owned()),
        Just(">".to_owned()),
        Just("@".to_owned()),
        Just("/".to_owned()),
        Just("; x=".to_owned()),
        Just("Bcc: ".to_owned()),
        Just("ada@example.com".to_owned()),
        "[a-zA-Z0-9.-]{1,8}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Any text on one line.
fn line() -> impl Strategy<Value = String> {
    "\\PC{0,40}".prop_filter("one line", |text| is_clean(text))
}

fn is_clean(text: &str) -> bool {
    !text.chars().any(char::is_control) && !text.contains(['\u{2028}', '\u{2029}'])
}

/// Whether every text in it is clean, the keys included.
fn are_clean(json: &Value) -> bool {
    match json {
        Value::String(text) => is_clean(text),
        Value::Array(items) => items.iter().all(are_clean),
        Value::Object(map) => map.iter().all(|(key, value)| is_clean(key) && are_clean(value)),
        _ => true,
    }
}

/// Whichever way a value is made of `text`, it is clean, and it is read back as it was written.
fn check<T>(text: &str) -> Result<(), TestCaseError>
where
    T: for<'a> TryFrom<&'a str> + DeserializeOwned + Serialize + ToString + PartialEq + std::fmt::Debug,
{
    let made = T::try_from(text).ok();
    let json = serde_json::to_string(text).expect("a text is JSON");
    let read = serde_json::from_str::<T>(&json).ok();
    prop_assert_eq!(&made, &read);
    if let Some(made) = made {
        prop_assert!(is_clean(&made.to_string()));
        let json = serde_json::to_string(&made).expect("a text is JSON");
        prop_assert!(!json.contains(['\r', '\n', '\0']) && !json.contains("\\u00"));
        prop_assert_eq!(serde_json::from_str::<T>(&json).ok(), Some(made));
    }
    Ok(())
}

/// Local parts, quoted or not, in ASCII or not.
fn local() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,12}(\\.[a-zA-Z0-9]{1,8}){0,2}",
        "\"([a-zA-Z .,@<>()]|\\\\[ -~]){1,20}\"",
        "[a-zäöüßΣσŽİȺ]{1,8}",
    ]
}

fn mailbox() -> impl Strategy<Value = Mailbox> {
    (prop::option::of("\\PC{1,40}"), local(), "[a-zA-Zü][a-z0-9ü]{0,5}\\.example").prop_filter_map(
        "a mailbox",
        |(name, local, domain)| {
            let mailbox = Mailbox::new(format!("{local}@{domain}").parse().ok()?);
            Some(match name {
                Some(name) => mailbox.with_name(DisplayName::new(name).ok()?),
                None => mailbox,
            })
        },
    )
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Key(AddressKey);

proptest! {
    #[test]
    fn no_text_carries_a_line_break(text in hostile()) {
        check::<Address>(&text)?;
        check::<Mailbox>(&text)?;
        check::<DisplayName>(&text)?;
        check::<HeaderName>(&text)?;
        check::<HeaderValue>(&text)?;
        check::<Subject>(&text)?;
        check::<Tag>(&text)?;
        check::<MetadataKey>(&text)?;
        check::<IdempotencyKey>(&text)?;
        check::<FileName>(&text)?;
        check::<ContentType>(&text)?;
        check::<ContentId>(&text)?;
    }

    #[test]
    fn no_email_carries_a_line_break_outside_its_bodies(text in hostile(), other in hostile()) {
        for builder in [
            minimal().to(&text),
            minimal().subject(&*text),
            minimal().header(&*text, &*other),
            minimal().header("X-A", &*text),
            minimal().metadata(&*text, &*other),
            minimal().metadata("a", &*text),
            minimal().tag(&*text),
            minimal().attach(Attachment::inline(&*text, &*other, "text/plain", "")),
            minimal().attach(Attachment::inline("a", "b", &*text, "")),
        ] {
            if let Ok(email) = builder.build() {
                let json = serde_json::to_value(&email).expect("an email is JSON");
                prop_assert!(are_clean(&json), "{}", json);
            }
        }
    }

    #[test]
    fn a_mailbox_is_read_as_it_was_written(mailbox in mailbox()) {
        prop_assert_eq!(mailbox.to_string().parse::<Mailbox>(), Ok(mailbox));
    }

    #[test]
    fn a_key_is_an_address_and_its_own_key(mailbox in mailbox()) {
        let key = mailbox.address().key();
        let again: Address = key.as_str().parse().map_err(|error| TestCaseError::fail(format!("{key}: {error}")))?;
        prop_assert_eq!(&again.key(), &key);
        let json = serde_json::to_string(&key).expect("a key is JSON");
        prop_assert_eq!(serde_json::from_str::<Key>(&json).ok(), Some(Key(key)));
    }

    #[test]
    fn another_reader_of_addresses_agrees(local in "[ -~]{1,12}", domain in "[a-zA-Z0-9.-]{1,16}") {
        // It knows no IDNA, and takes numbers for top-level domains.
        prop_assume!(!domain.to_lowercase().contains("xn--"));
        let number = domain.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        let theirs = EmailAddress::is_valid_local_part(&local) && EmailAddress::is_valid_domain(&domain);
        let theirs = theirs && !number;
        prop_assert_eq!(format!("{local}@{domain}").parse::<Address>().is_ok(), theirs);
    }

    #[test]
    fn an_email_is_read_as_it_was_written(
        to in prop::collection::vec(mailbox(), 1..5),
        subject in line(),
        body in ".{0,80}",
        value in line(),
        content in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let email = to.into_iter().fold(minimal(), EmailBuilder::to)
            .subject(subject)
            .html(body.replace('\0', ""))
            .metadata("key", &*value)
            .variable("name", value)
            .attach(Attachment::new("a.bin", "application/octet-stream", content))
            .build()
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        let json = serde_json::to_vec(&email).expect("an email is JSON");
        prop_assert_eq!(serde_json::from_slice::<Email>(&json).ok(), Some(email));
    }

    #[test]
    fn reading_arbitrary_text_as_an_email_never_panics(text in "\\PC{0,200}") {
        let _ = serde_json::from_str::<Email>(&text);
    }
}
