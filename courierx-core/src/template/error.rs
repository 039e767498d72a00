//! Why a template was refused or its rendering stopped.

/// Why a template could not be compiled or rendered.
///
/// No variant carries a value of a variable: an error may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The source is longer than allowed.
    #[error("the template has {bytes} bytes; at most {limit} are allowed")]
    SourceTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Blocks, sub-expressions or `else` chains are nested too deeply.
    #[error("line {line}, column {column}: blocks and expressions are nested more than {limit} deep")]
    TooDeep {
        /// The line (from 1) of the tag that went too deep; 1 if it is only too deep for this rendering.
        line: usize,
        /// The character in this line (from 1).
        column: usize,
        /// How deep they may be.
        limit: usize,
    },
    /// There are too many tags to parse in reasonable time.
    #[error("the template has too many tags ({tags}); split it, or loop over the data instead")]
    TooManyTags {
        /// How many it has.
        tags: usize,
    },
    /// The template is not valid Handlebars.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// The line (from 1) at which parsing stopped.
        line: usize,
        /// The character in this line (from 1).
        column: usize,
        /// What was expected or found there.
        reason: Box<str>,
    },
    /// The template uses a part of Handlebars that is switched off here.
    #[error("line {line}, column {column}: {construct} are not available in templates")]
    Unsupported {
        /// The line (from 1) of the tag.
        line: usize,
        /// The character in this line (from 1).
        column: usize,
        /// What it is: partials, decorators, raw blocks.
        construct: &'static str,
    },
    /// Something is called that is not one of the helpers.
    #[error("line {line}, column {column}: there is no helper named {name:?}")]
    UnknownHelper {
        /// The line (from 1) of the tag; 0 if the parser did not keep it.
        line: usize,
        /// The character in this line (from 1).
        column: usize,
        /// The name as written.
        name: Box<str>,
    },
    /// A helper is called with the wrong arguments, or where it cannot stand.
    #[error("line {line}, column {column}: usage: {usage}")]
    Usage {
        /// The line (from 1) of the tag; 0 if the parser did not keep it.
        line: usize,
        /// The character in this line (from 1).
        column: usize,
        /// How the helper is used.
        usage: &'static str,
    },
    /// In strict mode: a variable that the template needs was not given.
    #[error("the variable {path:?} is missing")]
    MissingVariable {
        /// The path as the template spells it.
        path: Box<str>,
    },
    /// The loops ran more often than allowed.
    #[error("the template loops more than {limit} times")]
    TooManyIterations {
        /// How often all loops together may run.
        limit: usize,
    },
    /// Rendering took more work than allowed.
    #[error("rendering the template takes more than {limit} steps")]
    TooManySteps {
        /// How many steps it may take.
        limit: usize,
    },
    /// The result is longer than allowed.
    #[error("the rendered text is longer than {limit} bytes")]
    OutputTooLong {
        /// How long it may be.
        limit: usize,
    },
    /// A variable that is printed or compared is nested too deeply.
    #[error("a variable is nested more than {limit} deep")]
    ValueTooDeep {
        /// How deep it may be.
        limit: usize,
    },
}
