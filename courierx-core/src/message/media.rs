//! The three texts that describe an attachment.

use super::error::Problem;
use super::limits::{MAX_CONTENT_ID_BYTES, MAX_CONTENT_TYPE_BYTES, MAX_FILE_NAME_BYTES};
use super::text::{at_most, no_control, not_blank, only, text};

text! {
    /// The name of an attached file: 1 to [`MAX_FILE_NAME_BYTES`], no `/` or `\`, and neither `.` nor `..`, so
    /// that saving it stays in the folder it is saved to.
    #[derive(Debug)]
    FileName, parse_file_name
}
text! {
    /// A media type with optional parameters, `text/plain; charset=utf-8` (RFC 2045 §5.1), in ASCII, at most
    /// [`MAX_CONTENT_TYPE_BYTES`].
    ///
    /// `multipart/*` and `message/partial` are refused: they are structure, which the message has already.
    #[derive(Debug)]
    ContentType, parse_content_type
}
text! {
    /// The name by which HTML refers to an inline part, `cid:logo` (RFC 2392), without angle brackets: letters,
    /// digits, the punctuation of an address, and at most one `@` inside; at most [`MAX_CONTENT_ID_BYTES`].
    #[derive(Debug)]
    ContentId, parse_content_id
}

impl ContentType {
    /// The media type without its parameters, letter case as given.
    pub fn essence(&self) -> &str {
        self.as_str().split(';').next().unwrap_or_default().trim_end()
    }
}

fn parse_file_name(text: String) -> Result<String, Problem> {
    not_blank(&text)?;
    at_most(&text, MAX_FILE_NAME_BYTES)?;
    no_control(&text)?;
    only(&text, |c| !matches!(c, '/' | '\\'))?;
    if matches!(text.as_str(), "." | "..") { Err(Problem::InvalidFileName) } else { Ok(text) }
}

fn parse_content_type(text: String) -> Result<String, Problem> {
    not_blank(&text)?;
    at_most(&text, MAX_CONTENT_TYPE_BYTES)?;
    no_control(&text)?;
    let (essence, parameters) = text.split_once(';').map_or((text.as_str(), None), |(e, p)| (e, Some(p)));
    let (kind, subtype) = essence.trim_end_matches(' ').split_once('/').ok_or(Problem::InvalidContentType)?;
    if !is_token(kind) || !is_token(subtype) || !parameters.is_none_or(are_parameters) {
        return Err(Problem::InvalidContentType);
    }
    let partial = kind.eq_ignore_ascii_case("message") && subtype.eq_ignore_ascii_case("partial");
    if partial || kind.eq_ignore_ascii_case("multipart") {
        Err(Problem::ForbiddenContentType)
    } else {
        Ok(text)
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_char)
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_graphic() && !r#"()<>@,;:\"/[]?="#.contains(c)
}

/// Whether this is `name=value`, separated by semicolons, where a value is a token or a quoted string.
fn are_parameters(text: &str) -> bool {
    let mut rest = text;
    loop {
        let Some((name, value)) = rest.split_once('=') else {
            return false;
        };
        let end = value_len(value);
        if !is_token(name.trim_matches(' ')) || end == 0 {
            return false;
        }
        match value[end..].trim_matches(' ') {
            "" => return true,
            more => match more.strip_prefix(';') {
                Some(more) => rest = more,
                None => return false,
            },
        }
    }
}

/// Bytes of the token or quoted string at the beginning; zero if there is none.
fn value_len(text: &str) -> usize {
    let Some(content) = text.strip_prefix('"') else {
        return text.find(|c| !is_token_char(c)).unwrap_or(text.len());
    };
    let mut bytes = content.bytes().enumerate();
    while let Some((position, byte)) = bytes.next() {
        match byte {
            b'"' => return position + 2,
            b'\\' if !bytes.next().is_some_and(|(_, escaped)| escaped.is_ascii()) => return 0,
            _ if !byte.is_ascii() => return 0,
            _ => {}
        }
    }
    0
}

fn parse_content_id(text: String) -> Result<String, Problem> {
    not_blank(&text)?;
    at_most(&text, MAX_CONTENT_ID_BYTES)?;
    only(&text, |c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@".contains(c))?;
    let mut sides = text.split('@');
    let valid = sides.all(|side| !side.is_empty()) && text.matches('@').count() <= 1;
    if valid { Ok(text) } else { Err(Problem::InvalidContentId) }
}
