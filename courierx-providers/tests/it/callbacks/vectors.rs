//! Signatures of another implementation hold; whatever is changed, they do not.

use std::time::Duration;

use courierx_core::event::EventKind;
use courierx_core::provider::{EventSource, Subject};
use serde_json::json;

use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn sendgrid_callback() -> Callback {
    let vector = &vectors()["sendgrid"];
    Callback::new(text(vector, "body"))
        .header("X-Twilio-Email-Event-Webhook-Signature", text(vector, "signature"))
        .header("X-Twilio-Email-Event-Webhook-Timestamp", text(vector, "timestamp"))
}

fn resend_callback() -> Callback {
    let vector = &vectors()["resend"];
    Callback::new(text(vector, "body"))
        .header("svix-id", text(vector, "id"))
        .header("svix-timestamp", text(vector, "timestamp"))
        .header("svix-signature", text(vector, "signature"))
}

fn mailgun_body(data: &Value) -> Value {
    let vector = &vectors()["mailgun"];
    json!({
        "signature": {
            "timestamp": vector["timestamp"], "token": vector["token"], "signature": vector["signature"],
        },
        "event-data": data,
    })
}

fn sns_callbacks() -> Vec<Callback> {
    vectors()["ses"]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| Callback::new(message.to_string()))
        .collect()
}

#[tokio::test]
async fn sendgrid_signs_its_time_and_its_body() {
    let vector = &vectors()["sendgrid"];
    let source = sendgrid::Callbacks::new(text(vector, "key")).unwrap();
    let callback = sendgrid_callback();
    let read = source.read(&callback, NOW).await.unwrap();
    let kinds: Vec<_> = read.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Sent, EventKind::Delivered]);
    assert!(source.read(&callback, NOW.after(24 * HOUR)).await.is_ok(), "what it repeats for a day is taken");
    refused(source.read(&callback, NOW.after(25 * HOUR)).await, "old");
    refused(source.read(&callback, NOW.before(HOUR)).await, "of the future");

    for at in 0..callback.body.len() {
        refused(source.read(&flipped(&callback, at), NOW).await, &format!("byte {at}"));
    }
    for at in 0..2 {
        for value in ["", "x", "1700000001", "1700000000 "] {
            let mut changed = callback.clone();
            changed.headers[at].1 = value.into();
            refused(source.read(&changed, NOW).await, value);
        }
        let mut missing = callback.clone();
        missing.headers.remove(at);
        refused(source.read(&missing, NOW).await, "without a header");
        let mut twice = callback.clone();
        twice.headers.push(callback.headers[at].clone());
        refused(source.read(&twice, NOW).await, "a header twice");
    }
    let other = sendgrid::Callbacks::new(text(vector, "other_key")).unwrap();
    refused(other.read(&callback, NOW).await, "another key");
    let both = other.or(text(vector, "key")).unwrap();
    assert!(both.read(&callback, NOW).await.is_ok(), "one of two keys");
}

#[tokio::test]
async fn resend_signs_identifier_time_and_body() {
    let source = resend::Callbacks::new(SECRET).unwrap();
    assert_eq!(text(&vectors()["resend"], "secret"), SECRET);
    let callback = resend_callback();
    let authentic = source.verify(&callback, NOW).await.unwrap();
    assert_eq!(authentic.id.as_deref(), Some("msg_1"));
    assert_eq!(source.events(&authentic).unwrap()[0].deduplication, "msg_1");
    let minutes = Duration::from_mins;
    assert!(source.read(&callback, NOW.after(minutes(5))).await.is_ok());
    refused(source.read(&callback, NOW.after(minutes(6))).await, "old");
    refused(source.read(&callback, NOW.before(minutes(6))).await, "of the future");
    for at in 0..callback.body.len() {
        refused(source.read(&flipped(&callback, at), NOW).await, &format!("byte {at}"));
    }
    let signature = text(&vectors()["resend"], "signature").to_owned();
    for (other, holds) in [
        (format!("v1,bm90IG91cnM= v2,ignored {signature}"), true),
        (signature.replace("v1,", "v2,"), false),
        (signature.replace("v1,", ""), false),
        (signature.to_lowercase(), false),
        ("v1,".to_owned(), false),
        (format!("{}{signature}", "v1,bm90IG91cnM= ".repeat(20)), false),
    ] {
        let mut changed = callback.clone();
        changed.headers[2].1 = other.clone().into_bytes();
        assert_eq!(source.read(&changed, NOW).await.is_ok(), holds, "{other}");
    }
    for at in 0..2 {
        let mut changed = callback.clone();
        changed.headers[at].1.push(b'0');
        refused(source.read(&changed, NOW).await, "another header");
    }
    let unbranded =
        callback.headers.iter().fold(Callback::new(callback.body.clone()), |new, (name, value)| {
            new.header(&name.replace("svix", "webhook"), value.clone())
        });
    assert!(source.read(&unbranded, NOW).await.is_ok(), "the scheme's own names");
    let other = resend::Callbacks::new("whsec_////////////////////////////////").unwrap();
    refused(other.read(&callback, NOW).await, "another secret");
    assert!(other.or(SECRET).unwrap().read(&callback, NOW).await.is_ok());
    assert!(resend::Callbacks::new("whsec_AAEC").is_err() && resend::Callbacks::new("re_key").is_err());
}

#[tokio::test]
async fn mailgun_signs_its_time_and_a_token() {
    let vector = &vectors()["mailgun"];
    let source = mailgun::Callbacks::new(SIGNING_KEY).unwrap();
    let body = mailgun_body(&json!({ "event": "delivered", "id": "1", "timestamp": 1_699_999_990.5 }));
    let callback = Callback::new(body.to_string());
    let authentic = source.verify(&callback, NOW).await.unwrap();
    assert!(!authentic.replay.as_ref().unwrap().binds, "the body is not signed");
    let other_body = mailgun_body(&json!({ "event": "complained", "id": "2" })).to_string();
    let forged = source.verify(&Callback::new(other_body), NOW).await.unwrap().replay.unwrap();
    let replay = authentic.replay.unwrap();
    assert_eq!(replay.key, forged.key, "its token tells that it came before");
    assert_ne!(replay.content, forged.content, "and with another body");

    assert!(
        source.read(&callback, NOW.after(9 * HOUR)).await.is_ok(),
        "what it repeats for eight hours is taken"
    );
    refused(source.read(&callback, NOW.after(10 * HOUR)).await, "old");
    refused(source.read(&callback, NOW.before(HOUR)).await, "of the future");
    for field in ["timestamp", "token", "signature"] {
        let signed = text(&body["signature"], field).to_owned();
        for at in 0..signed.len() {
            let mut bytes = signed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let mut changed = body.clone();
            changed["signature"][field] = String::from_utf8(bytes).unwrap().into();
            refused(source.read(&Callback::new(changed.to_string()), NOW).await, field);
        }
        let mut missing = body.clone();
        missing["signature"][field] = Value::Null;
        refused(source.read(&Callback::new(missing.to_string()), NOW).await, field);
    }
    refused(mailgun::Callbacks::new("another").unwrap().read(&callback, NOW).await, "another key");

    // A subaccount's callback is signed by its parent as well.
    let parent = mailgun::Callbacks::new(text(vector, "parent_key")).unwrap();
    refused(parent.read(&callback, NOW).await, "the parent's key");
    let mut with_parent = body.clone();
    with_parent["parent-signature"] = with_parent["signature"].clone();
    with_parent["parent-signature"]["signature"] = vector["parent_signature"].clone();
    assert!(parent.read(&Callback::new(with_parent.to_string()), NOW).await.is_ok());
}

#[tokio::test]
async fn mailguns_older_callbacks_are_forms() {
    let vector = &vectors()["mailgun"];
    let source = mailgun::Callbacks::new(SIGNING_KEY).unwrap();
    let form = |event: &str, signature: &str| {
        let body = format!(
            "event={event}&recipient=ada%40example.com&Message-Id=%3Cid%40mg.example.com%3E&code=550&reason=hardfail\
             &error=5.1.1+no+such+user&timestamp={}&token={}&signature={signature}",
            text(vector, "timestamp"),
            text(vector, "token"),
        );
        Callback::new(body).header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    };
    let signature = text(vector, "signature");
    let read = source.read(&form("dropped", signature), NOW).await.unwrap();
    assert_eq!(read[0].kind, EventKind::BouncedHard);
    assert_eq!(read[0].provider_message_id.as_deref(), Some("id@mg.example.com"));
    assert_eq!(read[0].recipient.as_ref().unwrap().to_string(), "ada@example.com");
    refused(
        source.read(&form("dropped", &signature.replace(&signature[..1], "x")), NOW).await,
        "no hexadecimal",
    );
    let mut twice = form("dropped", signature);
    twice.body.extend(b"&event=delivered");
    assert!(matches!(source.read(&twice, NOW).await, Err(CallbackError::Malformed(_))), "a field twice");
}

#[tokio::test]
async fn sns_signs_what_is_in_its_envelope() {
    let (topic, source) = sns();
    for (at, callback) in sns_callbacks().iter().enumerate() {
        let authentic = source.verify(callback, NOW).await.unwrap();
        assert!(authentic.id.as_deref().unwrap().starts_with("id-"));
        match (at / 2, &authentic.subject) {
            (0, Subject::Messages(_)) => {
                let read = source.events(&authentic).unwrap();
                assert_eq!((read.len(), read[0].kind), (1, EventKind::BouncedHard));
            }
            (1, Subject::Subscribe(confirmation)) | (2, Subject::Unsubscribed(confirmation)) => {
                assert_eq!(confirmation.topic, topic);
                assert!(confirmation.url.starts_with("https://sns.eu-central-1.amazonaws.com/?Action="));
                assert!(!format!("{authentic:?}").contains("Token=23"), "{authentic:?}");
                assert_eq!(source.events(&authentic), Ok(Vec::new()));
            }
            other => panic!("{other:?}"),
        }
        assert!(source.read(callback, NOW.after(HOUR)).await.is_ok());
        refused(source.read(callback, NOW.after(2 * HOUR)).await, "old");
        // Whatever is changed in a signed value, and in the signature.
        let message: Value = serde_json::from_slice(&callback.body).unwrap();
        let unsigned = ["UnsubscribeURL", "SigningCertURL", "SignatureVersion"];
        for (name, value) in
            message.as_object().unwrap().iter().filter(|(name, _)| !unsigned.contains(&name.as_str()))
        {
            let value = value.as_str().unwrap();
            for at in
                (0..value.len()).step_by(1 + value.len() / 40).filter(|at| value.as_bytes()[*at].is_ascii())
            {
                let mut bytes = value.as_bytes().to_vec();
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
                let mut changed = message.clone();
                changed[name] = String::from_utf8(bytes).unwrap().into();
                let read = source.read(&Callback::new(changed.to_string()), NOW).await;
                assert!(read.is_err(), "{name} {at}: {read:?}");
            }
            let mut missing = message.clone();
            missing[name] = Value::Null;
            assert!(source.read(&Callback::new(missing.to_string()), NOW).await.is_err(), "without {name}");
        }
    }
}

#[tokio::test]
async fn only_our_topics_and_sns_own_certificates_are_taken() {
    let (topic, source) = sns();
    let [sha1, sha256, ..] = &sns_callbacks()[..] else { panic!("two at least") };
    let foreign = ses::Callbacks::new([format!("{topic}-of-somebody")]).unwrap();
    refused(foreign.read(sha256, NOW).await, "a topic of somebody else's has a signature that holds");
    refused(source.clone().only_sha256().read(sha1, NOW).await, "SHA-1");
    assert!(source.clone().only_sha256().read(sha256, NOW).await.is_ok());

    let mut message: Value = serde_json::from_slice(&sha256.body).unwrap();
    message["SigningCertURL"] = "https://evil.example/sns.eu-central-1.amazonaws.com/a.pem".into();
    refused(source.read(&Callback::new(message.to_string()), NOW).await, "a certificate of anybody's");
    let named = |name: &str, value: &str| sha256.clone().header(name, value);
    refused(source.read(&named("x-amz-sns-message-id", "other"), NOW).await, "another message's header");
    refused(
        source.read(&named("x-amz-sns-message-type", "SubscriptionConfirmation"), NOW).await,
        "another type",
    );

    let gone = ses::Callbacks::new([topic]).unwrap().certificates(Arc::new(Pem("no certificate".to_owned())));
    assert!(matches!(gone.read(sha256, NOW).await, Err(CallbackError::Unavailable(_))));
    for topic in ["", "arn:aws:s3:eu-central-1:1:name", "ses-events"] {
        assert!(ses::Callbacks::new([topic]).is_err(), "{topic}");
    }
}

/// Counts how often it is asked.
#[derive(Debug)]
struct Counting(Pem, std::sync::atomic::AtomicUsize);

#[async_trait]
impl Certificates for Counting {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.0.fetch(url).await
    }
}

#[tokio::test]
async fn a_certificate_is_fetched_once_and_for_no_stranger() {
    let (topic, _) = sns();
    let pem = Pem(text(&vectors()["ses"], "certificate").to_owned());
    let counting = Arc::new(Counting(pem, std::sync::atomic::AtomicUsize::new(0)));
    let asked = || counting.1.load(std::sync::atomic::Ordering::SeqCst);
    let certificates = Arc::clone(&counting) as Arc<dyn Certificates>;
    let foreign = ses::Callbacks::new([format!("{topic}2")]).unwrap().certificates(Arc::clone(&certificates));
    let callbacks = sns_callbacks();
    refused(foreign.read(&callbacks[0], NOW).await, "a foreign topic");
    assert_eq!(asked(), 0);
    let source = ses::Callbacks::new([topic]).unwrap().certificates(certificates);
    for callback in &callbacks {
        source.read(callback, NOW).await.unwrap();
    }
    assert_eq!(asked(), 1);
}

#[tokio::test]
async fn what_a_topic_delivers_raw_needs_a_password() {
    let (topic, source) = sns();
    let body =
        json!({ "eventType": "Send", "mail": { "messageId": "m-1", "destination": ["ada@example.com"] } });
    let basic = format!("Basic {}", STANDARD.encode(format!("sns:{PASSWORD}")));
    let raw = |topic: &str, basic: &str| {
        Callback::new(body.to_string())
            .header("x-amz-sns-rawdelivery", "true")
            .header("x-amz-sns-topic-arn", topic)
            .header("x-amz-sns-message-id", "id-1")
            .header("authorization", basic)
    };
    refused(source.read(&raw(&topic, &basic), NOW).await, "nobody asked for raw messages");
    let source = source.raw_delivery("sns", PASSWORD).unwrap();
    let read = source.read(&raw(&topic, &basic), NOW).await.unwrap();
    assert_eq!((read[0].kind, read[0].deduplication.as_str()), (EventKind::Sent, "id-1/ada@example.com"));
    refused(source.read(&raw(&topic, "Basic eDp5"), NOW).await, "another password");
    refused(source.read(&raw("arn:aws:sns:eu-central-1:1:other", &basic), NOW).await, "another topic");
    let either = source.clone().raw_delivery("sns", "the next password of ours").unwrap();
    assert!(either.read(&raw(&topic, &basic), NOW).await.is_ok());
    let next = format!("Basic {}", STANDARD.encode("sns:the next password of ours"));
    assert!(either.read(&raw(&topic, &next), NOW).await.is_ok());
    refused(either.read(&raw(&topic, "Basic eDp5"), NOW).await, "neither password");
    let unsigned = Callback::new(body.to_string()).header("authorization", basic);
    refused(source.read(&unsigned, NOW).await, "not raw, and not signed");
}

#[tokio::test]
async fn postmark_knows_what_its_webhook_was_set_up_with() {
    let source = postmark::Callbacks::basic("courierx", PASSWORD).unwrap();
    let both = source.clone().and_header("X-Hook", "another-secret-of-ours").unwrap();
    let basic = format!("Basic {}", STANDARD.encode(format!("courierx:{PASSWORD}")));
    let body =
        json!({ "RecordType": "Delivery", "MessageID": "m-1", "Recipient": "ada@example.com" }).to_string();
    let callback = Callback::new(body.clone()).header("Authorization", basic.as_str());
    assert_eq!(source.read(&callback, NOW).await.unwrap()[0].kind, EventKind::Delivered);
    refused(both.read(&callback, NOW).await, "one of two");
    assert!(both.read(&callback.clone().header("x-hook", "another-secret-of-ours"), NOW).await.is_ok());
    let next = postmark::Callbacks::basic("courierx", "the next password of ours").unwrap();
    refused(next.read(&callback, NOW).await, "the next one alone");
    assert!(next.clone().or(source.clone()).read(&callback, NOW).await.is_ok());
    assert!(source.clone().or(next.clone()).read(&callback, NOW).await.is_ok());
    refused(next.or(both.clone()).read(&callback, NOW).await, "neither, as one wants two headers");
    for at in 0..basic.len() {
        let mut bytes = basic.clone().into_bytes();
        bytes[at] ^= 1;
        refused(
            source.read(&Callback::new(body.clone()).header("authorization", bytes), NOW).await,
            "a byte",
        );
    }
    refused(source.read(&Callback::new(body.clone()), NOW).await, "nothing");
    refused(source.read(&callback.clone().header("authorization", basic), NOW).await, "twice");
    assert!(postmark::Callbacks::basic("user", "short").is_err());
    assert!(postmark::Callbacks::header("x-hook", "").is_err());
    assert!(!format!("{both:?}").contains("secret"));
}

#[tokio::test]
async fn what_is_larger_than_anything_is_not_read() {
    let body = vec![b' '; courierx_core::provider::MAX_CALLBACK_BYTES + 1];
    for vendor in vendors() {
        let read = vendor.source.read(&Callback::new(body.clone()), NOW).await;
        assert_eq!(read, Err(CallbackError::TooLarge), "{}", vendor.name);
    }
    let many = format!("[{}]", vec!["{}"; courierx_core::provider::MAX_CALLBACK_EVENTS + 1].join(","));
    let sendgrid = vendor("sendgrid").source;
    assert_eq!(sendgrid.events(&Authentic::messages(many)), Err(CallbackError::TooLarge));
}
