//! What is asked of SES.

use std::time::Duration;

use courierx_core::message::{Attachment, DisplayName, Email, Mailbox, Tracking};
use courierx_core::provider::{Content, EmailProvider as _, Outcome, Outgoing, SendOptions};
use courierx_providers::Ses;
use serde_json::{Value, json};

use super::{REGION, pair, send, ses};
use crate::support::api::{SECRET, base_url, http};
use crate::support::mail::{self, draft, outgoing};

/// The body that a message becomes, and what was received by it.
async fn body(message: &Outgoing) -> Value {
    let (emulator, ses) = pair().await;
    let ses = ses.configuration_set("transactional");
    let outcome = send(&ses, message).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    serde_json::from_slice(&emulator.requests()[0].body).unwrap()
}

fn is_raw(body: &Value) -> bool {
    body["Content"]["Raw"]["Data"].is_string()
}

#[tokio::test]
async fn a_plain_message_is_told_in_its_parts() {
    let message = outgoing(
        draft()
            .to("Grüße, Ada <ada@example.com>")
            .cc("Bob <bob@example.com>")
            .bcc("eve@bücher.example")
            .reply_to("help@example.com")
            .return_path("bounces@example.com")
            .tag("welcome")
            .metadata("order", "A-17")
            .metadata("note", "not a word")
            .tracking(Tracking { opens: Some(false), clicks: Some(true) }),
    );
    let delivery = message.delivery_id().to_string();
    let expected = json!({
        "FromEmailAddress": "Sender <sender@example.com>",
        "Destination": {
            "ToAddresses": ["=?utf-8?B?R3LDvMOfZSwgQWRh?= <ada@example.com>"],
            "CcAddresses": ["Bob <bob@example.com>"],
            "BccAddresses": ["eve@xn--bcher-kva.example"],
        },
        "ReplyToAddresses": ["help@example.com"],
        "FeedbackForwardingEmailAddress": "bounces@example.com",
        "Content": { "Simple": {
            "Subject": { "Data": "A test", "Charset": "UTF-8" },
            "Body": {
                "Text": { "Data": "Hello.", "Charset": "UTF-8" },
                "Html": { "Data": "<p>Hello.</p>", "Charset": "UTF-8" },
            },
            "Headers": [{ "Name": "X-Courierx-Delivery", "Value": delivery }],
        } },
        "EmailTags": [
            { "Name": "courierx_delivery", "Value": delivery },
            { "Name": "order", "Value": "A-17" },
            { "Name": "welcome", "Value": "true" },
        ],
        "ConfigurationSetName": "transactional",
        "ConfigurationOverrides": {
            "Tracking": { "OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "ENABLED" },
        },
    });
    assert_eq!(body(&message).await, expected);
}

#[tokio::test]
async fn what_ses_cannot_write_is_sent_as_it_is() {
    let file = |name: &str, kind: &str| Attachment::new(name, kind, "content");
    let id = "i".repeat(79);
    let long = DisplayName::new("N".repeat(200)).unwrap();
    let headers = |count: usize| {
        let draft = draft().to("ada@example.com");
        (0..count).fold(draft, |draft, number| draft.header(format!("X-{number}"), "value"))
    };
    let to = || draft().to("ada@example.com");
    for (raw, why, email) in [
        (false, "nothing special", to()),
        (false, "14 headers and ours", headers(14)),
        (true, "15 headers and ours", headers(15)),
        (false, "a header as long as it may be", to().header("X-A", "v".repeat(993))),
        (true, "a longer header", to().header("X-A", "v".repeat(994))),
        (true, "a header beyond ASCII", to().header("X-A", "é")),
        (true, "a header that looks encoded", to().header("X-A", "=?utf-8?q?x?=")),
        (true, "a header with blanks around it", to().header("X-A", " v ")),
        (false, "a file", to().attach(file("a.pdf", "application/pdf"))),
        (true, "a file's name beyond ASCII", to().attach(file("ä.pdf", "application/pdf"))),
        (true, "a parameter", to().attach(file("a.ics", "text/calendar; method=REQUEST"))),
        (true, "a long type", to().attach(file("a.b", &format!("application/{}", "x".repeat(67))))),
        (true, "a long content id", to().attach(Attachment::inline(id, "a.png", "image/png", "c"))),
        (true, "a long name", draft().to(Mailbox::new("ada@example.com".parse().unwrap()).with_name(long))),
        (true, "a file's name with a quote", to().attach(file("a\".pdf", "application/pdf"))),
        (true, "an empty file", to().attach(Attachment::new("a.pdf", "application/pdf", ""))),
        (true, "a header of SES's own", to().header("X-SES-Something", "x")),
        (true, "a subject that looks encoded", to().subject("=?utf-8?q?x?=")),
        (true, "a subject with blanks around it", to().subject(" x")),
        (false, "a subject beyond ASCII", to().subject("Grüße 🎉")),
        (false, "no subject", to().subject("")),
        (false, "blind copies alone", draft().bcc("ada@example.com")),
    ] {
        let message = outgoing(email);
        let body = body(&message).await;
        assert_eq!(is_raw(&body), raw, "{why}");
        if raw {
            // The header says it: the parameter would replace it.
            assert!(body.get("FromEmailAddress").is_none() && body.get("ReplyToAddresses").is_none());
        }
    }
}

#[tokio::test]
async fn a_hand_over_for_some_shows_everybody() {
    let email =
        draft().to("ada@example.com").cc("Bob <bob@example.com>").bcc("eve@example.com").build().unwrap();
    for (only, envelope, raw) in [
        (vec![0, 1, 2], vec!["ada@example.com", "bob@example.com", "eve@example.com"], false),
        (vec![0, 1], vec!["ada@example.com", "bob@example.com"], false),
        (vec![1], vec!["bob@example.com"], true),
        (vec![2], vec!["eve@example.com"], true),
    ] {
        let content = Content::literal(email.clone());
        let message = Outgoing::builder(content).connection("test").only(only).build();
        let (emulator, ses) = pair().await;
        assert!(send(&ses, &message).await.is_accepted());
        let body: Value = serde_json::from_slice(&emulator.requests()[0].body).unwrap();
        assert_eq!(is_raw(&body), raw);
        if raw {
            assert_eq!(body["Destination"], json!({ "BccAddresses": envelope }));
        }
        let received = &emulator.received()[0];
        assert_eq!(received.to[0].address, "ada@example.com");
        assert_eq!(received.cc[0].name.as_deref(), Some("Bob"));
        assert_eq!(received.bcc.len(), usize::from(envelope.contains(&"eve@example.com")));
    }
}

#[tokio::test]
async fn the_same_hand_over_has_the_same_bytes() {
    let (emulator, ses) = pair().await;
    for email in [draft().to("ada@example.com"), draft().to("ada@example.com").header("X-A", "é")] {
        let message = outgoing(email);
        assert!(send(&ses, &message).await.is_accepted());
        assert!(send(&ses, &message).await.is_accepted());
        let requests = emulator.requests();
        assert_eq!(requests[0].body, requests[1].body);
        emulator.clear();
    }
}

#[tokio::test]
async fn a_batch_is_sent_one_by_one() {
    let (emulator, ses) = pair().await;
    let batch = [&["ada@example.com"], &["quota@emulator.test"], &["bob@example.com"]].map(|to| mail::to(to));
    let outcomes = ses.send_batch(&batch, &SendOptions::default()).await;
    assert_eq!(outcomes.iter().map(Outcome::is_accepted).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(emulator.count(), 2);
}

#[tokio::test]
async fn many_tags_are_cut_to_what_is_taken() {
    let mut email = draft().to("ada@example.com");
    for number in 0..50 {
        email = email.tag(format!("tag-{number}")).metadata(format!("key{number:02}"), "value");
    }
    // A tag of the same name would be a second one.
    let email: Result<Email, _> = email.build();
    let message = Outgoing::builder(Content::literal(email.unwrap())).build();
    let body = body(&message).await;
    let names: Vec<_> =
        body["EmailTags"].as_array().unwrap().iter().map(|tag| tag["Name"].as_str()).collect();
    assert_eq!(names.len(), 50);
    assert_eq!(names[0], Some("courierx_delivery"));
    assert_eq!(names[49], Some("key48"));
}

#[test]
fn an_unknown_outcome_is_waited_for_where_events_may_tell() {
    let ses = Ses::new("key", SECRET, REGION).unwrap();
    assert_eq!(ses.capability().unknown_wait, None);
    let ses = ses.configuration_set("transactional");
    assert_eq!(ses.capability().unknown_wait, Some(Duration::from_mins(1)));
}

#[tokio::test]
async fn temporary_keys_bring_their_token() {
    let emulator =
        courierx_providers::emulator::Emulator::ses("ASIAKEY", SECRET, REGION).start().await.unwrap();
    let bare = Ses::new("ASIAKEY", SECRET, REGION).unwrap().base_url(base_url(&emulator)).http(http());
    let message = mail::to(&["ada@example.com"]);
    assert!(!send(&bare, &message).await.is_accepted());
    let whole = bare.clone().session_token("s3ss10n/t0ken==");
    assert!(send(&whole, &message).await.is_accepted());
    assert!(!format!("{whole:?}").contains("s3ss10n"));
    assert!(!send(&bare.session_token("expired"), &message).await.is_accepted());
}

#[tokio::test]
async fn another_region_has_another_signature() {
    let (emulator, _) = pair().await;
    let elsewhere = Ses::new(super::KEY, SECRET, "us-east-1").unwrap();
    let elsewhere = elsewhere.base_url(base_url(&emulator)).http(http());
    assert!(!send(&elsewhere, &mail::to(&["ada@example.com"])).await.is_accepted());
    let here = ses(base_url(&emulator), http());
    assert!(send(&here, &mail::to(&["ada@example.com"])).await.is_accepted());
}
