//! What the emulated API takes, and what it does not.

use courierx_providers::Ses;
use courierx_providers::emulator::ApiRequest;
use serde_json::{Value, json};

use super::{pair, send};
use crate::support::mail;

/// Sends a message of the adapter's, then bodies of our own under a signature for each.
async fn answers(bodies: Vec<(Value, &'static str)>) {
    let (emulator, _) = pair().await;
    for (body, expected) in bodies {
        let answer = signed::post(&emulator.url(), &body).await;
        assert_eq!(answer.1, expected, "{body} {answer:?}");
    }
}

/// A client of its own, signed by AWS's code.
mod signed {
    use std::time::SystemTime;

    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use serde_json::Value;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::super::{KEY, REGION};
    use crate::support::api::SECRET;

    /// The status of the answer, and its error's code.
    pub(super) async fn post(url: &str, body: &Value) -> (u16, String, String) {
        let body = body.to_string();
        let path = "/v2/email/outbound-emails";
        let host = url.strip_prefix("http://").unwrap();
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
        let headers = [("content-type", "application/json"), ("x-other", "is  signed\ttoo"), ("host", host)];
        let url = format!("{url}{path}");
        let request =
            SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))
                .unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let added = instructions.headers().map(|(name, value)| (name, value.to_owned()));
        let mut text =
            format!("POST {path} HTTP/1.1\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
        for (name, value) in headers.into_iter().map(|(name, value)| (name, value.to_owned())).chain(added) {
            text += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer[9..12].parse().unwrap();
        let code = answer.split("x-amzn-errortype: ").nth(1).and_then(|rest| rest.lines().next());
        (status, code.unwrap_or_default().to_owned(), answer)
    }
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
    answers(vec![
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
        (with("/Content", json!({ "Raw": { "Data": "U3ViamVjdDogeA0KDQp4" } })), BAD),
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
    ])
    .await;
}

#[tokio::test]
async fn a_signature_that_was_tampered_with_is_refused() {
    let (emulator, ses) = pair().await;
    let message = mail::to(&["ada@example.com"]);
    assert!(send(&ses, &message).await.is_accepted());
    let sent = emulator.requests().remove(0);
    let with = |change: &dyn Fn(&mut ApiRequest)| {
        let mut request = sent.clone();
        change(&mut request);
        request
    };
    for (request, expected) in [
        (with(&|_| ()), ""),
        (with(&|request| request.body = b"{}".as_slice().into()), "InvalidSignatureException"),
        (with(&|request| request.query = "a=b".to_owned()), "InvalidSignatureException"),
        (
            with(&|request| drop(request.headers.remove("authorization"))),
            "MissingAuthenticationTokenException",
        ),
        (with(&|request| drop(request.headers.remove("x-amz-date"))), "IncompleteSignatureException"),
        (
            with(&|request| drop(request.headers.insert("x-amz-other", "1".parse().unwrap()))),
            "InvalidSignatureException",
        ),
        (
            with(&|request| drop(request.headers.append("content-type", "text/plain".parse().unwrap()))),
            "InvalidSignatureException",
        ),
        (
            with(&|request| {
                drop(request.headers.insert("authorization", "AWS4-HMAC-SHA256 x".parse().unwrap()))
            }),
            "IncompleteSignatureException",
        ),
    ] {
        assert_eq!(repeat(&emulator.url(), &request).await, expected);
    }
    drop::<Ses>(ses);
}

/// Sends a request again, and tells the code of the error.
async fn repeat(url: &str, request: &ApiRequest) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut text = format!("POST {}?{} HTTP/1.1\r\nconnection: close\r\n", request.path, request.query);
    for (name, value) in &request.headers {
        if name != "content-length" {
            text += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
    }
    text += &format!("content-length: {}\r\n\r\n", request.body.len());
    let mut stream = tokio::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(&[text.as_bytes(), &request.body].concat()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let code = answer.split("x-amzn-errortype: ").nth(1).and_then(|rest| rest.lines().next());
    code.unwrap_or_default().to_owned()
}
