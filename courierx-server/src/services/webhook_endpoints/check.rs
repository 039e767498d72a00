//! What is wrong with what a client says of an endpoint, all of it at once.

use courierx_core::message::Mode;
use courierx_core::webhook::{SignatureScheme, WebhookEvent};
use reqwest::Url;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::delivery::{Guard, REFUSED};
use crate::error::FieldError;
use crate::model::webhook_endpoints::WebhookEndpoint;
use crate::schema::stands_for;
use crate::services::is_one_line;
use crate::services::provider_connections::{Given, literal, may_read_on_the_way};

/// Bytes of a URL.
const MAX_URL: usize = 2000;
/// Bytes of a description.
const MAX_DESCRIPTION: usize = 500;
/// Names of events, which may be repeated.
const MAX_EVENTS: usize = 100;

stands_for! {
    /// An address that requests go to.
    EndpointUrl: String.max_length(MAX_URL).pattern(r"^https?://[^\s/?#@:]+(:[0-9]{1,5})?([/?#]\S*)?$");
    /// What it can be told of.
    EventNames: String.enum_values(
        WebhookEvent::ALL.iter().flat_map(|event| [event.as_str().to_owned(), format!("email.{event}")])
    );
}

/// What a client says of an endpoint: everything of a new one, and what changes of an old one.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct EndpointInput {
    /// Where requests go.
    #[serde(default)]
    #[schema(inline, value_type = Option<EndpointUrl>)]
    pub url: Option<String>,
    /// What people call it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub description: Given<String>,
    /// What it is told of: `delivered` or `email.delivered`; of everything if it is empty.
    #[serde(default)]
    #[schema(inline, value_type = Option<Vec<EventNames>>)]
    pub events: Given<Vec<String>>,
    /// Whether it is told.
    #[serde(default, alias = "enabled")]
    pub is_active: Option<bool>,
    /// Of which mail it is told: `live` or `test`.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// How requests are signed.
    #[serde(default)]
    #[schema(value_type = Option<SignatureScheme>)]
    pub signature_scheme: Option<String>,
}

/// Changes an endpoint as the client says. If anything is wrong, that is answered, and the endpoint is of no use.
pub(super) fn apply(input: EndpointInput, guard: &Guard, endpoint: &mut WebhookEndpoint) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if let Some(text) = input.url {
        match url(&text, guard) {
            Ok(url) => endpoint.url = url,
            Err(message) => wrong.push(FieldError::new("url", message)),
        }
    }
    endpoint.description =
        input.description.or(endpoint.description.take()).filter(|text| !text.trim().is_empty());
    if endpoint.description.as_ref().is_some_and(|text| text.len() > MAX_DESCRIPTION || !is_one_line(text)) {
        wrong.push(FieldError::new(
            "description",
            format!("must be a line of at most {MAX_DESCRIPTION} bytes"),
        ));
    }
    match input.events {
        Given::No => {}
        Given::Null => endpoint.events.clear(),
        Given::Value(names) => endpoint.events = events(&names, &mut wrong),
    }
    endpoint.mode = input.mode.unwrap_or(endpoint.mode);
    endpoint.is_active = input.is_active.unwrap_or(endpoint.is_active);
    if let Some(name) = input.signature_scheme {
        match name.parse::<SignatureScheme>() {
            Ok(scheme) => endpoint.scheme = scheme,
            Err(error) => wrong.push(FieldError::new("signature_scheme", error.to_string())),
        }
    }
    wrong
}

fn events(names: &[String], wrong: &mut Vec<FieldError>) -> Vec<WebhookEvent> {
    if names.len() > MAX_EVENTS {
        wrong.push(FieldError::new("events", format!("must be at most {MAX_EVENTS}")));
        return Vec::new();
    }
    let mut events = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match WebhookEvent::named(name) {
            Ok(event) => events.push(event),
            Err(error) => wrong.push(FieldError::new(format!("events[{index}]"), error.to_string())),
        }
    }
    events.sort_unstable();
    events.dedup();
    events
}

/// A URL that requests may go to, as far as it tells: an address is judged again when it is connected to.
fn url(text: &str, guard: &Guard) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("can't be blank".to_owned());
    }
    // What reads URLs would leave line ends out.
    if text.len() > MAX_URL || !is_one_line(text) {
        return Err(format!("must be a line of at most {MAX_URL} bytes"));
    }
    let url = Url::parse(text).map_err(|_| "must be a URL of the form https://host/path".to_owned())?;
    let host = url.host_str().unwrap_or_default().to_owned();
    match url.scheme() {
        "https" => {}
        "http" if may_read_on_the_way(guard, &host) => {}
        "http" => {
            return Err("must begin with https://, since what is told could be read on the way".to_owned());
        }
        _ => return Err("must begin with https://".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("must have no user, password or fragment".to_owned());
    }
    if literal(&host).is_some_and(|address| !guard.permits(address)) {
        return Err(REFUSED.to_owned());
    }
    Ok(url.into())
}
