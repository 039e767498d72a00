//! What is wrong with what a client says of a rule, all of it at once.

use courierx_core::id::RecordId;
use courierx_core::message::{Field, MetadataKey, Tag};
use courierx_core::router::{Conditions, Strategy};
use serde_json::{Map, Value};

use super::input::{PartInput, RuleInput, Texts};
use super::{Connection, RoutingRuleRecord};
use crate::error::FieldError;
use crate::model::provider_connections::ConnectionMode;
use crate::model::routing_rules::{RoutingRule, RuleConnection};
use crate::services::is_one_line;
use crate::services::provider_connections::Given;

/// Bytes of a name.
const MAX_NAME: usize = 100;
/// Values of one condition.
const MAX_VALUES: usize = 50;
/// Connections of one rule.
const MAX_PARTS: usize = 50;
/// Bytes of a metadata value that a rule looks for.
const MAX_VALUE: usize = 1000;
/// Largest position, priority and weight.
const MAX_NUMBER: u32 = 1_000_000;

/// Changes a rule as the client says. What is wrong is noted, and the rule is then of no use.
pub(super) struct Applied<'a> {
    pub(super) id: RecordId,
    /// The tenant's rules, this one among them if it is not new.
    pub(super) all: &'a [RoutingRuleRecord],
    pub(super) connections: &'a [Connection],
    pub(super) wrong: Vec<FieldError>,
}

impl Applied<'_> {
    pub(super) fn apply(&mut self, input: RuleInput, rule: &mut RoutingRule) {
        self.name(input.name, rule);
        if let Some(strategy) = &input.strategy {
            self.strategy(strategy, rule);
        }
        rule.is_default = input.is_default.unwrap_or(rule.is_default);
        rule.is_active = input.is_active.unwrap_or(rule.is_active);
        if let Some(position) = input.position
            && let Some(position) = self.number("position".to_owned(), position, 1)
        {
            rule.position = position;
        }
        let conditions = &mut rule.conditions;
        self.texts("match_from_domain", input.match_from_domain, &mut conditions.from_domains, domain);
        let recipients = &mut conditions.recipient_domains;
        self.texts("match_recipient_domain", input.match_recipient_domain, recipients, domain);
        let tag = |text: String| Tag::new(text).map(|tag| tag.as_str().to_owned()).map_err(|e| e.to_string());
        self.texts("match_tag", input.match_tag, &mut conditions.tags, tag);
        let lane = |text: String| text.parse().map_err(|error: courierx_core::UnknownName| error.to_string());
        self.texts("match_lane", input.match_lane, &mut conditions.lanes, lane);
        self.metadata(input.match_metadata, conditions);
        match input.connections {
            Given::No => {}
            Given::Null => rule.connections.clear(),
            Given::Value(parts) => self.parts(parts, rule),
        }
        self.default(rule);
    }

    pub(super) fn is_wrong(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.wrong.push(FieldError::new(field, message));
    }

    fn name(&mut self, name: Option<String>, rule: &mut RoutingRule) {
        if let Some(name) = name {
            name.trim().clone_into(&mut rule.name);
        }
        let is_taken = |other: &RoutingRuleRecord| other.id != self.id && other.value.name == rule.name;
        if rule.name.is_empty() {
            self.is_wrong("name", "can't be blank");
        } else if rule.name.len() > MAX_NAME || !is_one_line(&rule.name) {
            self.is_wrong("name", format!("must be a line of at most {MAX_NAME} bytes"));
        } else if self.all.iter().any(is_taken) {
            self.is_wrong("name", "has already been taken");
        }
    }

    fn strategy(&mut self, strategy: &str, rule: &mut RoutingRule) {
        // The first version's documents show it under this name.
        let strategy = if strategy == "failover" { Strategy::FailoverOnly.as_str() } else { strategy };
        match strategy.parse() {
            Ok(strategy) => rule.strategy = strategy,
            Err(_) if strategy.is_empty() => self.is_wrong("strategy", "can't be blank"),
            Err(error) => self.is_wrong("strategy", format!("{error}")),
        }
    }

    /// The values of a condition, each once.
    fn texts<T: PartialEq>(
        &mut self,
        field: &'static str,
        given: Given<Texts>,
        values: &mut Vec<T>,
        read: impl Fn(String) -> Result<T, String>,
    ) {
        let texts = match given {
            Given::No => return,
            Given::Null => Vec::new(),
            Given::Value(Texts(texts)) => texts,
        };
        values.clear();
        if texts.len() > MAX_VALUES {
            return self.is_wrong(field, format!("must be at most {MAX_VALUES}"));
        }
        let is_one = texts.len() == 1;
        for (index, text) in texts.into_iter().enumerate() {
            match read(text) {
                Ok(value) if values.contains(&value) => {}
                Ok(value) => values.push(value),
                Err(message) if is_one => self.is_wrong(field, message),
                Err(message) => self.is_wrong(format!("{field}[{index}]"), message),
            }
        }
    }

    fn metadata(&mut self, given: Given<Map<String, Value>>, conditions: &mut Conditions) {
        const FIELD: &str = "match_metadata";
        let object = match given {
            Given::No => return,
            Given::Null => Map::new(),
            Given::Value(object) => object,
        };
        conditions.metadata.clear();
        if object.len() > MAX_VALUES {
            return self.is_wrong(FIELD, format!("must be at most {MAX_VALUES}"));
        }
        for (name, value) in object {
            let field = || Field::key(FIELD, &name).to_string();
            // As the metadata of a message are read.
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(value) => value.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    self.is_wrong(field(), "must be a text, a number or a boolean");
                    continue;
                }
            };
            match MetadataKey::new(&*name) {
                Err(problem) => self.is_wrong(field(), problem.to_string()),
                Ok(_) if text.len() > MAX_VALUE => {
                    self.is_wrong(field(), format!("must be at most {MAX_VALUE} bytes"));
                }
                Ok(key) => conditions.metadata.push((key.as_str().to_owned(), text)),
            }
        }
    }

    /// The connections of the rule; those that were named before keep the identifier of their part.
    fn parts(&mut self, parts: Vec<PartInput>, rule: &mut RoutingRule) {
        let before = std::mem::take(&mut rule.connections);
        if parts.len() > MAX_PARTS {
            return self.is_wrong("connections", format!("must be at most {MAX_PARTS}"));
        }
        for (index, part) in parts.into_iter().enumerate() {
            let field = |name: &str| format!("connections[{index}].{name}");
            let priority = part.priority.and_then(|given| self.number(field("priority"), given, 1));
            let weight = part.weight.and_then(|given| self.number(field("weight"), given, 0));
            let id = field("provider_connection_id");
            let Some(connection) = self.connection(id.clone(), &part.provider_connection_id) else {
                continue;
            };
            if rule.connections.iter().any(|one| one.connection == connection) {
                self.is_wrong(id, "is named twice");
                continue;
            }
            let known = before.iter().find(|one| one.connection == connection);
            rule.connections.push(RuleConnection {
                id: known.map_or_else(RecordId::new, |one| one.id),
                connection,
                priority,
                weight,
                failover_only: part.failover_only.unwrap_or(false),
            });
        }
    }

    fn connection(&mut self, field: String, id: &str) -> Option<RecordId> {
        let id = id.parse::<RecordId>().ok();
        match self.connections.iter().find(|one| Some(one.id) == id) {
            Some(one) if one.value.mode == ConnectionMode::Test => {
                let text = "is for tests, and rules are for mail that is meant to arrive";
                self.is_wrong(field, text);
                None
            }
            Some(one) if !one.value.is_real() && self.is_live() => {
                let text = "is a sandbox, which takes no mail that is meant to arrive any more";
                self.is_wrong(field, text);
                None
            }
            Some(one) => Some(one.id),
            None => {
                self.is_wrong(field, "is none of the account's provider connections");
                None
            }
        }
    }

    /// Whether there is a connection to a real provider: from the first one on sandboxes take only tests' mail.
    fn is_live(&self) -> bool {
        self.connections.iter().any(|one| one.value.is_real())
    }

    fn number(&mut self, field: String, given: i64, least: u32) -> Option<u32> {
        match u32::try_from(given) {
            Ok(valid) if (least..=MAX_NUMBER).contains(&valid) => Some(valid),
            _ => {
                self.is_wrong(field, format!("must be from {least} to {MAX_NUMBER}"));
                None
            }
        }
    }

    /// There is one default, and it is for every message.
    fn default(&mut self, rule: &RoutingRule) {
        if !rule.is_default {
            return;
        }
        if let Some(other) = self.all.iter().find(|one| one.id != self.id && one.value.is_default) {
            let text = format!("is what the rule {:?} is already; there can be one", other.value.name);
            self.is_wrong("is_default", text);
        }
        if rule.conditions != Conditions::any() {
            let text = "is for every message, so a rule with conditions (match_...) cannot be it";
            self.is_wrong("is_default", text);
        }
    }
}

/// A domain as addresses have it.
fn domain(text: String) -> Result<String, String> {
    let one = Conditions::any().from_domain(text).normalised().map_err(|error| error.to_string())?;
    Ok(one.from_domains.into_iter().next().unwrap_or_default())
}
