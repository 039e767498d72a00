//! Bytes in, replies out, whatever pieces they come in (RFC 5321 §4.2).

use super::reply::Reply;

/// Bytes of one line, and lines of one reply, that a server may use: far beyond RFC 5321 §4.5.3.1.5.
const LONGEST_LINE: usize = 8192;
const MOST_LINES: usize = 128;
/// Room for what is read next: more than the replies to a whole transaction have.
const ROOM: usize = 1024;

/// What was read and not yet understood.
#[derive(Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    /// Where the next line starts, and how far its end was looked for.
    start: usize,
    searched: usize,
    /// The lines of a reply that is not complete yet, and the code they have in common.
    code: u16,
    lines: Vec<String>,
}

impl Incoming {
    /// Whether everything that came in was taken out as a reply.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.bytes.len() && self.lines.is_empty()
    }

    /// Where to read to.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.reserve(ROOM);
        &mut self.bytes
    }

    /// The next reply, if it is there completely; what is wrong with it, if it is none.
    pub(super) fn reply(&mut self) -> Result<Option<Reply>, &'static str> {
        while let Some(line) = self.line()? {
            let (code, more, text) = parse_line(line).ok_or("a line does not begin with a reply code")?;
            if self.lines.is_empty() {
                self.code = code;
            } else if self.code != code {
                return Err("the lines of a reply have different codes");
            }
            self.lines.push(text);
            if !more {
                return Ok(Some(Reply::new(code, std::mem::take(&mut self.lines))));
            }
            if self.lines.len() == MOST_LINES {
                return Err("a reply has no end");
            }
        }
        Ok(None)
    }

    /// One line without its end; a bare LF ends it too.
    fn line(&mut self) -> Result<Option<&[u8]>, &'static str> {
        let end = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n');
        let end = end.map_or(self.bytes.len(), |found| self.searched + found);
        if end - self.start > LONGEST_LINE {
            return Err("a line has no end");
        }
        if end == self.bytes.len() {
            self.searched = end;
            return Ok(None);
        }
        let line = &self.bytes[self.start..end];
        self.start = end + 1;
        self.searched = self.start;
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

/// The code, whether more lines follow, and the text. A bare code without a text is accepted.
fn parse_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    let [first @ b'2'..=b'5', second @ b'0'..=b'9', third @ b'0'..=b'9'] = *digits else {
        return None;
    };
    let code = [first, second, third].iter().fold(0, |code, &digit| code * 10 + u16::from(digit - b'0'));
    let (more, text) = match rest {
        [] => (false, rest),
        [b' ', text @ ..] => (false, text),
        [b'-', text @ ..] => (true, text),
        _ => return None,
    };
    Some((code, more, String::from_utf8_lossy(text).trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every reply in the bytes, read in pieces of this size, and the error that ended it.
    fn read(bytes: &[u8], piece: usize) -> (Vec<Reply>, Option<&'static str>) {
        let mut incoming = Incoming::default();
        let mut replies = Vec::new();
        for piece in bytes.chunks(piece) {
            incoming.room().extend_from_slice(piece);
            loop {
                match incoming.reply() {
                    Ok(Some(reply)) => replies.push(reply),
                    Ok(None) => break,
                    Err(error) => return (replies, Some(error)),
                }
            }
        }
        (replies, None)
    }

    fn one(bytes: &[u8]) -> Reply {
        let (replies, error) = read(bytes, usize::MAX);
        assert_eq!((replies.len(), error), (1, None));
        replies.into_iter().next().unwrap()
    }

    #[test]
    fn replies_are_read_whatever_their_characters() {
        assert_eq!(one(b"250\r\n"), Reply::new(250, vec![String::new()]));
        assert_eq!(one(b"250-a\r\n250-b\n250 c\r\n").text(), "a b c");
        assert_eq!(one(b"550 5.1.1 Empf\xe4nger\r\n").code, 550);
        assert_eq!(one(b"299 \xff\xfe{\0\r\n").code, 299);
    }

    #[test]
    fn anything_else_is_no_reply() {
        for garbage in [&b"hello\r\n"[..], b"25\r\n", b"650 x\r\n", b"250x\r\n", b"250-a\r\n251 b\r\n"] {
            assert!(read(garbage, 1).1.is_some());
        }
        assert_eq!(read(b"250-half", 1), (Vec::new(), None));
        assert!(read(&vec![b'2'; LONGEST_LINE + 1], 1000).1.is_some());
        assert!(read(&b"250-more\r\n".repeat(MOST_LINES), 1000).1.is_some());
    }

    /// Anything, and what looks like replies.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let any_bytes = proptest::collection::vec(any::<u8>(), 0..300);
        let lines = "([2-5][0-9]{2}[ -][245]?\\.?[0-9]{0,4}\\.?[0-9]{0,4} ?\\PC{0,9}\r?\n?){0,9}";
        prop_oneof![any_bytes, lines.prop_map(String::into_bytes), Just(b"250-\r\n".repeat(200))]
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic_and_pieces_make_no_difference(bytes in bytes(), piece in 1..64_usize) {
            let whole = read(&bytes, usize::MAX);
            prop_assert_eq!(&read(&bytes, piece), &whole);
            for reply in whole.0 {
                prop_assert!((200..600).contains(&reply.code));
                let _ = (reply.to_string(), reply.queue_id());
            }
        }
    }
}
