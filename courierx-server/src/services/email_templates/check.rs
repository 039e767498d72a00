//! What is wrong with what a client says of a template, all of it at once.

use courierx_core::engine::{RenderError, TemplateParts};
use courierx_core::message::{Field, Subject, limits};
use serde_json::{Map, Value};

use super::input::{TemplateInput, VariableInput};
use crate::App;
use crate::error::FieldError;
use crate::model::email_templates::{DeclaredVariable, EmailTemplate, TemplateSource, TemplateStatus};
use crate::services::is_one_line;
use crate::services::provider_connections::Given;

/// Bytes of a name, of a template and of a variable.
pub(super) const MAX_NAME: usize = 100;
/// Bytes of a description.
const MAX_DESCRIPTION: usize = 1000;
/// Declared variables of one template.
const MAX_VARIABLES: usize = 100;
/// Bytes of the declared variables, and of the metadata, as JSON.
const MAX_JSON: usize = 16 * 1024;

/// Changes a template and its texts as the client says; notes what is wrong, and both are then of no use. Tells which
/// status the client wants.
pub(super) fn apply(
    input: TemplateInput,
    template: &mut EmailTemplate,
    source: &mut TemplateSource,
    wrong: &mut Vec<FieldError>,
) -> Option<TemplateStatus> {
    if let Some(name) = input.name {
        name.trim().clone_into(&mut template.name);
    }
    name(&template.name, wrong);
    template.description = input.description.or(template.description.take());
    if template.description.as_ref().is_some_and(|text| text.len() > MAX_DESCRIPTION) {
        wrong.push(FieldError::new("description", format!("must have at most {MAX_DESCRIPTION} bytes")));
    }
    if let Some(category) = input.category {
        match category.parse() {
            Ok(category) => template.category = category,
            Err(error) => wrong.push(FieldError::new("category", format!("{error}"))),
        }
    }
    match input.metadata {
        Given::No => {}
        Given::Null => template.metadata = Map::new(),
        Given::Value(metadata) => template.metadata = metadata,
    }
    json("metadata", &Value::Object(template.metadata.clone()), wrong);
    texts(input.subject, input.html_body, input.text_body, source);
    if let Err(problem) = Subject::new(source.subject.as_str()) {
        wrong.push(FieldError::new("subject", problem.to_string()));
    }
    match input.variables {
        Given::No => {}
        Given::Null => source.variables.clear(),
        Given::Value(declared) => variables(declared, source, wrong),
    }
    input.status.and_then(|status| {
        let parsed = status.parse();
        parsed.map_err(|error| wrong.push(FieldError::new("status", format!("{error}")))).ok()
    })
}

/// Forms send empty texts for what was not filled in.
fn texts(subject: Given<String>, html: Given<String>, text: Given<String>, source: &mut TemplateSource) {
    source.subject = subject.or(Some(std::mem::take(&mut source.subject))).unwrap_or_default();
    source.html = html.or(source.html.take()).filter(|html| !html.is_empty());
    source.text = text.or(source.text.take()).filter(|text| !text.is_empty());
}

/// What is wrong with a template's name.
pub(super) fn name(name: &str, wrong: &mut Vec<FieldError>) {
    if name.is_empty() {
        wrong.push(FieldError::new("name", "can't be blank"));
    } else if name.len() > MAX_NAME || !is_one_line(name) {
        wrong.push(FieldError::new("name", format!("must be a line of at most {MAX_NAME} bytes")));
    }
}

fn variables(declared: Vec<VariableInput>, source: &mut TemplateSource, wrong: &mut Vec<FieldError>) {
    source.variables.clear();
    if declared.len() > MAX_VARIABLES {
        return wrong.push(FieldError::new("variables", format!("must be at most {MAX_VARIABLES}")));
    }
    for (index, VariableInput { name, default, required }) in declared.into_iter().enumerate() {
        let mut is_wrong =
            |text: String| wrong.push(FieldError::new(format!("variables[{index}].name"), text));
        if name.is_empty() || name.len() > MAX_NAME || !is_one_line(&name) {
            is_wrong(format!("must be a line of 1 to {MAX_NAME} bytes"));
        } else if source.variables.iter().any(|other| other.name == name) {
            is_wrong("is declared twice".to_owned());
        } else {
            source.variables.push(DeclaredVariable { name, default, required });
        }
    }
    json("variables", &serde_json::json!(source.variables), wrong);
}

/// Refuses values that are large, or nest so deep that no message could have them.
fn json(field: &'static str, value: &Value, wrong: &mut Vec<FieldError>) {
    if !is_within_depth(value, limits::MAX_VARIABLES_DEPTH) {
        let text = format!("nest deeper than {} levels", limits::MAX_VARIABLES_DEPTH);
        wrong.push(FieldError::new(field, text));
    } else if value.to_string().len() > MAX_JSON {
        wrong.push(FieldError::new(field, format!("have more than {MAX_JSON} bytes")));
    }
}

fn is_within_depth(value: &Value, levels: usize) -> bool {
    let inside = |item: &Value| levels > 0 && is_within_depth(item, levels - 1);
    match value {
        Value::Array(items) => items.iter().all(inside),
        Value::Object(entries) => entries.values().all(inside),
        _ => true,
    }
}

/// Compiles the texts, and notes what they name. What is wrong with each is told with its line and column.
pub(super) async fn compile(app: &App, source: TemplateSource) -> Result<TemplateSource, Vec<FieldError>> {
    // What a stranger wrote may take long to parse: nobody else has to wait for it.
    let compiling = app.outbox.apart(move || {
        let parts = parts(&source);
        let found = match parts.compile() {
            Ok(compiled) => compiled.variables().names().map(str::to_owned).collect(),
            Err(_) => return Err(parts.problems().iter().map(problem).collect()),
        };
        Ok(TemplateSource { found, ..source })
    });
    compiling.await
}

/// The texts as parts of a message.
pub(super) fn parts(source: &TemplateSource) -> TemplateParts<'_> {
    TemplateParts { subject: &source.subject, html: source.html.as_deref(), text: source.text.as_deref() }
}

fn problem(error: &RenderError) -> FieldError {
    let (field, text) = match error {
        RenderError::Template { field, source } => (*field, source.to_string()),
        other => ("subject", other.to_string()),
    };
    let field = match field {
        "html" => "html_body",
        "text" => "text_body",
        other => other,
    };
    FieldError::new(field, text)
}

/// A variable, as errors name it.
pub(in crate::services) fn variable(name: &str) -> String {
    Field::key("variables", name).to_string()
}
