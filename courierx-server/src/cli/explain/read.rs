//! Reads the database: on SQLite of a server that does not run, on PostgreSQL beside those that do.

use courierx_core::id::TenantId;
use courierx_core::message::Mode;
use courierx_core::store::{ConfigsExt as _, KeyValue, PageRequest, Resource as _, Store, look_at_canary};
use courierx_store::sqlite::OpenError;
use serde_json::{Value, json};

use super::super::open::{self, StartError};
use super::{Asked, Unexplained};
use crate::App;
use crate::app::AppError;
use crate::auth::random_hex;
use crate::config::{Database, Settings};
use crate::ctx::Ctx;
use crate::error::ServiceError;
use crate::http::api::routing::explained;
use crate::model::tenants::Tenant;
use crate::secret::Secret;

/// Tenants that are named where one has to be chosen.
const NAMED: usize = 20;

/// What the database says. How its connections do only a running server knows.
pub(super) async fn answer(asked: &Asked, mut settings: Settings) -> Result<Value, Unexplained> {
    if let Database::Sqlite(path) = &settings.database
        && !path.exists()
    {
        let text = format!("there is no database at {}; name a running server with --url", path.display());
        return Err(Unexplained::Plain(text));
    }
    let url = settings.local_url();
    let (store, vault) = match open::store_to_look_at(&settings).await {
        Ok(opened) => opened,
        Err(error @ StartError::Database(OpenError::AlreadyOpen { .. })) => {
            return Err(Unexplained::Plain(format!(
                "{error}: a running server has it. Ask that one: COURIERX_API_KEY=cxk_live_... courierx explain \
                 --url {url} ..."
            )));
        }
        Err(error) => return Err(error.into()),
    };
    look_at_canary(&*store, &vault).await.map_err(StartError::from)?;
    let tenant = tenant(&*store, asked.tenant.as_deref()).await?;
    // No content is read, and no folder for them made.
    settings.blobs = None;
    // It lets nobody in, so nobody needs to know it.
    let nobodys = Secret::new(random_hex().as_str());
    let app = App::new(settings, store, vault, &nobodys);
    let app = app.map_err(|error: AppError| StartError::from(error))?;
    let ctx = Ctx::of_operator(tenant, if asked.test { Mode::Test } else { Mode::Live });
    let input =
        serde_json::from_value(asked.body()).map_err(|error| Unexplained::Plain(error.to_string()))?;
    let mut answer = explained(&ctx, &app, input).await.map_err(refused)?;
    forget_health(&mut answer);
    Ok(answer)
}

/// The tenant of this slug or identifier, or the only one.
async fn tenant(store: &dyn Store, named: Option<&str>) -> Result<TenantId, Unexplained> {
    let broken = |error| Unexplained::Open(StartError::Store(ServiceError::from(error)));
    if let Some(name) = named {
        let slug = KeyValue::new("slug", name);
        if let Some(found) = store.find_anywhere::<Tenant>(&slug).await.map_err(broken)? {
            return Ok(found.tenant);
        }
        if let Ok(id) = name.parse::<TenantId>()
            && store.get::<Tenant>(id, Tenant::record(id)).await.map_err(broken)?.is_some()
        {
            return Ok(id);
        }
        return Err(Unexplained::Plain(format!("there is no tenant {name:?}")));
    }
    let page = PageRequest::first(NAMED);
    let tenants = store.list_global(Tenant::KIND, Tenant::SLUG, &page).await.map_err(broken)?;
    match &*tenants.items {
        [] => Err(Unexplained::Plain("nobody has registered yet, so there is nothing to explain".to_owned())),
        [only] => Ok(only.tenant),
        several => {
            let slugs = several.iter().flat_map(|tenant| &tenant.global);
            let slugs: Vec<_> =
                slugs.filter(|key| key.name == Tenant::SLUG).map(|key| key.value.as_str()).collect();
            let more = if tenants.next.is_some() { ", and others" } else { "" };
            let text =
                format!("there are several tenants: {}{more}; choose one with --tenant", slugs.join(", "));
            Err(Unexplained::Plain(text))
        }
    }
}

/// Takes out what a process that has just begun only believes.
fn forget_health(answer: &mut Value) {
    answer["health_known"] = json!(false);
    let tiers = answer["tiers"].as_array_mut().into_iter().flatten();
    for candidate in tiers.filter_map(Value::as_array_mut).flatten() {
        candidate["health"] = Value::Null;
        candidate["score"] = Value::Null;
    }
}

fn refused(error: ServiceError) -> Unexplained {
    match error {
        ServiceError::Invalid(fields) => {
            let each: Vec<_> = fields.iter().map(|one| format!("{} {}", one.field, one.message)).collect();
            Unexplained::Plain(each.join("; "))
        }
        error => Unexplained::Open(StartError::Store(error)),
    }
}
