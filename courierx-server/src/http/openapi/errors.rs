//! Errors, as every route answers them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::http::Access;

/// What every error is.
#[derive(ToSchema)]
#[schema(as = Error)]
#[expect(dead_code, reason = "the schema of what `ApiError` writes")]
pub(in crate::http) struct ErrorSchema {
    /// For people.
    error: String,
    /// For programs.
    code: String,
    /// Of wrong values, a sentence for each.
    #[schema(required = false)]
    errors: Vec<String>,
    /// Of wrong values, the messages by field.
    #[schema(required = false)]
    details: BTreeMap<String, Vec<String>>,
}

/// Every status that tells of an error: its name in the document, and what it means.
const ALL: [(u16, &str, &str); 11] = [
    (400, "BadRequest", "The body is not JSON, or the query cannot be read"),
    (401, "Unauthorized", "There is no token, key or secret, or one that is not valid any more"),
    (403, "Forbidden", "Whoever asks may not do that"),
    (404, "NotFound", "There is no such thing, or it is another tenant's"),
    (408, "Timeout", "The body did not arrive in time"),
    (409, "Conflict", "It contradicts what is there"),
    (413, "TooLarge", "The body is larger than allowed"),
    (422, "Invalid", "Values are wrong, or it cannot be done as things are"),
    (429, "TooMany", "Too many requests"),
    (500, "Internal", "Something is wrong on the server's side"),
    (503, "Unavailable", "It cannot be done at the moment; trying again is harmless"),
];

/// What may go wrong with any route of this access, whatever its handler does.
pub(super) fn of_access(access: Access) -> &'static [u16] {
    match access {
        Access::Public => &[500, 503],
        Access::Internal => &[401, 429, 500, 503],
        Access::Admin | Access::Member(_) | Access::Needs(_) => &[401, 403, 429, 500, 503],
    }
}

/// What may go wrong with whatever changes something.
pub(super) const OF_CHANGES: [u16; 2] = [409, 422];

/// The content of every error.
pub(super) fn schema() -> Value {
    json!({ "$ref": "#/components/schemas/Error" })
}

/// The answer of this status.
pub(super) fn reference(status: u16) -> Value {
    let name = ALL.iter().find(|one| one.0 == status).map_or("Internal", |one| one.1);
    json!({ "$ref": format!("#/components/responses/{name}") })
}

/// All of them, by their names.
pub(super) fn components() -> Map<String, Value> {
    let component = |&(status, name, description): &(u16, &str, &str)| {
        let mut headers = json!({ "X-Request-Id": { "$ref": "#/components/headers/RequestId" } });
        if matches!(status, 429 | 503) {
            headers["Retry-After"] = json!({ "$ref": "#/components/headers/RetryAfter" });
        }
        let content = json!({ "application/json": { "schema": schema() } });
        (name.to_owned(), json!({ "description": description, "headers": headers, "content": content }))
    };
    ALL.iter().map(component).collect()
}
