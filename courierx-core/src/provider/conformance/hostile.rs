//! Strings that mean something to a protocol: they are refused, or arrive as they are, and never change what is
//! sent or to whom. What cannot be in a message at all (line breaks in headers, say) its types refuse.

use super::meeting::{Fate, Harness, Meeting};
use super::received::Received;
use super::support::{draft, hand_over, meet, send};
use crate::message::{Address, Attachment, EmailBuilder};

/// What means something in JSON, in forms, in URLs, in MIME, in templates of vendors and in headers.
const HOSTILE: &[&str] = &[
    "\"},{\"to\":[\"eve@example.com\"]}",
    "a\\",
    "\\\"",
    "%recipient.email%",
    "{{email}} {{{raw}}} -email-",
    "<%= 1 %> ${1} #{1}",
    "%0d%0aBcc: eve@example.com",
    "\\r\\nBcc: eve@example.com",
    "&to=eve@example.com&x=1",
    "a=b; c=d, e=\"f\"",
    "../../v3/other?x=1#y",
    "=?utf-8?q?Bcc=3A_eve=40example.com?=",
    "\u{202e}gpj.exe\u{2066}",
    "'; DROP TABLE messages; --",
    "--boundary--",
    "\u{feff}null",
    "<script>alert(1)</script>",
    "@eve@example.com, <eve@example.com>",
];

/// Local parts that RFC 5321 allows and parsers read differently.
const LOCAL_PARTS: &[&str] = &[
    "o'brien",
    "a+b",
    "a&b=c",
    "a%b",
    "a/b",
    "a?b",
    "{a}",
    "a!b",
    "a#b",
    "a*b",
    "$a",
    "a|b",
    "`a`",
    "a^b",
    "a~b",
    "\"a b\"",
    "\"a,b\"",
    "\"a;b\"",
    "\"a<b>\"",
    "\"a\\\"b\"",
    "\"a@b\"",
    "\"a:b\"",
];

/// Sends a message; what arrived, unless it was refused or cannot be told.
async fn try_to_deliver(meeting: &Meeting, email: EmailBuilder, id: u8) -> Option<Received> {
    let before = meeting.received.as_ref().map(|received| received().len())?;
    let outcome = send(meeting, &hand_over(email, [id; 16], None)).await;
    let mut after = meeting.received.as_ref()?();
    let arrived = after.split_off(before);
    if !outcome.is_accepted() {
        assert!(arrived.is_empty(), "{outcome:?}, and the peer took {arrived:?}");
        return None;
    }
    assert_eq!(arrived.len(), 1, "one message became several: {arrived:?}");
    arrived.into_iter().next()
}

/// Whatever stands in texts, the message is for its recipient and says what it said.
pub async fn keeps_hostile_text_in_its_place(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    for (&text, id) in HOSTILE.iter().zip(0..) {
        let name = text.replace('\\', "\\\\").replace('"', "\\\"");
        let to = format!("\"{name}\" <{}>", meeting.recipient);
        let email = draft(&[]).to(to.as_str()).subject(text).text(text).html(text).metadata("key", text);
        let Some(received) = try_to_deliver(&meeting, email, id).await else {
            continue;
        };
        assert_eq!(received.recipients(), [meeting.recipient.as_str()], "{text}");
        assert_eq!(received.subject, text);
        let bodies = [&received.text, &received.html].map(|one| one.as_deref().map(str::trim_end));
        assert_eq!(bodies, [Some(text); 2]);
        let name = received.to.first().and_then(|one| one.name.as_deref());
        // Many readers decode an encoded word in a name even where it stands in quotes (RFC 2047 §5 forbids it).
        assert!(name == Some(text) || text.starts_with("=?"), "{text} became {name:?}");
        let kept = received.metadata.get("key");
        assert!(kept.is_none_or(|value| value == text), "{text} became {kept:?}");
    }
}

/// Whatever stands in header values, labels and file names, there is one message with one of each.
pub async fn keeps_hostile_names_in_their_place(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let capability = meeting.provider.capability().clone();
    for (&text, id) in HOSTILE.iter().zip(0..) {
        let mut email = draft(&[&meeting.recipient]).text("Hello.").tag(text);
        let file_name: String = text.chars().filter(|c| !"/\\".contains(*c)).collect();
        let attachment = Attachment::new(file_name.as_str(), "text/plain", *b"content").ok();
        let attachment = attachment.filter(|_| capability.attachments);
        let files = usize::from(attachment.is_some());
        if let Some(attachment) = attachment {
            email = email.attach(attachment);
        }
        if capability.custom_headers {
            email = email.header("X-Hostile", text);
        }
        // Labels may be more than some allow; then the message goes without.
        let Some(received) = try_to_deliver(&meeting, email, id).await else {
            continue;
        };
        assert_eq!(received.recipients(), [meeting.recipient.as_str()], "{text}");
        assert_eq!(received.files.len(), files, "{text}");
        if let Some(file) = received.files.first() {
            assert_eq!((file.name.as_str(), &file.content[..]), (file_name.as_str(), &b"content"[..]));
        }
        if capability.custom_headers {
            assert_eq!(received.header("X-Hostile"), Some(text));
        }
        assert!(received.tags.is_empty() || received.tags == [text], "{text} became {:?}", received.tags);
    }
}

/// Whatever stands in an address, the message reaches it or nobody.
pub async fn reaches_hostile_addresses_or_nobody(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    for (&local, id) in LOCAL_PARTS.iter().zip(0..) {
        let text = format!("{local}@example.com");
        let Ok(address) = text.parse::<Address>() else {
            continue;
        };
        let email = draft(&[]).to(address.clone()).cc("cc@example.com").text("Hello.");
        let Some(received) = try_to_deliver(&meeting, email, id).await else {
            continue;
        };
        let mut expected = [plain(address.as_str()), "cc@example.com".to_owned()];
        expected.sort_unstable();
        let mut recipients: Vec<_> = received.recipients().into_iter().map(plain).collect();
        recipients.sort_unstable();
        assert_eq!(recipients, expected);
    }
}

/// An address without the quotes of its local part, which a parser may take off.
fn plain(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else { return address.to_owned() };
    let quoted = local.strip_prefix('"').and_then(|local| local.strip_suffix('"'));
    let local =
        quoted.map_or_else(|| local.to_owned(), |inner| inner.replace("\\\"", "\"").replace("\\\\", "\\"));
    format!("{local}@{domain}")
}
