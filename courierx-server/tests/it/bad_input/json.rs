//! Bodies that are no JSON, or JSON of another form.

use serde_json::{Value, json};

use super::{Target, assert_names, assert_refused, inputs};

#[tokio::test]
async fn what_is_no_object_in_json_is_refused_by_every_route() {
    let target = Target::new().await;
    let deep = |open: &str| format!("{{\"name\":{}", open.repeat(100_000));
    let bodies: Vec<Vec<u8>> = vec![
        b"".into(),
        b" ".into(),
        b"{".into(),
        b"}".into(),
        b"[]".into(),
        b"[{}]".into(),
        b"\"text\"".into(),
        b"null".into(),
        b"17".into(),
        b"true".into(),
        b"{\"name\": \"a\"".into(),
        b"{\"name\": \"a\"} x".into(),
        b"{} {}".into(),
        b"{\"name\": \"a\",}".into(),
        b"{'name': 'a'}".into(),
        b"{\"name\": \"\\ud800\"}".into(),
        b"{\"name\": \"\\u00\"}".into(),
        b"{\"name\": \"line\nbreak\"}".into(),
        b"{\"name\": \"\xff\xfe\"}".into(),
        b"{\"name\": \"\xc3\"}".into(),
        b"{\"na\xffme\": 1}".into(),
        b"\xef\xbb\xbf{}".into(),
        b"{\"name\": NaN}".into(),
        b"{\"name\": 1e999999}".into(),
        b"{\"name\": 01}".into(),
        b"name=a&email=b".into(),
        b"<xml/>".into(),
        vec![0; 100],
        deep("[").into(),
        deep("{\"name\":").into(),
        format!("{}{}", deep("["), "]".repeat(100_000)).into(),
    ];
    for (method, path, _) in inputs() {
        for body in &bodies {
            let what = format!("{method} {path} {}", String::from_utf8_lossy(body));
            let answer = target.raw((method.clone(), path), body.clone()).await;
            // Nothing in a log-in is missing: nobody has no address and no password.
            let statuses = if path.ends_with("login") { [400, 413, 422, 401] } else { [400, 413, 422, 0] };
            assert_refused(&answer, &statuses, &what);
        }
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn a_field_given_twice_is_refused() {
    let target = Target::new().await;
    for (method, path, valid) in inputs() {
        let (name, value) = valid.as_object().unwrap().iter().next().unwrap();
        let open = valid.to_string();
        let body = format!("{},{}:{value}}}", open.strip_suffix('}').unwrap(), json!(name));
        let answer = target.raw((method.clone(), path), body).await;
        assert_refused(&answer, &[422], path);
        assert!(answer.text.contains(name.as_str()), "{path}: {}", answer.text);
    }
    // Also under both of its names.
    let both =
        r#"{"from":"a@a.example","from_email":"b@b.example","to":"c@c.example","subject":"","text":""}"#;
    let answer = target.raw((reqwest::Method::POST, "/api/v1/emails"), both).await;
    assert_refused(&answer, &[422], both);
    target.is_untouched().await;
}

/// Fields of the emails route that its documents name, with a value of the right type.
fn fields_of_emails() -> Value {
    json!({
        "from_email": "a@a.example", "from_name": "A", "to_email": "b@b.example", "to_name": "B",
        "cc": ["c@c.example"], "bcc": ["d@d.example"], "reply_to": "e@e.example", "subject": "s",
        "html_body": "h", "text_body": "t", "tags": ["t"], "metadata": { "k": "v" }, "variables": { "k": "v" },
        "headers": { "X-A": "v" }, "attachments": [{ "filename": "f", "content": "" }],
        "scheduled_at": "2050-01-01T00:00:00Z", "deliver_by": "2051-01-01T00:00:00Z", "template_id": "t",
        "template": "t", "strict_variables": true,
        "tracking": { "opens": true, "clicks": false },
    })
}

/// Those of a provider connection, whatever its kind.
fn fields_of_connections() -> Value {
    json!({
        "provider": "postmark", "display_name": "n", "mode": "live", "status": "active", "priority": 1,
        "weight": 1, "region": "eu", "domain": "a.example", "configuration_set": "c",
        "ses_configuration_set": "c", "message_stream": "m", "ip_pool": "p",
        "base_url": "https://a.example", "smtp_host": "a.example", "smtp_port": 25, "tls": "none",
        "api_key": "k", "secret": "s", "session_token": "t",
    })
}

#[tokio::test]
async fn a_value_of_another_type_is_refused_by_its_name() {
    let target = Target::new().await;
    let values =
        [json!(17), json!(-1.5), json!(true), json!("text"), json!([]), json!([17]), json!({ "a": [1] })];
    let mut more = inputs();
    for (method, path, valid) in &mut more {
        if *path == "/api/v1/emails" {
            *valid = fields_of_emails();
        } else if path.ends_with("provider_connections") {
            *valid = fields_of_connections();
        } else if *path == "/api/v1/api_keys" {
            valid["mode"] = json!("live");
            valid["expires_at"] = json!("2050-01-01T00:00:00Z");
        } else if *path == "/api/v1/suppressions" {
            valid["note"] = json!("n");
            valid["expires_at"] = json!("2050-01-01T00:00:00Z");
        } else if *path == "/api/v1/auth/register" {
            valid["password_confirmation"] = json!("n");
        }
        for (name, right) in valid.as_object().unwrap() {
            for wrong in &values {
                if std::mem::discriminant(wrong) == std::mem::discriminant(right) {
                    continue;
                }
                // One address or several; and an empty list, which is what is left out.
                let lists = ["to_email", "cc", "bcc", "reply_to", "scopes", "tags", "attachments"];
                if lists.contains(&name.as_str()) && (wrong.is_string() || *wrong == json!([])) {
                    continue;
                }
                // Everything or nothing.
                if name == "tracking" && wrong.is_boolean() {
                    continue;
                }
                let mut body = valid.clone();
                body[name] = wrong.clone();
                let answer = target.raw((method.clone(), path), body.to_string()).await;
                assert_names(&answer, name, &format!("{path} {name} {wrong}"));
            }
        }
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn what_is_needed_is_missed_by_its_name_absent_null_or_empty() {
    let target = Target::new().await;
    let needed = [
        ("/api/v1/auth/register", vec!["name", "email", "password"]),
        ("/api/v1/api_keys", vec!["name"]),
        ("/api/v1/emails", vec!["from_email", "to_email", "subject"]),
        ("/api/v1/suppressions", vec!["email"]),
        ("/api/v1/provider_connections", vec!["provider", "display_name"]),
    ];
    for (path, fields) in needed {
        let (method, _, valid) = inputs().into_iter().find(|input| input.1 == path).unwrap();
        for field in fields {
            for value in [None, Some(Value::Null), Some(json!("")), Some(json!(" "))] {
                // A subject may be empty, though not absent.
                if field == "subject" && value.as_ref().is_some_and(Value::is_string) {
                    continue;
                }
                let mut body = valid.clone();
                match value.clone() {
                    None => drop(body.as_object_mut().unwrap().remove(field)),
                    Some(value) => body[field] = value,
                }
                let answer = target.raw((method.clone(), path), body.to_string()).await;
                assert_names(&answer, field, &format!("{path} {field} {value:?}"));
            }
        }
    }
    let mut body = super::email();
    body.as_object_mut().unwrap().remove("text_body");
    assert_names(&target.owner.post("/api/v1/emails", &body).await, "html_body", "no body");
    target.is_untouched().await;
}

#[tokio::test]
async fn null_everywhere_is_as_if_nothing_was_given() {
    let target = Target::new().await;
    for (method, path, _) in inputs() {
        let (all, more) = (fields_of_emails(), fields_of_connections());
        let all = [all, more].into_iter().flat_map(|one| one.as_object().unwrap().clone());
        let names =
            ["name", "email", "password", "settings", "scopes", "expires_at", "reason", "note", "auth"];
        let names = all.map(|(name, _)| name).chain(names.map(str::to_owned));
        let nulls: serde_json::Map<_, _> = names.map(|name| (name, Value::Null)).collect();
        let answer = target.raw((method.clone(), path), Value::Object(nulls).to_string()).await;
        if path == "/api/v1/auth/me" {
            assert_eq!(answer.status, 200, "nothing is changed: {answer:?}");
        } else {
            assert_refused(&answer, &[401, 422], path);
        }
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn a_name_that_a_client_made_up_is_told_short_and_harmless() {
    let target = Target::new().await;
    for name in ["x".repeat(1_000_000), "a\r\nb\u{2028}c\u{1b}".to_owned(), "\u{1f4a9}".repeat(10_000)] {
        let name = json!(name);
        for value in ["1e999999".to_owned(), format!("{}{}", "[".repeat(200), "]".repeat(200))] {
            let body = format!("{{\"variables\":{{{name}:{value}}}}}");
            let answer = target.raw((reqwest::Method::POST, "/api/v1/emails"), body).await;
            assert_refused(&answer, &[400, 422], &name.to_string());
            assert!(answer.text.len() < 4096, "{}", answer.text.len());
            let told = answer.body["error"].as_str().unwrap();
            assert!(!told.chars().any(|one| one.is_control() || one == '\u{2028}'), "{told:?}");
        }
    }
    target.is_untouched().await;
}
