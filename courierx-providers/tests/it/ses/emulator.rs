//! What the emulated API takes, and what it does not.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use courierx_providers::emulator::ApiRequest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{KEY, REGION, pair, send};
use crate::support::api::SECRET;
use crate::support::mail;

const PATH: &str = "/v2/email/outbound-emails";

/// Sends a request as it is, and tells the code of the error; empty if it was taken.
async fn wire(url: &str, query: &str, headers: &[(String, String)], body: &[u8]) -> String {
    let given =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let length = body.len();
    let head = format!(
        "POST {PATH}?{query} HTTP/1.1\r\n{given}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let code = answer.split("x-amzn-errortype: ").nth(1).and_then(|rest| rest.lines().next());
    assert_eq!(code.is_none(), answer.starts_with("HTTP/1.1 200"), "{answer}");
    code.unwrap_or_default().to_owned()
}

/// Sends a body, signed by AWS's code, with a header more than an adapter signs.
async fn post(url: &str, body: &Value) -> String {
    let body = body.to_string();
    let identity = Credentials::new(KEY, SECRET, None, None, "test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("ses")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let host = url.strip_prefix("http://").unwrap();
    let headers = [("content-type", "application/json"), ("x-other", "is  signed too"), ("host", host)];
    let whole = format!("{url}{PATH}?b=2&a=%2F");
    let request =
        SignableRequest::new("POST", &whole, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
    let (instructions, _) = sign(request.unwrap(), &params).unwrap().into_parts();
    let all = headers.into_iter().chain(instructions.headers());
    let all: Vec<_> = all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    wire(url, "b=2&a=%2F", &all, body.as_bytes()).await
}

fn simple() -> Value {
    json!({
        "FromEmailAddress": "sender@example.com",
        "Destination": { "ToAddresses": ["ada@example.com"] },
        "Content": { "Simple": {
            "Subject": { "Data": "Hello" },
            "Body": { "Text": { "Data": "Hello." } },
        } },
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut body = simple();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

#[tokio::test]
async fn only_what_the_api_takes_is_taken() {
    const BAD: &str = "BadRequestException";
    const UNREADABLE: &str = "SerializationException";
    let header = |name: &str, value: &str| json!([{ "Name": name, "Value": value }]);
    let file = |field: &str, value: Value| {
        let mut file = json!({ "FileName": "a.pdf", "RawContent": "YQ==" });
        file[field] = value;
        with("/Content/Simple/Attachments", json!([file]))
    };
    let headers: Vec<_> = (0..16).map(|n| json!({ "Name": format!("X-{n}"), "Value": "v" })).collect();
    let (emulator, _) = pair().await;
    for (body, expected) in [
        (simple(), ""),
        (with("/Unknown", json!(1)), UNREADABLE),
        (with("/Content/Unknown", json!(1)), UNREADABLE),
        (with("/FromEmailAddress", Value::Null), BAD),
        (with("/FromEmailAddress", json!("Zoë <zoe@example.com>")), BAD),
        (with("/FromEmailAddress", json!("no address")), BAD),
        (with("/FromEmailAddress", json!(7)), UNREADABLE),
        (with("/Destination", json!({})), BAD),
        (with("/Destination/ToAddresses", json!(["a@example.com, b@example.com"])), BAD),
        (with("/Destination/ToAddresses", json!(vec!["a@example.com"; 51])), BAD),
        (with("/Destination/ToAddresses", json!(["zoë@example.com"])), BAD),
        (with("/Content", json!({})), BAD),
        (with("/Content/Raw", json!({ "Data": "YQ==" })), BAD),
        (with("/Content", json!({ "Template": { "TemplateName": "x" } })), "NotFoundException"),
        (with("/Content", json!({ "Raw": { "Data": "no base64!" } })), UNREADABLE),
        (json!({ "Content": { "Raw": { "Data": "U3ViamVjdDogeA0KDQp4" } } }), BAD),
        (with("/Content/Simple/Body", json!({})), BAD),
        (with("/Content/Simple/Subject/Data", json!("é")), BAD),
        (with("/Content/Simple/Headers", header("X-A", "é")), BAD),
        (with("/Content/Simple/Headers", header("X-A", &"v".repeat(996))), BAD),
        (with("/Content/Simple/Headers", header("X A", "v")), BAD),
        (with("/Content/Simple/Headers", json!(headers)), BAD),
        (with("/EmailTags", header("a.b", "v")), BAD),
        (with("/EmailTags", header("a", "")), BAD),
        (with("/EmailTags", json!([{ "Name": "a", "Value": "1" }, { "Name": "a", "Value": "2" }])), BAD),
        (with("/ConfigurationSetName", json!("no such set")), "NotFoundException"),
        (with("/ConfigurationOverrides", json!({ "Tracking": { "OpenTrackingEnabled": true } })), UNREADABLE),
        (file("ContentDisposition", json!("INLINE")), ""),
        (file("ContentDisposition", json!("inline")), UNREADABLE),
        (file("ContentId", json!("x".repeat(79))), BAD),
        (file("RawContent", json!("no base64!")), UNREADABLE),
        (file("FileName", json!("virus.EXE")), BAD),
    ] {
        assert_eq!(post(&emulator.url(), &body).await, expected, "{body}");
    }
    assert_eq!(emulator.count(), 2);
}

/// A request again, with some of it changed.
async fn again(url: &str, sent: &ApiRequest, change: impl FnOnce(&mut ApiRequest)) -> String {
    let mut request = sent.clone();
    request.headers.remove("content-length");
    change(&mut request);
    let headers = request.headers.iter();
    let headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    wire(url, &request.query, &headers, &request.body).await
}

#[tokio::test]
async fn a_request_that_was_tampered_with_is_refused() {
    const WRONG: &str = "InvalidSignatureException";
    let (emulator, ses) = pair().await;
    assert!(send(&ses, &mail::to(&["ada@example.com"])).await.is_accepted());
    let (url, sent) = (emulator.url(), emulator.requests().remove(0));
    let put = |name: &'static str, value: &'static str| {
        move |request: &mut ApiRequest| {
            request.headers.insert(name, value.parse().unwrap());
        }
    };
    let without = |name: &'static str| {
        move |request: &mut ApiRequest| {
            request.headers.remove(name);
        }
    };
    assert_eq!(again(&url, &sent, |_| ()).await, "");
    assert_eq!(again(&url, &sent, |request| request.body = b"{}".as_slice().into()).await, WRONG);
    assert_eq!(again(&url, &sent, |request| request.query = "a=b".to_owned()).await, WRONG);
    assert_eq!(again(&url, &sent, put("x-amz-other", "1")).await, WRONG);
    assert_eq!(again(&url, &sent, put("content-type", "application/json; charset=utf-8")).await, WRONG);
    assert_eq!(again(&url, &sent, without("content-type")).await, WRONG);
    let missing = "MissingAuthenticationTokenException";
    assert_eq!(again(&url, &sent, without("authorization")).await, missing);
    let incomplete = "IncompleteSignatureException";
    assert_eq!(again(&url, &sent, without("x-amz-date")).await, incomplete);
    assert_eq!(again(&url, &sent, put("authorization", "AWS4-HMAC-SHA256 x")).await, incomplete);
    let twice = |request: &mut ApiRequest| {
        let authorization = request.headers["authorization"].clone();
        request.headers.append("authorization", authorization);
    };
    assert_eq!(again(&url, &sent, twice).await, missing);
}
