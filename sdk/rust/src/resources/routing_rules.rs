//! Routing rules.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::identified;
use crate::transport::{Request, Transport};
use crate::{Error, Message, Pages};

/// Which message takes which connection.
#[derive(Debug, Clone, Copy)]
pub struct RoutingRules<'a>(pub(crate) &'a Transport);

/// What is said of a rule: everything of a new one, and what changes of an old one. An empty list removes a condition.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RuleFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `priority`, `weighted`, `round_robin` or `failover_only`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_from_domain: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_recipient_domain: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_tag: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_lane: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_metadata: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Vec<RuleConnection>>,
}

/// A connection's part in a rule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RuleConnection {
    pub provider_connection_id: String,
    #[serde(default)]
    pub priority: Option<u32>,
    #[serde(default)]
    pub weight: Option<u32>,
    #[serde(default)]
    pub failover_only: bool,
}

/// The values of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// A single one.
    One(String),
    /// Several, of which one is enough.
    Many(Vec<String>),
}

/// A rule.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct RoutingRule {
    pub id: String,
    pub name: String,
    pub strategy: String,
    pub is_default: bool,
    pub is_active: bool,
    pub position: u32,
    pub match_from_domain: Option<OneOrMany>,
    pub match_recipient_domain: Option<OneOrMany>,
    pub match_tag: Option<OneOrMany>,
    pub match_lane: Option<OneOrMany>,
    pub match_metadata: Option<BTreeMap<String, String>>,
    pub connections: Vec<RuleConnection>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Where a message would go.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    pub mode: String,
    pub rule: Option<Value>,
    pub strategy: String,
    pub tiers: Vec<Vec<Value>>,
    pub decision: Decision,
    pub suppressed: Option<Vec<String>>,
    /// Why it would not even be accepted.
    pub refused: Option<Value>,
}

/// What would be done.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Decision {
    /// `send`, `wait`, `fail` or `suppress`.
    pub action: String,
    #[serde(default)]
    pub provider_connection_id: Option<String>,
    pub recipients: Vec<String>,
    pub until: Option<Timestamp>,
}

identified!(RoutingRule);

const RULES: &str = "routing_rules";

impl<'a> RoutingRules<'a> {
    /// In their order.
    pub fn list(&self) -> Pages<'a, RoutingRule> {
        Pages::new(self.0, &[RULES], Vec::new())
    }

    /// One of them.
    pub async fn get(&self, id: &str) -> Result<RoutingRule, Error> {
        self.0.ask(Request::get(&[RULES, id])).await
    }

    /// Makes one.
    pub async fn create(&self, rule: &RuleFields) -> Result<RoutingRule, Error> {
        self.0.ask(Request::make(&[RULES]).body(rule)?).await
    }

    /// Changes what is named; a list is replaced as a whole.
    pub async fn update(&self, id: &str, changes: &RuleFields) -> Result<RoutingRule, Error> {
        self.0.ask(Request::change(&[RULES, id]).body(changes)?).await
    }

    /// Removes it.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.0.send(Request::remove(&[RULES, id])).await.map(drop)
    }

    /// Where a message would go, and why; sends nothing.
    pub async fn explain(&self, message: &Message) -> Result<Explanation, Error> {
        self.0.ask(Request::act(&["routing", "explain"]).body(message)?).await
    }
}
