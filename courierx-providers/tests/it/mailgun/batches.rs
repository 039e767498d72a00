//! Several messages in one request.

use courierx_core::message::{Attachment, EmailBuilder};
use courierx_core::provider::{EmailProvider as _, Outcome, Outgoing, RefusalKind, SendOptions};
use courierx_providers::emulator::{Emulator, Fault};

use super::{adapter, emulator};
use crate::support::mail::{draft, outgoing, to};
use crate::support::refused;

async fn send(emulator: &Emulator, messages: &[Outgoing]) -> Vec<Outcome> {
    adapter(emulator).send_batch(messages, &SendOptions::default()).await
}

fn each(addresses: &[&str], draft: impl Fn() -> EmailBuilder) -> Vec<Outgoing> {
    addresses.iter().map(|&address| outgoing(draft().to(address))).collect()
}

#[tokio::test]
async fn equal_messages_share_a_request_and_nobody_sees_another() {
    let emulator = emulator().start().await.unwrap();
    let content = || {
        let logo = Attachment::inline("logo", "logo.png", "image/png", b"png".to_vec());
        draft()
            .attach(logo)
            .metadata("order", "7")
            .tag("a")
            .header("X-Batch", "1")
            .reply_to("Ops <ops@example.com>")
    };
    let messages =
        each(&["Ada, \"A\" <ada@example.com>", "bob@example.com", "Çelik <c+x@example.com>"], content);
    let outcomes = send(&emulator, &messages).await;
    assert_eq!(emulator.requests().len(), 1);
    let received = emulator.received();
    assert_eq!(received.len(), 3);
    for ((message, outcome), got) in messages.iter().zip(&outcomes).zip(&received) {
        assert_eq!(outcome, &outcomes[0]);
        assert!(outcome.is_accepted(), "{outcome:?}");
        let mailbox = &message.recipients()[0].mailbox;
        assert_eq!(got.recipients(), [mailbox.address().as_str()]);
        assert_eq!(got.to[0].name.as_deref(), mailbox.name().map(AsRef::as_ref));
        assert_eq!(got.delivery, Some(message.delivery_id().to_string()));
        assert_eq!(got.metadata["order"], "7");
        assert_eq!(got.header("x-batch"), Some("1"));
        assert_eq!(got.header("message-id"), None);
        assert_eq!(
            (got.reply_to[0].address.as_str(), got.files.len(), got.tags.len()),
            ("ops@example.com", 1, 1)
        );
    }
}

#[tokio::test]
async fn only_equal_messages_share_a_request() {
    let emulator = emulator().start().await.unwrap();
    let mut messages = each(&["a@example.com", "b@example.com"], draft);
    messages.extend(each(&["c@example.com"], || draft().subject("Another")));
    messages.extend(each(&["d@example.com"], || draft().metadata("order", "8")));
    messages.extend(each(&["e@example.com"], || draft().header("X-A", "1")));
    messages.extend(each(&["f@example.com"], || draft().tag("f")));
    // The same address again, and messages for more than one.
    messages.push(to(&["A@example.com"]));
    messages.push(to(&["g@example.com", "h@example.com"]));
    messages.extend(each(&["i@example.com"], || draft().bcc("hidden@example.com")));
    messages.extend(each(&["o'neil@example.com"], draft));
    messages.push(to(&["k@example.com"]));
    let outcomes = send(&emulator, &messages).await;
    assert_eq!(outcomes.len(), messages.len());
    for outcome in &outcomes {
        assert!(outcome.is_accepted(), "{outcome:?}");
    }
    // a, b and k share one; A cannot join them.
    assert_eq!(emulator.requests().len(), messages.len() - 2);
    let mut deliveries: Vec<_> = emulator.received().into_iter().map(|one| one.delivery.unwrap()).collect();
    let mut expected: Vec<_> = messages.iter().map(|one| one.delivery_id().to_string()).collect();
    deliveries.sort();
    expected.sort();
    assert_eq!(deliveries, expected);
}

#[tokio::test]
async fn what_mailgun_would_fill_in_arrives_as_it_was_written() {
    const ATTACK: &str = "%recipient.courierx_delivery% %recipient% %Recipient_Email% %unsubscribe_url%";
    let emulator = emulator().start().await.unwrap();
    let drafts: Vec<fn() -> EmailBuilder> = vec![
        || draft().subject(ATTACK),
        || draft().text(ATTACK),
        || draft().html(ATTACK),
        || draft().metadata("a", ATTACK),
        || draft().header("X-A", ATTACK),
        || draft().tag("%recipient.courierx_delivery%"),
        || draft().from((ATTACK, "sender@example.com")),
        || draft().reply_to((ATTACK, "ops@example.com")),
        || draft().attach(Attachment::new("a.txt", "text/plain", ATTACK)),
        || draft().attach(Attachment::new("%recipient.courierx_delivery%", "text/plain", "")),
    ];
    for draft in drafts {
        emulator.clear();
        let messages = each(&["a@example.com", "b@example.com"], draft);
        let outcomes = send(&emulator, &messages).await;
        assert!(outcomes.iter().all(Outcome::is_accepted), "{outcomes:?}");
        assert_eq!(emulator.requests().len(), 2, "such messages go alone");
        for (got, message) in emulator.received().iter().zip(&messages) {
            assert_eq!(
                (got.subject.as_str(), got.text.as_deref()),
                (message.subject().as_str(), message.text())
            );
            assert_eq!(got.html.as_deref(), message.html());
            let value = message.metadata().get("a").map(String::as_str);
            assert_eq!(got.metadata.get("a").map(String::as_str), value);
        }
    }
    emulator.clear();
    let named = ["a@example.com", "b@example.com"].map(|address| outgoing(draft().to((ATTACK, address))));
    send(&emulator, &named).await;
    assert!(emulator.received().iter().all(|one| one.to[0].name.as_deref() == Some(ATTACK)));
}

#[tokio::test]
async fn a_thousand_share_a_request_and_one_more_does_not() {
    let emulator = emulator().start().await.unwrap();
    let addresses: Vec<_> = (0..1001).map(|number| format!("r{number}@example.com")).collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    let outcomes = send(&emulator, &each(&addresses, draft)).await;
    let refused = outcomes.iter().find(|outcome| !outcome.is_accepted());
    assert_eq!(refused, None);
    assert_eq!((emulator.requests().len(), emulator.count()), (2, 1001));
}

#[tokio::test]
async fn a_lost_answer_is_lost_for_those_of_its_request() {
    let emulator = emulator().start().await.unwrap();
    let mut messages = each(&["a@example.com", "b@example.com"], draft);
    messages.extend(each(&["c@example.com"], || draft().subject("Another")));
    emulator.fail_next(1, Fault::Truncated);
    let outcomes = send(&emulator, &messages).await;
    assert!(matches!(outcomes[..2], [Outcome::Unknown(_), Outcome::Unknown(_)]), "{outcomes:?}");
    assert!(outcomes[2].is_accepted(), "{outcomes:?}");
    emulator.fail(Some(Fault::Quota));
    let outcomes = send(&emulator, &messages).await;
    assert!(outcomes.iter().all(|outcome| refused(outcome) == RefusalKind::Quota), "{outcomes:?}");
}

#[tokio::test]
async fn a_repeated_batch_repeats_its_bytes() {
    let emulator = emulator().start().await.unwrap();
    let messages =
        each(&["b@example.com", "a@example.com"], || draft().metadata("b", "1").metadata("a", "2"));
    send(&emulator, &messages).await;
    send(&emulator, &messages).await;
    let requests = emulator.requests();
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[0].headers.get("content-type"), requests[1].headers.get("content-type"));
}
