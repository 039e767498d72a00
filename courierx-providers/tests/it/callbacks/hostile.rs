//! Whatever the bytes are, reading them ends, and without a panic.

use courierx_core::provider::{MAX_CALLBACK_BYTES, MAX_CALLBACK_EVENTS};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Names that vendors use, and others.
fn name() -> impl Strategy<Value = String> {
    let known = vec![
        "event",
        "email",
        "timestamp",
        "reason",
        "status",
        "type",
        "data",
        "event-data",
        "signature",
        "token",
        "to",
        "Message",
        "Type",
        "RecordType",
        "bounce",
        "click",
        "open",
        "mail",
        "eventType",
        "bouncedRecipients",
        "tags",
        "headers",
        "emailAddress",
        "form",
        "delivery-status",
        "code",
        "severity",
        "ID",
        "Metadata",
        "courierx_delivery",
        "newTopicPreferences",
        "SigningCertURL",
        "Signature",
        "TopicArn",
        "MessageId",
        "Timestamp",
        "SignatureVersion",
    ];
    prop_oneof![4 => prop::sample::select(known).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn leaf() -> impl Strategy<Value = Value> {
    let known = vec![
        "bounce",
        "blocked",
        "failed",
        "permanent",
        "Bounce",
        "Notification",
        "email.bounced",
        "Permanent",
        "Click",
        "ada@example.com",
        "2023-11-14T22:13:10.000Z",
        "5.1.1",
        "550 5.1.1 x",
        "-1",
        "1e400",
        "é",
        "",
        "dropped",
    ];
    prop_oneof![
        prop::sample::select(known).prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// What takes many times its bytes once it is read, as often as the largest body has room for.
fn swollen(value: &str) -> String {
    let times = MAX_CALLBACK_BYTES / (value.len() + 1) - 10;
    format!(r#"{{"l":[{}]}}"#, vec![value; times].join(","))
}

#[test]
fn bodies_of_very_many_values_are_too_large() {
    for value in ["{}", r#"{"":0}"#, r#"{"":{}}"#, "[]", "0", r#"["\",",""]"#] {
        let body = swollen(value);
        for vendor in vendors() {
            for body in [body.clone(), format!("[{body}]")] {
                let read = vendor.source.events(&Authentic::messages(body));
                assert_eq!(read, Err(CallbackError::TooLarge), "{} of {value}", vendor.name);
            }
        }
        // These read it before they know who says it.
        for name in ["ses", "mailgun"] {
            let verified = soon(vendor(name).source.verify(&Callback::new(body.clone()), NOW));
            assert_eq!(verified, Err(CallbackError::TooLarge), "{name} of {value}");
        }
    }
}

#[test]
fn the_largest_bodies_of_vendors_are_read() {
    let mut event = json!({
        "email": "ada@example.com", "event": "click", "timestamp": 1_699_999_990, "sg_event_id": "event",
        "sg_message_id": "message", "courierx_delivery": "", "category": ["one", "two", "three"],
        "useragent": "Firefox", "ip": "192.0.2.1", "url": "https://example.com/",
        "url_offset": { "index": 0, "type": "html" }, "pool": { "name": "bulk", "id": 1 },
    });
    for at in 0..10 {
        event[format!("own_{at}")] = "x".into();
    }
    let body = Value::from(vec![event; MAX_CALLBACK_EVENTS]).to_string();
    assert!(body.len() <= MAX_CALLBACK_BYTES, "{}", body.len());
    assert_eq!(events("sendgrid", body).len(), MAX_CALLBACK_EVENTS);

    let recipients = vec![json!({ "emailAddress": "ada@example.com", "status": "5.1.1" }); 50];
    let headers = vec![json!({ "name": "X-Header", "value": "a, value" }); 1000];
    let body = json!({ "eventType": "Bounce", "bounce": { "bouncedRecipients": recipients },
        "mail": { "headers": headers } });
    assert_eq!(events("ses", body).len(), 50);
    let text = r#", [ { " \ "#.repeat(100_000);
    let body =
        json!({ "RecordType": "Inbound", "TextBody": text, "ToFull": vec![json!({ "Email": "" }); 50] });
    assert_eq!(events("postmark", body).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_document_is_read_or_refused(document in document()) {
        for vendor in vendors() {
            for body in [document.clone(), json!([document]), json!({ "event-data": document }), json!({ "form": document })] {
                let mut authentic = Authentic::messages(body.to_string());
                let first = vendor.source.events(&authentic);
                prop_assert_eq!(&first, &vendor.source.events(&authentic), "the same each time");
                for event in first.into_iter().flatten() {
                    prop_assert!(!event.deduplication.is_empty());
                }
                authentic.id = Some(String::new());
                let _ = vendor.source.events(&authentic);
                prop_assert!(soon(vendor.source.verify(&Callback::new(body.to_string()), NOW)).is_err());
            }
        }
    }

    #[test]
    fn any_bytes_are_refused(
        body in prop::collection::vec(any::<u8>(), 0..200),
        headers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 9),
    ) {
        let names = [
            "svix-id", "svix-timestamp", "svix-signature", "authorization", "content-type",
            "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp",
            "x-amz-sns-rawdelivery", "x-amz-sns-message-type",
        ];
        let mut callback = Callback::new(body.clone());
        for (name, value) in names.iter().zip(headers) {
            callback = callback.header(name, value);
        }
        for form in [false, true] {
            let callback = if form {
                Callback::new(body.clone()).header("content-type", "application/x-www-form-urlencoded")
            } else {
                callback.clone()
            };
            for vendor in vendors() {
                prop_assert!(soon(vendor.source.read(&callback, NOW)).is_err());
                let _ = vendor.source.events(&Authentic::messages(body.clone()));
            }
        }
    }
}
