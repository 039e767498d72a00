//! A message that is made of a template, as clients write it.

use super::SendEmail;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::services::emails::{Filling, TemplateChoice};

impl SendEmail {
    /// Takes out what is filled in later: of a message with a template, its subject and the variables.
    pub(super) fn take_filling(&mut self) -> ServiceResult<Filling> {
        let strict = self.strict_variables.unwrap_or(false);
        // Forms send empty ones for what was not filled in.
        let named = |name: &mut Option<String>| name.take().filter(|name| !name.trim().is_empty());
        let (id, name) = (named(&mut self.template_id), named(&mut self.template));
        let mut wrong = Vec::new();
        if id.is_some() && name.is_some() {
            wrong.push(FieldError::new("template", "cannot be given beside template_id"));
        }
        let Some(template) = id.map(TemplateChoice::Id).or(name.map(TemplateChoice::Name)) else {
            if strict {
                // Who wants them complete means a template, even if nothing is given.
                self.variables.get_or_insert_default();
            }
            return Ok(Filling { strict, ..Filling::default() });
        };
        for (field, body) in [("html_body", &self.html_body), ("text_body", &self.text_body)] {
            if body.is_some() {
                wrong.push(FieldError::new(field, "cannot be given beside a template"));
            }
        }
        if !wrong.is_empty() {
            return Err(ServiceError::Invalid(wrong));
        }
        self.is_templated = true;
        let (subject, variables) = (self.subject.take(), self.variables.take());
        Ok(Filling { template: Some(template), subject, variables, strict })
    }
}
