//! Records as they are kept.

use courierx_core::router::Rate;
use courierx_core::vault::VaultKey;
use serde_json::{Value, json};

use courierx_core::vault::Vault;

use super::*;
use crate::secret::Secret;

/// A record of a mail server as it was written when there were no vendors yet.
fn early(provider: &str, smtp: &Value, credentials: &Value) -> Value {
    json!({
        "provider": provider, "display_name": "Relay", "status": "active", "priority": 1, "weight": 100,
        "region": "eu", "smtp": smtp, "credentials": credentials, "created_at": "2026-01-02T03:04:05Z",
        "verification": { "verified": true, "message": "logged in", "at": "2026-01-02T03:04:06Z" },
        "verified_at": "2026-01-02T03:04:06Z", "awaits_verification": false,
    })
}

#[test]
fn a_record_from_before_there_were_vendors_is_read() {
    let (vault, tenant, id) = (Vault::new(VaultKey::generate()), TenantId::new(), RecordId::new());
    let clear = br#"{"api_key":"user","secret":"password"}"#;
    let sealed = vault.seal(&ProviderConnection::seal_context(tenant, &id), clear);
    let smtp = json!({ "host": "mail.example.com", "port": 2525, "tls": "starttls" });
    let record = early("smtp", &smtp, &json!(sealed));
    let connection: ProviderConnection = serde_json::from_str(&record.to_string()).unwrap();
    let target = SmtpTarget { host: "mail.example.com".to_owned(), port: Some(2525), tls: SmtpTls::StartTls };
    assert_eq!(connection.account, Account::Smtp { smtp: target });
    assert!(!connection.verification.as_ref().unwrap().sandbox);
    assert_eq!(connection.limits, Limits::default());
    let sealed = connection.credentials.as_ref().unwrap();
    let credentials = Credentials::open(&vault, tenant, &id, sealed).unwrap();
    let secret = |text: &str| Some(Secret::new(text));
    let expected = Credentials { api_key: secret("user"), secret: secret("password"), session_token: None };
    assert_eq!(credentials, expected);
    // What is written from now on has the same form, and so the same unique key.
    let written = serde_json::to_value(&connection).unwrap();
    assert_eq!((&written["provider"], &written["smtp"]["port"]), (&json!("smtp"), &json!(2525)));
    assert_eq!(connection.unique_keys(), [KeyValue::new("display_name", "smtp/Relay")]);

    let record = early("sandbox", &Value::Null, &Value::Null).to_string();
    let connection: ProviderConnection = serde_json::from_str(&record).unwrap();
    assert_eq!(connection.account, Account::Sandbox {});
}

#[test]
fn a_record_of_every_kind_comes_back_as_it_was_written() {
    let smtp = json!({ "host": "mail.example.com", "port": null, "tls": "none" });
    let base = early("smtp", &smtp, &Value::Null);
    let mut connection: ProviderConnection = serde_json::from_str(&base.to_string()).unwrap();
    for kind in ProviderKind::ALL {
        connection.account = Account::blank(*kind);
        let text = serde_json::to_string(&connection).unwrap();
        let read: ProviderConnection = serde_json::from_str(&text).unwrap();
        assert!(read.is_same_way_as(&connection), "{text}");
        assert_eq!((read.kind(), &read.verification), (*kind, &connection.verification));
    }
}

#[test]
fn limits_come_back_as_they_were_written_and_are_no_part_of_the_way() {
    let base = early("sandbox", &Value::Null, &Value::Null);
    let before: ProviderConnection = serde_json::from_str(&base.to_string()).unwrap();
    let mut after = before.clone();
    after.limits = Limits {
        daily_cap: Some(1),
        monthly_cap: Some(2),
        rolling_24h_cap: Some(3),
        max_in_flight: Some(4),
        rate_limit: Some(Rate::new(0.5, 6).unwrap()),
        drain: true,
    };
    let read: ProviderConnection = serde_json::from_str(&serde_json::to_string(&after).unwrap()).unwrap();
    assert_eq!(read.limits, after.limits);
    assert!(after.is_same_way_as(&before));
    assert_eq!(after.fingerprint(), before.fingerprint());
}

#[test]
fn another_way_is_told_from_the_same_by_every_part_of_it() {
    let base = early("sandbox", &Value::Null, &Value::Null);
    let read = |account: Value| {
        let mut record = base.clone();
        record.as_object_mut().unwrap().extend(account.as_object().unwrap().clone());
        serde_json::from_str::<ProviderConnection>(&record.to_string()).unwrap()
    };
    let url = "https://mail.example.com/";
    let all = [
        json!({ "provider": "sendgrid", "region": "eu" }),
        json!({ "provider": "sendgrid", "region": "us" }),
        json!({ "provider": "sendgrid", "region": "us", "ip_pool": "a" }),
        json!({ "provider": "sendgrid", "region": "us", "base_url": url }),
        json!({ "provider": "aws_ses", "region": "eu-west-1" }),
        json!({ "provider": "aws_ses", "region": "eu-west-2" }),
        json!({ "provider": "aws_ses", "region": "eu-west-1", "configuration_set": "a" }),
        json!({ "provider": "aws_ses", "region": "eu-west-1", "base_url": url }),
        json!({ "provider": "mailgun", "region": "us", "domain": "a.example" }),
        json!({ "provider": "mailgun", "region": "us", "domain": "b.example" }),
        json!({ "provider": "mailgun", "region": "eu", "domain": "a.example" }),
        json!({ "provider": "mailgun", "region": "us", "domain": "a.example", "ip_pool": "a" }),
        json!({ "provider": "mailgun", "region": "us", "domain": "a.example", "base_url": url }),
        json!({ "provider": "postmark" }),
        json!({ "provider": "postmark", "message_stream": "a" }),
        json!({ "provider": "postmark", "base_url": url }),
        json!({ "provider": "resend" }),
        json!({ "provider": "resend", "base_url": url }),
        json!({ "provider": "sandbox" }),
    ];
    for (left, one) in all.iter().enumerate() {
        for (right, other) in all.iter().enumerate() {
            let same = read(one.clone()).is_same_way_as(&read(other.clone()));
            assert_eq!(same, left == right, "{one} {other}");
            let fingerprint = |account: &Value| read(account.clone()).fingerprint();
            assert_eq!(fingerprint(one) == fingerprint(other), same, "{one} {other}");
        }
    }
}
