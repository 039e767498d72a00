//! What the parser gets to see: the tags of a template, with every text between them replaced by its number.
//!
//! The parser is a recursive descent that looks up the line of every tag from the start of the source, so
//! hostile nesting would overflow its stack and long texts make it quadratic. This pass is linear and not
//! recursive. It refuses what must not reach the parser (nesting beyond the limit, partials, decorators,
//! raw blocks), and hands over a source that is short. Only the white space around a text is kept,
//! because that is all that Handlebars looks at (`~`, tags alone on their line).
//!
//! It never takes for text what the parser would take for a tag. Where the two could disagree, inside
//! quotes and brackets, a tag that contains braces is refused.

use std::cell::OnceCell;
use std::ops::Range;

use super::{RenderLimits, TemplateError};

/// How many `else` branches and blocks may enclose one another. Each `{{else if}}` is stored inside the
/// previous one, so a long chain is as deep as nested blocks; it costs the parser no stack, though.
const MAX_CHAIN: usize = 128;
/// Bounds tags × bytes of the reduced source, which the parser's line look-up costs: about 0.3 s.
const MAX_PARSE_WORK: usize = 1 << 28;

/// The result of the pass.
#[derive(Debug, Default)]
pub(super) struct Reduced {
    /// The tags, with the number of a text where the text stood.
    pub(super) source: String,
    /// The texts, by number, without the white space around them.
    pub(super) texts: Vec<Box<str>>,
    /// How deep blocks and expressions are nested.
    pub(super) depth: usize,
    /// Where each tag begins: in the reduced and in the original source.
    tags: Vec<(usize, usize)>,
}

impl Reduced {
    /// The line and column in `original` of the tag that stands at this position (line and column, all from 1) of
    /// the reduced source.
    pub(super) fn place_of(&self, original: &str, (line, column): (usize, usize)) -> (usize, usize) {
        let mut lines = self.source.split_inclusive('\n');
        let before: usize = lines.by_ref().take(line.saturating_sub(1)).map(str::len).sum();
        let within: usize =
            lines.next().unwrap_or("").chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
        let after = self.tags.partition_point(|&(reduced, _)| reduced <= before + within);
        let start =
            after.checked_sub(1).and_then(|index| self.tags.get(index)).map_or(0, |&(_, start)| start);
        place_at(original, start)
    }
}

/// Runs the pass over `source`.
pub(super) fn reduce(source: &str) -> Result<Reduced, TemplateError> {
    let mut pass =
        Pass { source, at: 0, chains: Vec::new(), last_long_end: OnceCell::new(), out: Reduced::default() };
    while pass.at < source.len() {
        pass.text();
        if pass.at < source.len() {
            pass.tag()?;
        }
    }
    let Reduced { source, tags, .. } = &pass.out;
    if source.len().saturating_mul(tags.len()) > MAX_PARSE_WORK {
        return Err(TemplateError::TooManyTags { tags: tags.len() });
    }
    Ok(pass.out)
}

/// The line and the column of what stands at `offset`, both from 1.
fn place_at(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

struct Pass<'s> {
    source: &'s str,
    at: usize,
    /// For every open block, how many `else` branches it has so far.
    chains: Vec<usize>,
    /// Where the last `--}}` of the source begins: looked up once, or comments without it were quadratic.
    last_long_end: OnceCell<Option<usize>>,
    out: Reduced,
}

impl Pass<'_> {
    /// Moves over text, to the next tag or the end.
    fn text(&mut self) {
        let start = self.at;
        let mut text = String::new();
        let mut copied = start;
        while let Some(found) = self.source[self.at..].find("{{") {
            let tag = self.at + found;
            let before = &self.source[copied..tag];
            match before.len() - before.trim_end_matches('\\').len() {
                0 => {
                    self.at = tag;
                    self.push_text(text, copied..tag);
                    return;
                }
                // One backslash makes text of the braces, and of two more if they follow.
                1 => {
                    text.push_str(&before[..before.len() - 1]);
                    copied = tag;
                    self.at = tag + if self.source[tag + 2..].starts_with("{{") { 4 } else { 2 };
                }
                // More than one stand for themselves, less one, and leave the tag a tag.
                _ => {
                    self.at = tag;
                    self.push_text(text, copied..tag - 1);
                    return;
                }
            }
        }
        self.at = self.source.len();
        self.push_text(text, copied..self.source.len());
    }

    /// Numbers the text `escaped` + `rest`, and writes the number in place of all but outer white space.
    fn push_text(&mut self, escaped: String, rest: Range<usize>) {
        let rest = &self.source[rest];
        let whole =
            if escaped.is_empty() { std::borrow::Cow::Borrowed(rest) } else { (escaped + rest).into() };
        let core = whole.trim();
        if core.is_empty() {
            self.out.source.push_str(&whole);
            return;
        }
        let (lead, from_core) = whole.split_at(whole.len() - whole.trim_start().len());
        self.out.source.push_str(lead);
        self.out.source.push_str(&self.out.texts.len().to_string());
        self.out.source.push_str(&from_core[core.len()..]);
        self.out.texts.push(core.into());
    }

    /// Moves over the tag that begins here, and notes what it opens or closes.
    fn tag(&mut self) -> Result<(), TemplateError> {
        let start = self.at;
        self.out.tags.push((self.out.source.len(), start));
        let body = &self.source[start + 2..];
        if body.starts_with('!') {
            return self.comment();
        }
        let inner = body.strip_prefix('~').unwrap_or(body).trim_start();
        let kind = inner.as_bytes().first().copied().unwrap_or(0);
        match kind {
            _ if body.starts_with("{{") => return Err(self.unsupported("raw blocks")),
            b'>' => return Err(self.unsupported("partials")),
            b'*' => return Err(self.unsupported("decorators")),
            b'#' => match inner[1..].trim_start().as_bytes().first() {
                Some(b'>') => return Err(self.unsupported("partials")),
                Some(b'*') => return Err(self.unsupported("decorators")),
                _ => self.chains.push(0),
            },
            b'/' => drop(self.chains.pop()),
            b'^' => self.branch(),
            b'e' if inner.starts_with("else") => self.branch(),
            _ => {}
        }
        if self.chains.iter().sum::<usize>() + self.chains.len() > MAX_CHAIN {
            let (line, column) = place_at(self.source, start);
            return Err(TemplateError::TooDeep { line, column, limit: MAX_CHAIN });
        }
        self.at = self.tag_end()?;
        self.out.source.push_str(&self.source[start..self.at]);
        Ok(())
    }

    fn branch(&mut self) {
        if let Some(branches) = self.chains.last_mut() {
            *branches += 1;
        }
    }

    /// Moves over a comment. Its content does not matter, only that a tag stands here.
    fn comment(&mut self) -> Result<(), TemplateError> {
        let content = self.at + 3;
        let mut end = None;
        if self.source[content..].trim_start().starts_with("--") {
            let last = *self.last_long_end.get_or_init(|| self.source.rfind("--}}"));
            let dashes = self.source.len() - self.source[content..].trim_start().len() + 2;
            // Without one ahead, it is a short comment that happens to begin with dashes.
            if last.is_some_and(|last| last >= dashes) {
                end = self.source[dashes..].find("--}}").map(|found| dashes + found + 4);
            }
        }
        let end = end.or_else(|| self.source[content..].find("}}").map(|found| content + found + 2));
        self.at = end.ok_or_else(|| self.syntax("the comment that begins here has no end"))?;
        self.out.source.push_str("{{!}}");
        Ok(())
    }

    /// Where the tag that begins here ends. Notes how deep its expressions are nested.
    fn tag_end(&mut self) -> Result<usize, TemplateError> {
        let bytes = self.source.as_bytes();
        let mut open: Vec<u8> = Vec::new();
        let mut quote = None;
        let mut at = self.at + 2;
        self.deeper(0)?;
        while let Some(&byte) = bytes.get(at) {
            let next = bytes.get(at + 1).copied();
            let quoted = quote.is_some() || open.last() == Some(&b'[');
            match byte {
                b'{' if next == Some(b'{') => return Err(self.syntax("a tag begins inside a tag")),
                b'}' if quoted && next == Some(b'}') => {
                    return Err(self.syntax("braces inside quotes or brackets are not supported"));
                }
                b'\\' if quote.is_some() => at += 1,
                _ if quote == Some(byte) => quote = None,
                // Brackets in a quotation in brackets: an array to one reading, a path to the other.
                b'[' | b']' if quote.is_some() && open.last() == Some(&b'[') => {
                    return Err(self.syntax("brackets inside quotes inside brackets are not supported"));
                }
                _ if quote.is_some() => {}
                b'"' | b'\'' => quote = Some(byte),
                b']' if open.last() == Some(&b'[') => drop(open.pop()),
                b'[' => open.push(byte),
                _ if quoted => {}
                b'(' | b'{' => open.push(byte),
                b')' if open.last() == Some(&b'(') => drop(open.pop()),
                b'}' if open.last() == Some(&b'{') => drop(open.pop()),
                b'}' if next == Some(b'}') => return Ok(at + 2),
                _ => {}
            }
            self.deeper(open.len())?;
            at += 1;
        }
        Err(self.syntax("the tag that begins here has no end"))
    }

    /// Notes that `expressions` are open inside the open blocks.
    fn deeper(&mut self, expressions: usize) -> Result<(), TemplateError> {
        let depth = self.chains.len() + expressions;
        self.out.depth = self.out.depth.max(depth);
        if depth > RenderLimits::MAX_DEPTH {
            let (line, column) = place_at(self.source, self.at);
            return Err(TemplateError::TooDeep { line, column, limit: RenderLimits::MAX_DEPTH });
        }
        Ok(())
    }

    fn syntax(&self, reason: &str) -> TemplateError {
        let (line, column) = place_at(self.source, self.at);
        TemplateError::Syntax { line, column, reason: reason.into() }
    }

    fn unsupported(&self, construct: &'static str) -> TemplateError {
        let (line, column) = place_at(self.source, self.at);
        TemplateError::Unsupported { line, column, construct }
    }
}
