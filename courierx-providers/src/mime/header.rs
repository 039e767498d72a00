//! Header fields: folding, encoded words, mailbox lists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::clock::Timestamp;
use courierx_core::message::{DisplayName, Mailbox};
use lettre::message::header::{Date, Headers};

/// Where a line is folded if it can be (RFC 5322 §2.1.1, RFC 2047 §2).
const LINE: usize = 76;
/// The longest word that stands as it is; a longer one is encoded, since it could not be folded.
const LONGEST_WORD: usize = 900;

/// The header of a message in the making.
#[derive(Default)]
pub(super) struct HeaderBlock(String);

impl HeaderBlock {
    /// With room for so many bytes, those of the body included.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// A field whose value needs neither encoding nor folding.
    pub(super) fn raw(&mut self, name: &str, value: &str) {
        self.0.extend([name, ": ", value, "\r\n"]);
    }

    pub(super) fn date(&mut self, date: Timestamp) {
        let mut headers = Headers::new();
        headers.set(Date::new(date.into()));
        self.0.push_str(&headers.to_string());
    }

    /// A field of free text (RFC 5322 §2.2.1), in encoded words (RFC 2047) if it cannot stand as it is.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        let mut field = Field::begin(&mut self.0, name);
        if stands_as_is(value) {
            field.words(value);
        } else {
            field.encoded_words(value);
        }
        field.end();
    }

    /// A field of mailboxes; none if the list is empty.
    pub(super) fn mailboxes(&mut self, name: &str, mailboxes: &[Mailbox]) {
        let Some((last, others)) = mailboxes.split_last() else {
            return;
        };
        let mut field = Field::begin(&mut self.0, name);
        for mailbox in others {
            field.mailbox(mailbox, ",");
        }
        field.mailbox(last, "");
        field.end();
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

/// A mailbox as one line of ASCII, but for its local part: for vendors that want it as a header has it.
#[cfg(feature = "ses")]
pub(crate) fn mailbox_line(mailbox: &Mailbox) -> String {
    let mut line = String::new();
    let mut field = Field { out: &mut line, column: 0, blanks: 0, empty: true };
    field.mailbox(mailbox, "");
    // A fold is a line break before a blank that separates anyway; an encoded word has one before it always.
    line.replace("\r\n", "").trim_start().to_owned()
}

fn stands_as_is(text: &str) -> bool {
    // `=?` would be read as an encoded word, and blanks at the ends would be lost.
    text.is_ascii()
        && !text.contains("=?")
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && text.split(' ').all(|word| word.len() <= LONGEST_WORD)
}

/// One field, folded as it grows.
struct Field<'a> {
    out: &'a mut String,
    /// Characters on the present line.
    column: usize,
    /// Blanks that stand before the next word, on this line or on a new one.
    blanks: usize,
    /// Whether the name stands alone: some readers take a line break behind it for part of the value.
    empty: bool,
}

impl<'a> Field<'a> {
    fn begin(out: &'a mut String, name: &str) -> Self {
        out.extend([name, ":"]);
        Self { out, column: name.len() + 1, blanks: 1, empty: true }
    }

    /// A text of words and blanks, kept exactly: folding puts a line break before blanks (RFC 5322 §2.2.3).
    fn words(&mut self, text: &str) {
        let mut words = text.split(' ');
        self.word(words.next().unwrap_or_default());
        for word in words {
            self.blanks += 1;
            self.word(word);
        }
    }

    fn word(&mut self, word: &str) {
        if word.is_empty() {
            return;
        }
        // Only before a word, so that no line is made of blanks.
        if !self.empty && self.column + self.blanks + word.len() > LINE {
            self.out.push_str("\r\n");
            self.column = 0;
        }
        self.out.extend(std::iter::repeat_n(' ', self.blanks));
        self.out.push_str(word);
        self.column += self.blanks + word.len();
        self.blanks = 0;
        self.empty = false;
    }

    /// Encoded words of at most 75 characters, no character split between two (RFC 2047 §5). Readers drop
    /// the blanks between them.
    fn encoded_words(&mut self, text: &str) {
        const MARKS: usize = "=?utf-8?B??=".len();
        const LONGEST: usize = (75 - MARKS) / 4 * 3;
        let mut rest = text;
        while !rest.is_empty() {
            // What fits on this line; on the next one if that is next to nothing, or would split what one
            // word can hold: some readers put a blank where a name was split.
            let room = LINE.saturating_sub(self.column + self.blanks.max(1) + MARKS) / 4 * 3;
            let whole = rest.len() <= LONGEST && !self.empty;
            let bytes = if room < 12 || whole { LONGEST } else { room };
            let (word, after) = rest.split_at(rest.floor_char_boundary(bytes));
            self.blanks = self.blanks.max(1);
            self.word(&format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
            rest = after;
        }
    }

    fn mailbox(&mut self, mailbox: &Mailbox, separator: &str) {
        match mailbox.name().map(DisplayName::as_str) {
            Some(name) if !stands_as_is(name) => {
                self.encoded_words(name);
                self.blanks = 1;
                self.word(&format!("<{}>{separator}", mailbox.address()));
            }
            // Display quotes what must be quoted.
            _ => self.words(&format!("{mailbox}{separator}")),
        }
        self.blanks = 1;
    }

    fn end(self) {
        self.out.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut HeaderBlock)) -> String {
        let mut block = HeaderBlock::default();
        write(&mut block);
        block.0
    }

    #[test]
    fn ascii_stands_as_it_is_and_is_folded_at_blanks() {
        let text = "word ".repeat(40);
        let field = written(|block| block.text("Subject", text.trim_end()));
        assert!(field.lines().all(|line| line.len() <= LINE));
        assert_eq!(field.replace("\r\n", ""), format!("Subject: {}", text.trim_end()));
    }

    #[test]
    fn other_text_becomes_encoded_words() {
        let field = written(|block| block.text("Subject", "Grüße aus Köln"));
        assert_eq!(field, "Subject: =?utf-8?B?R3LDvMOfZSBhdXMgS8O2bG4=?=\r\n");
        let disguised = written(|block| block.text("Subject", "=?utf-8?q?x?="));
        assert!(!disguised.contains("?q?"));
    }

    #[test]
    fn a_mailbox_fits_one_line_of_ascii() {
        let line = |text: &str| mailbox_line(&text.parse().unwrap());
        assert_eq!(line("ada@example.com"), "ada@example.com");
        assert_eq!(line("Acme, Inc. <hi@acme.example>"), "\"Acme, Inc.\" <hi@acme.example>");
        assert_eq!(line("Zoë <zoe@example.com>"), "=?utf-8?B?Wm/Dqw==?= <zoe@example.com>");
        let long = line(&format!("{} <zoe@example.com>", "Zoë ".repeat(60)));
        assert!(long.is_ascii() && !long.contains(['\r', '\n']) && long.ends_with("?= <zoe@example.com>"));
    }

    #[test]
    fn names_are_quoted_or_encoded() {
        let field = |text: &str| {
            let mailbox: Mailbox = text.parse().unwrap();
            written(|block| block.mailboxes("From", &[mailbox]))
        };
        assert_eq!(field("Ada Lovelace <ada@example.com>"), "From: Ada Lovelace <ada@example.com>\r\n");
        assert_eq!(field("Acme, Inc. <hi@acme.example>"), "From: \"Acme, Inc.\" <hi@acme.example>\r\n");
        assert_eq!(field("Zoë <zoe@example.com>"), "From: =?utf-8?B?Wm/Dqw==?= <zoe@example.com>\r\n");
    }
}
