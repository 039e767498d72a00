//! Telling SES where to call back, through SNS.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use courierx_core::provider::{CallbackSetup as _, RefusalKind, SendOptions};
use courierx_providers::Ses;
use courierx_providers::emulator::Emulator;
use courierx_providers::http::BaseUrl;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const URL: &str = "https://mail.example.com/callbacks/1";
const KEY: &str = "AKIDEXAMPLE";
const SECRET_KEY: &str = "secret-access-key";
const REGION: &str = "eu-central-1";

async fn pair() -> (Emulator, Ses) {
    let emulator = Emulator::ses(KEY, SECRET_KEY, REGION).start().await.unwrap();
    let ses = Ses::new(KEY, SECRET_KEY, REGION).unwrap().base_url(BaseUrl::new(&emulator.url()).unwrap());
    (emulator, ses)
}

/// Asks as somebody else would who has the same account, signed by AWS's own code: the whole answer.
async fn by_hand(emulator: &Emulator, method: &str, path: &str, body: &str) -> String {
    let service = if path == "/" { "sns" } else { "ses" };
    let identity = Credentials::new(KEY, SECRET_KEY, None, None, "test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let host = emulator.address().to_string();
    let kind = if service == "sns" { "application/x-www-form-urlencoded" } else { "application/json" };
    let headers = [("content-type", kind), ("host", host.as_str())];
    let whole = format!("{}{path}", emulator.url());
    let body_bytes = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new(method, &whole, headers.into_iter(), body_bytes).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let all = headers.into_iter().chain(instructions.headers());
    let all: Vec<_> = all.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let all = all.concat();
    raw(emulator, &format!("{method} {path}"), &all, body).await
}

async fn raw(emulator: &Emulator, what: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let request =
        format!("{what} HTTP/1.1\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn sns(emulator: &Emulator, pairs: &[(&str, &str)]) -> String {
    let mut form = String::from("Version=2010-03-31");
    for (name, value) in pairs {
        form = format!("{form}&{name}={}", value.replace(':', "%3A").replace('/', "%2F"));
    }
    by_hand(emulator, "POST", "/", &form).await
}

#[tokio::test]
async fn the_account_s_own_configuration_set_is_used() {
    let (emulator, ses) = pair().await;
    let options = SendOptions::default();
    let ses = ses.configuration_set("transactional");
    let refused = ses.ensure(URL, "", &options).await.unwrap_err();
    assert_eq!(refused.kind, RefusalKind::Auth, "a set that is not there is a mistake: {refused:?}");
    assert!(refused.detail.contains("transactional"), "{refused:?}");
    let body = json!({ "ConfigurationSetName": "transactional" }).to_string();
    let answer = by_hand(&emulator, "POST", "/v2/email/configuration-sets", &body).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let made = ses.ensure(URL, "", &options).await.unwrap();
    assert_eq!(made.configuration_set.as_deref(), Some("transactional"));
    // The set stays, and whatever else it has.
    assert!(ses.remove(URL, &options).await.unwrap());
    let path = "/v2/email/configuration-sets/transactional/event-destinations";
    let answer = by_hand(&emulator, "GET", path, "").await;
    assert!(answer.ends_with(r#"{"EventDestinations":[]}"#), "{answer}");
}

#[tokio::test]
async fn what_somebody_changed_is_mended() {
    let (emulator, ses) = pair().await;
    let options = SendOptions::default();
    let made = ses.ensure(URL, "", &options).await.unwrap();
    let topic = made.topic.clone().unwrap();
    let (set, name) = (made.configuration_set.clone().unwrap(), made.id.clone());
    let destination = format!("/v2/email/configuration-sets/{set}/event-destinations/{name}");
    let foreign = "arn:aws:sns:eu-central-1:123456789012:other";
    let attribute = |name: &'static str, value: &'static str| {
        [
            ("Action", "SetTopicAttributes"),
            ("TopicArn", topic.as_str()),
            ("AttributeName", name),
            ("AttributeValue", value),
        ]
    };
    let only = |events: &str| {
        let event = json!({ "Enabled": true, "MatchingEventTypes": [events], "SnsDestination": { "TopicArn": topic } });
        json!({ "EventDestination": event }).to_string()
    };
    for (what, changed) in [
        ("its signature", attribute("SignatureVersion", "1")),
        ("its policy", attribute("Policy", r#"{"Statement":[{"Sid":"theirs"}]}"#)),
    ] {
        let answer = sns(&emulator, &changed).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{what}: {answer}");
        assert!(!ses.status(URL, &options).await.unwrap().unwrap().is_complete(), "{what}");
        assert!(ses.ensure(URL, "", &options).await.unwrap().is_complete(), "{what}");
        assert!(ses.status(URL, &options).await.unwrap().unwrap().is_complete(), "{what}");
    }
    // What others wrote into the policy is there still.
    let answer = sns(&emulator, &[("Action", "GetTopicAttributes"), ("TopicArn", &topic)]).await;
    assert!(answer.contains("theirs") && answer.contains("ses.amazonaws.com"), "{answer}");
    assert!(answer.contains("AWS:SourceAccount&quot;:&quot;123456789012"), "{answer}");

    let answer = by_hand(&emulator, "PUT", &destination, &only("OPEN")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = ses.status(URL, &options).await.unwrap().unwrap();
    assert_eq!((seen.missing.len(), seen.missing.contains(&"OPEN".to_owned())), (9, false));
    assert!(ses.ensure(URL, "", &options).await.unwrap().is_complete());
    assert_eq!(ses.status(URL, &options).await.unwrap(), Some(made.clone()));

    // A topic that is gone is made anew, and asked again.
    sns(&emulator, &[("Action", "DeleteTopic"), ("TopicArn", &topic)]).await;
    assert!(!ses.status(URL, &options).await.unwrap().unwrap().enabled);
    assert_eq!(ses.ensure(URL, "", &options).await.unwrap(), made);
    assert!(!emulator.requests().iter().any(|one| String::from_utf8_lossy(&one.body).contains(foreign)));
}

#[tokio::test]
async fn sns_tells_why_it_refuses() {
    let (emulator, _) = pair().await;
    let url = BaseUrl::new(&emulator.url()).unwrap();
    let stranger = Ses::new(KEY, "another-secret-key", REGION).unwrap().base_url(url);
    let refused = stranger.ensure(URL, "", &SendOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind, RefusalKind::Auth);
    assert_eq!(refused.code.as_deref(), Some("InvalidSignatureException"));
    assert!(!format!("{refused:?}").contains("another-secret-key"));
    // Whoever signs nothing can agree for others, and no more.
    let answer = raw(&emulator, "GET /?Action=CreateTopic&Name=x", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let answer = raw(&emulator, "GET /?Action=ConfirmSubscription&TopicArn=x&Token=y", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}
