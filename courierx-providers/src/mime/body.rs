//! The tree of MIME parts (RFC 2046), written straight into the message.
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
use lettre::message::Body;
use lettre::message::header::{ContentDisposition, ContentId, ContentTransferEncoding, Headers};

use super::encoding::{append_base64, crlf, is_mostly_ascii};
use super::file_name;

/// Bytes of one line that a 7-bit body may have (RFC 5322 §2.1.1).
const LONGEST_LINE: usize = 998;

/// Appends the header fields and the content of the message's body.
pub(super) fn append(out: &mut Vec<u8>, message: &Outgoing) {
    let boundaries = Boundaries::new(message);
    let (inline, listed): (Vec<_>, Vec<_>) = message
        .attachments()
        .iter()
        .partition(|one| message.html().is_some() && !one.disposition().is_attached());
    let html = message.html().map(|html| {
        let parts = inline.into_iter().map(Node::File);
        Node::join("related", std::iter::once(Node::Text("text/html", html)).chain(parts).collect())
    });
    let text = message.text().map(|text| Node::Text("text/plain", text));
    // Messages have a body, so there is at least one.
    let body = Node::join("alternative", text.into_iter().chain(html).collect());
    let files = listed.into_iter().map(Node::File);
    boundaries.append(out, &Node::join("mixed", std::iter::once(body).chain(files).collect()));
}

/// A part, or several under one parent.
enum Node<'a> {
    Text(&'static str, &'a str),
    File(&'a Attachment),
    Multi(&'static str, Vec<Node<'a>>),
}

impl Node<'_> {
    /// The nodes under one parent, or the only one alone.
    fn join(level: &'static str, mut nodes: Vec<Self>) -> Self {
        match nodes.pop() {
            Some(only) if nodes.is_empty() => only,
            last => {
                nodes.extend(last);
                Self::Multi(level, nodes)
            }
        }
    }
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

    fn append(&self, out: &mut Vec<u8>, node: &Node<'_>) {
        match node {
            Node::Text(kind, text) => self.append_text(out, kind, text),
            Node::File(file) => self.append_file(out, file),
            Node::Multi(level, nodes) => {
                let boundary = format!("{}_{level}", self.stem);
                append_all(
                    out,
                    &["Content-Type: multipart/", level, ";\r\n boundary=\"", &boundary, "\"\r\n\r\n"],
                );
                for node in nodes {
                    append_all(out, &["--", &boundary, "\r\n"]);
                    self.append(out, node);
                }
                append_all(out, &["--", &boundary, "--\r\n"]);
            }
        }
    }

    fn append_text(&self, out: &mut Vec<u8>, kind: &str, text: &str) {
        let bytes = crlf(text);
        append_all(out, &["Content-Type: ", kind, "; charset=utf-8\r\n"]);
        if self.can_travel_as_is(&bytes) {
            append_as_is(out, &bytes);
        } else if is_mostly_ascii(&bytes) {
            append_quoted(out, bytes.into_owned());
        } else {
            append_base64(out, &bytes);
        }
    }

    fn append_file(&self, out: &mut Vec<u8>, file: &Attachment) {
        // As the application gave it: lettre's own would lower-case it and could refuse it.
        append_all(out, &["Content-Type: ", file.content_type().as_str(), "\r\n"]);
        let name = file.file_name().as_str();
        let mut headers = Headers::new();
        let spelled_out = file_name::spelled_out(name);
        let kind = if file.content_id().is_some() { "inline" } else { "attachment" };
        match &spelled_out {
            Some(name) => append_all(out, &["Content-Disposition: ", kind, ";", name, "\r\n"]),
            None if file.content_id().is_some() => headers.set(ContentDisposition::inline_with_name(name)),
            None => headers.set(ContentDisposition::attachment(name)),
        }
        if let Some(id) = file.content_id() {
            headers.set(ContentId::from(format!("<{}>", id.as_str())));
        }
        append_all(out, &[&headers.to_string()]);
        // RFC 2046 §5.2.1 allows a message inside a message no encoding; one that needs it is encoded
        // nevertheless, which readers cope with, rather than refused.
        if is_message(file.content_type()) && self.can_travel_as_is(file.content()) {
            append_as_is(out, file.content());
        } else {
            append_base64(out, file.content());
        }
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
        // The stem begins with `=`, which is rare: looking for the whole of it at every byte was a tenth of a
        // message's time.
        let mut starts = bytes.iter().enumerate().filter(|&(_, &byte)| byte == b'=');
        !starts.any(|(at, _)| bytes[at..].starts_with(self.stem.as_bytes()))
    }
}

fn is_message(content_type: &ContentType) -> bool {
    content_type.essence().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("message/"))
}

fn append_all(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

fn append_as_is(out: &mut Vec<u8>, bytes: &[u8]) {
    append_all(out, &["Content-Transfer-Encoding: 7bit\r\n\r\n"]);
    out.extend_from_slice(bytes);
    append_all(out, &["\r\n"]);
}

fn append_quoted(out: &mut Vec<u8>, bytes: Vec<u8>) {
    append_all(out, &["Content-Transfer-Encoding: quoted-printable\r\n\r\n"]);
    // Quoted-printable takes any bytes.
    match Body::new_with_encoding(bytes, ContentTransferEncoding::QuotedPrintable) {
        Ok(body) => out.extend_from_slice(body.as_ref()),
        Err(bytes) => out.extend_from_slice(&bytes),
    }
    append_all(out, &["\r\n"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_clean_lines_travel_as_they_are() {
        let boundaries = Boundaries { stem: "=_stem".to_owned() };
        assert!(boundaries.can_travel_as_is(b"a\r\nb\r\n"));
        for encoded in ["a\nb", "a\rb", "h\u{e9}", "nul\0", &"x".repeat(999), "--=_stem_mixed"] {
            assert!(!boundaries.can_travel_as_is(encoded.as_bytes()), "{encoded:?}");
        }
    }
}
