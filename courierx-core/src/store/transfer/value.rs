//! The values of rows, and how they are written as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{Column, Type};
use crate::store::Cursor;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// None.
    Null,
    /// The bytes of an identifier.
    Id([u8; 16]),
    /// A number or a moment.
    Int(i64),
    /// Whether or not.
    Bool(bool),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// The values of a row, in the order of its table's columns.
pub type Row = Vec<Value>;

/// A row is not one of its table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a row does not fit its table: {0}")]
pub struct UnreadableRow(&'static str);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_none(),
            Self::Id(id) => {
                to.serialize_str(Uuid::from_bytes(*id).hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
            Self::Int(number) => to.serialize_i64(*number),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Text(text) => to.serialize_str(text),
            Self::Bytes(bytes) => to.serialize_str(&STANDARD.encode(bytes)),
        }
    }
}

impl Value {
    /// How many bytes a text or bytes have.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// The value that was written as this JSON.
    pub fn from_json(of: Type, json: Json) -> Result<Self, UnreadableRow> {
        match (of, json) {
            (_, Json::Null) => Ok(Self::Null),
            (Type::Id, Json::String(text)) => {
                let id = Uuid::try_parse(&text).map_err(|_| UnreadableRow("not an identifier"))?;
                Ok(Self::Id(id.into_bytes()))
            }
            (Type::Int, Json::Number(number)) => {
                number.as_i64().map(Self::Int).ok_or(UnreadableRow("not a whole number"))
            }
            (Type::Bool, Json::Bool(value)) => Ok(Self::Bool(value)),
            (Type::Text, Json::String(text)) => Ok(Self::Text(text)),
            (Type::Bytes, Json::String(text)) => {
                STANDARD.decode(text).map(Self::Bytes).map_err(|_| UnreadableRow("not base64"))
            }
            _ => Err(UnreadableRow("a value of another type")),
        }
    }

    /// The values that were written as these, by their columns.
    pub fn row_from_json(columns: &[Column], values: Vec<Json>) -> Result<Row, UnreadableRow> {
        if values.len() != columns.len() {
            return Err(UnreadableRow("another number of values"));
        }
        columns.iter().zip(values).map(|(column, json)| Self::from_json(column.of, json)).collect()
    }

    /// A cursor that has these values.
    pub fn to_cursor(values: &[Self]) -> Cursor {
        // Values are written without fail: their JSON has no maps.
        Cursor::new(serde_json::to_string(values).unwrap_or_default())
    }

    /// The values of a cursor, by their types.
    pub fn from_cursor(types: &[Type], cursor: &Cursor) -> Result<Row, UnreadableRow> {
        let values: Vec<Json> =
            serde_json::from_str(cursor.as_str()).map_err(|_| UnreadableRow("not a cursor"))?;
        if values.len() != types.len() {
            return Err(UnreadableRow("a cursor of another table"));
        }
        types.iter().zip(values).map(|(of, json)| Self::from_json(*of, json)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        let row = vec![
            Value::Null,
            Value::Id([7; 16]),
            Value::Int(i64::MIN),
            Value::Bool(true),
            Value::Text("\u{1}\"é".to_owned()),
            Value::Bytes(vec![0, 255]),
        ];
        let types = [Type::Id, Type::Id, Type::Int, Type::Bool, Type::Text, Type::Bytes];
        assert_eq!(Value::from_cursor(&types, &Value::to_cursor(&row)), Ok(row));
        assert!(Value::from_cursor(&types, &Cursor::new("[1]")).is_err());
        assert!(Value::from_json(Type::Int, Json::from(1.5)).is_err());
        assert!(Value::from_json(Type::Text, Json::from(1)).is_err());
    }
}
