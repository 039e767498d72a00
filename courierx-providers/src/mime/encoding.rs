//! How bytes become lines of mail.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What becomes one line of base64: 76 characters (RFC 2045 §6.8).
const LINE: usize = 57;

/// Appends the header field and the lines of base64. The room is made at once: a large file is not moved while
/// its lines are written.
pub(super) fn append_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let header = b"Content-Transfer-Encoding: base64\r\n\r\n";
    out.reserve(header.len() + encoded_len(bytes.len()) + 2);
    out.extend_from_slice(header);
    let mut line = [0; LINE.div_ceil(3) * 4];
    for (number, chunk) in bytes.chunks(LINE).enumerate() {
        if number > 0 {
            out.extend_from_slice(b"\r\n");
        }
        // A chunk always fits its line.
        if let Ok(length) = STANDARD.encode_slice(chunk, &mut line) {
            out.extend_from_slice(&line[..length]);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The characters of so many bytes in base64, with the line ends between them.
pub(super) const fn encoded_len(bytes: usize) -> usize {
    let lines = bytes.div_ceil(LINE);
    bytes.div_ceil(3) * 4 + lines.saturating_sub(1) * 2
}

/// Whether quoted-printable is shorter than base64.
pub(super) fn is_mostly_ascii(bytes: &[u8]) -> bool {
    bytes.iter().filter(|byte| !byte.is_ascii()).count() * 6 < bytes.len()
}

/// The text with CRLF line ends, whichever it had.
pub(super) fn crlf(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if has_crlf_alone(bytes) {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\r' => {
                rest.next_if_eq(&b'\n');
                out.extend(b"\r\n");
            }
            b'\n' => out.extend(b"\r\n"),
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

/// Whether every line end is CRLF already.
fn has_crlf_alone(bytes: &[u8]) -> bool {
    let mut last = 0;
    let paired = bytes.iter().all(|&byte| {
        let ok = (last == b'\r') == (byte == b'\n');
        last = byte;
        ok
    });
    paired && last != b'\r'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_becomes_crlf() {
        assert_eq!(*crlf("a\nb\r\nc\rd\n\n"), *b"a\r\nb\r\nc\r\nd\r\n\r\n");
        assert_eq!(*crlf("a\r"), *b"a\r\n");
        assert!(matches!(crlf("a\r\n\r\nb"), Cow::Borrowed(_)));
    }

    #[test]
    fn base64_has_lines_of_76_and_the_length_that_was_foretold() {
        for length in [0, 1, 56, 57, 58, 114, 115, 1000] {
            let mut out = Vec::new();
            append_base64(&mut out, &vec![7; length]);
            let text = String::from_utf8(out).unwrap();
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            let body = body.strip_suffix("\r\n").unwrap();
            assert_eq!(body.len(), encoded_len(length));
            assert!(body.lines().all(|line| line.len() <= 76));
            assert_eq!(STANDARD.decode(body.replace("\r\n", "")).unwrap(), vec![7; length]);
        }
    }
}
