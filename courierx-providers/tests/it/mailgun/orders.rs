//! Headers that are orders to Mailgun.

use courierx_core::provider::{EmailProvider as _, RefusalKind, SendOptions};

use super::strict::{COMPLETE, form, post};
use super::{adapter, emulator};
use crate::support::mail::{draft, outgoing, to};
use crate::support::refused;

#[tokio::test]
async fn mailgun_obeys_whoever_writes_them() {
    let emulator = emulator().start().await.unwrap();
    let send = async |extra: &[(&str, &str)]| {
        let fields: Vec<_> = COMPLETE.into_iter().chain(extra.iter().copied()).collect();
        let answer = post(&emulator, "multipart/form-data; boundary=b", &form(&fields)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    let forged = r#"{"courierx_delivery":"another","n":1}"#;
    send(&[("v:courierx_delivery", "own"), ("h:X-Mailgun-Variables", forged), ("h:X-Mailgun-Tag", "t")])
        .await;
    let got = &emulator.received()[0];
    assert_eq!(got.delivery.as_deref(), Some("another"));
    assert_eq!((got.metadata["n"].as_str(), got.tags.as_slice()), ("1", ["t".to_owned()].as_slice()));
    assert_eq!(got.header("x-mailgun-variables"), None);
    send(&[("h:X-Mailgun-Drop-Message", "yes")]).await;
    assert_eq!(emulator.count(), 1);
}

#[tokio::test]
async fn none_of_an_application_comes_that_far() {
    let emulator = emulator().start().await.unwrap();
    let adapter = adapter(&emulator);
    for name in ["X-Mailgun-Variables", "x-mailgun-drop-message", "X-MAILGUN-Sending-Ip-Pool", "X-Mailgun-"] {
        for email in [draft().to("a@example.com"), draft().bcc("a@example.com")] {
            let message = outgoing(email.header(name, "{}"));
            let outcome = adapter.send(&message, &SendOptions::default()).await;
            assert_eq!(refused(&outcome), RefusalKind::Content, "{name}");
        }
    }
    assert!(emulator.requests().is_empty());
    let ordering = || outgoing(draft().to("b@example.com").header("X-Mailgun-Tag", "x"));
    let batch = [to(&["a@example.com"]), ordering(), to(&["c@example.com"]), ordering()];
    let outcomes = adapter.send_batch(&batch, &SendOptions::default()).await;
    for (at, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_accepted(), at % 2 == 0, "{outcome:?}");
    }
    assert_eq!((emulator.requests().len(), emulator.count()), (1, 2));
    let harmless = outgoing(draft().to("a@example.com").header("X-Mailgunner", "x"));
    assert!(adapter.send(&harmless, &SendOptions::default()).await.is_accepted());
}
