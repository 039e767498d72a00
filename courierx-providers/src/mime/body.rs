//! The tree of MIME parts (RFC 2046), assembled by lettre from parts that are encoded here.
//!
//! ```text
//! mixed
//! ├── alternative
//! │   ├── text/plain
//! │   └── related
//! │       ├── text/html
//! │       └── inline parts
//! └── attachments
//! ```
//!
//! A level with a single child is left out.

use courierx_core::message::{Attachment, ContentType};
use courierx_core::provider::Outgoing;
use lettre::message::header::{
    ContentDisposition, ContentId, ContentTransferEncoding, Header, HeaderName, HeaderValue,
};
use lettre::message::{Body, MultiPart, MultiPartBuilder, SinglePart};

/// Bytes of one line that a 7-bit body may have (RFC 5322 §2.1.1).
const LONGEST_LINE: usize = 998;

/// The header fields and the content of the message's body.
pub(super) fn render(message: &Outgoing) -> Vec<u8> {
    let boundaries = Boundaries::new(message);
    let (inline, listed): (Vec<_>, Vec<_>) = message
        .attachments()
        .iter()
        .partition(|one| message.html().is_some() && !one.disposition().is_attached());
    let html = message.html().map(|html| {
        let html = Node::Single(boundaries.text_part("text/html; charset=utf-8", html));
        let parts = inline.iter().map(|one| Node::Single(boundaries.file_part(one)));
        boundaries.join(MultiPart::related(), "related", std::iter::once(html).chain(parts).collect())
    });
    let text =
        message.text().map(|text| Node::Single(boundaries.text_part("text/plain; charset=utf-8", text)));
    let bodies: Vec<_> = text.into_iter().chain(html).collect();
    let body = boundaries.join(MultiPart::alternative(), "alternative", bodies);
    let files = listed.iter().map(|one| Node::Single(boundaries.file_part(one)));
    match boundaries.join(MultiPart::mixed(), "mixed", std::iter::once(body).chain(files).collect()) {
        Node::Single(part) => part.formatted(),
        Node::Multi(part) => part.formatted(),
    }
}

enum Node {
    Single(SinglePart),
    Multi(MultiPart),
}

/// Where one part ends and the next begins: derived from the delivery id, and different at every level.
struct Boundaries {
    stem: String,
}

impl Boundaries {
    fn new(message: &Outgoing) -> Self {
        // `=_` appears neither in base64 nor in quoted-printable (RFC 2045 §6.7), and a 7-bit body that
        // contains the stem is encoded: no content can end its part.
        Self { stem: format!("=_{}", message.delivery_id()) }
    }

    /// The nodes under one parent, or the only one alone. Messages have a body, so there is at least one.
    fn join(&self, builder: MultiPartBuilder, level: &str, mut nodes: Vec<Node>) -> Node {
        if nodes.len() == 1
            && let Some(only) = nodes.pop()
        {
            return only;
        }
        let parent = builder.boundary(format!("{}_{level}", self.stem)).build();
        Node::Multi(nodes.into_iter().fold(parent, |parent, node| match node {
            Node::Single(part) => parent.singlepart(part),
            Node::Multi(part) => parent.multipart(part),
        }))
    }

    fn text_part(&self, content_type: &str, text: &str) -> SinglePart {
        let bytes = crlf(text);
        let encoding = if self.can_travel_as_is(&bytes) {
            ContentTransferEncoding::SevenBit
        } else if is_mostly_ascii(&bytes) {
            ContentTransferEncoding::QuotedPrintable
        } else {
            ContentTransferEncoding::Base64
        };
        SinglePart::builder().header(ContentTypeField(content_type.to_owned())).body(encode(bytes, encoding))
    }

    fn file_part(&self, file: &Attachment) -> SinglePart {
        let name = file.file_name().as_str();
        let part = SinglePart::builder().header(ContentTypeField(file.content_type().as_str().to_owned()));
        let part = match file.content_id() {
            Some(id) => part
                .header(ContentDisposition::inline_with_name(name))
                .header(ContentId::from(format!("<{}>", id.as_str()))),
            None => part.header(ContentDisposition::attachment(name)),
        };
        // RFC 2046 §5.2.1 allows a message inside a message no encoding; one that needs it is encoded
        // nevertheless, which readers cope with, rather than refused.
        let as_is = is_message(file.content_type()) && self.can_travel_as_is(file.content());
        let encoding =
            if as_is { ContentTransferEncoding::SevenBit } else { ContentTransferEncoding::Base64 };
        part.body(encode(file.content().to_vec(), encoding))
    }

    /// Whether these bytes are 7-bit data (RFC 2045 §2.7) that do not look like one of our boundaries.
    fn can_travel_as_is(&self, bytes: &[u8]) -> bool {
        let mut lines = bytes.split(|&byte| byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            let content = match lines.peek() {
                Some(_) => line.strip_suffix(b"\r"),
                None => Some(line),
            };
            let clean = content.is_some_and(|line| {
                line.len() <= LONGEST_LINE && line.iter().all(|&b| b == b'\t' || matches!(b, b' '..=b'~'))
            });
            if !clean {
                return false;
            }
        }
        !bytes.windows(self.stem.len()).any(|window| window == self.stem.as_bytes())
    }
}

fn is_message(content_type: &ContentType) -> bool {
    content_type.essence().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("message/"))
}

/// Whether quoted-printable is shorter than base64.
fn is_mostly_ascii(bytes: &[u8]) -> bool {
    bytes.iter().filter(|byte| !byte.is_ascii()).count() * 6 < bytes.len()
}

/// The text with CRLF line ends, whichever it had.
fn crlf(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                out.extend(b"\r\n");
            }
            b'\n' => out.extend(b"\r\n"),
            _ => out.push(byte),
        }
    }
    out
}

fn encode(bytes: Vec<u8>, encoding: ContentTransferEncoding) -> Body {
    // Base64 and quoted-printable take any bytes; 7-bit was checked to fit.
    Body::new_with_encoding(bytes, encoding)
        .unwrap_or_else(|bytes| Body::dangerous_pre_encoded(bytes, ContentTransferEncoding::SevenBit))
}

/// A `Content-Type` as the application gave it: lettre's own would lower-case and could refuse it.
#[derive(Clone)]
struct ContentTypeField(String);

impl Header for ContentTypeField {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Type")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_becomes_crlf() {
        assert_eq!(crlf("a\nb\r\nc\rd\n\n"), b"a\r\nb\r\nc\r\nd\r\n\r\n");
    }

    #[test]
    fn only_short_clean_lines_travel_as_they_are() {
        let boundaries = Boundaries { stem: "=_stem".to_owned() };
        assert!(boundaries.can_travel_as_is(b"a\r\nb\r\n"));
        for encoded in ["a\nb", "a\rb", "h\u{e9}", "nul\0", &"x".repeat(999), "--=_stem_mixed"] {
            assert!(!boundaries.can_travel_as_is(encoded.as_bytes()), "{encoded:?}");
        }
    }
}
