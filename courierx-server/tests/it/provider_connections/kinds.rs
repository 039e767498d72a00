//! What each kind of connection needs, can have, and does not have.

use serde_json::{Map, Value, json};

use super::{PATH, at, create, local};
use crate::support::{Answer, Client};

/// An address at which nobody listens: what is asked there fails at once.
const NOWHERE: &str = "http://127.0.0.1:1/";

/// Every kind, with what it needs, and what it can have.
fn kinds() -> Vec<(&'static str, Value, Value)> {
    let key = || json!({ "api_key": "key" });
    vec![
        (
            "smtp",
            json!({ "smtp_host": "127.0.0.1" }),
            json!({ "smtp_port": 1, "tls": "none", "api_key": "u", "secret": "p" }),
        ),
        ("sendgrid", key(), json!({ "region": "eu", "ip_pool": "bulk", "base_url": NOWHERE })),
        (
            "aws_ses",
            json!({ "api_key": "AKIA1", "secret": "secret", "region": "eu-west-1" }),
            json!({ "session_token": "token", "configuration_set": "events", "base_url": NOWHERE }),
        ),
        (
            "mailgun",
            json!({ "api_key": "key", "domain": "mg.example.com" }),
            json!({ "region": "eu", "ip_pool": "bulk", "base_url": NOWHERE }),
        ),
        ("postmark", key(), json!({ "message_stream": "broadcast", "base_url": NOWHERE })),
        ("resend", key(), json!({ "base_url": NOWHERE })),
        ("sandbox", json!({}), json!({})),
    ]
}

fn merged(parts: &[&Value]) -> Value {
    let all = parts.iter().flat_map(|part| part.as_object().unwrap().clone());
    Value::Object(all.collect::<Map<_, _>>())
}

/// A connection of this kind with all of it, that reaches nobody.
fn whole(kind: &str, needs: &Value, can_have: &Value) -> Value {
    merged(&[&json!({ "provider": kind, "display_name": kind }), needs, can_have])
}

fn fields(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 422, "{answer:?}");
    answer.body["details"].as_object().unwrap().keys().map(String::as_str).collect()
}

async fn refused(owner: &Client, body: &Value, field: &str) {
    let answer = owner.post(PATH, body).await;
    assert_eq!(fields(&answer), [field], "{body} {answer:?}");
}

#[tokio::test]
async fn each_has_what_is_written_and_nothing_that_others_have() {
    let server = local().await;
    let owner = server.owner("acme").await;
    let credentials = ["api_key", "secret", "session_token"];
    let all: Map<_, _> = kinds()
        .into_iter()
        .flat_map(|(_, needs, can_have)| [needs, can_have])
        .flat_map(|part| part.as_object().unwrap().clone())
        .collect();
    for (kind, needs, can_have) in kinds() {
        let whole = whole(kind, &needs, &can_have);
        let has = |field: &str| whole.get(field).is_some() || (kind, field) == ("mailgun", "smtp_host");
        for (field, value) in all.iter().filter(|(field, _)| !has(field)) {
            refused(&owner, &merged(&[&whole, &json!({ field.clone(): value })]), field).await;
        }
        for field in needs.as_object().unwrap().keys() {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(field);
            refused(&owner, &without, field).await;
            without[field] = json!("");
            refused(&owner, &without, field).await;
        }
        let made = create(&owner, &whole).await;
        for (field, value) in whole.as_object().unwrap() {
            let shown = if credentials.contains(&field.as_str()) { &Value::Null } else { value };
            assert_eq!(&made.body[field], shown, "{kind} {field}");
        }
        let present = |field: &str| made.body[field].as_bool().unwrap();
        assert_eq!(present("api_key_present"), has("api_key"), "{kind}");
        assert_eq!(present("secret_present"), has("secret"), "{kind}");
        let again = owner.patch(&at(&made.body), &made.body).await;
        assert_eq!(again.status, 200, "what was shown can be given back: {again:?}");
        assert_eq!(again.body["verification"]["at"], made.body["verification"]["at"], "nothing changed");
    }
}

#[tokio::test]
async fn the_names_of_other_clients_mean_the_same() {
    let server = local().await;
    let owner = server.owner("acme").await;
    let ses = json!({ "provider": "ses", "display_name": "SES", "access_key_id": "AKIA1",
        "secret_access_key": "secret", "region": "EU-West-1", "ses_configuration_set": "events",
        "base_url": NOWHERE });
    let made = create(&owner, &ses).await.body;
    assert_eq!(
        (&made["provider"], &made["region"], &made["configuration_set"], &made["ses_configuration_set"]),
        (&json!("aws_ses"), &json!("eu-west-1"), &json!("events"), &json!("events"))
    );
    assert_eq!(owner.patch(&at(&made), &json!({ "provider": "ses" })).await.status, 200);
    // As the documents of the first version have it.
    let mailgun = json!({ "provider": "mailgun", "mode": "live", "display_name": "Mailgun - Fallback",
        "priority": 2, "api_key": "key-1", "smtp_host": "MG.example.com", "region": "us", "base_url": NOWHERE });
    let made = create(&owner, &mailgun).await.body;
    assert_eq!((&made["domain"], &made["smtp_host"]), (&json!("mg.example.com"), &json!("mg.example.com")));
    let both = merged(&[&mailgun, &json!({ "display_name": "b", "domain": "other.example.com" })]);
    refused(&owner, &both, "smtp_host").await;
    let postmark =
        json!({ "provider": "postmark", "display_name": "P", "server_token": "t", "base_url": NOWHERE });
    assert_eq!(create(&owner, &postmark).await.body["api_key_present"], true);
    let twice = merged(&[&postmark, &json!({ "api_key": "t" })]);
    assert_eq!(owner.post(PATH, &twice).await.status, 422);
}

#[tokio::test]
async fn each_wrong_value_of_a_vendor_is_refused() {
    let server = local().await;
    let owner = server.owner("acme").await;
    let wrong = [
        ("sendgrid", "region", json!("mars")),
        ("mailgun", "region", json!("eu-west-1")),
        ("mailgun", "domain", json!("127.0.0.1")),
        ("mailgun", "domain", json!("https://mg.example.com")),
        ("mailgun", "domain", json!("mg.example.com/../..")),
        ("aws_ses", "region", json!("evil.example/")),
        ("aws_ses", "region", json!("eu-west-1.evil.example")),
        ("aws_ses", "region", json!("eu-west-1:80")),
        ("aws_ses", "region", json!("-")),
        ("aws_ses", "region", json!("x".repeat(41))),
        ("aws_ses", "configuration_set", json!("a\nb")),
        ("sendgrid", "ip_pool", json!("x".repeat(101))),
        ("postmark", "message_stream", json!("a\u{2028}b")),
        ("postmark", "api_key", json!("token\n")),
        ("postmark", "api_key", json!("tökén")),
        ("resend", "api_key", json!("a key")),
        ("resend", "api_key", json!("x".repeat(4097))),
        ("aws_ses", "secret", json!(" secret")),
        ("aws_ses", "session_token", json!("to\r\nken")),
    ];
    for (kind, field, value) in wrong {
        let (_, needs, can_have) = kinds().into_iter().find(|one| one.0 == kind).unwrap();
        let body = merged(&[&whole(kind, &needs, &can_have), &json!({ field: value })]);
        refused(&owner, &body, field).await;
    }
    assert_eq!(owner.get(PATH).await.body, json!([]));
}

#[tokio::test]
async fn an_option_goes_with_null_and_a_need_does_not() {
    let server = local().await;
    let owner = server.owner("acme").await;
    for (kind, needs, can_have) in kinds() {
        let path = at(&create(&owner, &whole(kind, &needs, &can_have)).await.body);
        for field in needs.as_object().unwrap().keys() {
            let answer = owner.patch(&path, &json!({ field.clone(): null })).await;
            // Nobody can mean that a mail server has no host: it stays.
            assert_eq!(answer.status == 422, field != "smtp_host", "{kind} {field}: {answer:?}");
        }
        for field in ["ip_pool", "configuration_set", "message_stream"] {
            let answer = owner.patch(&path, &json!({ field: null })).await;
            assert_eq!((answer.status, &answer.body[field]), (200, &Value::Null), "{kind} {field}");
        }
    }
}

#[tokio::test]
async fn a_lent_key_ends_with_its_secret_and_no_secret_follows_to_another_address() {
    let server = local().await;
    let owner = server.owner("acme").await;
    for (kind, needs, can_have) in kinds() {
        if can_have.get("base_url").is_none() {
            continue;
        }
        let path = at(&create(&owner, &whole(kind, &needs, &can_have)).await.body);
        let secret = if kind == "aws_ses" { "secret" } else { "api_key" };
        let elsewhere = json!({ "base_url": "http://127.0.0.2:1" });
        assert_eq!(fields(&owner.patch(&path, &elsewhere).await), [secret], "{kind}");
        let blank = merged(&[&elsewhere, &json!({ secret: "" })]);
        assert_eq!(fields(&owner.patch(&path, &blank).await), [secret], "{kind}");
        let given = merged(&[&elsewhere, &json!({ secret: "another" })]);
        assert_eq!(owner.patch(&path, &given).await.status, 200, "{kind}");
    }
}

/// What docs/server.md says of connections.
fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/server.md");
    let page = std::fs::read_to_string(path).unwrap();
    page.split("## Connections").nth(1).unwrap().split("\n## ").next().unwrap().to_owned()
}

#[test]
fn the_page_has_every_kind_with_what_it_needs_and_can_have() {
    let page = page();
    for (kind, needs, can_have) in kinds() {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{kind}` |"))).unwrap();
        let cells: Vec<_> = row.split('|').collect();
        for (cell, has) in [(cells[2], &needs), (cells[3], &can_have)] {
            let has = has.as_object().unwrap();
            assert!(has.keys().all(|field| cell.contains(&format!("`{field}`"))), "{row}");
            let named = cell.split('`').skip(1).step_by(2).filter(|name| name.contains('_'));
            assert!(named.clone().all(|name| has.contains_key(name)), "{row}");
        }
    }
}

#[tokio::test]
async fn each_example_of_the_page_is_a_connection() {
    let server = local().await;
    let owner = server.owner("acme").await;
    let page = page();
    let block = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    for line in block.lines() {
        let example: Value = serde_json::from_str(line).unwrap();
        let made = create(&owner, &merged(&[&example, &json!({ "base_url": NOWHERE })])).await;
        assert_eq!(made.body["provider"], example["provider"]);
    }
    assert_eq!(owner.get(PATH).await.body.as_array().unwrap().len(), 5);
}
