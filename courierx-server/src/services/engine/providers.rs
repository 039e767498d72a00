//! The accounts that a request brings along.

use std::sync::Arc;

use courierx_core::router::{ConnectionId, Router};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::App;
use crate::delivery::{GivenConnection, GivenError, ProviderError};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::provider_connections::ProviderKind;
use crate::services::provider_connections::{ConnectionInput, Described, described};

/// Accounts of one request.
const MAX_PROVIDERS: usize = 20;
/// The largest priority.
const MAX_PRIORITY: i64 = 1_000_000;
/// Bytes of what a client calls an account.
const MAX_ID: usize = 200;

/// An account, as a request describes it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct ProviderInput {
    /// What the client calls it; told again in the answer.
    #[serde(default)]
    pub id: Option<String>,
    /// Its place in the order of preference; smaller is preferred. In the order of the list if none.
    #[serde(default)]
    pub priority: Option<i64>,
    /// The account.
    #[serde(default)]
    pub provider: AccountInput,
}

/// An account: of which kind, and what belongs to it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct AccountInput {
    /// The kind of provider.
    #[serde(default, rename = "type", alias = "provider")]
    pub kind: Option<String>,
    /// Everything else, the credentials among it.
    #[serde(default)]
    pub config: Option<ConnectionInput>,
}

/// The way of a request's messages.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) router: Router,
    names: Arc<[Name]>,
}

/// A connection, as the client knows it.
#[derive(Debug, Clone)]
pub(super) struct Name {
    connection: ConnectionId,
    pub(super) kind: ProviderKind,
    pub(super) id: Option<String>,
}

impl Way {
    /// The connection as the client knows it.
    pub(super) fn name(&self, connection: &ConnectionId) -> Option<&Name> {
        self.names.iter().find(|name| name.connection == *connection)
    }
}

/// The way over these accounts. One that is named twice counts where it comes first.
pub(super) fn way(app: &App, inputs: Vec<ProviderInput>) -> ServiceResult<Way> {
    if inputs.is_empty() {
        return Err(ServiceError::field("providers", "can't be blank: name at least one to send with"));
    }
    if inputs.len() > MAX_PROVIDERS {
        let text = format!("has too many items (maximum is {MAX_PROVIDERS})");
        return Err(ServiceError::field("providers", text));
    }
    let mut wrong = Vec::new();
    let mut given = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.into_iter().enumerate() {
        let at = format!("providers[{index}]");
        let priority = priority(input.priority, index, &at, &mut wrong);
        if input.id.as_ref().is_some_and(|id| id.len() > MAX_ID) {
            wrong.push(FieldError::new(
                format!("{at}.id"),
                format!("is too long (maximum is {MAX_ID} bytes)"),
            ));
        }
        let AccountInput { kind, config } = input.provider;
        let known = account(app, kind.as_deref(), config.unwrap_or_default());
        match known.map(|account| (account.account.kind(), app.engine.connections.connection(&account))) {
            Ok((kind, Ok(connection))) => given.push((priority, input.id, kind, connection)),
            Ok((_, Err(error))) => {
                let FieldError { field, message } = unmade(error)?;
                wrong.push(FieldError::new(format!("{at}.provider.config.{field}"), message));
            }
            Err(fields) => wrong.extend(fields.into_iter().map(|FieldError { field, message }| {
                let field = if field == "type" { field } else { format!("config.{field}") };
                FieldError::new(format!("{at}.provider.{field}"), message)
            })),
        }
    }
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    // Of equal ones the first in the list stays the first.
    given.sort_by_key(|(priority, ..)| *priority);
    let (mut connections, mut names) = (Vec::new(), Vec::<Name>::new());
    for (priority, id, kind, connection) in given {
        if names.iter().any(|name| name.connection == *connection.id()) {
            continue;
        }
        names.push(Name { connection: connection.id().clone(), kind, id });
        connections.push(connection.with_priority(priority));
    }
    let router = Router::new(connections).map_err(ServiceError::internal)?;
    Ok(Way { router, names: names.into() })
}

fn priority(given: Option<i64>, index: usize, at: &str, wrong: &mut Vec<FieldError>) -> u32 {
    let given = given.unwrap_or(i64::try_from(index).unwrap_or(MAX_PRIORITY));
    match u32::try_from(given) {
        Ok(priority) if given <= MAX_PRIORITY => priority,
        _ => {
            wrong
                .push(FieldError::new(format!("{at}.priority"), format!("must be from 0 to {MAX_PRIORITY}")));
            0
        }
    }
}

/// The account of this kind, or what is wrong with it, by the names that the engine's clients know.
pub(super) fn account(
    app: &App,
    kind: Option<&str>,
    config: ConnectionInput,
) -> Result<GivenConnection, Vec<FieldError>> {
    let known = kind.and_then(ProviderKind::named);
    match described(app.providers.guard(), kind, config) {
        Ok(Described { account, credentials, mode }) => Ok(GivenConnection { account, credentials, mode }),
        Err(mut wrong) => {
            for one in &mut wrong {
                one.field = documented(known, &one.field).to_owned();
            }
            Err(wrong)
        }
    }
}

/// What is wrong with an account that has no connection; an error of ours if the account is not to blame.
fn unmade(error: GivenError) -> ServiceResult<FieldError> {
    match error {
        GivenError::Provider(error) => unusable(&error).ok_or_else(|| ServiceError::internal(error)),
        error => Err(ServiceError::internal(error)),
    }
}

/// What is wrong with an account of which no provider can be made; none if the account is not to blame.
pub(super) fn unusable(error: &ProviderError) -> Option<FieldError> {
    let (field, problem): (_, &dyn std::error::Error) = match error {
        ProviderError::BaseUrl(problem) => ("baseUrl", problem),
        ProviderError::Region(problem) => ("region", problem),
        ProviderError::Domain(problem) => ("domain", problem),
        ProviderError::Credentials(_) | ProviderError::Roots(_) => return None,
    };
    Some(FieldError::new(field, problem.to_string()))
}

/// What the engine's clients call a field of a connection.
fn documented(kind: Option<ProviderKind>, field: &str) -> &str {
    use ProviderKind::{AwsSes, Postmark, Smtp};
    match (kind, field) {
        (_, "provider") => "type",
        (Some(Smtp), "api_key") => "user",
        (Some(Smtp), "secret") => "pass",
        (Some(AwsSes), "api_key") => "accessKeyId",
        (Some(AwsSes), "secret") => "secretAccessKey",
        (Some(Postmark), "api_key") => "serverToken",
        (_, "api_key") => "apiKey",
        (_, "session_token") => "sessionToken",
        (_, "smtp_host") => "host",
        (_, "smtp_port") => "port",
        (_, "base_url") => "baseUrl",
        (_, "configuration_set") => "configurationSet",
        (_, "message_stream") => "messageStream",
        (_, "ip_pool") => "ipPool",
        (_, other) => other,
    }
}
