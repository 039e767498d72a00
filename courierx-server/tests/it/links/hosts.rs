//! Hosts of tenants' own.

use reqwest::Method;
use serde_json::{Value, json};

use super::{BROWSER, public_at};
use crate::support::{Client, DnsServer, TestServer};

const HOST: &str = "links.myapp.example";

async fn start(url: &str) -> (TestServer, DnsServer, Client) {
    let dns = DnsServer::start();
    let asked = dns.address();
    let server = TestServer::start_with(|settings| {
        public_at(url, settings);
        settings.dns_server = Some(asked);
    })
    .await;
    let owner = server.owner("acme").await;
    (server, dns, owner)
}

async fn domain(owner: &Client, dns: &DnsServer, name: &str, host: &str) -> Value {
    let made = owner.post("/api/v1/domains", &json!({ "domain": name, "tracking_host": host })).await;
    assert_eq!(made.status, 201, "{made:?}");
    dns.txt(&format!("_courierx.{name}"), made.body["verification_token"].as_str().unwrap());
    made.body
}

async fn verify(owner: &Client, domain: &Value) -> Value {
    let path = format!("/api/v1/domains/{}/verify", domain["id"].as_str().unwrap());
    let verified = owner.post(&path, &json!({})).await;
    assert_eq!(verified.status, 200, "{verified:?}");
    verified.body
}

fn record(domain: &Value) -> Value {
    let all = domain["dns_records"].as_array().unwrap();
    all.iter().find(|one| one["purpose"] == "tracking").unwrap().clone()
}

/// Where the link of a message from this domain leads to at first.
async fn link_host(server: &TestServer, owner: &Client, from: &str) -> String {
    let email = json!({ "from": from, "to": "ada@example.com", "subject": "s", "lane": "bulk",
        "html": "<a href=\"https://a.example/\">x</a>", "tracking": { "clicks": true, "by": "courierx" } });
    let sent = owner.post("/api/v1/emails", &email).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    server.delivered(owner).await;
    let arrived = owner.get(&format!("/api/v1/sandbox/messages/{}", sent.body["id"].as_str().unwrap())).await;
    let html = arrived.body["html_body"].as_str().unwrap().to_owned();
    html.split('"').nth(1).unwrap().split("/t/").next().unwrap().to_owned()
}

/// The status of an answer, which is not what the document says of the path: the path is not there under this host.
async fn at_host(server: &TestServer, host: &str, method: Method, path: &str) -> u16 {
    let request = server.client().request(method, path).header("host", host).header("user-agent", BROWSER);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn links_have_the_domains_own_host_once_it_leads_here() {
    let (server, dns, owner) = start("http://mail.example.com:8080/in").await;
    let made = domain(&owner, &dns, "myapp.example", HOST).await;
    assert_eq!((&made["tracking_host"], &made["tracking_host_verified_at"]), (&json!(HOST), &Value::Null));
    let wanted = record(&made);
    assert_eq!(
        (&wanted["name"], &wanted["value"], &wanted["type"]),
        (&json!(HOST), &json!("mail.example.com"), &json!("CNAME"))
    );
    let before = verify(&owner, &made).await;
    assert_eq!(before["status"], "verified");
    assert_eq!(record(&before)["status"], "wrong", "{before:#}");
    assert_eq!(link_host(&server, &owner, "a@myapp.example").await, "http://mail.example.com:8080/in");
    dns.cname(HOST, "mail.example.com");
    let after = verify(&owner, &made).await;
    assert_eq!(record(&after)["status"], "found", "{after:#}");
    assert!(after["tracking_host_verified_at"].is_string());
    assert_eq!(link_host(&server, &owner, "a@myapp.example").await, format!("http://{HOST}:8080/in"));
    assert_eq!(link_host(&server, &owner, "a@other.example").await, "http://mail.example.com:8080/in");

    // Under that name there are links and nothing else.
    for (host, status) in [
        (HOST, 404),
        ("LINKS.myapp.example:8080", 404),
        ("mail.example.com", 200),
        ("127.0.0.1", 200),
        ("x.example", 200),
    ] {
        assert_eq!(at_host(&server, host, Method::GET, "/health/live").await, status, "{host}");
        assert_eq!(at_host(&server, host, Method::GET, "/t/o/x").await, 200, "{host}");
    }
    assert_eq!(at_host(&server, HOST, Method::POST, "/api/v1/auth/login").await, 404);
    let changed = owner
        .patch(
            &format!("/api/v1/domains/{}", made["id"].as_str().unwrap()),
            &json!({ "tracking_host": null }),
        )
        .await;
    assert_eq!(changed.body["tracking_host"], Value::Null, "{changed:?}");
    assert_eq!(link_host(&server, &owner, "a@myapp.example").await, "http://mail.example.com:8080/in");
}

#[tokio::test]
async fn a_host_has_links_alone_from_when_it_is_verified_until_it_is_given_up() {
    let (server, dns, owner) = start("http://mail.example.com").await;
    dns.cname(HOST, "mail.example.com");
    let made = domain(&owner, &dns, "myapp.example", HOST).await;
    let hosts = [HOST, "links.myapp.example.", "LINKS.myapp.example.:8080"];
    // Whoever asks before has it remembered.
    for host in hosts {
        assert_eq!(at_host(&server, host, Method::GET, "/health/live").await, 200, "{host}");
    }
    assert!(verify(&owner, &made).await["tracking_host_verified_at"].is_string());
    for host in hosts {
        assert_eq!(at_host(&server, host, Method::GET, "/health/live").await, 404, "{host}");
        assert_eq!(at_host(&server, host, Method::GET, "/t/o/x").await, 200, "{host}");
    }
    assert_eq!(at_host(&server, "mail.example.com.", Method::GET, "/health/live").await, 200);
    let path = format!("/api/v1/domains/{}", made["id"].as_str().unwrap());
    let changed = owner.patch(&path, &json!({ "tracking_host": null })).await;
    assert_eq!(changed.body["tracking_host"], Value::Null, "{changed:?}");
    for host in hosts {
        assert_eq!(at_host(&server, host, Method::GET, "/health/live").await, 200, "{host}");
    }
}

#[tokio::test]
async fn a_host_without_a_certificate_is_not_used() {
    let (server, dns, owner) = start("https://mail.example.com").await;
    let made = domain(&owner, &dns, "myapp.example", HOST).await;
    dns.cname(HOST, "mail.example.com");
    let looked = verify(&owner, &made).await;
    assert_eq!(looked["tracking_host_verified_at"], Value::Null);
    assert!(record(&looked)["error"].as_str().unwrap().contains("certificate"), "{looked:#}");
    assert_eq!(link_host(&server, &owner, "a@myapp.example").await, "https://mail.example.com");
}

#[tokio::test]
async fn a_host_is_of_its_domain_and_of_one_tenant() {
    let (server, dns, owner) = start("http://mail.example.com").await;
    for wrong in [
        "links.other.example",
        "myapp.example",
        "evilmyapp.example",
        "https://links.myapp.example",
        "10.0.0.1",
    ] {
        let refused = owner
            .post("/api/v1/domains", &json!({ "domain": "myapp.example", "tracking_host": wrong }))
            .await;
        assert_eq!(refused.status, 422, "{wrong}: {refused:?}");
        assert!(refused.body["details"]["tracking_host"].is_array(), "{refused:?}");
    }
    let own = json!({ "domain": "example.com", "tracking_host": "mail.example.com" });
    assert_eq!(owner.post("/api/v1/domains", &own).await.status, 422, "this server's own");
    dns.cname(HOST, "mail.example.com");
    let first = domain(&owner, &dns, "myapp.example", HOST).await;
    assert!(verify(&owner, &first).await["tracking_host_verified_at"].is_string());
    let bob = server.owner("bob").await;
    let second = domain(&bob, &dns, "myapp.example", HOST).await;
    let looked = verify(&bob, &second).await;
    assert_eq!(
        (&looked["status"], &looked["tracking_host_verified_at"]),
        (&json!("verified"), &Value::Null),
        "{looked:#}"
    );
    assert!(record(&looked)["error"].as_str().unwrap().contains("another domain"));
    // Without an address of this server there is nothing to lead to.
    let alone = TestServer::start().await;
    let owner = alone.owner("acme").await;
    let refused =
        owner.post("/api/v1/domains", &json!({ "domain": "myapp.example", "tracking_host": HOST })).await;
    assert!(refused.text.contains("COURIERX_PUBLIC_URL"), "{refused:?}");
}
