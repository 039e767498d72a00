//! The small types, case by case.

use crate::message::limits::{MAX_HEADER_NAME_BYTES, MAX_HEADERS};
use crate::message::{
    Attachment, ContentId, ContentType, DisplayName, DuplicatePolicy, FileName, Header, HeaderName,
    HeaderValue, Headers, IdempotencyKey, Lane, MetadataKey, Mode, Problem, RetryPreset, Subject, Tag,
};

const CONTROL: [char; 8] = ['\r', '\n', '\0', '\t', '\u{1b}', '\u{7f}', '\u{85}', '\u{2029}'];

#[test]
fn no_text_takes_a_control_character() {
    for character in CONTROL {
        let text = format!("a/b{character}c");
        let expected = Problem::ControlCharacter { character };
        assert_eq!(DisplayName::new(&*text).err().as_ref(), Some(&expected));
        assert_eq!(HeaderValue::new(&*text).err().as_ref(), Some(&expected));
        assert_eq!(Subject::new(&*text).err().as_ref(), Some(&expected));
        assert_eq!(Tag::new(&*text).err().as_ref(), Some(&expected));
        assert_eq!(IdempotencyKey::new(&*text).err().as_ref(), Some(&expected));
        assert_eq!(ContentType::new(&*text).err().as_ref(), Some(&expected));
        assert_eq!(FileName::new(&*text).err().as_ref(), Some(&expected));
        let text = format!("ab{character}c");
        assert_eq!(HeaderName::new(&*text).err().as_ref(), Some(&expected));
        assert_eq!(MetadataKey::new(&*text).err().as_ref(), Some(&expected));
        assert_eq!(ContentId::new(&*text).err().as_ref(), Some(&expected));
    }
    // Not dropped with the space around a name either.
    assert!(DisplayName::new("Ada\n").is_err());
}

#[test]
fn lengths_are_counted_in_bytes() {
    assert!(Subject::new("ü".repeat(499)).is_ok());
    assert_eq!(Subject::new("ü".repeat(500)), Err(Problem::TooLong { max: 998, actual: 1000 }));
    assert_eq!(DisplayName::new("a".repeat(321)), Err(Problem::TooLong { max: 320, actual: 321 }));
    assert_eq!(HeaderName::new("a".repeat(77)), Err(Problem::TooLong { max: 76, actual: 77 }));
    assert_eq!(HeaderValue::new("a".repeat(2001)), Err(Problem::TooLong { max: 2000, actual: 2001 }));
    assert_eq!(Tag::new("a".repeat(129)), Err(Problem::TooLong { max: 128, actual: 129 }));
    assert_eq!(MetadataKey::new("a".repeat(65)), Err(Problem::TooLong { max: 64, actual: 65 }));
    assert_eq!(IdempotencyKey::new("a".repeat(257)), Err(Problem::TooLong { max: 256, actual: 257 }));
    assert_eq!(FileName::new("a".repeat(256)), Err(Problem::TooLong { max: 255, actual: 256 }));
    assert_eq!(ContentId::new("a".repeat(256)), Err(Problem::TooLong { max: 255, actual: 256 }));
}

#[test]
fn blank_texts_are_missing_except_a_subject() {
    for blank in ["", " "] {
        assert_eq!(DisplayName::new(blank), Err(Problem::Missing));
        assert_eq!(HeaderName::new(blank), Err(Problem::Missing));
        assert_eq!(HeaderValue::new(blank), Err(Problem::Missing));
        assert_eq!(Tag::new(blank), Err(Problem::Missing));
        assert_eq!(MetadataKey::new(blank), Err(Problem::Missing));
        assert_eq!(IdempotencyKey::new(blank), Err(Problem::Missing));
        assert_eq!(FileName::new(blank), Err(Problem::Missing));
        assert_eq!(ContentType::new(blank), Err(Problem::Missing));
        assert_eq!(ContentId::new(blank), Err(Problem::Missing));
        assert!(Subject::new(blank).is_ok());
    }
}

#[test]
fn headers_of_the_engine_are_reserved_in_any_letter_case() {
    for name in [
        "From",
        "TO",
        "cc",
        "Bcc",
        "Reply-To",
        "Sender",
        "Subject",
        "Date",
        "Message-ID",
        "Mime-Version",
        "Content-Type",
        "content-transfer-encoding",
        "Return-Path",
        "Received",
        "DKIM-Signature",
        "ARC-Seal",
        "Authentication-Results",
        "Resent-To",
        "X-CourierX-Delivery",
        "x-courierx-",
    ] {
        assert_eq!(HeaderName::new(name), Err(Problem::ReservedHeader), "{name}");
    }
    for name in ["List-Unsubscribe", "X-Foo", "In-Reply-To", "References", "Fromage", "Contents", "!#$%"] {
        assert!(HeaderName::new(name).is_ok(), "{name}");
    }
    assert_eq!(HeaderName::new("X-Foo:"), Err(Problem::InvalidCharacter { character: ':' }));
    assert_eq!(HeaderName::new("X Foo"), Err(Problem::InvalidCharacter { character: ' ' }));
    assert_eq!(HeaderName::new("X-Füü"), Err(Problem::InvalidCharacter { character: 'ü' }));
    assert!(HeaderName::new("ü".repeat(MAX_HEADER_NAME_BYTES / 2)).is_err());
}

#[test]
fn headers_keep_their_order_and_differ_by_name() {
    let header = |name: &str| Header {
        name: HeaderName::new(name).expect("a header name"),
        value: HeaderValue::new(name).expect("a header value"),
    };
    let mut headers = Headers::default();
    assert_eq!(headers.insert(header("X-B")), Ok(()));
    assert_eq!(headers.insert(header("X-A")), Ok(()));
    assert_eq!(headers.insert(header("x-b")), Err(Problem::Duplicate));
    assert_eq!(headers.iter().map(|header| header.name.as_str()).collect::<Vec<_>>(), ["X-B", "X-A"]);
    assert_eq!(headers.get("x-a").map(HeaderValue::as_str), Some("X-A"));
    for index in headers.len()..MAX_HEADERS {
        assert_eq!(headers.insert(header(&format!("X-{index}"))), Ok(()));
    }
    assert_eq!(headers.insert(header("X-Last")), Err(Problem::TooMany { max: 50, actual: 51 }));
}

#[test]
fn content_types_are_media_types_of_content() {
    for valid in [
        "text/plain",
        "Text/HTML; charset=utf-8",
        "application/vnd.ms-excel",
        "message/rfc822",
        "image/svg+xml",
        r#"text/calendar; method=REQUEST ; name="a; b \" c.ics""#,
        "text/plain;charset=us-ascii;format=flowed",
    ] {
        assert!(ContentType::new(valid).is_ok(), "{valid}");
    }
    for invalid in [
        "text",
        "text/",
        "/plain",
        "text/pl ain",
        "text/plain/x",
        "text plain",
        "text/plain;",
        "text/plain; x",
        "text/plain; x=",
        "text/plain; =x",
        r#"text/plain; x="a"#,
        r#"text/plain; x="a"b"#,
        "text/plain; x=a b",
        "text/plain, text/html",
        "text/plän",
        r#"text/plain; x="ü""#,
        r#"text/plain; x="\ü""#,
    ] {
        assert_eq!(ContentType::new(invalid), Err(Problem::InvalidContentType), "{invalid}");
    }
    for structure in
        ["multipart/mixed", "Multipart/x; boundary=a", "MESSAGE/partial", "message/partial ; a=b"]
    {
        assert_eq!(ContentType::new(structure), Err(Problem::ForbiddenContentType), "{structure}");
    }
    let content_type = ContentType::new("text/plain ; charset=utf-8").expect("a content type");
    assert_eq!(content_type.essence(), "text/plain");
}

#[test]
fn file_names_stay_in_their_folder() {
    assert!(FileName::new("Überblick 2030.pdf").is_ok());
    assert_eq!(FileName::new("../x"), Err(Problem::InvalidCharacter { character: '/' }));
    assert_eq!(FileName::new(r"..\x"), Err(Problem::InvalidCharacter { character: '\\' }));
    assert_eq!(FileName::new("."), Err(Problem::InvalidFileName));
    assert_eq!(FileName::new(".."), Err(Problem::InvalidFileName));
}

#[test]
fn content_ids_fit_into_brackets_and_links() {
    for valid in ["logo", "logo@example.com", "image001.png@01D5.ABC"] {
        assert!(ContentId::new(valid).is_ok(), "{valid}");
    }
    for invalid in ["a@", "@b", "@", "a@b@c"] {
        assert_eq!(ContentId::new(invalid), Err(Problem::InvalidContentId), "{invalid}");
    }
    for invalid in ["<logo>", "a b", "\"a\"", "ä"] {
        assert!(matches!(ContentId::new(invalid), Err(Problem::InvalidCharacter { .. })), "{invalid}");
    }
}

#[test]
fn attachments_report_everything_and_share_content() {
    let invalid = Attachment::inline("a b", "a/b", "pdf", *b"x").expect_err("three mistakes");
    let fields = invalid.problems().iter().map(|problem| problem.field.to_string()).collect::<Vec<_>>();
    assert_eq!(fields, ["content_id", "file_name", "content_type"]);

    let attachment = Attachment::new("a.pdf", "application/pdf", "content").expect("an attachment");
    assert!(std::ptr::eq(attachment.content(), attachment.clone().content()));
    assert!(!format!("{attachment:?}").contains("a.pdf"));
}

#[test]
fn names_are_read_as_they_are_written() {
    for lane in Lane::ALL {
        assert_eq!(lane.to_string().parse(), Ok(*lane));
    }
    for preset in RetryPreset::ALL {
        let json = serde_json::to_value(preset).expect("a name");
        assert_eq!(json, preset.as_str());
    }
    assert_eq!(DuplicatePolicy::WaitThenFailover.to_string(), "wait_then_failover");
    assert_eq!("test".parse(), Ok(Mode::Test));
    let error = "Bulk".parse::<Lane>().expect_err("letter case matters");
    assert_eq!(error.to_string(), "is none of: critical, transactional, bulk");
    assert_eq!(Lane::Critical.default_duplicate_policy(), DuplicatePolicy::FailoverNow);
    assert_eq!(Lane::Bulk.default_duplicate_policy(), DuplicatePolicy::WaitThenFailover);
}

#[test]
fn content_is_not_shown_by_debug() {
    let subject = Subject::new("secret").expect("a subject");
    let value = HeaderValue::new("secret").expect("a value");
    assert!(!format!("{subject:?} {value:?}").contains("secret"));
}
