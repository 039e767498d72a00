//! Where a message would go, and why, without its going there.

use std::sync::Arc;

use courierx_core::engine::Outlook;
use courierx_core::message::{Email, EmailBuilder};
use courierx_core::router::{ConnectionId, Router};

use super::emails::may_send;
use super::routing_rules::{self, RoutingRuleRecord};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::delivery::{Named, Names};
use crate::error::{ServiceError, ServiceResult};

/// What would be done with a message.
#[derive(Debug)]
pub struct ExplainedRoute {
    /// The message.
    pub email: Email,
    /// What the router says.
    pub outlook: Outlook,
    /// The rule that it goes by; none if it goes by the connections' own priorities.
    pub rule: Option<RoutingRuleRecord>,
    /// Why the message would not be accepted at all, if that is so.
    pub refusal: Option<ServiceError>,
    /// Whether the caller may know who is suppressed.
    pub tells_suppressed: bool,
    router: Router,
    names: Arc<Names>,
}

/// What would be done with this message if it were sent now. Nothing is sent, and nothing is kept.
pub async fn explain(ctx: &Ctx, app: &App, email: EmailBuilder) -> ServiceResult<ExplainedRoute> {
    ctx.require(Scope::RoutingRulesRead)?;
    let email = email.mode(ctx.mode).build()?;
    let refusal = match may_send(ctx, app, &email).await {
        Ok(_) => None,
        Err(refusal @ (ServiceError::Refused { .. } | ServiceError::Forbidden(_))) => Some(refusal),
        Err(error) => return Err(error),
    };
    let outlook = app.outbox.explain(ctx.tenant, &email).await?;
    let tells_suppressed = ctx.may(Scope::SuppressionsRead);
    let rule = match &outlook.explanation.rule {
        Some(id) => {
            let rules = routing_rules::all(app, ctx.tenant).await?;
            rules.into_iter().find(|rule| rule.id.to_string() == **id)
        }
        None => None,
    };
    let router = app.routes.router(ctx.tenant).await?;
    let names = app.routes.names(ctx.tenant).await?;
    Ok(ExplainedRoute { email, outlook, rule, refusal, tells_suppressed, router, names })
}

impl ExplainedRoute {
    /// The connection of this identifier.
    pub fn name(&self, connection: &ConnectionId) -> Named {
        self.names.name(connection)
    }

    /// Its place in the order of preference; none where that plays no part, or it is behind all others.
    pub fn priority(&self, connection: &ConnectionId) -> Option<u32> {
        let parts = self.rule.iter().flat_map(|rule| &rule.value.connections);
        let mut parts = parts.filter(|part| part.connection.to_string() == connection.as_str());
        if let Some(priority) = parts.find_map(|part| part.priority) {
            return Some(priority);
        }
        let own = self.outlook.explanation.strategy.goes_by_own_priority();
        let connection = self.router.connection(connection).filter(|_| own)?;
        Some(connection.priority()).filter(|priority| *priority != u32::MAX)
    }

    /// The addresses at these positions.
    pub fn addresses(&self, positions: &[u32]) -> Vec<&str> {
        let recipients = self.email.recipients().filter(|one| positions.contains(&one.index));
        recipients.map(|one| one.mailbox.address().as_str()).collect()
    }
}
