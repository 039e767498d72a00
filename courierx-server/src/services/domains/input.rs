//! What a client says of a domain.

use std::collections::BTreeMap;

use courierx_core::id::RecordId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{dkim, domain_name};
use crate::error::FieldError;
use crate::model::domains::{Domain, TrackingHost};
use crate::schema::DomainName;
use crate::services::provider_connections::{Connection, Given};

/// Selectors of one connection.
const SELECTORS: usize = 10;

/// A domain to add.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct NewDomain {
    /// The domain.
    #[serde(default, alias = "name")]
    #[schema(inline, value_type = Option<DomainName>)]
    pub domain: Option<String>,
    /// The DKIM selector where no others are named.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub dkim_selector: Given<String>,
    /// The DKIM selectors of connections, by their identifiers.
    #[serde(default)]
    pub dkim_selectors: BTreeMap<String, Vec<String>>,
    /// A host of the domain for links that lead to this server.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub tracking_host: Given<String>,
}

/// What can be changed of a domain.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct DomainInput {
    /// The DKIM selector where no others are named.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub dkim_selector: Given<String>,
    /// The DKIM selectors of connections, by their identifiers. Of others nothing changes; an empty list removes them.
    #[serde(default)]
    pub dkim_selectors: BTreeMap<String, Vec<String>>,
    /// A host of the domain for links that lead to this server; null if they have this server's.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub tracking_host: Given<String>,
}

impl DomainInput {
    /// Makes the changes; what is wrong is added to the list.
    pub(super) fn apply(
        self,
        domain: &mut Domain,
        connections: &[Connection],
        public: Option<&str>,
        wrong: &mut Vec<FieldError>,
    ) {
        match self.tracking_host {
            Given::No => {}
            Given::Null => domain.tracking = None,
            Given::Value(text) if text.trim().is_empty() => domain.tracking = None,
            Given::Value(text) => match tracking_host(&text, &domain.domain, public) {
                // It stays verified.
                Ok(host) if domain.tracking.as_ref().is_some_and(|tracking| tracking.host == host.host) => {}
                Ok(host) => domain.tracking = Some(host),
                Err(problem) => wrong.push(FieldError::new("tracking_host", problem)),
            },
        }
        match self.dkim_selector {
            Given::No => {}
            Given::Null => domain.dkim_selector = None,
            Given::Value(text) if text.trim().is_empty() => domain.dkim_selector = None,
            Given::Value(text) => match dkim::selector(&text) {
                Ok(selector) => domain.dkim_selector = Some(selector),
                Err(problem) => wrong.push(FieldError::new("dkim_selector", problem)),
            },
        }
        for (index, (id, selectors)) in self.dkim_selectors.into_iter().enumerate() {
            // The name may be anything.
            let field = format!("dkim_selectors[{index}]");
            let known = id.parse::<RecordId>().ok().filter(|id| connections.iter().any(|one| one.id == *id));
            let Some(id) = known else {
                wrong.push(FieldError::new(field, "must be named by the id of a provider connection"));
                continue;
            };
            let read: Result<Vec<_>, _> = selectors.iter().map(|text| dkim::selector(text)).collect();
            match read {
                Ok(selectors) if selectors.len() > SELECTORS => {
                    wrong.push(FieldError::new(field, format!("must have at most {SELECTORS} selectors")));
                }
                Ok(selectors) if selectors.is_empty() => {
                    domain.dkim_selectors.remove(&id);
                }
                Ok(selectors) => {
                    domain.dkim_selectors.insert(id, selectors);
                }
                Err(problem) => wrong.push(FieldError::new(field, problem)),
            }
        }
        // Connections that are gone.
        domain.dkim_selectors.retain(|id, _| connections.iter().any(|one| one.id == *id));
    }
}

/// A host that may stand in links: of the domain, and not the domain itself, which has to be more than another name.
fn tracking_host(text: &str, domain: &str, public: Option<&str>) -> Result<TrackingHost, String> {
    let Some(target) = public else {
        let text = "needs links that lead to this server: its operator has to set COURIERX_PUBLIC_URL";
        return Err(text.to_owned());
    };
    let host = domain_name(text).map_err(str::to_owned)?;
    if !host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')) {
        return Err(format!("must be a host of {domain}, such as links.{domain}"));
    }
    if host == target {
        return Err("is this server's own".to_owned());
    }
    Ok(TrackingHost { host, target: target.to_owned(), verified_at: None, error: None })
}
