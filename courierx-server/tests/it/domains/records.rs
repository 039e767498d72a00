//! The records that each connection needs, merged, and how they stand.

use courierx_core::id::RecordId;
use serde_json::{Value, json};

use super::{NAME, add, at, publish, record, start, verify};
use crate::provider_connections::vendors::Vendor;
use crate::provider_connections::{create as connect, relay};
use crate::support::{Client, DnsServer, SmtpServer};

const KEY: &str = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ==";

fn provider<'a>(domain: &'a Value, kind: &str) -> &'a Value {
    let all = domain["providers"].as_array().unwrap();
    all.iter().find(|one| one["provider"] == kind).unwrap_or_else(|| panic!("no {kind}: {domain:#}"))
}

/// A verified domain at all vendors; the emulators run as long as they are held.
async fn everywhere(owner: &Client, dns: &DnsServer) -> (Value, Vec<Vendor>) {
    let vendors = Vendor::all().await;
    for vendor in &vendors {
        connect(owner, &vendor.body).await;
    }
    let domain = add(owner, NAME).await;
    publish(dns, &domain);
    (domain, vendors)
}

#[tokio::test]
async fn each_vendor_tells_what_it_needs_and_nothing_is_made_up() {
    let (_server, dns, owner) = start().await;
    let (domain, _vendors) = everywhere(&owner, &dns).await;
    for name in ["s1", "s2"] {
        let key = record(&domain, "CNAME", &format!("{name}._domainkey.{NAME}"));
        assert_eq!((&key["value"], &key["verified"]), (&Value::Null, &json!(false)));
        assert!(key["note"].as_str().unwrap().contains("SendGrid makes the value for each account"));
    }
    let resend = record(&domain, "TXT", &format!("resend._domainkey.{NAME}"));
    assert_eq!(resend["provider_connection_ids"][0], provider(&domain, "resend")["provider_connection_id"]);
    let send = record(&domain, "TXT", &format!("send.{NAME}"));
    assert_eq!(send["value"], "v=spf1 include:amazonses.com ~all");
    record(&domain, "MX", &format!("send.{NAME}"));
    let postmark = record(&domain, "CNAME", &format!("pm-bounces.{NAME}"));
    assert_eq!((&postmark["value"], &postmark["required"]), (&json!("pm.mtasv.net"), &json!(false)));
    assert_eq!(record(&domain, "TXT", "mg.myapp.example")["value"], "v=spf1 include:mailgun.org ~all");
    let tracking = record(&domain, "CNAME", "email.mg.myapp.example");
    assert_eq!((&tracking["value"], &tracking["purpose"]), (&json!("eu.mailgun.org"), &json!("tracking")));
    let unnamed = domain["dns_records"].as_array().unwrap().iter().filter(|one| one["name"].is_null());
    let notes: Vec<_> = unnamed.map(|one| one["note"].as_str().unwrap()).collect();
    assert!(notes.iter().any(|note| note.contains("SES makes three tokens")), "{notes:?}");
    for kind in ["sendgrid", "aws_ses", "mailgun", "postmark", "resend"] {
        assert_eq!(provider(&domain, kind)["status"], "unknown", "not looked at yet");
    }
}

#[tokio::test]
async fn a_provider_is_verified_once_everything_was_found() {
    let (_server, dns, owner) = start().await;
    let (domain, _vendors) = everywhere(&owner, &dns).await;
    let looked = verify(&owner, &domain).await;
    assert_eq!(looked["status"], "verified", "whose it is and who may send are two questions");
    for kind in ["sendgrid", "resend", "mailgun"] {
        let provider = provider(&looked, kind);
        assert_eq!(provider["status"], "pending", "{provider}");
        assert!(provider["error"].is_string());
    }
    let ses = provider(&looked, "aws_ses");
    assert_eq!(ses["status"], "unknown", "its tokens are not known");
    assert!(ses["error"].as_str().unwrap().contains("dkim_selectors"), "{ses}");

    // SendGrid's keys stand behind other names.
    for name in ["s1", "s2"] {
        dns.cname(&format!("{name}._domainkey.{NAME}"), &format!("{name}.domainkey.u1.wl1.sendgrid.example"));
        dns.txt(&format!("{name}.domainkey.u1.wl1.sendgrid.example"), KEY);
    }
    dns.txt(&format!("resend._domainkey.{NAME}"), "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ");
    dns.mx(&format!("send.{NAME}"), "feedback-smtp.eu-west-1.amazonses.com");
    dns.txt(&format!("send.{NAME}"), "v=spf1 include:amazonses.com ~all");
    dns.txt("mg.myapp.example", "v=spf1 include:other.example -all");
    let selectors = |kind: &str, names: Value| json!({ "dkim_selectors": { provider(&looked, kind)["provider_connection_id"].as_str().unwrap(): names } });
    for (kind, names) in [("aws_ses", json!(["t1", "t2", "t3"])), ("mailgun", json!(["mx"]))] {
        let changed = owner.patch(&at(&domain), &selectors(kind, names)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    for token in ["t1", "t2"] {
        dns.txt(&format!("{token}._domainkey.{NAME}"), KEY);
    }
    dns.txt(&format!("t3._domainkey.{NAME}"), "v=DKIM1; p=");
    dns.txt("mx._domainkey.mg.myapp.example", KEY);
    let looked = verify(&owner, &domain).await;
    for kind in ["sendgrid", "resend"] {
        let provider = provider(&looked, kind);
        assert_eq!(
            (&provider["status"], &provider["error"]),
            (&json!("verified"), &Value::Null),
            "{provider}"
        );
        assert!(provider["verified_at"].is_string());
    }
    let ses = provider(&looked, "aws_ses");
    assert_eq!(ses["error"], format!("CNAME t3._domainkey.{NAME}: the key was revoked"), "{ses}");
    let mailgun = provider(&looked, "mailgun");
    assert!(mailgun["error"].as_str().unwrap().contains("does not have include:mailgun.org"), "{mailgun}");
}

#[tokio::test]
async fn spf_is_merged_into_one_record_and_its_lookups_are_counted() {
    let (_server, dns, owner) = start().await;
    let smtp = SmtpServer::start().await;
    connect(&owner, &relay(&smtp)).await;
    let mut mailgun = Vendor::all().await.into_iter().find(|one| one.body["provider"] == "mailgun").unwrap();
    mailgun.body["domain"] = json!("mg.myapp.example");
    connect(&owner, &mailgun.body).await;
    let domain = add(&owner, "mg.myapp.example").await;
    let name = "mg.myapp.example";
    let looked = verify(&owner, &domain).await;
    let spf = record(&looked, "TXT", name);
    assert_eq!(spf["value"], "v=spf1 ip4:127.0.0.1 include:mailgun.org ~all");
    assert_eq!((&spf["status"], &looked["spf_advisor"]["level"]), (&json!("missing"), &json!("warning")));

    dns.txt(name, "v=spf1 mx a:a.example include:one.example exists:%{i}.e.example -all");
    dns.txt("one.example", "v=spf1 include:two.example ip4:192.0.2.1 ?all");
    dns.txt("two.example", "v=spf1 redirect=three.example");
    dns.txt("three.example", "v=spf1 a -all");
    dns.txt("mailgun.org", "v=spf1 include:four.example ~all");
    dns.txt("four.example", "v=spf1 ip4:192.0.2.2 ~all");
    dns.address_of("a.example");
    let looked = verify(&owner, &domain).await;
    let advisor = &looked["spf_advisor"];
    // mx, a, include, its include, its redirect, its a, exists.
    assert_eq!((&advisor["lookup_count"], &advisor["lookup_limit"]), (&json!(7), &json!(10)), "{advisor}");
    assert_eq!(advisor["void_lookup_count"], 2, "the domain's mx, and an a: {advisor}");
    let shares: Vec<_> =
        advisor["lookups"].as_array().unwrap().iter().map(|one| one["lookups"].clone()).collect();
    assert_eq!(shares, [1, 1, 4, 1]);
    assert_eq!(advisor["includes"], json!(["one.example", "two.example", "three.example"]));
    let proposed = "v=spf1 mx a:a.example include:one.example exists:%{i}.e.example ip4:127.0.0.1 include:mailgun.org -all";
    assert_eq!(advisor["proposed_record"], proposed);
    assert_eq!(
        (&advisor["level"], &record(&looked, "TXT", name)["status"]),
        (&json!("warning"), &json!("wrong"))
    );
    assert!(advisor["message"].as_str().unwrap().starts_with("9 of 10"), "{advisor}");

    dns.remove(name);
    dns.txt(name, proposed);
    let looked = verify(&owner, &domain).await;
    assert_eq!(record(&looked, "TXT", name)["verified"], true, "{looked:#}");
    dns.txt(name, "v=spf1 -all");
    let looked = verify(&owner, &domain).await;
    assert_eq!(looked["spf_advisor"]["level"], "danger");
    assert!(looked["spf_advisor"]["message"].as_str().unwrap().contains("2 SPF records"));
    assert_eq!(record(&looked, "TXT", name)["value"], proposed, "both in one");
}

#[tokio::test]
async fn what_two_vendors_need_at_one_name_is_one_record() {
    let (_server, dns, owner) = start().await;
    let vendors = Vendor::all().await;
    let resend = vendors.iter().find(|one| one.body["provider"] == "resend").unwrap();
    connect(&owner, &resend.body).await;
    // Its sending domain is where Resend's bounces go.
    let other = json!({ "provider": "mailgun", "mode": "live", "display_name": "Mailgun", "api_key": "key-x",
        "domain": format!("send.{NAME}"), "base_url": "http://127.0.0.1:9" });
    connect(&owner, &other).await;
    let domain = add(&owner, NAME).await;
    let send = format!("send.{NAME}");
    let wanted = record(&domain, "TXT", &send);
    assert_eq!(wanted["value"], "v=spf1 include:amazonses.com include:mailgun.org ~all");
    assert_eq!(wanted["provider_connection_ids"].as_array().unwrap().len(), 2);
    dns.txt(&send, "v=spf1 include:amazonses.com ~all");
    assert_eq!(record(&verify(&owner, &domain).await, "TXT", &send)["status"], "wrong");
    dns.remove(&send);
    dns.txt(&send, "v=spf1 include:mailgun.org include:AmazonSES.com -all");
    assert_eq!(record(&verify(&owner, &domain).await, "TXT", &send)["verified"], true);
}

#[tokio::test]
async fn dmarc_is_the_domains_own_or_that_of_what_it_is_part_of() {
    let (_server, dns, owner) = start().await;
    let domain = add(&owner, NAME).await;
    let looked = verify(&owner, &domain).await;
    let wanted = record(&looked, "TXT", "_dmarc.mail.myapp.example");
    assert_eq!((&wanted["value"], &wanted["status"]), (&json!("v=DMARC1; p=none"), &json!("missing")));
    dns.txt("_dmarc.myapp.example", "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@myapp.example");
    let looked = verify(&owner, &domain).await;
    let dmarc = &looked["dmarc"];
    assert_eq!((&dmarc["domain"], &dmarc["policy"]), (&json!("myapp.example"), &json!("quarantine")));
    dns.txt("_dmarc.mail.myapp.example", "v=DMARC1; p=none");
    let looked = verify(&owner, &domain).await;
    assert_eq!((&looked["dmarc"]["domain"], &looked["dmarc"]["policy"]), (&json!(NAME), &json!("none")));
    dns.txt("_dmarc.mail.myapp.example", "v=DMARC1; p=reject");
    let looked = verify(&owner, &domain).await;
    assert_eq!((&looked["dmarc"]["state"], &looked["dmarc"]["policy"]), (&json!("wrong"), &Value::Null));
}

#[tokio::test]
async fn a_mail_server_signs_by_the_domains_own_selector() {
    let (_server, dns, owner) = start().await;
    let smtp = SmtpServer::start().await;
    let made = connect(&owner, &relay(&smtp)).await.body;
    assert!(made["id"].as_str().unwrap().parse::<RecordId>().is_ok());
    let domain = owner.post(super::PATH, &json!({ "domain": NAME, "dkim_selector": "2026" })).await.body;
    dns.txt(NAME, "v=spf1 ip4:127.0.0.1 -all");
    let looked = verify(&owner, &domain).await;
    assert_eq!(record(&looked, "TXT", &format!("2026._domainkey.{NAME}"))["status"], "missing");
    assert_eq!(provider(&looked, "smtp")["status"], "verified", "a key is not what every mail server needs");
    dns.txt(&format!("2026._domainkey.{NAME}"), KEY);
    let looked = verify(&owner, &domain).await;
    assert_eq!(record(&looked, "TXT", &format!("2026._domainkey.{NAME}"))["verified"], true);
    // A sandbox needs nothing.
    connect(&owner, &json!({ "provider": "sandbox", "display_name": "Playground" })).await;
    let looked = owner.get(&at(&domain)).await.body;
    assert_eq!(looked["providers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_score_says_what_a_domain_still_needs() {
    let (_server, dns, owner) = start().await;
    let smtp = SmtpServer::start().await;
    connect(&owner, &relay(&smtp)).await;
    let domain = add(&owner, NAME).await;
    let report = async || owner.get("/api/v1/dashboard/compliance").await.body;
    let check = |report: &Value, name: &str| {
        let all = report["checks"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    let before = report().await;
    assert_eq!((&before["score"], &before["domains"][0]["status"]), (&json!(40), &json!("pending")));
    assert!(check(&before, "verified_domain")["fix"].as_str().unwrap().contains("TXT record"));
    publish(&dns, &domain);
    verify(&owner, &domain).await;
    let proven = report().await;
    assert_eq!(check(&proven, "verified_domain")["passed"], true);
    assert_eq!(check(&proven, "dmarc")["points"], 0, "{proven:#}");
    dns.txt(&format!("_dmarc.{NAME}"), "v=DMARC1; p=none");
    verify(&owner, &domain).await;
    let soft = report().await;
    assert_eq!(
        (&check(&soft, "dmarc")["points"], &soft["domains"][0]["dmarc_policy"]),
        (&json!(5), &json!("none"))
    );
    let total: u64 =
        soft["checks"].as_array().unwrap().iter().map(|one| one["points"].as_u64().unwrap()).sum();
    let whole: u64 =
        soft["checks"].as_array().unwrap().iter().map(|one| one["weight"].as_u64().unwrap()).sum();
    assert_eq!((&soft["score"], whole), (&json!(total), 100));
}
