//! Bodies with many events, read without a copy of what is in them.
//!
//! A [`Value`] has a tree for each object and a string for each of its keys. Here an object is a list, and texts are those
//! of the body.

use std::borrow::Cow;
use std::fmt;

use courierx_core::clock::Timestamp;
use courierx_core::id::DeliveryId;
use courierx_core::message::Address;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::fields::{Fields, mailbox, moment};

/// How many fields an event has at most, as a rule.
const FIELDS: usize = 16;
/// An object with more is taken for an event: small ones must not take the memory of one.
const LIKELY: usize = 4;

/// A value of a body.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl Json<'_> {
    /// The field of an object; the last one, if there are several of this name.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// A text.
    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A truth.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// A moment in seconds since 1970, with or without a fraction, as a number or as text.
    pub(crate) fn seconds(&self) -> Option<Timestamp> {
        match self {
            Self::Number(number) => moment(number.as_f64()?),
            other => moment(other.as_str()?.trim().parse().ok()?),
        }
    }

    /// The same value with copies of its texts.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::List(list) => Value::Array(list.iter().map(Self::to_value).collect()),
            Self::Object(fields) => {
                let copied = fields.iter().map(|(name, value)| (name.clone().into_owned(), value.to_value()));
                Value::Object(copied.collect::<Map<_, _>>())
            }
        }
    }
}

impl Fields for Json<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    fn number(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Self::Number(number) => Some(number.to_string()),
            other => other.as_str().filter(|text| !text.is_empty()).map(str::to_owned),
        }
    }

    fn delivery(&self, key: &str) -> Option<DeliveryId> {
        let value = self.get(key)?;
        let first = if let Self::List(list) = value { list.first()? } else { value };
        first.as_str()?.parse().ok()
    }

    fn moment(&self, key: &str) -> Option<Timestamp> {
        self.text(key)?.parse().ok()
    }

    fn address(&self, key: &str) -> Option<Address> {
        mailbox(self.text(key)?)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = all.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Json<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = all.next_entry::<Json<'de>, _>()? {
            if fields.len() == LIKELY {
                fields.reserve(FIELDS);
            }
            if let Json::Text(name) = name {
                fields.push((name, value));
            }
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODIES: [&str; 6] = [
        r#"[{"a":"b\u00e9\n","n":1,"z":-2.5,"a":"last","l":["id",{"deep":null}],"t":true,"e":""}]"#,
        r#"{"timestamp":"1513299569","number":"7","other":"8 "}"#,
        r#"{"timestamp":1513299569.25,"number":18446744073709551615,"ü":"\"quoted\""}"#,
        r#"{"timestamp":false,"number":1e3,"address":"Ada <ada@example.com>"}"#,
        "[]",
        "null",
    ];

    #[test]
    fn a_value_is_read_as_any_other_parser_does() {
        for body in BODIES {
            let json: Json<'_> = serde_json::from_str(body).unwrap();
            let value: Value = serde_json::from_str(body).unwrap();
            assert_eq!(json.to_value(), value, "{body}");
            for key in ["timestamp", "number", "a", "e", "l", "ü", "address", "missing"] {
                assert_eq!(json.text(key), value.text(key), "{key} of {body}");
                assert_eq!(json.number(key), value.number(key), "{key} of {body}");
                assert_eq!(json.address(key), value.address(key), "{key} of {body}");
                let moments = (
                    json.get(key).and_then(Json::seconds),
                    value.get(key).and_then(super::super::fields::seconds),
                );
                assert_eq!(moments.0, moments.1, "{key} of {body}");
            }
        }
        for body in ["", "{", "[1,]", r#"{"a":1}x"#, "{1:2}"] {
            assert!(serde_json::from_str::<Json<'_>>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_delivery_is_a_text_or_the_first_of_a_list() {
        let planted = DeliveryId::from_bytes([7; 16]).to_string();
        for body in [format!(r#"{{"d":"{planted}"}}"#), format!(r#"{{"d":["{planted}","x"]}}"#)] {
            let json: Json<'_> = serde_json::from_str(&body).unwrap();
            assert_eq!(json.delivery("d").map(|one| one.to_string()), Some(planted.clone()));
        }
        assert_eq!(serde_json::from_str::<Json<'_>>(r#"{"d":[]}"#).unwrap().delivery("d"), None);
    }
}
