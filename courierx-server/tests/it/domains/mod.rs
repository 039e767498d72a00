//! Sending domains: added, verified by what DNS has, looked at again; and who may send from them.

mod hostile;
pub(crate) mod life;
mod records;
pub(crate) mod sending;

use courierx_server::config::{PrivateTargets, Settings};
use serde_json::{Value, json};

use crate::support::{Answer, Client, DnsServer, TestServer};

const PATH: &str = "/api/v1/domains";
const NAME: &str = "mail.myapp.example";

/// Settings of a server that asks this DNS server, and reaches this machine.
fn asking(dns: &DnsServer) -> impl FnOnce(&mut Settings) + use<> {
    let server = dns.address();
    move |settings| {
        settings.dns_server = Some(server);
        settings.require_verified_domains = true;
        settings.private_targets = PrivateTargets::All;
    }
}

async fn start() -> (TestServer, DnsServer, Client) {
    let dns = DnsServer::start();
    let server = TestServer::start_with(asking(&dns)).await;
    let owner = server.owner("acme").await;
    (server, dns, owner)
}

fn at(domain: &Value) -> String {
    format!("{PATH}/{}", domain["id"].as_str().unwrap())
}

async fn add(owner: &Client, name: &str) -> Value {
    let answer = owner.post(PATH, &json!({ "domain": name })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

async fn verify(owner: &Client, domain: &Value) -> Value {
    let answer = owner.post(&format!("{}/verify", at(domain)), &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn token(domain: &Value) -> &str {
    domain["verification_token"].as_str().unwrap()
}

/// Publishes the domain's token.
fn publish(dns: &DnsServer, domain: &Value) {
    dns.txt(&format!("_courierx.{}", domain["domain"].as_str().unwrap()), token(domain));
}

/// The record of this name and type.
fn record<'a>(domain: &'a Value, kind: &str, name: &str) -> &'a Value {
    let all = domain["dns_records"].as_array().unwrap();
    let found = all.iter().find(|one| one["type"] == kind && one["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}: {domain:#}"))
}

fn refused(answer: &Answer, field: &str) {
    assert_eq!((answer.status, &answer.body["code"]), (422, &json!("validation_error")), "{answer:?}");
    assert!(answer.body["details"][field].is_array(), "{answer:?}");
}

#[tokio::test]
pub(crate) async fn a_domain_is_added_verified_listed_changed_and_removed() {
    let (_server, dns, owner) = start().await;
    let added = add(&owner, " Mail.MyApp.example. ").await;
    assert_eq!((&added["domain"], &added["status"]), (&json!(NAME), &json!("pending")));
    assert!(token(&added).starts_with("dns_") && token(&added).len() == 68);
    let proof = record(&added, "TXT", "_courierx.mail.myapp.example");
    assert_eq!((&proof["value"], &proof["verified"]), (&added["verification_token"], &json!(false)));
    assert_eq!(added["dns_records"][0], *proof, "the first of all");

    let looked = verify(&owner, &added).await;
    assert_eq!((&looked["status"], &looked["verified_at"]), (&json!("pending"), &Value::Null));
    assert!(looked["error"].as_str().unwrap().contains(token(&added)), "{looked}");
    publish(&dns, &added);
    let looked = verify(&owner, &added).await;
    assert_eq!((&looked["status"], &looked["error"]), (&json!("verified"), &Value::Null), "{looked}");
    assert!(looked["verified_at"].is_string() && looked["dns_records"][0]["verified"] == true);
    assert_eq!(looked["verification_token"], added["verification_token"], "it never changes");

    let second = add(&owner, "a.example").await;
    let listed = owner.get(&format!("{PATH}?per_page=1&page=2")).await;
    assert_eq!(listed.headers["x-total-count"], "2");
    assert_eq!(listed.body, json!([owner.get(&at(&looked)).await.body]));
    let changed = owner.patch(&at(&second), &json!({ "dkim_selector": "K1._domainkey" })).await;
    assert_eq!((changed.status, &changed.body["dkim_selector"]), (200, &json!("k1")));
    refused(&owner.patch(&at(&second), &json!({ "dkim_selector": "a b" })).await, "dkim_selector");
    let unknown = json!({ "dkim_selectors": { "0192d3a4-0000-7000-8000-000000000000": ["a"] } });
    refused(&owner.patch(&at(&second), &unknown).await, "dkim_selectors[0]");
    let changed = owner.patch(&at(&second), &json!({ "dkim_selector": null })).await;
    assert_eq!(changed.body["dkim_selector"], Value::Null);

    assert_eq!(owner.delete(&at(&second)).await.status, 204);
    assert_eq!(owner.get(&at(&second)).await.status, 404);
    assert_ne!(token(&add(&owner, "a.example").await), token(&second), "a new one has a new token");
}

#[tokio::test]
async fn only_what_can_be_owned_is_taken_and_once() {
    let (_server, _dns, owner) = start().await;
    for wrong in ["", "localhost", "co.uk", "127.0.0.1", "_dmarc.a.example", "https://a.example"] {
        refused(&owner.post(PATH, &json!({ "domain": wrong })).await, "domain");
    }
    refused(&owner.post(PATH, &json!({})).await, "domain");
    refused(&owner.post(PATH, &json!({ "domain": 5 })).await, "domain");
    add(&owner, "bücher.example").await;
    let again = owner.post(PATH, &json!({ "domain": "XN--BCHER-KVA.example" })).await;
    refused(&again, "domain");
}

#[tokio::test]
async fn the_first_versions_record_counts_and_a_similar_one_does_not() {
    let (_server, dns, owner) = start().await;
    let domain = add(&owner, NAME).await;
    let (own, original) = (format!("_courierx.{NAME}"), format!("_courierx-verification.{NAME}"));
    for (host, value) in [
        (&own, format!("{}0", token(&domain))),
        (&own, "dns_".to_owned()),
        (&original, format!("courierx={}", token(&domain))),
        (&"_courierx.myapp.example".to_owned(), token(&domain).to_owned()),
        (&NAME.to_owned(), token(&domain).to_owned()),
    ] {
        dns.txt(host, &value);
        assert_eq!(verify(&owner, &domain).await["status"], "pending", "{host} {value}");
    }
    // Beside others, and in pieces.
    let (head, tail) = token(&domain).split_at(30);
    dns.txt_of(&original, &["courierx-verify=", head, tail]);
    assert_eq!(verify(&owner, &domain).await["status"], "verified");
    let recheck = owner.post(&format!("{}/recheck", at(&domain)), &json!({})).await;
    assert_eq!((recheck.status, &recheck.body["status"]), (200, &json!("verified")));
}

#[tokio::test]
pub(crate) async fn a_domain_is_theirs_whose_token_it_publishes() {
    let (server, dns, ada) = start().await;
    let eve = server.owner("eve").await;
    let (adas, eves) = (add(&ada, NAME).await, add(&eve, NAME).await);
    assert_ne!(token(&adas), token(&eves));
    publish(&dns, &adas);
    assert_eq!(verify(&ada, &adas).await["status"], "verified");
    assert_eq!(verify(&eve, &eves).await["status"], "pending");
    // Both may be right.
    publish(&dns, &eves);
    assert_eq!(verify(&eve, &eves).await["status"], "verified");
    assert_eq!(verify(&ada, &adas).await["status"], "verified");
    for request in [eve.get(&at(&adas)).await, eve.post(&format!("{}/verify", at(&adas)), &json!({})).await] {
        assert_eq!(request.status, 404);
    }
    assert_eq!(eve.delete(&at(&adas)).await.status, 404);
}

#[tokio::test]
async fn answers_are_remembered_as_long_as_they_may_be() {
    let (_server, dns, owner) = start().await;
    let domain = add(&owner, NAME).await;
    let host = format!("_courierx.{NAME}");
    publish(&dns, &domain);
    dns.ttl(300);
    for _ in 0..3 {
        assert_eq!(verify(&owner, &domain).await["status"], "verified");
    }
    assert_eq!(dns.asked(&host), 1);
    // Without a time to live it is asked anew.
    dns.ttl(0);
    let other = add(&owner, "b.example").await;
    publish(&dns, &other);
    for _ in 0..3 {
        verify(&owner, &other).await;
    }
    assert!(dns.asked("_courierx.b.example") >= 3);
}
