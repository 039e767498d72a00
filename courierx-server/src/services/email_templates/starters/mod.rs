//! Templates to begin with. They are written by people and chosen by words: the same prompt makes the same template,
//! and nobody else is asked.

mod table;

use std::fmt::Write as _;

use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::email_templates::TemplateCategory;
use table::STARTERS;

/// Bytes of a prompt.
const MAX_PROMPT: usize = 4000;

/// A template to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// What people call it.
    pub name: &'static str,
    /// What kind of mail it makes.
    pub category: TemplateCategory,
    /// The subject.
    pub subject: &'static str,
    /// The HTML body.
    pub html: String,
    /// The text body.
    pub text: String,
    /// The names of its variables; each has to be given.
    pub variables: Vec<&'static str>,
}

/// What a starter says. Its texts may have variables, and are of our own: nothing in them has to be escaped.
struct Starter {
    name: &'static str,
    category: TemplateCategory,
    /// What people speak of who mean it, in lower case: beginnings of words.
    words: &'static [&'static str],
    subject: &'static str,
    heading: &'static str,
    paragraphs: &'static [&'static str],
    /// What is to be done, and the variable with where.
    button: Option<(&'static str, &'static str)>,
    variables: &'static [&'static str],
}

/// The template that fits a prompt best, of one category or of all.
pub fn generate(ctx: &Ctx, prompt: &str, category: Option<&str>) -> ServiceResult<Generated> {
    ctx.require(Scope::EmailTemplatesRead)?;
    if prompt.trim().is_empty() {
        return Err(ServiceError::field("prompt", "can't be blank: say what the mail is for"));
    }
    if prompt.len() > MAX_PROMPT {
        let text = format!("is too long (maximum is {MAX_PROMPT} bytes)");
        return Err(ServiceError::field("prompt", text));
    }
    let category = category.filter(|name| !name.is_empty()).map(str::parse::<TemplateCategory>).transpose();
    let category = category.map_err(|error| ServiceError::field("category", error.to_string()))?;
    let prompt = prompt.to_lowercase();
    let words: Vec<&str> = prompt.split(|c: char| !c.is_alphanumeric()).collect();
    let fits = |starter: &Starter| {
        starter.words.iter().filter(|start| words.iter().any(|word| word.starts_with(**start))).count()
    };
    let all = STARTERS.iter().filter(|one| category.is_none_or(|category| one.category == category));
    // Of several that fit as well it is the first.
    let best = all.rev().max_by_key(|one| fits(one));
    best.map(Starter::render).ok_or(ServiceError::NotFound)
}

impl Starter {
    fn render(&self) -> Generated {
        let Self { name, category, subject, variables, .. } = *self;
        Generated {
            name,
            category,
            subject,
            html: self.html(),
            text: self.text(),
            variables: variables.to_vec(),
        }
    }

    /// A table, as mail programs that know little of CSS draw it.
    fn html(&self) -> String {
        let mut body = format!("<h1 style=\"font-size:22px;margin:0 0 16px\">{}</h1>\n", self.heading);
        for text in self.paragraphs {
            let _ = writeln!(body, "<p style=\"margin:0 0 16px\">{text}</p>");
        }
        if let Some((label, link)) = self.button {
            let style = "background:#1d4ed8;border-radius:4px;color:#ffffff;display:inline-block;padding:12px 20px;\
                         text-decoration:none";
            let _ = writeln!(
                body,
                "<p style=\"margin:0 0 16px\"><a href=\"{{{{{link}}}}}\" style=\"{style}\">{label}</a></p>"
            );
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<body style=\"background:#f4f4f5;margin:0;padding:24px\">\n\
             <table role=\"presentation\" width=\"100%\" style=\"background:#ffffff;color:#18181b;\
             font:16px/1.5 Arial,sans-serif;margin:0 auto;max-width:600px\"><tr><td style=\"padding:32px\">\n\
             {body}<p style=\"color:#71717a;font-size:14px;margin:0\">{{{{company}}}}</p>\n\
             </td></tr></table>\n</body>\n</html>\n"
        )
    }

    fn text(&self) -> String {
        let mut body = format!("{}\n\n", self.heading);
        for text in self.paragraphs {
            let _ = write!(body, "{text}\n\n");
        }
        if let Some((label, link)) = self.button {
            let _ = write!(body, "{label}: {{{{{link}}}}}\n\n");
        }
        body.push_str("{{company}}\n");
        body
    }
}
