//! Who asks for something: the first argument of every service function.

use std::fmt;
use std::sync::Arc;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::Mode;
use courierx_core::names;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{ServiceError, ServiceResult};

/// Who asks, for which tenant, and in which mode. Only authentication makes one, and the command
/// line for whoever operates the server.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// Whose data everything is about.
    pub tenant: TenantId,
    /// Who acts.
    pub actor: Actor,
    /// Whether mail is real.
    pub mode: Mode,
    /// What stands in the logs beside everything that is done for this request.
    pub request_id: RequestId,
}

/// The operator, or a program of theirs, which has no tenant: it proved that by `INTERNAL_SECRET`, or by
/// `SUPER_ADMIN_API_KEY`. Only the gate makes one.
#[derive(Debug, Clone)]
pub struct Operator {
    /// What stands in the logs beside everything that is done for this request.
    pub request_id: RequestId,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person, by a token.
    User {
        /// The user.
        id: RecordId,
        /// The tenant in which the user was created.
        home: TenantId,
        /// What the user may do in this tenant.
        role: Role,
        /// The user's epoch when the token was made.
        epoch: u64,
        /// The name of the token.
        token: Uuid,
    },
    /// A program, by an API key.
    ApiKey {
        /// The key.
        id: RecordId,
        /// The SHA-256 of the secret that it showed. Of the two that a key may have, one ends sooner.
        digest: [u8; 32],
        /// What it may do.
        scopes: Scopes,
        /// What may stand in From of what it sends.
        from_domains: FromDomains,
    },
}

impl Ctx {
    /// For whoever can open the database, and so may do everything.
    pub(crate) fn of_operator(tenant: TenantId, mode: Mode) -> Self {
        let actor = Actor::User {
            id: RecordId::new(),
            home: tenant,
            role: Role::Owner,
            epoch: 0,
            token: Uuid::nil(),
        };
        Self { tenant, actor, mode, request_id: RequestId::generate() }
    }

    /// Whether the actor may do what needs this scope.
    pub fn may(&self, scope: Scope) -> bool {
        match &self.actor {
            Actor::User { role, .. } => role.allows(scope),
            // A key for tests lies about in test machines: it sends and reads, and changes nothing else.
            Actor::ApiKey { scopes, .. } => {
                scopes.allow(scope) && (self.mode == Mode::Live || scope.is_open_to_tests())
            }
        }
    }

    /// Refuses an actor who may not do what needs this scope.
    pub fn require(&self, scope: Scope) -> ServiceResult<()> {
        if self.may(scope) {
            return Ok(());
        }
        Err(ServiceError::Forbidden(match &self.actor {
            Actor::User { role, .. } => format!("the role {role} does not include {scope}"),
            Actor::ApiKey { scopes, .. } if scopes.allow(scope) => {
                format!("an API key for tests does not include {scope}")
            }
            Actor::ApiKey { .. } => format!("this API key does not have the scope {scope}"),
        }))
    }

    /// Refuses everybody but users of at least this role.
    pub fn require_role(&self, least: Role) -> ServiceResult<()> {
        match &self.actor {
            Actor::User { role, .. } if *role >= least => Ok(()),
            Actor::User { .. } => Err(ServiceError::Forbidden(format!("this needs the role {least}"))),
            Actor::ApiKey { .. } => {
                Err(ServiceError::Forbidden("this needs a user's token, not an API key".to_owned()))
            }
        }
    }
}

names! {
    /// What a user may do in a tenant.
    Role, "viewer, developer, admin, owner",
    /// Reads.
    Viewer = "viewer",
    /// Sends, and sets up how.
    Developer = "developer",
    /// Everything but giving the account away.
    Admin = "admin",
    /// Everything.
    Owner = "owner",
}

impl Role {
    /// Whether the role includes this scope.
    pub const fn allows(self, scope: Scope) -> bool {
        match self {
            Self::Viewer => !scope.writes(),
            Self::Developer | Self::Admin | Self::Owner => true,
        }
    }
}

names! {
    /// What an API key may be allowed to do.
    Scope, "emails:read, emails:write, emails:critical, api_keys:read, api_keys:write, provider_connections:read, \
        provider_connections:write, domains:read, domains:write, email_templates:read, email_templates:write, \
        routing_rules:read, routing_rules:write, suppressions:read, suppressions:write, webhook_endpoints:read, \
        webhook_endpoints:write, analytics:read",
    /// Reads messages and their events.
    EmailsRead = "emails:read",
    /// Sends messages.
    EmailsWrite = "emails:write",
    /// Sends messages in the critical lane, together with the one above.
    EmailsCritical = "emails:critical",
    /// Lists API keys.
    ApiKeysRead = "api_keys:read",
    /// Makes and revokes API keys.
    ApiKeysWrite = "api_keys:write",
    /// Lists sending domains.
    DomainsRead = "domains:read",
    /// Changes and verifies sending domains.
    DomainsWrite = "domains:write",
    /// Reads and previews email templates.
    EmailTemplatesRead = "email_templates:read",
    /// Changes and publishes email templates.
    EmailTemplatesWrite = "email_templates:write",
    /// Lists provider connections.
    ProviderConnectionsRead = "provider_connections:read",
    /// Changes provider connections.
    ProviderConnectionsWrite = "provider_connections:write",
    /// Lists routing rules, and asks where a message would go.
    RoutingRulesRead = "routing_rules:read",
    /// Changes routing rules.
    RoutingRulesWrite = "routing_rules:write",
    /// Reads the suppression list.
    SuppressionsRead = "suppressions:read",
    /// Changes the suppression list.
    SuppressionsWrite = "suppressions:write",
    /// Lists webhook endpoints and what they were told.
    WebhookEndpointsRead = "webhook_endpoints:read",
    /// Changes webhook endpoints.
    WebhookEndpointsWrite = "webhook_endpoints:write",
    /// Reads statistics.
    AnalyticsRead = "analytics:read",
}

impl Scope {
    /// Whether it changes something.
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::EmailsWrite
                | Self::EmailsCritical
                | Self::ApiKeysWrite
                | Self::DomainsWrite
                | Self::EmailTemplatesWrite
                | Self::ProviderConnectionsWrite
                | Self::RoutingRulesWrite
                | Self::SuppressionsWrite
                | Self::WebhookEndpointsWrite
        )
    }

    /// Whether an API key for tests can have it.
    pub const fn is_open_to_tests(self) -> bool {
        !self.writes() || matches!(self, Self::EmailsWrite | Self::EmailsCritical)
    }
}

/// What an API key may do: everything, if it names nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These scopes; none of them means all.
    pub fn new(mut scopes: Vec<Scope>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// The scopes that were named.
    pub fn named(&self) -> &[Scope] {
        &self.0
    }

    /// Whether this one is among them.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.is_empty() || self.0.contains(&scope)
    }

    /// Whether everything that `other` allows is allowed here too.
    pub fn include(&self, other: &Self) -> bool {
        self.0.is_empty() || (!other.0.is_empty() && other.0.iter().all(|scope| self.0.contains(scope)))
    }
}

/// The domains that may stand in From of what an API key sends: any, if it names none. A subdomain is another domain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Vec<String>)]
pub struct FromDomains(Arc<[String]>);

impl FromDomains {
    /// These domains, as addresses have them; none of them means any.
    pub fn new(mut domains: Vec<String>) -> Self {
        domains.sort_unstable();
        domains.dedup();
        Self(domains.into())
    }

    /// Whether this domain may stand there.
    pub fn allow(&self, domain: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|one| one == domain)
    }

    /// Whether everything that `other` allows is allowed here too.
    pub fn include(&self, other: &Self) -> bool {
        self.0.is_empty() || (!other.0.is_empty() && other.0.iter().all(|one| self.allow(one)))
    }
}

/// Names one request in logs and answers: 1 to 128 of `A–Z a–z 0–9 . _ -`.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// A new one.
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// What a client or a proxy calls the request, if that can be a name.
    pub fn from_client(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        ((1..=128).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_include_only_what_they_allow() {
        let all = Scopes::default();
        let send = Scopes::new(vec![Scope::EmailsWrite, Scope::EmailsWrite]);
        assert_eq!(send.named(), [Scope::EmailsWrite]);
        assert!(all.include(&send) && all.include(&all) && send.include(&send));
        assert!(!send.include(&all), "no scopes means all of them");
        assert!(!send.allow(Scope::EmailsRead));
    }

    #[test]
    fn a_viewer_writes_nothing() {
        for scope in Scope::ALL {
            assert_eq!(Role::Viewer.allows(*scope), scope.as_str().ends_with(":read"), "{scope}");
            assert!(Role::Owner.allows(*scope));
        }
    }

    #[test]
    fn a_clients_request_id_cannot_break_a_log_line() {
        assert!(RequestId::from_client("req-1.a_B").is_some());
        for bad in ["", "a b", "a\nb", "é", &"x".repeat(129)] {
            assert!(RequestId::from_client(bad).is_none(), "{bad:?}");
        }
    }
}
