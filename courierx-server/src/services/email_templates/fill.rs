//! Templates for sending: found, and their variables completed.

use courierx_core::id::TenantId;
use courierx_core::store::ConfigsExt;
use serde_json::{Map, Value};

use super::{TRIES, changed_meanwhile, find_by_name, source};
use crate::App;
use crate::error::{ServiceError, ServiceResult};
use crate::model::email_templates::{
    DeclaredVariable, EmailTemplate, TemplateSource, TemplateStatus, TemplateVersion,
};
use crate::services::emails::{Making, TemplateChoice};

/// What a template makes messages of.
#[derive(Debug)]
pub(in crate::services) struct Published {
    /// The texts of the present version.
    pub(in crate::services) source: TemplateSource,
    /// The versions before it, the latest first.
    pub(in crate::services) earlier: Vec<TemplateVersion>,
}

/// Finds what the chosen template makes messages of, once there is room for them.
pub(in crate::services) async fn published(
    app: &App,
    choice: &TemplateChoice,
    making: &mut Making<'_>,
) -> ServiceResult<Published> {
    let tenant = making.tenant();
    let refused = |text| ServiceError::field(choice.field(), text);
    for _ in 0..TRIES {
        let found = find(app, tenant, choice).await?;
        let mut template = found.ok_or_else(|| refused("is none of the account's email templates"))?;
        let version = sendable(&mut template).map_err(refused)?;
        making.of_texts(version.kept.bytes).await?;
        if let Some(source) = source(app, tenant, version.kept).await? {
            template.versions.reverse();
            return Ok(Published { source, earlier: template.versions });
        }
    }
    Err(changed_meanwhile())
}

/// Texts of an earlier version; none if they are not kept any more.
pub(in crate::services) async fn earlier(
    app: &App,
    tenant: TenantId,
    version: &TemplateVersion,
) -> ServiceResult<Option<TemplateSource>> {
    source(app, tenant, version.kept).await
}

async fn find(app: &App, tenant: TenantId, choice: &TemplateChoice) -> ServiceResult<Option<EmailTemplate>> {
    let found = match choice {
        TemplateChoice::Name(name) => find_by_name(app, tenant, name.trim()).await?,
        TemplateChoice::Id(id) => match id.trim().parse() {
            Ok(id) => app.store.get::<EmailTemplate>(tenant, id).await?,
            Err(_) => None,
        },
    };
    Ok(found.map(|template| template.value))
}

/// Takes the version that is sent, or tells why there is none.
fn sendable(template: &mut EmailTemplate) -> Result<TemplateVersion, &'static str> {
    match template.status {
        TemplateStatus::Archived => Err("is archived"),
        TemplateStatus::Draft => {
            Err("is a draft; publish it first (POST /api/v1/email_templates/{id}/publish)")
        }
        TemplateStatus::Active => template.versions.pop().ok_or("has no published version"),
    }
}

/// The variables with the defaults of those that are absent or null, and the names of those that are required and
/// have none.
pub(in crate::services) fn with_defaults(
    declared: &[DeclaredVariable],
    mut variables: Map<String, Value>,
) -> (Map<String, Value>, Vec<String>) {
    let mut required = Vec::new();
    for one in declared {
        if variables.get(&one.name).is_some_and(|value| !value.is_null()) {
            continue;
        }
        match &one.default {
            Some(default) => drop(variables.insert(one.name.clone(), default.clone())),
            None if one.required => required.push(one.name.clone()),
            None => {}
        }
    }
    (variables, required)
}
