//! Who may send from a domain.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{NAME, add, asking, at, publish, start, verify};
use crate::provider_connections::limits::clock;
use crate::provider_connections::{create as connect, relay};
use crate::support::{Answer, Client, DnsServer, SmtpServer, TestServer};

fn email(from: &str) -> Value {
    json!({ "from": from, "to": "ada@example.com", "subject": "Hello", "text": "Hello" })
}

async fn send(client: &Client, from: &str) -> Answer {
    client.post("/api/v1/emails", &email(from)).await
}

fn refused(answer: &Answer) {
    assert_eq!((answer.status, &answer.body["code"]), (422, &json!("unverified_domain")), "{answer:?}");
    assert!(answer.body["error"].as_str().unwrap().contains("POST /api/v1/domains"), "it says what to do");
}

#[tokio::test]
pub(crate) async fn the_sandbox_needs_no_domain_and_a_real_connection_a_verified_one() {
    let (server, dns, owner) = start().await;
    let smtp = SmtpServer::start().await;
    let shop = format!("Shop <shop@{NAME}>");
    assert_eq!(send(&owner, &shop).await.status, 202, "into the sandbox");
    server.delivered(&owner).await;
    connect(&owner, &relay(&smtp)).await;
    refused(&send(&owner, &shop).await);
    let test = server.key(&owner, "test").await;
    assert_eq!(send(&test, &shop).await.status, 202, "tests go to the sandbox");

    let domain = add(&owner, NAME).await;
    refused(&send(&owner, &shop).await);
    publish(&dns, &domain);
    verify(&owner, &domain).await;
    assert_eq!(send(&owner, &shop).await.status, 202);
    server.delivered(&owner).await;
    assert_eq!(send(&owner, "Shop@MAIL.myapp.EXAMPLE").await.status, 202);
    let received = smtp.received(2).await;
    assert_eq!(received[0].from, format!("shop@{NAME}"));
    // Neither what is above it, nor below it, nor looks like it.
    for other in ["myapp.example", "a.mail.myapp.example", "xmail.myapp.example", "mail.myapp.example.org"] {
        refused(&send(&owner, &format!("shop@{other}")).await);
    }
    assert_eq!(owner.delete(&at(&domain)).await.status, 204);
    refused(&send(&owner, &shop).await);
}

#[tokio::test]
pub(crate) async fn what_another_tenant_verified_is_no_help() {
    let (server, dns, ada) = start().await;
    let (eve, smtp) = (server.owner("eve").await, SmtpServer::start().await);
    let (adas, _) = (add(&ada, NAME).await, add(&eve, NAME).await);
    publish(&dns, &adas);
    verify(&ada, &adas).await;
    connect(&eve, &relay(&smtp)).await;
    refused(&send(&eve, &format!("shop@{NAME}")).await);
    assert!(smtp.messages().is_empty());
}

#[tokio::test]
async fn an_operator_may_trust_tenants_with_every_domain() {
    let dns = DnsServer::start();
    let server = TestServer::start_with(|settings| {
        asking(&dns)(settings);
        settings.require_verified_domains = false;
    });
    let server = server.await;
    let (owner, smtp) = (server.owner("acme").await, SmtpServer::start().await);
    connect(&owner, &relay(&smtp)).await;
    assert_eq!(send(&owner, "shop@anything.example").await.status, 202);
    smtp.received(1).await;
}

#[tokio::test]
async fn what_was_accepted_is_sent_though_its_domain_fails() {
    let (clock, dns) = (clock(), DnsServer::start());
    let server =
        TestServer::start_under(Arc::<courierx_core::clock::ManualClock>::clone(&clock), asking(&dns)).await;
    let smtp = SmtpServer::start().await;
    // A key lives on where a token has ended.
    let owner = server.key(&server.owner("acme").await, "live").await;
    connect(&owner, &relay(&smtp)).await;
    let domain = add(&owner, NAME).await;
    publish(&dns, &domain);
    verify(&owner, &domain).await;
    let from = format!("shop@{NAME}");
    let mut later = email(&from);
    later["send_at"] = json!("2028-03-10T12:00:00Z");
    assert_eq!(owner.post("/api/v1/emails", &later).await.status, 202);
    dns.remove(&format!("_courierx.{NAME}"));
    for _ in 0..13 {
        verify(&owner, &domain).await;
        clock.advance(Duration::from_hours(6));
    }
    assert_eq!(verify(&owner, &domain).await["status"], "pending", "it failed, and is looked for anew");
    refused(&send(&owner, &from).await);
    clock.advance(Duration::from_hours(10 * 24));
    let received = smtp.received(1).await;
    assert_eq!(received[0].from, from);
}
