//! What `/metrics` tells of connections.

use courierx_providers::emulator::Fault;
use courierx_server::model::provider_connections::ProviderKind;
use serde_json::json;

use super::limits::{clock, under, until};
use super::vendors::{Vendor, email, send};
use super::{at, create};

#[tokio::test]
async fn failing_over_and_the_states_of_breakers_are_counted_by_kind() {
    let server = under(&clock()).await;
    let owner = server.owner("acme").await;
    let (mut first, second) = (Vendor::postmark().await, Vendor::start(ProviderKind::Resend).await.unwrap());
    first.body["priority"] = json!(1);
    let made = create(&owner, &first.body).await.body;
    create(&owner, &second.body).await;
    let figure = async |name: &str| {
        let text = owner.get("/metrics").await.text;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map(|number| number.parse::<f64>().unwrap())
    };
    let state =
        |kind: &str, state: &str| format!("courierx_breaker_state{{provider=\"{kind}\",state=\"{state}\"}}");
    let failovers = "courierx_failovers_total{from=\"postmark\",to=\"resend\"}";
    let opened = "courierx_breaker_transitions_total{provider=\"postmark\",to=\"open\"}";
    // Looking at a connection is enough for its tenant to be among those that are counted.
    assert_eq!(figure(&state("postmark", "closed")).await, Some(1.0));
    assert_eq!((figure(failovers).await, figure(opened).await), (None, None));

    first.emulator.fail(Some(Fault::Typed503));
    for _ in 0..6 {
        let path = send(&owner, &email()).await;
        until(&owner, &path, |body| body["status"] == "sent").await;
    }
    assert_eq!(owner.get(&at(&made)).await.body["breaker"]["state"], "open");
    assert_eq!((figure(failovers).await, figure(opened).await), (Some(5.0), Some(1.0)));
    assert_eq!(figure(&state("postmark", "open")).await, Some(1.0));
    assert_eq!(figure(&state("postmark", "closed")).await, Some(0.0), "it is in one state");
    assert_eq!(figure(&state("resend", "closed")).await, Some(1.0));
    assert_eq!(figure(&state("mailgun", "closed")).await, Some(0.0));
    for kind in ["postmark", "resend"] {
        assert_eq!(figure(&format!("courierx_in_flight{{provider=\"{kind}\"}}")).await, Some(0.0));
    }
    let text = owner.get("/metrics").await.text;
    assert!(!text.contains(made["id"].as_str().unwrap()), "no connection has a figure of its own");
}
