//! What a template is compiled to: a tree that holds nothing but what can be rendered.

use handlebars::PathSeg;
use serde_json::Value;

/// One part of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(Box<str>),
    Print { value: Expression, escape: bool },
    If { condition: Expression, then: Vec<Node>, otherwise: Vec<Node> },
    Each(Box<Scoped>),
    With(Box<Scoped>),
}

/// A block that looks at its content through another value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scoped {
    pub(super) subject: Expression,
    /// `as |value|`.
    pub(super) value_name: Option<Box<str>>,
    /// `as |value key|`: the index in an array, the key in an object.
    pub(super) key_name: Option<Box<str>>,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Path(Path),
    Literal(Value),
    Call(Function, Box<[Expression]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// Whether the argument counts as true, and whether zero does.
    Truthy {
        zero: bool,
    },
    Not,
    And,
    Or,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Length,
    Lookup,
}

/// A path to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) start: Start,
    pub(super) segments: Box<[Box<str>]>,
    /// How many steps following it takes.
    pub(super) cost: usize,
    /// As the template spells it, for errors.
    pub(super) raw: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// `@root.…`
    Root,
    /// `../` this many times; a block parameter of the name of the first segment goes first.
    Scope(usize),
    /// `@index` and the like, of the block this many `../` out.
    Local(usize, Local),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Local {
    Index,
    Key,
    First,
    Last,
    /// A name that no block sets.
    Unknown,
}

impl From<&handlebars::Path> for Path {
    fn from(parsed: &handlebars::Path) -> Self {
        let (start, names, raw) = match parsed {
            // Without a path after it, the parser takes it for a variable that some block sets.
            handlebars::Path::Local((_, name, raw)) if name == "root" => (Start::Root, Vec::new(), raw),
            handlebars::Path::Local((level, name, raw)) => {
                let local = match name.as_str() {
                    "index" => Local::Index,
                    "key" => Local::Key,
                    "first" => Local::First,
                    "last" => Local::Last,
                    _ => Local::Unknown,
                };
                (Start::Local(*level, local), Vec::new(), raw)
            }
            handlebars::Path::Relative((segments, raw)) => {
                let after_this =
                    ["./", "this.", "this/"].iter().find_map(|this| raw.strip_prefix(this)).unwrap_or(raw);
                let from_root =
                    after_this.strip_prefix("@root").is_some_and(|rest| rest.starts_with(['.', '/']));
                let start = if from_root {
                    Start::Root
                } else {
                    let named = |segment: &&PathSeg| matches!(segment, PathSeg::Named(_));
                    Start::Scope(segments.iter().take_while(|segment| !named(segment)).count())
                };
                let names = segments.iter().filter_map(|segment| match segment {
                    PathSeg::Named(name) => Some(name.as_str()),
                    _ => None,
                });
                (start, names.collect(), raw)
            }
        };
        let cost = 1 + names.iter().map(|name| 1 + name.len() / 64).sum::<usize>();
        Self { start, segments: names.into_iter().map(Into::into).collect(), cost, raw: raw.as_str().into() }
    }
}
