//! Properties of the bytes that messages become.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::message::{Attachment, DisplayName, HeaderValue, Mailbox, Subject};
use courierx_core::provider::Outgoing;
use courierx_providers::mime;
use proptest::prelude::*;

use crate::support::mail;

/// The value of a header field, unfolded (RFC 5322 §2.2.3) and with its encoded words decoded (RFC 2047 §6.2).
fn header(bytes: &[u8], name: &str) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ");
    let start = format!("{name}: ");
    let value = unfolded.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default();
    let Some(encoded) = value.strip_prefix("=?utf-8?B?") else {
        return value.to_owned();
    };
    let words = encoded.trim_end_matches("?=").split("?= =?utf-8?B?");
    let bytes = words.map(|word| STANDARD.decode(word).unwrap());
    // Each word holds whole characters, so that readers may decode them one by one.
    bytes.map(|word| String::from_utf8(word).unwrap()).collect()
}

/// Any text without control characters: short, long, blank, beyond ASCII.
fn line() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,300}", "\\PC{1,80}", "[a-z]{1,12}( {1,3}[a-z]{1,12}){0,40}", "[a-z=?]{900,990}"]
}

/// Any text, with any line ends.
fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        "[\\PC\n\t]{1,300}",
        "([ -~]{0,100}(\r\n|\n|\r)){1,20}",
        "[a-zé]{1,3000}",
        "(\\.{0,3}\n){1,9}"
    ]
}

fn message() -> impl Strategy<Value = Outgoing> {
    let file = proptest::collection::vec(any::<u8>(), 0..300);
    (line(), line(), body(), body(), file).prop_map(|(subject, header, text, html, file)| {
        let draft = mail::draft().to("ada@example.com").bcc("hidden@example.org").text(text).html(html);
        let draft = match Subject::new(subject) {
            Ok(subject) => draft.subject(subject),
            Err(_) => draft,
        };
        let draft = match HeaderValue::new(header) {
            Ok(value) => draft.header("X-Anything", value),
            Err(_) => draft,
        };
        mail::outgoing(draft.attach(Attachment::new("a.bin", "application/octet-stream", file)))
    })
}

proptest! {
    #[test]
    fn lines_are_short_and_end_with_crlf(message in message()) {
        let bytes = mime::render(&message);
        prop_assert!(bytes.is_ascii());
        prop_assert!(bytes.ends_with(b"\r\n"));
        for line in bytes.strip_suffix(b"\r\n").unwrap().split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            prop_assert!(line.len() <= 998);
            prop_assert!(!line.contains(&b'\r'), "a CR stands alone");
        }
        let bare = bytes.windows(2).filter(|pair| pair[1] == b'\n' && pair[0] != b'\r');
        prop_assert_eq!(bare.count(), 0, "a LF stands alone");
    }

    #[test]
    fn the_same_hand_over_has_the_same_bytes(message in message()) {
        prop_assert_eq!(mime::render(&message), mime::render(&message));
    }

    #[test]
    fn headers_are_read_back(message in message()) {
        let bytes = mime::render(&message);
        prop_assert_eq!(header(&bytes, "Subject"), message.subject().as_str());
        let custom = message.headers().get("X-Anything").map_or("", HeaderValue::as_str);
        prop_assert_eq!(header(&bytes, "X-Anything"), custom);
    }

    #[test]
    fn bcc_is_nowhere(message in message()) {
        let bytes = mime::render(&message);
        let text = String::from_utf8(bytes).unwrap().to_ascii_lowercase();
        prop_assert!(!text.contains("hidden@example.org"));
        prop_assert!(!text.contains("\r\nbcc:"));
    }

    #[test]
    fn names_beyond_ascii_are_read_back(name in "\\PC{1,60}[é🎉]") {
        if let Ok(name) = DisplayName::new(name) {
            let mailbox = Mailbox::new("ada@example.com".parse().unwrap()).with_name(name.clone());
            let bytes = mime::render(&mail::outgoing(mail::draft().to(mailbox)));
            let field = String::from_utf8(bytes).unwrap();
            let to = field.split_once("\r\nTo: ").unwrap().1.split_once(" <ada@example.com>\r\n").unwrap().0;
            let to = to.trim_end().replace("\r\n ", " ");
            prop_assert_eq!(header(format!("To: {to}\r\n\r\n").as_bytes(), "To"), name.as_str());
        }
    }
}

#[test]
fn a_text_cannot_end_its_own_part() {
    let draft = || mail::draft().to("ada@example.com");
    let stem = format!("--=_{}_alternative--", mail::outgoing(draft()).delivery_id());
    let bytes = mime::render(&mail::outgoing(draft().text(format!("before\n{stem}\nafter"))));
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.matches(&stem).count(), 1, "only the real end");
}
