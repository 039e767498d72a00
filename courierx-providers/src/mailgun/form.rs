//! Forms with files (RFC 7578), written once and straight into the buffer that is sent.
//!
//! The same parts and the same seed make the same bytes: the boundary is derived, not drawn.

use std::borrow::Cow;

use bytes::Bytes;

/// One field or file of a form.
pub(super) struct Part<'a> {
    pub(super) name: Cow<'a, str>,
    /// Name and media type, if it is a file.
    file: Option<(&'a str, &'a str)>,
    content: Cow<'a, [u8]>,
}

impl<'a> Part<'a> {
    pub(super) fn field(name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        let content = match value.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        Self { name: name.into(), file: None, content }
    }

    pub(super) fn file(
        name: &'a str,
        file_name: &'a str,
        content_type: &'a str,
        content: impl Into<Cow<'a, [u8]>>,
    ) -> Self {
        Self { name: name.into(), file: Some((file_name, content_type)), content: content.into() }
    }

    /// Bytes of its name and its content.
    pub(super) fn len(&self) -> usize {
        self.name.len() + self.content.len()
    }

    fn head(&self, boundary: &str) -> String {
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"");
        escape(&self.name, &mut head);
        head.push('"');
        if let Some((file_name, content_type)) = self.file {
            head.push_str("; filename=\"");
            escape(file_name, &mut head);
            head.push_str("\"\r\nContent-Type: ");
            head.push_str(content_type);
        }
        head.push_str("\r\n\r\n");
        head
    }
}

/// Whether a name reads the same however its reader takes escapes: they differ about these.
pub(super) fn is_plain_name(name: &str) -> bool {
    let escaped = |code: &str| name.as_bytes().windows(3).any(|at| at.eq_ignore_ascii_case(code.as_bytes()));
    !name.contains(['"', '\\', '\r', '\n']) && !["%22", "%0a", "%0d"].into_iter().any(escaped)
}

/// Writes a name between quotes, as browsers do
/// (<https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>).
fn escape(name: &str, out: &mut String) {
    for c in name.chars() {
        match c {
            '\n' => out.push_str("%0A"),
            '\r' => out.push_str("%0D"),
            '"' => out.push_str("%22"),
            c => out.push(c),
        }
    }
}

/// The value of `Content-Type`, and the body. `seed` is what the boundary derives from.
pub(super) fn encode(parts: &[Part<'_>], seed: &str) -> (String, Bytes) {
    let boundary = boundary(parts, seed);
    let heads: Vec<String> = parts.iter().map(|part| part.head(&boundary)).collect();
    let end = format!("--{boundary}--\r\n");
    let each = parts.iter().zip(&heads).map(|(part, head)| head.len() + part.content.len() + 2);
    let mut bytes = Vec::with_capacity(each.sum::<usize>() + end.len());
    for (part, head) in parts.iter().zip(&heads) {
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(&part.content);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(end.as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), bytes.into())
}

/// A boundary that stands in none of the parts, whoever wrote them and whatever they know.
fn boundary(parts: &[Part<'_>], seed: &str) -> String {
    let stem = format!("_courierx_{seed}");
    let mut boundary = stem.clone();
    // A content that has them all would have to be endless.
    for number in 1_u64.. {
        if !parts.iter().any(|part| contains(&part.content, boundary.as_bytes())) {
            break;
        }
        boundary = format!("{stem}.{number}");
    }
    boundary
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some(&first) = needle.first() else { return true };
    let mut rest = haystack;
    while let Some(at) = rest.iter().position(|&byte| byte == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_browsers_write_it() {
        let parts = [
            Part::field("h:X-\"A\"", "één\r\n"),
            Part::file("attachment", "a\"b\r\n.txt", "text/plain", b"x".as_slice()),
        ];
        let (content_type, body) = encode(&parts, "seed");
        assert_eq!(content_type, "multipart/form-data; boundary=_courierx_seed");
        let expected = "--_courierx_seed\r\nContent-Disposition: form-data; name=\"h:X-%22A%22\"\r\n\r\n\
            één\r\n\r\n--_courierx_seed\r\n\
            Content-Disposition: form-data; name=\"attachment\"; filename=\"a%22b%0D%0A.txt\"\r\n\
            Content-Type: text/plain\r\n\r\nx\r\n--_courierx_seed--\r\n";
        assert_eq!(body, expected.as_bytes());
        assert_eq!(encode(&parts, "seed"), (content_type, body));
    }

    #[test]
    fn no_content_ends_its_part() {
        let text = "\r\n--_courierx_seed--\r\n__courierx_seed.1";
        let (content_type, body) = encode(&[Part::field("text", text)], "seed");
        let boundary = content_type.split_once("boundary=").unwrap().1;
        assert_eq!(boundary, "_courierx_seed.2");
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(body.matches(boundary).count(), 2, "{body}");
    }

    #[test]
    fn names_that_readers_differ_about_are_not_plain() {
        for name in ["a.pdf", "é, 100%.pdf", "%2", "%"] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in ["a\"b", "a\\b", "a%22b", "a%0d", "a%0A"] {
            assert!(!is_plain_name(name), "{name}");
        }
    }
}
