//! What a client says of a rule.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::schema::{Name, any_of, stands_for};
use crate::services::provider_connections::Given;
use courierx_core::id::RecordId;

stands_for! {
    /// The strategies that a client may name.
    Strategies: String.enum_values(["priority", "weighted", "round_robin", "failover_only", "failover"]);
}

/// What a client says of a rule: everything of a new one, and what changes of an old one.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct RuleInput {
    /// What people call it.
    #[serde(default)]
    #[schema(inline, value_type = Option<Name>)]
    pub name: Option<String>,
    /// How its connections share the work; `failover` is `failover_only`.
    #[serde(default)]
    #[schema(inline, value_type = Option<Strategies>)]
    pub strategy: Option<String>,
    /// Whether it is for whatever no other rule is for.
    #[serde(default)]
    pub is_default: Option<bool>,
    /// Whether it is used.
    #[serde(default, alias = "enabled")]
    pub is_active: Option<bool>,
    /// Its place among the rules.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub position: Option<i64>,
    /// For messages of authors of these domains.
    #[serde(default)]
    #[schema(value_type = Option<Texts>)]
    pub match_from_domain: Given<Texts>,
    /// For messages to recipients of these domains.
    #[serde(default)]
    #[schema(value_type = Option<Texts>)]
    pub match_recipient_domain: Given<Texts>,
    /// For messages with one of these tags.
    #[serde(default)]
    #[schema(value_type = Option<Texts>)]
    pub match_tag: Given<Texts>,
    /// For messages in these lanes.
    #[serde(default)]
    #[schema(value_type = Option<Texts>)]
    pub match_lane: Given<Texts>,
    /// For messages with all of these metadata.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub match_metadata: Given<Map<String, Value>>,
    /// The connections that they may take.
    #[serde(default)]
    #[schema(value_type = Option<Vec<PartInput>>)]
    pub connections: Given<Vec<PartInput>>,
}

/// What a client says of a connection's part in a rule.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct PartInput {
    /// The connection.
    #[schema(inline, value_type = RecordId)]
    pub provider_connection_id: String,
    /// Its place.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub priority: Option<i64>,
    /// Its share.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub weight: Option<i64>,
    /// Whether it is used only when all others are out.
    #[serde(default, alias = "failover")]
    pub failover_only: Option<bool>,
}

/// One text or several; an empty one is none, as forms send it for what was not filled in.
#[derive(Debug, Clone, Default)]
pub struct Texts(pub(super) Vec<String>);

any_of! { Texts: String, Vec<String> }

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                let texts = if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
                Ok(Texts(texts))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}
