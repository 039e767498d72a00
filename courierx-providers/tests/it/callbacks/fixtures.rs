//! Payloads that were recorded or documented: each is read, and each that is changed by one bit is refused. They are no
//! part of the project: a folder has them, or the test has nothing to do.

use std::path::{Path, PathBuf};

use courierx_core::event::EventKind;
use serde_json::json;

use super::*;

#[expect(clippy::print_stdout, reason = "what was not looked at is told")]
fn folder(vendor: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
    let all = std::env::var_os("COURIERX_FIXTURES").map_or_else(beside, PathBuf::from);
    let folder = all.join(vendor);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("no recorded payloads of {vendor} at {}", folder.display());
    None
}

/// The payloads of callbacks in a folder: not what APIs answer, nor what arrives as mail.
fn payloads(vendor: &str) -> Vec<(String, Value)> {
    let Some(folder) = folder(vendor) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let answers = [".http.json", ".fields.json", "_200.json", "_201.json", "vectors.json", ".pem"];
        if answers.iter().any(|end| name.ends_with(end)) || name.strip_suffix(".json").is_none() {
            continue;
        }
        all.push((name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()));
    }
    all
}

/// Each payload as its vendor would sign it is read; changed by a bit it is not.
#[expect(clippy::print_stdout, reason = "how much was looked at is told")]
async fn all_are_read(name: &str, expected: &[(&str, EventKind)]) {
    let (vendor, payloads) = (vendor(name), payloads(name));
    if payloads.is_empty() {
        return;
    }
    let mut events = 0;
    for (file, payload) in &payloads {
        let reports = match payload {
            Value::Array(all) => all.clone(),
            // The emulated Mailgun puts its own signature around it.
            one => vec![one.get("event-data").unwrap_or(one).clone()],
        };
        let callbacks = vendor.keys.sign(reports, NOW);
        let mut kinds = Vec::new();
        for callback in &callbacks {
            let read =
                vendor.source.read(callback, NOW).await.unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(!read.is_empty(), "{file}");
            kinds.extend(read.iter().map(|event| event.kind));
            // Mailgun and Postmark do not sign the body.
            if !["mailgun", "postmark"].contains(&name) {
                let step = if callback.body.len() < 1500 { 1 } else { 37 };
                for at in (0..callback.body.len()).step_by(step) {
                    let altered = vendor.source.read(&flipped(callback, at), NOW).await;
                    let unsigned = name == "ses" && altered == vendor.source.read(callback, NOW).await;
                    assert!(altered.is_err() || unsigned, "{file} with another byte {at}: {altered:?}");
                }
            }
        }
        events += kinds.len();
        if let Some((_, kind)) = expected.iter().find(|(of, _)| of == file) {
            assert!(kinds.iter().all(|have| have == kind), "{file}: {kinds:?}");
        } else {
            let known = [
                "account_status",
                "inbound",
                "stored",
                "contact",
                "domain",
                "email.received",
                "suppression_",
                "batch_",
            ];
            let exempt = known.iter().any(|start| file.starts_with(start));
            assert!(exempt || !kinds.contains(&EventKind::Other), "{file} means something: {kinds:?}");
        }
    }
    println!("{name}: {} payloads, {events} events", payloads.len());
    for (file, _) in expected {
        assert!(payloads.iter().any(|(name, _)| name == file), "there is no {file}");
    }
}

#[tokio::test]
async fn of_sendgrid_are_read() {
    let expected = [("bounce_550.json", EventKind::BouncedHard), ("dropped.json", EventKind::Suppressed)];
    all_are_read("sendgrid", &expected).await;
}

#[tokio::test]
async fn of_ses_are_read() {
    let expected = [("event_bounce.json", EventKind::BouncedHard), ("event_send.json", EventKind::Sent)];
    all_are_read("ses", &expected).await;
}

#[tokio::test]
async fn of_mailgun_are_read() {
    let expected = [
        ("failed_permanent_bounce_550.json", EventKind::BouncedHard),
        ("failed_temporary_greylisted.json", EventKind::Deferred),
    ];
    all_are_read("mailgun", &expected).await;
    // As they were recorded, with the signatures of then.
    let source = mailgun::Callbacks::new("TEST_WEBHOOK_SIGNING_KEY").unwrap();
    for (file, payload) in
        payloads("mailgun").iter().filter(|(_, payload)| payload.get("signature").is_some())
    {
        let at = Timestamp::from_secs(text(&payload["signature"], "timestamp").parse().unwrap());
        let callback = Callback::new(payload.to_string());
        assert!(source.read(&callback, at).await.is_ok(), "{file}");
        for field in ["timestamp", "token", "signature"] {
            let signed = text(&payload["signature"], field).to_owned();
            for place in 0..signed.len() {
                let mut bytes = signed.clone().into_bytes();
                bytes[place] = if bytes[place] == b'1' { b'2' } else { b'1' };
                if bytes == signed.as_bytes() {
                    continue;
                }
                let mut altered = payload.clone();
                altered["signature"][field] = String::from_utf8(bytes).unwrap().into();
                refused(source.read(&Callback::new(altered.to_string()), at).await, file);
            }
        }
    }
}

#[tokio::test]
async fn of_postmark_are_read() {
    let expected = [("bounce_hard.json", EventKind::BouncedHard), ("delivery.json", EventKind::Delivered)];
    all_are_read("postmark", &expected).await;
}

#[tokio::test]
async fn of_resend_are_read() {
    let expected = [
        ("email.bounced.json", EventKind::Suppressed),
        ("email.bounced_legacy_suppressed.json", EventKind::Suppressed),
        ("email.delivered.json", EventKind::Delivered),
    ];
    all_are_read("resend", &expected).await;
}

/// The signatures that vendors and others published.
#[tokio::test]
async fn published_signatures_hold_where_they_should() {
    let vectors = |vendor: &str, file: &str| -> Vec<Value> {
        let path = folder(vendor).map(|folder| folder.join(file));
        path.map_or_else(Vec::new, |path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    };
    let at = |seconds: &str| Timestamp::from_secs(seconds.parse().unwrap());
    for vector in vectors("sendgrid", "signature_vectors.json") {
        let time = text(&vector, "timestamp");
        let callback = Callback::new(text(&vector, "payload"))
            .header("x-twilio-email-event-webhook-signature", text(&vector, "signature"))
            .header("x-twilio-email-event-webhook-timestamp", time);
        let source = sendgrid::Callbacks::new(text(&vector, "public_key")).unwrap();
        assert_eq!(source.read(&callback, at(time)).await.is_ok(), vector["valid"] == true, "{vector}");
    }
    for vector in vectors("resend", "signature_vectors.json") {
        let time = text(&vector, "svix-timestamp");
        let names = ["svix-id", "svix-timestamp", "svix-signature"];
        let start = Callback::new(text(&vector, "payload"));
        let callback = names.iter().fold(start, |callback, name| callback.header(name, text(&vector, name)));
        let source = resend::Callbacks::new(text(&vector, "secret")).unwrap();
        assert_eq!(source.verify(&callback, at(time)).await.is_ok(), vector["valid"] == true, "{vector}");
    }
    for vector in vectors("mailgun", "signature_vectors.json") {
        let source = mailgun::Callbacks::new(text(&vector, "signing_key")).unwrap();
        let body = json!({ "signature": vector, "event-data": { "event": "delivered" } });
        let read = source.read(&Callback::new(body.to_string()), at(text(&vector, "timestamp"))).await;
        assert_eq!(read.is_ok(), vector["valid"] == true, "{vector}");
    }
    for vector in vectors("ses", "sns_signature_vectors.json") {
        let pem = std::fs::read_to_string(folder("ses").unwrap().join(text(&vector, "cert"))).unwrap();
        let source = ses::Callbacks::new([text(&vector["message"], "TopicArn")]).unwrap();
        let source = source.certificates(Arc::new(Pem(pem)));
        let sent: Timestamp = text(&vector["message"], "Timestamp").parse().unwrap();
        let verified = source.verify(&Callback::new(vector["message"].to_string()), sent).await;
        assert_eq!(verified.is_ok(), vector["valid"] == true, "{vector}: {verified:?}");
    }
}
