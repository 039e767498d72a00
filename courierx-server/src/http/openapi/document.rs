//! The document itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{ErrorSchema, Operation, errors};
use crate::http::{Access, Route, routes};

const ABOUT: &str = "Takes email over a REST API, keeps it, and sends it through whichever provider works.\n\n\
    Everything is JSON in UTF-8, moments are RFC 3339. Unknown fields of a request are ignored. Each answer has an \
    `X-Request-Id`: the request's own, or a new one.";

/// The document of every route that the server has.
pub fn document() -> Value {
    let mut schemas = Map::new();
    let mut told = Operation::default();
    told.schema::<ErrorSchema>();
    let mut paths = Map::new();
    let mut names = BTreeSet::new();
    let mut tags = BTreeSet::new();
    for route in routes() {
        let mut operation = Operation { schemas: std::mem::take(&mut told.schemas), ..Operation::default() };
        (route.tell)(&mut operation);
        told.schemas = std::mem::take(&mut operation.schemas);
        let method = route.method.as_str().to_ascii_lowercase();
        let path = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        tags.insert(tag(route.path));
        path[method] = render(&route, operation, &mut names);
    }
    for (name, schema) in told.schemas {
        let mut schema = serde_json::to_value(schema).unwrap_or_default();
        any_of(&mut schema);
        let before = schemas.insert(name.clone(), schema.clone());
        // Of two that have one name, one would be described wrongly.
        debug_assert!(before.is_none_or(|before| before == schema), "two schemas are called {name}");
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "CourierX",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server" }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": errors::components(),
            "headers": headers(),
            "securitySchemes": security_schemes(),
        },
    })
}

/// Of several forms any may fit: those of untagged enumerations are tried one after another, and may overlap.
fn any_of(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(forms) = members.remove("oneOf") {
                members.insert("anyOf".to_owned(), forms);
            }
            members.values_mut().for_each(any_of);
        }
        Value::Array(items) => items.iter_mut().for_each(any_of),
        _ => {}
    }
}

fn render(route: &Route, operation: Operation, names: &mut BTreeSet<String>) -> Value {
    let Operation { parameters, body, mut answers, mut errors, .. } = operation;
    errors.extend(errors::of_access(route.access));
    if route.method != axum::http::Method::GET {
        errors.extend(errors::OF_CHANGES);
    }
    let mut responses = Map::new();
    for status in errors {
        let told = match answers.remove(&status) {
            None => errors::reference(status),
            Some(mut answer) => {
                // A page may tell of an error as well.
                let own = answer["content"]["application/json"]["schema"].take();
                let schema = if own.is_null() {
                    errors::schema()
                } else {
                    json!({ "anyOf": [own, errors::schema()] })
                };
                answer["content"]["application/json"] = json!({ "schema": schema });
                answer
            }
        };
        responses.insert(status.to_string(), told);
    }
    for (status, mut answer) in answers {
        for name in headers_of(route.access) {
            let (header, component) = *name;
            answer["headers"][header] = json!({ "$ref": format!("#/components/headers/{component}") });
        }
        responses.insert(status.to_string(), answer);
    }
    let mut rendered = json!({
        "operationId": name(route, names),
        "tags": [tag(route.path)],
        "summary": route.summary,
        "security": security(route.access),
        "responses": responses,
    });
    let needs = needs(route.access, &mut rendered);
    let description: Vec<&str> = route.note.into_iter().chain(needs.as_deref()).collect();
    if !description.is_empty() {
        rendered["description"] = description.join("\n\n").into();
    }
    if !parameters.is_empty() {
        rendered["parameters"] = parameters.into();
    }
    if let Some(body) = body {
        rendered["requestBody"] = body;
    }
    rendered
}

/// What whoever asks must be, in words and for programs.
fn needs(access: Access, operation: &mut Value) -> Option<String> {
    match access {
        Access::Public => None,
        Access::Internal => Some("Needs the operator's `INTERNAL_SECRET`.".to_owned()),
        Access::Admin => Some("Needs the operator's `SUPER_ADMIN_API_KEY`.".to_owned()),
        Access::Member(role) => {
            operation["x-required-role"] = role.as_str().into();
            Some(format!("Needs the token of a user with the role `{role}` or a higher one."))
        }
        Access::Needs(scope) => {
            operation["x-required-scope"] = scope.as_str().into();
            Some(format!("Needs the scope `{scope}`: of an API key, or of a user's role."))
        }
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Internal => json!([{ "internal_secret": [] }]),
        Access::Admin => json!([{ "admin_key": [] }]),
        Access::Member(_) => json!([{ "token": [] }]),
        Access::Needs(scope) => json!([{ "token": [] }, { "api_key": [scope] }]),
    }
}

fn security_schemes() -> Value {
    json!({
        "token": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "A person's token, which registering and logging in answer with",
        },
        "api_key": {
            "type": "http", "scheme": "bearer", "bearerFormat": "cxk_…",
            "description": "An API key, for programs",
        },
        "admin_key": {
            "type": "http", "scheme": "bearer",
            "description": "The operator's SUPER_ADMIN_API_KEY",
        },
        "internal_secret": {
            "type": "apiKey", "in": "header", "name": "X-Internal-Secret",
            "description": "The operator's INTERNAL_SECRET",
        },
    })
}

/// The headers of every answer of a route of this access.
fn headers_of(access: Access) -> &'static [(&'static str, &'static str)] {
    const ALL: [(&str, &str); 4] = [
        ("X-Request-Id", "RequestId"),
        ("X-RateLimit-Limit", "RateLimitLimit"),
        ("X-RateLimit-Remaining", "RateLimitRemaining"),
        ("X-RateLimit-Reset", "RateLimitReset"),
    ];
    match access {
        Access::Public | Access::Internal | Access::Admin => &ALL[..1],
        Access::Member(_) | Access::Needs(_) => &ALL,
    }
}

fn headers() -> Value {
    let number = |description: &str| json!({ "description": description, "schema": { "type": "integer" } });
    json!({
        "RequestId": { "description": "What the request is called in logs", "schema": { "type": "string" } },
        "RateLimitLimit": number("Requests in a minute; absent where nothing is limited"),
        "RateLimitRemaining": number("Requests that are left at the moment"),
        "RateLimitReset": number("When all are back, in seconds since 1970"),
        "RetryAfter": number("Seconds to wait before the next request"),
        "TotalCount": number("Items on all pages"),
        "Page": number("Which page it is"),
        "PerPage": number("Items on a page"),
        "TotalPages": number("How many pages there are"),
    })
}

/// The resource that a path is about.
fn tag(path: &'static str) -> &'static str {
    match path.strip_prefix("/api/v1/") {
        Some("health") => "operation",
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None if path.starts_with("/v1/") || path.starts_with("/internal/") => "engine",
        None => "operation",
    }
}

/// A name for clients' methods: the resource and the handler. A second path of one handler has a number.
fn name(route: &Route, names: &mut BTreeSet<String>) -> String {
    let path = route.handler.rsplit("http::").next().unwrap_or(route.handler);
    let parts: Vec<&str> = path.strip_prefix("api::").unwrap_or(path).split("::").collect();
    let short = [parts.first(), parts.last()].map(|part| part.copied().unwrap_or_default()).join("_");
    let long = parts.join("_");
    let candidates = [short, long.clone(), format!("{long}_2"), format!("{long}_3")];
    let free = candidates.into_iter().find(|name| !names.contains(name)).unwrap_or(long);
    names.insert(free.clone());
    free
}
