//! Text that SendGrid puts into headers, written so that it arrives as it was meant.
//!
//! The names of recipients are put beside their addresses as they come: one with a comma makes two recipients of
//! one, and the documentation forbids commas and semicolons there. Quotes are no way out, since where SendGrid does
//! quote, readers see them. An encoded word (RFC 2047) is: it has no character that means anything in a list of
//! addresses, and every reader decodes it. The sender's name is quoted as it must be, but documented to be ASCII.
//!
//! <https://www.twilio.com/docs/sendgrid/api-reference/mail-send/limitations>

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest encoded word has 75 characters (RFC 2047 §2): so many bytes in base64 beside its marks.
const LONGEST: usize = (75 - "=?utf-8?B??=".len()) / 4 * 3;

/// The name of a recipient: as it is if it means nothing but itself in a list of addresses.
pub(super) fn recipient_name(name: &str) -> Cow<'_, str> {
    let harmless = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-./=?^_`{|}~".contains(c);
    // Of two blanks in a row, readers drop one.
    let words = name.split(' ').all(|word| !word.is_empty() && word.chars().all(harmless));
    encoded_unless(words && !disguised(name), name)
}

/// The sender's name.
pub(super) fn sender_name(name: &str) -> Cow<'_, str> {
    encoded_unless(name.is_ascii() && !disguised(name), name)
}

/// The name of somebody whom answers go to.
pub(super) fn reply_name(name: &str) -> Cow<'_, str> {
    encoded_unless(!disguised(name), name)
}

/// The value of a header of the application's own. Nothing is documented of values beyond ASCII.
pub(super) fn header_value(value: &str) -> Cow<'_, str> {
    encoded_unless(value.is_ascii() && !disguised(value) && value.trim() == value, value)
}

/// The subject, of which SendGrid wants one character at least. It encodes what is beyond ASCII itself.
pub(super) fn subject(subject: &str) -> Cow<'_, str> {
    let literal = !subject.is_ascii() || !disguised(subject) && subject.trim() == subject;
    if subject.is_empty() { Cow::Borrowed(" ") } else { encoded_unless(literal, subject) }
}

/// Whether readers could take a part of it for an encoded word.
fn disguised(text: &str) -> bool {
    text.contains("=?")
}

fn encoded_unless(literal: bool, text: &str) -> Cow<'_, str> {
    if literal { Cow::Borrowed(text) } else { Cow::Owned(encoded_words(text)) }
}

/// Encoded words, no character split between two (RFC 2047 §5). Readers drop the blanks between them.
fn encoded_words(text: &str) -> String {
    let mut words = Vec::with_capacity(text.len() / LONGEST + 1);
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(LONGEST));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_where_they_would_be_misread() {
        for name in ["Ada", "Ada B. Lovelace", "Zoë Gęślą", "O'Neill-Smith", "日本語", "🎉"] {
            assert_eq!(recipient_name(name), name);
        }
        assert_eq!(recipient_name("Acme, Inc."), "=?utf-8?B?QWNtZSwgSW5jLg==?=");
        for name in ["a;b", "a \"b\"", "<b>", "a@b", "a:b", "a\\b", "(a)", "a  b", "=?utf-8?q?x?="] {
            assert!(recipient_name(name).starts_with("=?utf-8?B?"), "{name}");
        }
        assert_eq!(sender_name("Acme, Inc."), "Acme, Inc.");
        assert_eq!(sender_name("Zoë"), "=?utf-8?B?Wm/Dqw==?=");
        assert_eq!(reply_name("Zoë, Inc."), "Zoë, Inc.");
    }

    #[test]
    fn long_text_becomes_several_words_of_whole_characters() {
        let text = "ü".repeat(100);
        let encoded = header_value(&text);
        assert!(encoded.split(' ').all(|word| word.len() <= 75), "{encoded}");
        let decoded: String = encoded
            .split(' ')
            .map(|word| word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap())
            .map(|word| String::from_utf8(STANDARD.decode(word).unwrap()).unwrap())
            .collect();
        assert_eq!(decoded, text);
    }
}
