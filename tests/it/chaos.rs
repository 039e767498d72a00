//! A stream of mail over two vendors, of which the first goes away in the middle and comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use courierx::{DuplicatePolicy, EmailBuilder, MessageStatus};
use courierx_core::provider::EmailProvider;
use courierx_providers::emulator::{Emulator, Fault};
use courierx_providers::http::{BaseUrl, Http};
use courierx_providers::{Postmark, SendGrid};

use crate::support::{World, email};

const KEY: &str = "key-of-the-account";
/// Messages of each part of the stream.
const PART: usize = 1000;

struct Vendors {
    primary: Emulator,
    secondary: Emulator,
    world: World,
}

impl Vendors {
    async fn start() -> Self {
        let primary = Emulator::sendgrid(KEY).start().await.unwrap();
        let secondary = Emulator::postmark(KEY).start().await.unwrap();
        let http = Http::builder().answer_timeout(Duration::from_millis(300)).build().unwrap();
        let url = |emulator: &Emulator| BaseUrl::new(&emulator.url()).unwrap();
        let providers: Vec<Box<dyn EmailProvider>> = vec![
            Box::new(SendGrid::new(KEY).base_url(url(&primary)).http(http.clone())),
            Box::new(Postmark::new(KEY).base_url(url(&secondary)).http(http)),
        ];
        Self { primary, secondary, world: World::over(providers) }
    }

    /// Sends a part of the stream and waits until all of it is sent. How many each vendor took of it.
    async fn part(&self, name: &str, one: impl Fn(EmailBuilder) -> EmailBuilder) -> (usize, usize) {
        let before = (self.primary.count(), self.secondary.count());
        let emails = (0..PART).map(|n| one(email().subject(format!("{name} {n}"))).build().unwrap());
        let mut accepted = Vec::new();
        for batch in emails.collect::<Vec<_>>().chunks(250) {
            accepted.extend(self.world.courier.enqueue_all(batch.to_vec()).await.unwrap());
        }
        for one in accepted {
            self.world.until(one.unwrap().id, MessageStatus::Sent).await;
        }
        (self.primary.count() - before.0, self.secondary.count() - before.1)
    }

    /// How often each message of the stream arrived, by its subject.
    fn arrivals(&self) -> BTreeMap<String, usize> {
        let mut arrivals = BTreeMap::new();
        for one in [self.primary.received(), self.secondary.received()].concat() {
            *arrivals.entry(one.subject).or_default() += 1;
        }
        arrivals
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_goes_away_costs_nothing_and_gets_its_share_back() {
    let vendors = Vendors::start().await;
    let worker = vendors.world.courier.spawn().unwrap();
    assert_eq!(vendors.part("before", |email| email).await, (PART, 0));

    vendors.primary.refuse_connections(true).await;
    assert_eq!(vendors.part("during", |email| email).await, (0, PART));
    let attempts = vendors.primary.requests().len();

    vendors.primary.refuse_connections(false).await;
    // Three probes, then a slow start: a tenth, a quarter, half.
    let mut shares = Vec::new();
    for _ in 0..5 {
        vendors.world.clock.advance(Duration::from_secs(21));
        shares.push(vendors.part(&format!("after {}", shares.len()), |email| email).await.0);
    }
    assert!(attempts == PART, "while it was away nothing reached it");
    assert!(shares[0] < PART / 4, "it starts slowly: {shares:?}");
    assert!(shares.is_sorted(), "its share grows: {shares:?}");
    assert_eq!(shares[4], PART, "it has its whole share again: {shares:?}");

    worker.shutdown().await.unwrap();
    let arrivals = vendors.arrivals();
    assert_eq!(arrivals.len(), 7 * PART, "none is lost");
    assert!(arrivals.values().all(|&times| times == 1), "none arrived twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_cost_a_breakers_threshold_and_are_all_the_duplicates_there_are() {
    let vendors = Vendors::start().await;
    let worker = vendors.world.courier.spawn().unwrap();
    vendors.primary.fail(Some(Fault::Hang));
    let at_once = |email: EmailBuilder| email.duplicate_policy(DuplicatePolicy::FailoverNow);
    let (hung, sent) = vendors.part("hanging", at_once).await;
    // Five in a row open it; those that were under way by then hang as well.
    let under_way = courierx_core::provider::Capability::full().max_in_flight;
    assert!((5..=5 + under_way).contains(&hung), "{hung} waited in vain");
    assert_eq!(sent, PART, "each of them was sent by the other");
    worker.shutdown().await.unwrap();
    let twice = vendors.arrivals().values().filter(|&&times| times > 1).count();
    assert_eq!(twice, hung, "what arrived twice is what nobody knew of");
}
