//! What becomes of a message when the way back breaks.

use courierx_core::provider::{EmailProvider as _, Outcome, RefusalKind, SendOptions};
use courierx_providers::emulator::Fault;

use super::{adapter, emulator};
use crate::support::api::client;
use crate::support::mail::to;
use crate::support::refused;

#[tokio::test]
async fn only_what_is_certain_is_called_so() {
    let emulator = emulator().start().await.unwrap();
    let adapter = adapter(&emulator);
    let message = to(&["ada@example.com"]);
    for (fault, kind) in [
        (Fault::Throttled, RefusalKind::Throttled),
        (Fault::ThrottledWithoutTime, RefusalKind::Throttled),
        (Fault::Quota, RefusalKind::Quota),
        (Fault::Suspended, RefusalKind::Auth),
        (Fault::Unverified, RefusalKind::Sender),
        (Fault::Unauthorized, RefusalKind::Auth),
    ] {
        emulator.fail(Some(fault));
        assert_eq!(refused(&adapter.send(&message, &SendOptions::default()).await), kind, "{fault}");
    }
    for fault in [
        Fault::Typed500,
        Fault::Typed503,
        Fault::Untyped500,
        Fault::Untyped502,
        Fault::Untyped503,
        Fault::Untyped504,
        Fault::Hang,
        Fault::Truncated,
    ] {
        emulator.fail(Some(fault));
        let outcome = adapter.clone().http(client(fault)).send(&message, &SendOptions::default()).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{fault}: {outcome:?}");
    }
    for fault in [Fault::Slow, Fault::Unreadable, Fault::Suppressed] {
        emulator.fail(Some(fault));
        let outcome = adapter.send(&message, &SendOptions::default()).await;
        assert!(outcome.is_accepted(), "{fault}: {outcome:?}");
    }
    emulator.fail(Some(Fault::Reset));
    let outcome = adapter.send(&message, &SendOptions::default()).await;
    assert!(!outcome.is_accepted(), "{outcome:?}");
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_domain_are_told() {
    let emulator = emulator().start().await.unwrap();
    let url = crate::support::api::base_url(&emulator);
    let send = |key: &str, domain: &str| {
        let adapter = courierx_providers::Mailgun::new(key, domain).unwrap().base_url(url.clone());
        async move { adapter.send(&to(&["ada@example.com"]), &SendOptions::default()).await }
    };
    let key = crate::support::api::SECRET;
    assert_eq!(refused(&send("wrong", super::DOMAIN).await), RefusalKind::Auth);
    assert_eq!(refused(&send(key, "other.example.com").await), RefusalKind::Auth);
    assert!(send(key, super::DOMAIN).await.is_accepted());
}
