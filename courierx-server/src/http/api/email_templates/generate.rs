//! `POST /api/v1/email_templates/generate`: a template to begin with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ctx::Ctx;
use crate::http::{Answer, ApiResult, Input, Json};
use crate::model::email_templates::TemplateCategory;
use crate::services::email_templates;

/// What a template is wanted for.
#[derive(Debug, Deserialize, ToSchema)]
pub struct GenerateTemplate {
    /// In one's own words; the template is chosen by them.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 4000, pattern = r"\S")]
    prompt: String,
    /// What kind of mail it makes.
    #[serde(default)]
    #[schema(value_type = Option<TemplateCategory>)]
    category: Option<String>,
}

impl Input for GenerateTemplate {}

/// A template that is not kept yet: as it is, it can be made one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GeneratedTemplate)]
pub struct Generated<'a> {
    name: &'a str,
    category: TemplateCategory,
    subject: &'a str,
    html_body: &'a str,
    text_body: &'a str,
    variables: Vec<Wanted<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GeneratedVariable)]
struct Wanted<'a> {
    name: &'a str,
    required: bool,
}

/// `POST /api/v1/email_templates/generate`
pub async fn generate(
    ctx: Ctx,
    Json(GenerateTemplate { prompt, category }): Json<GenerateTemplate>,
) -> ApiResult<Answer<Generated<'static>>> {
    let made = email_templates::generate(&ctx, &prompt, category.as_deref())?;
    Ok(Answer::of(&Generated {
        name: made.name,
        category: made.category,
        subject: made.subject,
        html_body: &made.html,
        text_body: &made.text,
        variables: made.variables.iter().map(|name| Wanted { name, required: true }).collect(),
    }))
}
