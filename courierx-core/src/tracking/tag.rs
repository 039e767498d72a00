//! Where the attributes of a start tag stand in the source.

use std::ops::Range;

/// An attribute, as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written<'a> {
    /// Its name.
    pub(super) name: &'a [u8],
    /// Its value without quotes, by position in the tag; empty where it has none.
    pub(super) value: Range<usize>,
}

/// The attributes of a start tag, from its `<` to its `>`, as HTML says where they end (WHATWG HTML §13.2.5.32 to 39);
/// none if the tag is no whole one.
///
/// The tokenizer tells what a value means; this tells which bytes to replace.
pub(super) fn attributes(tag: &[u8]) -> Option<Vec<Written<'_>>> {
    let is_space = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b'\x0c' | b' ');
    let skip = |mut at: usize, also: &dyn Fn(u8) -> bool| {
        while tag.get(at).is_some_and(|byte| also(*byte)) {
            at += 1;
        }
        at
    };
    if tag.first() != Some(&b'<') || !tag.get(1).is_some_and(u8::is_ascii_alphabetic) {
        return None;
    }
    let mut at = skip(1, &|byte| !is_space(byte) && !matches!(byte, b'/' | b'>'));
    let mut found = Vec::new();
    loop {
        at = skip(at, &|byte| is_space(byte) || byte == b'/');
        if *tag.get(at)? == b'>' {
            return (at + 1 == tag.len()).then_some(found);
        }
        let start = at;
        // An equals sign that comes first is part of the name.
        at = skip(at + 1, &|byte| !is_space(byte) && !matches!(byte, b'/' | b'>' | b'='));
        let name = &tag[start..at];
        let mut value = at..at;
        let next = skip(at, &is_space);
        if tag.get(next) == Some(&b'=') {
            at = skip(next + 1, &is_space);
            value = match *tag.get(at)? {
                quote @ (b'"' | b'\'') => {
                    let end = skip(at + 1, &|byte| byte != quote);
                    let value = at + 1..end;
                    at = end + 1;
                    value
                }
                b'>' => at..at,
                _ => {
                    let end = skip(at, &|byte| !is_space(byte) && byte != b'>');
                    let value = at..end;
                    at = end;
                    value
                }
            };
        }
        found.push(Written { name, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_where_html_says() {
        let read = |tag: &'static str| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let found = attributes(tag.as_bytes())?;
            Some(
                found
                    .iter()
                    .map(|one| format!("{}={}", text(one.name), &tag[one.value.clone()]))
                    .collect::<Vec<_>>()
                    .join("|"),
            )
        };
        for (tag, expected) in [
            ("<a>", Some("")),
            ("<a href=x>", Some("href=x")),
            ("<a href=x/>", Some("href=x/")),
            ("<a\nHREF = \"a b\" id='c\"d'/>", Some("HREF=a b|id=c\"d")),
            ("<a b c=>", Some("b=|c=")),
            ("<a/b/c=d>", Some("b=|c=d")),
            ("<a =b=c>", Some("=b=c")),
            ("<a href=\"x", None),
            ("<a href", None),
            ("<a b>c", None),
            ("a b>", None),
            ("<!a>", None),
        ] {
            assert_eq!(read(tag).as_deref(), expected, "{tag}");
        }
    }
}
