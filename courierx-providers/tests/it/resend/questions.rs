//! Asking: what became of a message, and whether a key is good.

use courierx_core::clock::Timestamp;
use courierx_core::provider::{
    EmailProvider as _, LookupKey, Outcome, RecipientOutcome, RefusalKind, SendOptions,
};
use courierx_providers::Resend;
use courierx_providers::emulator::{Emulator, Fault};
use serde_json::json;

use crate::support::answers::{Answers, Canned};
use crate::support::api::{self, SECRET};
use crate::support::mail;

#[tokio::test]
async fn a_message_is_found_by_the_vendors_identifier() {
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let resend = Resend::new(SECRET).base_url(api::base_url(&emulator)).http(api::http());
    let message = mail::to(&["ada@example.com", "bob@example.com"]);
    let Outcome::Accepted(taken) = resend.send(&message, &SendOptions::default()).await else { panic!() };
    let people = message.recipients().iter().map(|one| one.mailbox.address().clone()).collect();
    let mut key = LookupKey::new(message.delivery_id(), Timestamp::EPOCH, people);
    let lookup = resend.status_lookup().unwrap();
    let ask = async |key: &LookupKey| lookup.lookup(key, &SendOptions::default()).await;

    let requests = emulator.requests().len();
    let answers = ask(&key).await.unwrap();
    assert!(answers.iter().all(|one| matches!(one, RecipientOutcome::Unknown(_))), "{answers:?}");
    assert_eq!(emulator.requests().len(), requests, "there is nothing to ask for");

    key.provider_message_id = taken.provider_message_id().map(str::to_owned);
    let answers = ask(&key).await.unwrap();
    assert_eq!(answers.len(), 2);
    for answer in answers {
        let RecipientOutcome::Accepted(acceptance) = answer else { panic!("{answer:?}") };
        assert_eq!(acceptance.provider_message_id(), taken.provider_message_id());
        assert_eq!(acceptance.detail.as_deref(), Some("last event: delivered"));
    }

    let said = Answers::start().await;
    let email = json!({ "id": "e", "to": ["Ada <ADA@example.com>"], "cc": [null], "bcc": null });
    said.say([Canned::new(200, email.to_string())]);
    key.provider_message_id = Some("e".to_owned());
    let heard = resend.clone().base_url(said.url());
    let answers = heard.status_lookup().unwrap().lookup(&key, &SendOptions::default()).await.unwrap();
    assert!(
        matches!(answers[..], [RecipientOutcome::Accepted(_), RecipientOutcome::Unknown(_)]),
        "{answers:?}"
    );

    key.provider_message_id = Some("../domains".to_owned());
    let answers = ask(&key).await.unwrap();
    assert!(answers.iter().all(|one| matches!(one, RecipientOutcome::Unknown(_))), "{answers:?}");
    emulator.fail(Some(Fault::Throttled));
    let error = ask(&key).await.unwrap_err();
    assert_eq!(
        (error.reason.kind, error.retry_after.map(|wait| wait.as_secs())),
        (RefusalKind::Throttled, Some(7))
    );
}

#[tokio::test]
async fn verifying_tells_what_the_key_is_good_for() {
    let options = SendOptions::default();
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let sending = Emulator::resend_sending_only(SECRET).start().await.unwrap();
    let resend =
        |emulator: &Emulator, key: &str| Resend::new(key).base_url(api::base_url(emulator)).http(api::http());
    let verified = resend(&emulator, SECRET).verify(&options).await.unwrap();
    assert_eq!(verified.detail, "the key is valid; verified domains: example.com");
    let verified = resend(&sending, SECRET).verify(&options).await.unwrap();
    assert!(verified.detail.contains("for sending only"), "{}", verified.detail);
    assert!(resend(&sending, SECRET).send(&mail::to(&["ada@example.com"]), &options).await.is_accepted());

    for (fault, kind) in [
        (Fault::Unauthorized, RefusalKind::Auth),
        (Fault::Suspended, RefusalKind::Auth),
        (Fault::Throttled, RefusalKind::Throttled),
        (Fault::Typed503, RefusalKind::Unavailable),
        (Fault::Untyped502, RefusalKind::Unavailable),
        (Fault::Reset, RefusalKind::Unavailable),
        (Fault::Hang, RefusalKind::Unavailable),
    ] {
        emulator.fail(Some(fault));
        let refusal = resend(&emulator, SECRET).http(api::client(fault)).verify(&options).await.unwrap_err();
        assert_eq!(refusal.kind, kind, "{fault}");
    }
    emulator.fail(None);
    for emulator in [&emulator, &sending] {
        let refusal = resend(emulator, "wrong-key").verify(&options).await.unwrap_err();
        assert_eq!((refusal.kind, refusal.status), (RefusalKind::Auth, Some(403)));
        assert_eq!(refusal.code.as_deref(), Some("invalid_api_key"));
        assert_eq!(emulator.count(), usize::from(std::ptr::eq(emulator, &raw const sending)));
    }
}

#[tokio::test]
async fn an_account_without_a_domain_says_so() {
    let answers = Answers::start().await;
    let resend = Resend::new(SECRET).base_url(answers.url()).http(api::http());
    let pending = json!({ "data": [{ "id": "1", "name": "example.com", "status": "pending" }] }).to_string();
    answers.say([Canned::new(200, pending), Canned::new(200, "?")]);
    let verified = resend.verify(&SendOptions::default()).await.unwrap();
    assert!(verified.detail.contains("without a verified domain"), "{}", verified.detail);
    assert_eq!(resend.verify(&SendOptions::default()).await.unwrap().detail, "the key is valid");
}
