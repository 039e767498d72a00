//! The body as it travels: a dot at the start of a line is doubled (RFC 5321 §4.5.2).

/// How much is copied at once, where anything has to be.
const PIECE: usize = 64 * 1024;

/// A message in pieces as they are to be written. One that has no such dot is one piece and is not copied: a
/// large attachment in base64 has none.
pub(super) struct Stuffed<'a> {
    rest: &'a [u8],
    /// Whether the rest is the beginning of a line.
    at_line: bool,
    has_dots: bool,
    piece: Vec<u8>,
}

impl<'a> Stuffed<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        let has_dots = message.starts_with(b".") || find_dot(message).is_some();
        Self { rest: message, at_line: true, has_dots, piece: Vec::new() }
    }

    pub(super) fn next(&mut self) -> Option<&[u8]> {
        if self.rest.is_empty() {
            return None;
        }
        if !self.has_dots {
            return Some(std::mem::take(&mut self.rest));
        }
        self.piece.clear();
        while !self.rest.is_empty() && self.piece.len() < PIECE {
            if self.at_line && self.rest.starts_with(b".") {
                self.piece.push(b'.');
            }
            let window = &self.rest[..self.rest.len().min(PIECE)];
            let (plain, rest) = self.rest.split_at(find_dot(window).unwrap_or(window.len()));
            self.piece.extend_from_slice(plain);
            self.at_line = plain.ends_with(b"\n");
            self.rest = rest;
        }
        Some(&self.piece)
    }
}

/// Where the first line but this one begins that starts with a dot.
fn find_dot(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == b"\n.").map(|line_end| line_end + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuffed(message: &[u8]) -> Vec<u8> {
        let mut body = Stuffed::new(message);
        let mut out = Vec::new();
        while let Some(piece) = body.next() {
            out.extend_from_slice(piece);
        }
        out
    }

    #[test]
    fn dots_at_the_start_of_lines_are_doubled() {
        assert_eq!(stuffed(b".\r\n..\r\na.\r\n.b"), b"..\r\n...\r\na.\r\n..b");
        assert_eq!(stuffed(b""), b"");
        assert_eq!(stuffed(b"none."), b"none.");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(lines in proptest::collection::vec("\\.{0,2}[a.]{0,9}", 0..9), long in 0..3_usize) {
            let mut message = lines.join("\r\n").into_bytes();
            message.extend(b"x".repeat(long * PIECE - long.min(1)));
            message.extend(b"\n.\n".repeat(3));
            let simple: Vec<u8> = message
                .split_inclusive(|&byte| byte == b'\n')
                .flat_map(|line| [if line.starts_with(b".") { &b"."[..] } else { b"" }, line].concat())
                .collect();
            prop_assert!(stuffed(&message) == simple);
        }
    }
}
