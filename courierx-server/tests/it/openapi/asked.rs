//! The document as others read it: a validator, and schemathesis, which asks the real program whatever the document
//! allows, and much that it does not.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::{Binary, Client};

/// What the operator's programs show.
const INTERNAL_SECRET: &str = "s3cret-of-the-operators-programs";

/// Examples of each operation, beside those at the edges of what is allowed.
const EXAMPLES: &str = "5";
/// Seconds for all questions of one who asks; the fuzzing stops then.
const BUDGET: &str = "75";

/// A Python with schemathesis; none where `cargo xtask test` could not install it and said so.
fn python() -> Option<Command> {
    let python = std::env::var_os("COURIERX_TEST_SCHEMATHESIS")
        .expect("COURIERX_TEST_SCHEMATHESIS, which `cargo xtask test` provides");
    (python != "none").then(|| Command::new(python))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_document_is_openapi() {
    let Some(mut python) = python() else { return };
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let checked = python.args(["-m", "openapi_spec_validator"]).arg(document).output().unwrap();
    assert!(checked.status.success(), "{}", said(&checked));
}

/// What opens the API of the operator.
const ADMIN_KEY: &str = "a key of the operator and of nobody else";

fn start(folder: &Path) -> Binary {
    let variables = [
        ("INTERNAL_SECRET", INTERNAL_SECRET),
        ("SUPER_ADMIN_API_KEY", ADMIN_KEY),
        ("LOG_LEVEL", "error"),
        // Otherwise the machine's pace decides which questions are answered.
        ("COURIERX_RATE_LIMIT_PER_MINUTE", "0"),
    ];
    Binary::start(folder, &variables)
}

async fn owner(binary: &Binary) -> Client {
    let new = json!({ "name": "acme", "email": "owner@acme.example", "password": "correct horse battery" });
    let answer = binary.client().post("/api/v1/auth/register", &new).await;
    binary.client().with(answer.body["token"].as_str().unwrap())
}

/// One of everything, and where it is: identifiers that nobody has are not found, which tells little. A path with a
/// second variable part is left out: what is wrong on purpose in both would be right in one.
async fn belongings(owner: &Client) -> String {
    let connection = json!({ "provider": "sandbox", "display_name": "mine" });
    let rule = json!({ "name": "mine", "strategy": "priority" });
    let template = json!({ "name": "mine", "text_body": "{{name}}", "status": "active" });
    let email = json!({
        "from": "a@a.example", "to": "b@b.example", "subject": "s", "text": "t", "scheduled_at": "in 2 days",
    });
    let mut config = String::new();
    for (resource, new) in [
        ("provider_connections", connection),
        ("routing_rules", rule),
        ("email_templates", template),
        ("emails", email),
        ("domains", json!({ "domain": "a.example" })),
        ("suppressions", json!({ "email": "x@example.com" })),
        ("api_keys", json!({ "name": "another" })),
        ("webhook_endpoints", json!({ "url": "https://hooks.a.example/mail" })),
        ("invitations", json!({ "email": "new@a.example" })),
    ] {
        let made = owner.post(&format!("/api/v1/{resource}"), &new).await;
        let id = made.body["id"].as_str().unwrap_or_else(|| panic!("{made:?}"));
        writeln!(
            config,
            "[[operations]]\ninclude-path-regex = '^/api/v1/{resource}/[{{]id[}}](?!/versions/)'\nparameters = {{ 'path.id' = '{id}' }}\n"
        )
        .unwrap();
    }
    config
}

/// Where what the document allows may be refused all the same (422), and what decides there. Everywhere else it is accepted.
const REFUSALS: &[(&str, &str)] = &[
    (
        "GET /api/v1/(audit_log|domains|email_templates(/.*/versions)?|emails|routing_rules|sandbox/messages|suppressions)",
        "a page is beyond the first ten thousand items by its number and its size together",
    ),
    ("GET /api/v1/(webhook_endpoints/.*/deliveries|admin/tenants)", "the same"),
    ("GET /api/v1/usage_stats", "the days are within a year"),
    ("(PATCH|DELETE) /api/v1/auth/me", "the name or the password confirms it; the operator sets a bound"),
    ("POST /api/v1/auth/(register|password.*)", "a password is repeated; the server may send no mail"),
    (
        "POST /api/v1/(invitations|routing_rules|api_keys)",
        "a name is taken; a connection is named; a time is past",
    ),
    ("(PATCH|DELETE) /api/v1/team_members/.*", "the last owner stays"),
    ("(POST|PATCH) /api/v1/domains.*", "selectors are named by connections that are there"),
    ("(POST|PATCH) /api/v1/provider_connections.*", "what it takes depends on the provider"),
    ("PATCH /api/v1/routing_rules/.*", "a name is taken; a connection is named"),
    ("POST /api/v1/email_templates/.*/(preview|publish)", "a version is there or is not"),
    ("POST /api/v1/email_templates.*", "a name is taken; a template can be compiled or cannot"),
    ("PATCH /api/v1/email_templates/.*", "a name is taken; a template can be compiled or cannot"),
    ("POST /api/v1/emails.*", "a message has a text or a template, and a time to come"),
    ("PATCH /api/v1/emails/.*", "the time is to come"),
    ("POST /api/v1/routing/explain", "an address is one"),
    ("POST /api/v1/suppressions.*", "the time is to come; a table has columns"),
    ("(POST|PATCH) /api/v1/webhook_endpoints.*", "a URL leads somewhere; positions or a span of time"),
    ("(POST|PATCH) /api/v1/admin/.*", "a plan is there; a name is taken"),
    ("POST (/v1|/internal)/.*", "what it takes depends on the provider"),
];

/// What the check of acceptance is told of them.
fn refusals() -> String {
    let mut config = String::new();
    for (operations, _why) in REFUSALS {
        writeln!(
            config,
            "[[operations]]\ninclude-name-regex = '^{operations}$'\nchecks.positive_data_acceptance.expected-statuses \
             = ['2xx', '3xx', 401, 403, 404, 409, 422, 429, '5xx']\n"
        )
        .unwrap();
    }
    config
}

/// What is asked: the cases at the edges of what the document allows, the same each time, with all checks.
const EDGES: &[&str] = &["--phases", "examples,coverage"];
/// And whatever else comes to mind. What of that is refused for its meaning, such as a text that is no name of a domain, no
/// document says.
const FUZZING: &[&str] =
    &["--phases", "examples,coverage,fuzzing", "--exclude-checks", "positive_data_acceptance"];

/// Asks in the name of whoever this client is.
fn ask(binary: &Binary, folder: &Path, client: &Client, config: &str, questions: &[&str]) {
    let Some(mut python) = python() else { return };
    let file = folder.join("schemathesis.toml");
    std::fs::write(&file, refusals() + config).unwrap();
    let asked = python
        .current_dir(folder)
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(file)
        .args(["run", &format!("{}/api/v1/openapi.json", binary.base_url()), "--no-color"])
        .args(["-H", &format!("Authorization: Bearer {}", client.token())])
        .args(["-H", &format!("X-Internal-Secret: {INTERNAL_SECRET}")])
        .args(["--checks", "all"])
        .args(questions)
        .args(["--max-examples", EXAMPLES, "--max-time", BUDGET, "--seed", "1"])
        .args(["--continue-on-failure", "--generation-database", "none"])
        // It ends the token.
        .args(["--exclude-path", "/api/v1/auth/logout"])
        // It does not end.
        .args(["--exclude-path", "/api/v1/events/stream"])
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", said(&asked));
    let log = binary.stderr();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn whatever_an_owner_asks_is_answered_as_the_document_says() {
    let folder = tempdir().unwrap();
    let binary = start(folder.path());
    let owner = owner(&binary).await;
    let config = belongings(&owner).await;
    ask(&binary, folder.path(), &owner, &config, FUZZING);
}

#[tokio::test]
async fn whatever_a_key_asks_is_answered_as_the_document_says() {
    let folder = tempdir().unwrap();
    let binary = start(folder.path());
    let owner = owner(&binary).await;
    let config = belongings(&owner).await;
    let key: Value = owner.post("/api/v1/api_keys", &json!({ "name": "its own" })).await.body;
    let key = binary.client().with(key["raw_key"].as_str().unwrap());
    ask(&binary, folder.path(), &key, &config, EDGES);
}

#[tokio::test]
async fn whatever_the_operator_asks_is_answered_as_the_document_says() {
    let folder = tempdir().unwrap();
    let binary = start(folder.path());
    let made = owner(&binary).await.get("/api/v1/auth/me").await;
    let id = made.body["tenant"]["id"].as_str().unwrap();
    let config = format!(
        "[[operations]]\ninclude-path-regex = '^/api/v1/admin/tenants/[{{]id[}}]'\nparameters = {{ 'path.id' = '{id}' }}\n"
    );
    ask(&binary, folder.path(), &binary.client().with(ADMIN_KEY), &config, EDGES);
}
