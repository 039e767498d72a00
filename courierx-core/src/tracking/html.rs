//! Links led elsewhere, and an image added; every other byte of the HTML stays.

use std::borrow::Cow;
use std::ops::Range;

use html5gum::emitters::default::{DefaultEmitter, StartTag};
use html5gum::{Token, Tokenizer};

use super::tag::attributes;
use super::token::MAX_TARGET_BYTES;

/// Attributes by which somebody says that a link is to stay; `clicktracking` says so with `off`.
const STAYS: [&[u8]; 2] = [b"data-no-track", b"courierx-no-track"];

/// What became of a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Rewritten<'a> {
    /// The body.
    pub html: Cow<'a, str>,
    /// How many links lead elsewhere.
    pub links: usize,
}

/// Leads the links of `html` elsewhere, and puts `image` at its end.
///
/// Links are the `href` of `a` and `area` that lead to a web page. `lead` is given where each leads (entities resolved,
/// blanks around it dropped) and answers what to write in its place: nothing that needs escaping. None leaves it
/// as it is. So do `data-no-track`, `courierx-no-track` and `clicktracking=off` in the tag. Comments, which is where
/// Outlook's conditional parts are, scripts and styles have no links.
///
/// `image` goes before the last `</body>`, or to the end where there is none.
pub fn rewrite<'a>(
    html: &'a str,
    mut lead: impl FnMut(&str) -> Option<String>,
    image: Option<&str>,
) -> Rewritten<'a> {
    let mut changes: Vec<(Range<usize>, Cow<'_, str>)> = Vec::new();
    let mut end = None;
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) if matches!(&tag.name[..], b"a" | b"area") => {
                if let Some((place, target)) = link(html, &tag)
                    && let Some(other) = lead(&target)
                {
                    changes.push((place, other.into()));
                }
            }
            Token::EndTag(tag) if tag.name[..] == *b"body" => {
                // A place that is no tag would be ours to spoil.
                end = Some(tag.span.start)
                    .filter(|at| html.get(*at..).is_some_and(|rest| rest.starts_with("</")));
            }
            _ => {}
        }
    }
    let links = changes.len();
    if let Some(image) = image {
        let at = end.unwrap_or(html.len());
        changes.push((at..at, image.into()));
        changes.sort_by_key(|(place, _)| place.start);
    }
    Rewritten { html: replaced(html, &changes), links }
}

/// Where the target of a link stands, and what it is; none if the link is to stay.
fn link(html: &str, tag: &StartTag<usize>) -> Option<(Range<usize>, String)> {
    let off = |name: &[u8]| tag.attributes.get(name).is_some_and(|value| value.eq_ignore_ascii_case(b"off"));
    if STAYS.iter().any(|name| tag.attributes.contains_key(*name)) || off(b"clicktracking") {
        return None;
    }
    let meant = tag.attributes.get(&b"href"[..])?;
    let target = target(std::str::from_utf8(meant).ok()?)?;
    let source = html.get(tag.span.start..tag.span.end)?;
    // Of two, the first counts.
    let written = attributes(source.as_bytes())?;
    let written = written.into_iter().find(|one| one.name.eq_ignore_ascii_case(b"href"))?;
    let value = source.get(written.value.clone())?;
    // What is written and what the tokenizer read are the same, or else this is not the place.
    let is_plain = !value.contains(['&', '\r', '\0']);
    if is_plain && value.as_bytes() != &meant[..] {
        return None;
    }
    Some((tag.span.start + written.value.start..tag.span.start + written.value.end, target))
}

/// Where a link leads, if it is a page on the web that a redirect can name.
fn target(href: &str) -> Option<String> {
    let target = href.trim_matches(|c: char| c.is_ascii_control() || c == ' ');
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let start = target.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| &target[scheme.len()..])
    })?;
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let can_be_named = !host.is_empty()
        && host.is_ascii()
        && !host.contains([' ', '@'])
        && target.len() <= MAX_TARGET_BYTES
        && !target.contains(char::is_control);
    can_be_named.then(|| target.to_owned())
}

/// `html` with these parts of it replaced, which stand in order and apart.
fn replaced<'a>(html: &'a str, changes: &[(Range<usize>, Cow<'_, str>)]) -> Cow<'a, str> {
    if changes.is_empty() {
        return Cow::Borrowed(html);
    }
    let more: usize = changes.iter().map(|(_, text)| text.len()).sum();
    let mut made = String::with_capacity(html.len() + more);
    let mut done = 0;
    for (place, text) in changes {
        // Both ends are beside ASCII characters.
        made.push_str(html.get(done..place.start).unwrap_or_default());
        made.push_str(text);
        done = place.end;
    }
    made.push_str(html.get(done..).unwrap_or_default());
    Cow::Owned(made)
}
