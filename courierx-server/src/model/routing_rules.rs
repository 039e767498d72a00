//! Routing rules: which connections a tenant's messages may take, and how these share the work.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::router::{Conditions, InvalidConnectionId, Member, Rule, Strategy};
use courierx_core::store::{KeyValue, OnDelete, Reference, Resource};
use serde::{Deserialize, Serialize};

use super::provider_connections::ProviderConnection;

/// A tenant's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingRule {
    /// What people call it, unique for the tenant.
    pub name: String,
    /// How its connections share the work.
    pub strategy: Strategy,
    /// Whether it is for whatever no other rule is for: then it has no conditions, and comes last.
    pub is_default: bool,
    /// Whether it is used.
    pub is_active: bool,
    /// Its place among the rules, from 1: the first whose conditions hold decides.
    pub position: u32,
    /// For which messages it is.
    pub conditions: Conditions,
    /// The connections that they may take; none means all.
    pub connections: Vec<RuleConnection>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A connection's part in a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleConnection {
    /// Of this part.
    pub id: RecordId,
    /// The connection.
    pub connection: RecordId,
    /// Its place in this rule; the connection's own if none, where the strategy goes by it.
    pub priority: Option<u32>,
    /// Its share in this rule; the connection's own if none.
    pub weight: Option<u32>,
    /// Whether it is used only when all others of the rule are out.
    pub failover_only: bool,
}

impl RoutingRule {
    /// What rules are ordered by.
    pub fn order(&self) -> (bool, u32, Timestamp) {
        (self.is_default, self.position, self.created_at)
    }

    /// The rule as the router has it, named by its identifier.
    pub fn to_rule(&self, id: RecordId) -> Result<Rule, InvalidConnectionId> {
        let rule = Rule::new(id.to_string()).strategy(self.strategy).when(self.conditions.clone());
        self.connections.iter().try_fold(rule, |rule, one| Ok(rule.via(one.to_member()?)))
    }
}

impl RuleConnection {
    fn to_member(&self) -> Result<Member, InvalidConnectionId> {
        let mut member = Member::new(self.connection.to_string().parse()?);
        if let Some(priority) = self.priority {
            member = member.with_priority(priority);
        }
        if let Some(weight) = self.weight {
            member = member.with_weight(weight);
        }
        Ok(if self.failover_only { member.failover_only() } else { member })
    }
}

impl Resource for RoutingRule {
    const KIND: &'static str = "routing_rule";

    fn unique_keys(&self) -> Vec<KeyValue> {
        let mut keys = vec![KeyValue::new("name", &self.name)];
        if self.is_default {
            keys.push(KeyValue::new("is_default", "true"));
        }
        keys
    }

    /// A rule without the connections that it names would let its messages go anywhere, so these stay as long as
    /// it does.
    fn references(&self) -> Vec<Reference> {
        let refer = |one: &RuleConnection| Reference {
            kind: ProviderConnection::KIND.to_owned(),
            id: one.connection,
            on_delete: OnDelete::Restrict,
        };
        self.connections.iter().map(refer).collect()
    }
}
