//! How long a domain stays as it is: looked at by the server itself, under a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock, Timestamp};
use serde_json::{Value, json};

use super::{NAME, add, asking, at, publish, verify};
use crate::provider_connections::limits::clock;
use crate::support::{Client, DnsServer, PATIENCE, TestServer};

const HOST: &str = "_courierx.mail.myapp.example";
const HOUR: Duration = Duration::from_hours(1);

async fn under(clock: &Arc<ManualClock>) -> (TestServer, DnsServer, Client) {
    let dns = DnsServer::start();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(clock), asking(&dns)).await;
    // A key lives on where a token has ended.
    let key = server.key(&server.owner("acme").await, "live").await;
    (server, dns, key)
}

fn moment(domain: &Value, field: &str) -> Timestamp {
    domain[field].as_str().unwrap_or_else(|| panic!("no {field}: {domain}")).parse().unwrap()
}

/// Moves the clock until the server has looked at the domain by itself, not before it meant to.
async fn next_look(clock: &ManualClock, owner: &Client, domain: &Value) -> Value {
    let before = owner.get(&at(domain)).await.body;
    let due = moment(&before, "next_check_at");
    clock.advance_to(due.max(clock.now()));
    let looked = async {
        loop {
            let now = owner.get(&at(domain)).await.body;
            if now["last_checked_at"] != before["last_checked_at"] {
                return now;
            }
            clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
    };
    let now = tokio::time::timeout(PATIENCE, looked).await.expect("it was not looked at");
    assert!(moment(&now, "last_checked_at") >= due);
    now
}

#[tokio::test]
pub(crate) async fn a_new_domain_is_looked_at_rarer_and_rarer_until_it_is_there() {
    let clock = clock();
    let (_server, dns, owner) = under(&clock).await;
    let domain = add(&owner, NAME).await;
    let created = moment(&domain, "created_at");
    let mut waits = Vec::new();
    let mut now = domain.clone();
    while clock.now().since(created) < 48 * HOUR {
        now = next_look(&clock, &owner, &domain).await;
        assert_eq!(now["status"], "pending", "{now}");
        waits.push(moment(&now, "next_check_at").since(moment(&now, "last_checked_at")));
    }
    assert!(waits[0] < Duration::from_mins(6), "{waits:?}");
    assert!(waits.last().unwrap() > &(9 * HOUR) && waits.iter().all(|wait| *wait < 27 * HOUR), "{waits:?}");
    publish(&dns, &domain);
    now = next_look(&clock, &owner, &now).await;
    assert_eq!((&now["status"], &now["error"]), (&json!("verified"), &Value::Null));
    let wait = moment(&now, "next_check_at").since(moment(&now, "last_checked_at"));
    assert!(wait > 21 * HOUR && wait < 27 * HOUR, "daily: {wait:?}");
}

#[tokio::test]
async fn what_never_comes_is_given_up_and_looked_for_again_on_demand() {
    let clock = clock();
    let (_server, dns, owner) = under(&clock).await;
    let domain = add(&owner, NAME).await;
    let mut now = domain.clone();
    while now["status"] == "pending" {
        now = next_look(&clock, &owner, &domain).await;
    }
    assert_eq!((&now["status"], &now["next_check_at"]), (&json!("failed"), &Value::Null));
    let week = clock.now().since(moment(&domain, "created_at"));
    assert!(week >= 7 * 24 * HOUR && week < 9 * 24 * HOUR, "{week:?}");
    let asked = dns.asked(HOST);
    for _ in 0..50 {
        clock.advance(HOUR);
        tokio::task::yield_now().await;
    }
    assert_eq!(dns.asked(HOST), asked, "nobody looks any more");
    let now = verify(&owner, &domain).await;
    assert_eq!(now["status"], "pending");
    assert!(now["next_check_at"].is_string());
    publish(&dns, &domain);
    assert_eq!(next_look(&clock, &owner, &domain).await["status"], "verified");
}

#[tokio::test]
async fn a_verified_domain_fails_only_when_its_proof_was_missing_for_72_hours() {
    let clock = clock();
    let (_server, dns, owner) = under(&clock).await;
    let domain = add(&owner, NAME).await;
    publish(&dns, &domain);
    let verified = verify(&owner, &domain).await;
    assert_eq!(verified["status"], "verified");

    // Gone, and back before it is too late.
    dns.remove(HOST);
    let mut now = verify(&owner, &domain).await;
    assert_eq!((&now["status"], &now["verified_at"]), (&json!("verified"), &verified["verified_at"]));
    assert!(now["missing_since"].is_string() && now["dns_records"][0]["verified"] == false, "{now}");
    let since = moment(&now, "missing_since");
    while clock.now().since(since) < 60 * HOUR {
        now = next_look(&clock, &owner, &domain).await;
        assert_eq!((&now["status"], moment(&now, "missing_since")), (&json!("verified"), since));
    }
    publish(&dns, &domain);
    now = next_look(&clock, &owner, &domain).await;
    assert_eq!((&now["status"], &now["missing_since"]), (&json!("verified"), &Value::Null));

    // An error of DNS is no answer, however long it lasts.
    dns.set_broken(HOST, true);
    let begin = clock.now();
    while clock.now().since(begin) < 100 * HOUR {
        now = next_look(&clock, &owner, &domain).await;
        assert_eq!((&now["status"], &now["missing_since"]), (&json!("verified"), &Value::Null));
        clock.advance(5 * HOUR);
    }
    assert!(now["error"].as_str().unwrap().contains("DNS did not answer"), "{now}");
    dns.set_broken(HOST, false);

    // Gone for good.
    dns.remove(HOST);
    let begin = clock.now();
    now = next_look(&clock, &owner, &domain).await;
    while now["status"] == "verified" {
        now = next_look(&clock, &owner, &domain).await;
    }
    let took = clock.now().since(begin);
    assert!(took >= 72 * HOUR && took < 80 * HOUR, "{took:?}");
    assert_eq!((&now["status"], &now["verified_at"]), (&json!("failed"), &Value::Null));
}

#[tokio::test]
async fn one_tenants_silent_servers_hold_up_nobody_elses_look() {
    let clock = clock();
    let (server, dns, ada) = under(&clock).await;
    let eve = server.key(&server.owner("eve").await, "live").await;
    for index in 0..30 {
        let name = format!("silent{index}.example");
        for host in ["_courierx.", "_courierx-verification.", "_dmarc.", ""] {
            dns.silence(&format!("{host}{name}"));
        }
        add(&eve, &name).await;
    }
    // All of hers are due longer.
    clock.advance(Duration::from_secs(1));
    let domain = add(&ada, NAME).await;
    publish(&dns, &domain);
    assert_eq!(next_look(&clock, &ada, &domain).await["status"], "verified");
}

#[tokio::test]
async fn nobody_else_looks_while_one_process_does() {
    let clock = clock();
    let (server, dns, owner) = under(&clock).await;
    let mut domains = Vec::new();
    for index in 0..30 {
        domains.push(add(&owner, &format!("d{index}.example")).await);
    }
    publish(&dns, &domains[7]);
    // The turn is somebody else's.
    let key = courierx_core::store::StateKey::new(courierx_core::id::TenantId::DEFAULT, "upkeep/domains");
    let absent = courierx_core::store::Expected::Absent;
    let store = &server.app().store;
    store.swap_state(&key, absent, Vec::new(), 2 * HOUR).await.unwrap();
    for _ in 0..60 {
        clock.advance(Duration::from_mins(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(dns.asked("_courierx.d7.example"), 0);
    // It is gone.
    clock.advance(2 * HOUR);
    let all = async {
        loop {
            let listed = owner.get("/api/v1/domains?per_page=100").await.body;
            let listed = listed.as_array().unwrap().clone();
            if listed.iter().all(|one| one["last_checked_at"].is_string()) {
                return listed;
            }
            clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
    };
    let listed = tokio::time::timeout(PATIENCE, all).await.expect("not all were looked at");
    let verified: Vec<_> = listed.iter().filter(|one| one["status"] == "verified").collect();
    assert_eq!(verified.len(), 1);
    assert_eq!(verified[0]["domain"], "d7.example");
}
