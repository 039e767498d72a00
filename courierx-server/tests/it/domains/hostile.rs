//! Answers that are meant to harm, and none at all.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{NAME, add, publish, record, start, verify};

const HOST: &str = "_courierx.mail.myapp.example";

#[tokio::test]
async fn huge_texts_are_read_in_part_and_kept_in_part() {
    let (_server, dns, owner) = start().await;
    let domain = add(&owner, NAME).await;
    for _ in 0..9 {
        dns.txt(HOST, &"x".repeat(6000));
    }
    // Over TCP, behind all of that.
    publish(&dns, &domain);
    dns.txt(NAME, &format!("v=spf1 {} -all", "ip4:192.0.2.1 ".repeat(4000)));
    dns.txt(&format!("_dmarc.{NAME}"), &format!("v=DMARC1; p=none; x={}", "y".repeat(5000)));
    let looked = verify(&owner, &domain).await;
    assert_eq!(looked["status"], "verified");
    assert!(looked["spf_record"].as_str().unwrap().len() <= 2048);
    assert!(looked["dmarc"]["record"].as_str().unwrap().len() <= 500);
}

#[tokio::test]
async fn bytes_that_are_no_text_and_other_types_are_no_proof() {
    let (_server, dns, owner) = start().await;
    let domain = add(&owner, NAME).await;
    dns.address_of(HOST);
    dns.mx(HOST, "mail.example");
    dns.txt(HOST, "\u{0}\u{1b}[31m\r\nSet-Cookie: x");
    let looked = verify(&owner, &domain).await;
    assert_eq!(looked["status"], "pending");
    assert!(!looked["error"].as_str().unwrap().contains('\u{1b}'), "what others wrote is not repeated");
}

#[tokio::test]
async fn names_that_lead_in_circles_end() {
    let (_server, dns, owner) = start().await;
    let domain = add(&owner, NAME).await;
    dns.cname(HOST, "a.loop.example");
    dns.cname("a.loop.example", "b.loop.example");
    dns.cname("b.loop.example", "a.loop.example");
    dns.txt(NAME, "v=spf1 include:a.spf.example -all");
    dns.txt("a.spf.example", "v=spf1 include:b.spf.example -all");
    dns.txt("b.spf.example", "v=spf1 include:A.spf.example. -all");
    let looked = verify(&owner, &domain).await;
    assert_eq!(looked["status"], "pending", "{looked}");
    assert_eq!(looked["spf_advisor"]["level"], "danger", "{looked}");
    assert!(looked["spf_advisor"]["message"].as_str().unwrap().contains("includes itself"));
    assert!(dns.asked("a.loop.example") < 20);
    // A name that leads to the proof, though, is one.
    dns.remove(HOST);
    dns.cname(HOST, "elsewhere.example");
    dns.txt("elsewhere.example", domain["verification_token"].as_str().unwrap());
    assert_eq!(verify(&owner, &domain).await["status"], "verified");
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_its_time_and_no_more() {
    let (_server, dns, owner) = start().await;
    let domain = add(&owner, NAME).await;
    publish(&dns, &domain);
    assert_eq!(verify(&owner, &domain).await["status"], "verified");
    for name in [HOST, NAME, "_courierx-verification.mail.myapp.example", "_dmarc.mail.myapp.example"] {
        dns.silence(name);
    }
    let begin = Instant::now();
    let looked = verify(&owner, &domain).await;
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
    assert_eq!((&looked["status"], &looked["missing_since"]), (&json!("verified"), &Value::Null));
    assert!(looked["error"].as_str().unwrap().contains("in time"), "{looked}");
    assert_eq!(looked["dmarc"]["state"], "unknown");
}

#[tokio::test]
async fn one_tenants_silent_servers_cost_no_other_tenant_its_look() {
    let (server, dns, ada) = start().await;
    let eve = server.owner("eve").await;
    let mut looks = Vec::new();
    for index in 0..8 {
        let name = format!("silent{index}.example");
        for host in ["_courierx.", "_courierx-verification.", "_dmarc.", ""] {
            dns.silence(&format!("{host}{name}"));
        }
        let (eve, domain) = (eve.clone(), add(&eve, &name).await);
        looks.push(tokio::spawn(async move { verify(&eve, &domain).await }));
    }
    let is_asked =
        || (0..8).filter(|index| dns.asked(&format!("_courierx.silent{index}.example")) > 0).count();
    while is_asked() < 2 {
        tokio::task::yield_now().await;
    }
    let domain = add(&ada, NAME).await;
    publish(&dns, &domain);
    let begin = Instant::now();
    assert_eq!(verify(&ada, &domain).await["status"], "verified");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(is_asked(), 2, "so many of hers are looked at at once");
    for look in looks {
        look.abort();
    }
}

#[tokio::test]
async fn endless_includes_are_counted_and_not_followed() {
    let (_server, dns, owner) = start().await;
    let domain = add(&owner, NAME).await;
    publish(&dns, &domain);
    // Each leads to ten others.
    let fan = |below: &str| {
        let terms: Vec<_> = (0..10).map(|index| format!("include:{index}.{below}")).collect();
        format!("v=spf1 {} -all", terms.join(" "))
    };
    dns.txt(NAME, &fan("x.example"));
    for one in 0..10 {
        dns.txt(&format!("{one}.x.example"), &fan(&format!("{one}.x.example")));
        for two in 0..10 {
            dns.txt(&format!("{two}.{one}.x.example"), &fan(&format!("{two}.{one}.x.example")));
        }
    }
    let looked = verify(&owner, &domain).await;
    let advisor = &looked["spf_advisor"];
    assert_eq!(advisor["level"], "danger");
    assert!(advisor["lookup_count"].as_u64().unwrap() <= 25, "{advisor}");
    assert!(record(&looked, "TXT", NAME)["error"].is_string());
}
