//! The document of the API: what it says is what the server does.

#[cfg(unix)]
mod asked;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use courierx_server::http::openapi::document;
use courierx_server::http::{Access, routes};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::{TestServer, run};

/// How the committed document is made anew.
const MEND: &str = "cargo run -p courierx-server -- openapi > docs/openapi.json";

/// Every value of the document that is an object, with its place.
fn objects<'a>(value: &'a Value, at: String, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                objects(member, format!("{at}/{name}"), found);
            }
            found.push((at, value));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_committed_document_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let committed: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(committed == document(), "docs/openapi.json is not that of the routes any more: {MEND}");
    let printed = run(tempdir().unwrap().path(), &["openapi"], &[]);
    assert!(serde_json::from_str::<Value>(&printed.stdout).unwrap() == committed, "{}", printed.stderr);
}

#[test]
fn every_route_is_described() {
    let document = document();
    let mut names = BTreeSet::new();
    for route in routes() {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{route:?}");
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{route:?}");
        let responses = operation["responses"].as_object().unwrap();
        // Nobody is billed, which is all that there is to answer.
        let is_nothing = route.path == "/api/v1/dashboard/billing";
        assert!(is_nothing || responses.keys().any(|status| status.starts_with(['2', '3'])), "{route:?}");
        assert!(responses.contains_key("500"), "{route:?}");
        let secured = responses.contains_key("401") && operation["security"] != json!([]);
        // A public one may answer 401 too, to a log-in.
        assert!(secured || route.access == Access::Public, "{route:?}");
        let empty = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&empty).iter();
        let described: BTreeSet<_> =
            parameters.filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap()).collect();
        let parts = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(described, parts.collect(), "{route:?}");
    }
}

#[test]
fn what_it_refers_to_is_there() {
    let document = document();
    let mut found = Vec::new();
    objects(&document, String::new(), &mut found);
    let mut referred = BTreeSet::new();
    for (at, object) in found {
        let Some(to) = object.get("$ref").and_then(Value::as_str) else { continue };
        assert!(document.pointer(&to[1..]).is_some(), "{at} refers to {to}");
        referred.insert(to.to_owned());
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        let to = format!("#/components/schemas/{name}");
        assert!(referred.contains(&to), "nothing refers to {name}");
    }
}

#[tokio::test]
async fn the_server_shows_it_to_everybody() {
    let server = TestServer::start().await;
    let client = server.client();
    let shown = client.get("/api/v1/openapi.json").await;
    assert_eq!((shown.status, &shown.body), (200, &document()));
    assert_eq!(shown.headers["content-type"], "application/json");
}

#[tokio::test]
async fn the_page_needs_nobody_else() {
    let server = TestServer::start().await;
    let client = server.client();
    for (path, kind) in [("docs", "html"), ("docs/page.js", "javascript"), ("docs/page.css", "css")] {
        let file = client.get(&format!("/api/v1/{path}")).await;
        assert_eq!(file.status, 200);
        assert!(file.headers["content-type"].to_str().unwrap().starts_with(&format!("text/{kind};")));
        let policy = file.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!file.text.contains("://"), "{path} names another server");
        // Nothing of the document becomes markup.
        assert!(!file.text.contains("innerHTML") && !file.text.contains("insertAdjacentHTML"), "{path}");
    }
    // What the page asks for is there.
    let page = client.get("/api/v1/docs").await.text;
    for file in ["docs/page.js", "docs/page.css", "openapi.json"] {
        assert!(page.contains(&format!("\"{file}\"")), "{page}");
    }
}
