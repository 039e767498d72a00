//! What requests look like, and what is not asked for at all.

use courierx_core::message::Attachment;
use courierx_core::provider::conformance::Person;
use courierx_core::provider::{EmailProvider as _, RefusalKind};
use courierx_providers::SendGrid;
use courierx_providers::emulator::Emulator;
use serde_json::{Value, json};

use super::{account, send};
use crate::support::{mail, refused};

fn body(emulator: &Emulator) -> Value {
    serde_json::from_slice(&emulator.requests().last().unwrap().body).unwrap()
}

#[tokio::test]
async fn the_connection_s_options_are_in_every_request() {
    let (emulator, adapter) = account().await;
    let plain = send(&adapter, &mail::to(&["ada@example.com"])).await;
    assert!(plain.is_accepted());
    for absent in ["ip_pool_name", "asm", "mail_settings", "tracking_settings", "reply_to", "reply_to_list"] {
        assert_eq!(body(&emulator)[absent], Value::Null);
    }
    let adapter = adapter.ip_pool("transactional").unsubscribe_group(42);
    assert!(send(&adapter, &mail::to(&["ada@example.com"])).await.is_accepted());
    assert_eq!(body(&emulator)["ip_pool_name"], "transactional");
    assert_eq!(body(&emulator)["asm"], json!({ "group_id": 42 }));
    // What the vendor does not take, it says.
    let outcome = send(&adapter.ip_pool("x"), &mail::to(&["ada@example.com"])).await;
    assert_eq!(refused(&outcome), RefusalKind::Content);
}

#[tokio::test]
async fn in_the_sandbox_messages_are_checked_and_none_leaves() {
    let (emulator, adapter) = account().await;
    let adapter = adapter.sandbox();
    assert!(adapter.capability().sandbox);
    assert!(send(&adapter, &mail::to(&["ada@example.com"])).await.is_accepted());
    assert_eq!(body(&emulator)["mail_settings"], json!({ "sandbox_mode": { "enable": true } }));
    assert_eq!(refused(&send(&adapter, &mail::to(&["invalid@emulator.test"])).await), RefusalKind::Recipient);
    assert_eq!(emulator.count(), 0);
}

#[test]
fn the_european_union_has_a_host_of_its_own_and_the_key_is_never_shown() {
    let adapter = SendGrid::new("SG.secret").eu();
    let shown = format!("{adapter:?}{adapter:#?}");
    assert!(shown.contains("https://api.eu.sendgrid.com"), "{shown}");
    assert!(!shown.contains("SG.secret"));
    assert!(!adapter.capability().sandbox);
}

#[tokio::test]
async fn what_is_sendgrid_s_own_is_not_sent_to_it() {
    let (emulator, adapter) = account().await;
    for name in ["X-SG-ID", "x-sg-eid", "X-SmtpApi"] {
        let message = mail::outgoing(mail::draft().to("ada@example.com").header(name, "x"));
        assert_eq!(refused(&send(&adapter, &message).await), RefusalKind::Content, "{name}");
    }
    let empty = Attachment::new("empty.txt", "text/plain", Vec::new());
    let message = mail::outgoing(mail::draft().to("ada@example.com").attach(empty));
    assert_eq!(refused(&send(&adapter, &message).await), RefusalKind::Content);
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn a_hand_over_for_some_shows_those_alone() {
    let (emulator, adapter) = account().await;
    let all = mail::draft().to("a@example.com").to("b@example.com").cc("c@example.com").bcc("d@example.com");
    let content = courierx_core::provider::Content::literal(all.build().unwrap());
    let part = courierx_core::provider::Outgoing::builder(content).only(vec![2, 3]).build();
    assert!(send(&adapter, &part).await.is_accepted());
    let received = &emulator.received()[0];
    assert_eq!(received.to, [Person::new("c@example.com")]);
    assert_eq!(received.bcc, [Person::new("d@example.com")]);
    assert_eq!(received.cc, []);
}

#[tokio::test]
async fn metadata_that_events_would_hide_is_left_out() {
    let (emulator, adapter) = account().await;
    let mut message = mail::draft().to("ada@example.com").metadata("order", "7");
    for key in ["email", "event", "timestamp", "sg_event_id", "smtp-id", "category"] {
        message = message.metadata(key, "x");
    }
    for number in 0..20 {
        message = message.metadata(format!("large{number:02}"), "\"".repeat(900));
    }
    assert!(send(&adapter, &mail::outgoing(message)).await.is_accepted());
    let received = &emulator.received()[0];
    let keys: Vec<_> = received.metadata.keys().map(String::as_str).collect();
    assert_eq!(keys, ["courierx_delivery", "large00", "large01", "large02", "large03", "large04", "order"]);
    assert!(received.delivery.is_some());
}

#[tokio::test]
async fn answers_go_to_each_address_once() {
    let (emulator, adapter) = account().await;
    let message = mail::draft()
        .to("ada@example.com")
        .reply_to("One <a@example.com>")
        .reply_to("A@example.com")
        .reply_to("b@example.com");
    assert!(send(&adapter, &mail::outgoing(message)).await.is_accepted());
    let expected = json!([{ "email": "a@example.com", "name": "One" }, { "email": "b@example.com" }]);
    assert_eq!(body(&emulator)["reply_to_list"], expected);
    let message = mail::draft().to("ada@example.com").reply_to("a@example.com").reply_to("A@example.com");
    assert!(send(&adapter, &mail::outgoing(message)).await.is_accepted());
    assert_eq!(body(&emulator)["reply_to"], json!({ "email": "a@example.com" }));
}

#[tokio::test]
async fn empty_texts_are_blanks_or_not_there() {
    let (emulator, adapter) = account().await;
    let message = mail::draft().to("ada@example.com").subject("").text("");
    assert!(send(&adapter, &mail::outgoing(message)).await.is_accepted());
    assert_eq!(body(&emulator)["subject"], " ");
    assert_eq!(body(&emulator)["content"], json!([{ "type": "text/html", "value": "<p>Hello.</p>" }]));
    let message = mail::draft().to("ada@example.com").text("").html("");
    assert!(send(&adapter, &mail::outgoing(message)).await.is_accepted());
    assert_eq!(body(&emulator)["content"], json!([{ "type": "text/plain", "value": " " }]));
}
