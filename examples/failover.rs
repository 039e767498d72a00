//! Two providers, the first down: the second takes over, and the answer tells the whole story. Then a rule, and what the
//! router thinks.
//!
//! ```sh
//! cargo run --example failover
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]

use std::time::SystemTime;

use courierx::router::{Conditions, Connection, Member, Quota, Rate, Rule, Strategy};
use courierx::store::Window;
use courierx::testing::Recorder;
use courierx::{Courier, DuplicatePolicy, Email, Lane, Smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let fallback = Recorder::new();
    // At most ten messages a second, and fifty thousand recipients a day.
    let bulk = Connection::new("bulk".parse()?, Recorder::new())
        .with_rate(Some(Rate::new(10.0, 20)?))
        .with_quotas([Quota::new(Window::UtcDay, 50_000)]);
    let courier = Courier::builder()
        // Nothing listens there.
        .provider("primary", Smtp::plain("127.0.0.1").port(1))
        .provider("fallback", fallback.clone())
        .connection(bulk)
        // Newsletters leave the first two alone.
        .rule(
            Rule::new("newsletters")
                .when(Conditions::any().lane(Lane::Bulk))
                .strategy(Strategy::Weighted)
                .via(Member::new("bulk".parse()?).with_weight(3))
                .via(Member::new("fallback".parse()?).failover_only()),
        )
        .build()?;

    let email = || {
        Email::to("ada@example.com")
            .from("hi@acme.example")
            .subject("Your order")
            .text("It is on its way.")
            // Rather never than twice.
            .duplicate_policy(DuplicatePolicy::Never)
    };
    let sent = courier.send(&email().build()?).await?;
    for tried in &sent.tried {
        println!("{}: {:?}", tried.connection, tried.outcome);
    }
    assert_eq!(fallback.sent().len(), 1);

    let newsletter = email().lane(Lane::Bulk).build()?;
    let why = courier.explain(&newsletter);
    println!("rule {:?}, {}: {:?}", why.rule, why.strategy, why.decision);
    for (tier, one) in
        why.tiers.iter().enumerate().flat_map(|(tier, all)| all.iter().map(move |one| (tier, one)))
    {
        let objection = one.objection.as_ref().map_or("can be used".to_owned(), ToString::to_string);
        println!("  tier {tier}: {}: {objection}, score {:.1}", one.connection, one.score);
    }
    for connection in courier.router().connections() {
        let health = connection.health(SystemTime::now().into());
        let (id, breaker, success) = (connection.id(), health.breaker.as_str(), health.success_rate);
        println!("{id}: {breaker}, {:.0} % go well, last error {:?}", success * 100.0, health.last_error);
    }
    Ok(())
}
