//! The texts of a message: checked as templates, and filled.

use serde_json::{Map, Value};

use super::render::RenderError;
use crate::message::{Email, Field, Subject};
use crate::template::{Escape, Missing, RenderLimits, Template, TemplateError, Variables};

/// The subject and the bodies of a message, as sources of templates.
///
/// ```
/// use courierx_core::engine::TemplateParts;
///
/// let parts = TemplateParts { subject: "Hello {{name}}", html: None, text: Some("Your code is {{code}}.") };
/// let compiled = parts.compile()?;
/// assert!(compiled.variables().names().eq(["code", "name"]));
/// let variables = serde_json::json!({ "name": "Ada" });
/// let filled = compiled.fill(variables.as_object().unwrap())?;
/// assert_eq!(filled.subject.as_str(), "Hello Ada");
/// assert!(filled.missing.paths().eq(["code"]));
/// # Ok::<(), courierx_core::engine::RenderError>(())
/// ```
#[derive(Clone, Copy)]
pub struct TemplateParts<'a> {
    /// The subject.
    pub subject: &'a str,
    /// The HTML body.
    pub html: Option<&'a str>,
    /// The text body.
    pub text: Option<&'a str>,
}

/// Shows sizes alone: a source may hold personal data.
impl std::fmt::Debug for TemplateParts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TemplateParts")
            .field("subject_bytes", &self.subject.len())
            .field("html_bytes", &self.html.map(str::len))
            .field("text_bytes", &self.text.map(str::len))
            .finish()
    }
}

impl<'a> TemplateParts<'a> {
    /// Those of a message.
    pub fn of(email: &'a Email) -> Self {
        Self { subject: email.subject().as_str(), html: email.html(), text: email.text() }
    }

    /// Compiles all of them, and refuses the first that is wrong.
    pub fn compile(self) -> Result<CompiledParts, RenderError> {
        let [subject, html, text] = self.each();
        Ok(CompiledParts {
            subject: compile(subject)?,
            html: self.html.map(|_| compile(html)).transpose()?,
            text: self.text.map(|_| compile(text)).transpose()?,
        })
    }

    /// What is wrong with each of them: for who wants to mend all at once.
    pub fn problems(self) -> Vec<RenderError> {
        self.each().into_iter().filter_map(|part| compile(part).err()).collect()
    }

    /// Each with its name and what it makes; one that is not there is empty.
    fn each(self) -> [(&'static str, &'a str, Escape); 3] {
        [
            ("subject", self.subject, Escape::Plain),
            ("html", self.html.unwrap_or_default(), Escape::Html),
            ("text", self.text.unwrap_or_default(), Escape::Plain),
        ]
    }
}

fn compile((field, source, escape): (&'static str, &str, Escape)) -> Result<Template, RenderError> {
    Template::compile(source, escape).map_err(refused(field))
}

/// The compiled subject and bodies of a message.
#[derive(Debug, Clone)]
pub struct CompiledParts {
    subject: Template,
    html: Option<Template>,
    text: Option<Template>,
}

impl CompiledParts {
    /// The variables that they name.
    pub fn variables(&self) -> Variables {
        let mut variables = self.subject.variables();
        for body in [&self.html, &self.text].into_iter().flatten() {
            variables.extend(body.variables());
        }
        variables
    }

    /// Fills them, as delivery does.
    pub fn fill(&self, variables: &Map<String, Value>) -> Result<FilledParts, RenderError> {
        let limits = RenderLimits::default();
        let mut missing = Missing::default();
        let mut fill = |field, template: &Template| {
            let (text, lacking) = template.render_with_missing(variables, &limits).map_err(refused(field))?;
            missing.extend(lacking);
            Ok(text)
        };
        let subject = fill("subject", &self.subject)?;
        let subject = Subject::new(subject)
            .map_err(|problem| RenderError::Subject { field: Field::new("subject"), problem })?;
        let html = self.html.as_ref().map(|template| fill("html", template)).transpose()?;
        let text = self.text.as_ref().map(|template| fill("text", template)).transpose()?;
        Ok(FilledParts { subject, html, text, missing })
    }
}

fn refused(field: &'static str) -> impl Fn(TemplateError) -> RenderError {
    move |source| RenderError::Template { field, source }
}

/// The filled subject and bodies of a message.
#[derive(Clone)]
#[non_exhaustive]
pub struct FilledParts {
    /// The subject.
    pub subject: Subject,
    /// The HTML body.
    pub html: Option<String>,
    /// The text body.
    pub text: Option<String>,
    /// What they needed and were not given.
    pub missing: Missing,
}

/// Shows no content.
impl std::fmt::Debug for FilledParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilledParts").field("missing", &self.missing).finish_non_exhaustive()
    }
}
