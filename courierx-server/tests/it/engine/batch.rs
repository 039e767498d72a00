//! One message to many.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use courierx_providers::emulator::{Emulator, Fault};
use courierx_server::App;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

use super::{KEY, SECRET, email, post, postmark, send, sendgrid, start};
use crate::support::{Answer, Client, TestServer};

async fn send_batch(client: &Client, body: &Value) -> Answer {
    post(client, "/v1/send/batch", body).await
}

fn batch(recipients: &Value, accounts: &[Value]) -> Value {
    let mut body = email("", accounts);
    body.as_object_mut().unwrap().remove("to");
    body["recipients"] = recipients.clone();
    body
}

/// A Postmark that keeps every request waiting until it is told to answer: how many began, and how many are there
/// at the moment.
#[derive(Clone)]
struct Holding {
    begun: Arc<watch::Sender<usize>>,
    present: Arc<watch::Sender<usize>>,
    most: Arc<watch::Sender<usize>>,
    answers: Arc<watch::Sender<bool>>,
    url: String,
}

impl Holding {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let holding = Self {
            begun: Arc::default(),
            present: Arc::default(),
            most: Arc::default(),
            answers: Arc::default(),
            url: format!("http://{}", listener.local_addr().unwrap()),
        };
        let router = Router::new().fallback(Self::answer).with_state(holding.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        holding
    }

    async fn answer(State(this): State<Self>) -> axum::Json<Value> {
        this.begun.send_modify(|count| *count += 1);
        this.present.send_modify(|count| *count += 1);
        let present = *this.present.borrow();
        this.most.send_modify(|most| *most = present.max(*most));
        this.answers.subscribe().wait_for(|answers| *answers).await.unwrap();
        this.present.send_modify(|count| *count -= 1);
        axum::Json(
            json!({ "ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a-e38e-4336-af7d-e6c392c2f817",
            "SubmittedAt": "2026-03-22T12:34:56Z", "To": "ada@example.com" }),
        )
    }

    fn account(&self) -> Value {
        json!({ "type": "postmark", "config": { "serverToken": KEY, "baseUrl": self.url } })
    }
}

#[tokio::test]
async fn the_documents_request_is_answered_as_the_document_says() {
    let (_server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    let mut body: Value = serde_json::from_str(
        r#"{
            "from": "noreply@yourapp.com",
            "subject": "Order {{orderId}} shipped",
            "html": "<p>Order {{orderId}} has shipped.</p>",
            "recipients": [
                { "email": "user1@example.com", "variables": { "orderId": "ORD-001" } },
                { "email": "user2@example.com", "variables": { "orderId": "ORD-002" } }
            ]
        }"#,
    )
    .unwrap();
    body["providers"] = json!([{ "provider": sendgrid(&emulator) }]);
    let sent = send_batch(&client, &body).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    for (field, value) in [
        ("success", json!(true)),
        ("total", json!(2)),
        ("successCount", json!(2)),
        ("failureCount", json!(0)),
    ] {
        assert_eq!(sent.body[field], value, "{sent:?}");
    }
    let took = emulator.received();
    for (to, subject) in
        [("user1@example.com", "Order ORD-001 shipped"), ("user2@example.com", "Order ORD-002 shipped")]
    {
        assert!(took.iter().any(|one| one.to[0].address == to && one.subject == subject), "{took:?}");
    }
}

#[tokio::test]
async fn a_thousand_are_sent_to_and_told_in_their_order() {
    let (_server, client) = start().await;
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    let recipients: Vec<_> = (0..1000)
        .map(|one| {
            json!({ "email": format!("u{one}@example.com"), "emailId": format!("e-{one}"), "variables": { "n": one } })
        })
        .collect();
    let mut body = batch(&json!(recipients), &[postmark(&emulator)]);
    (body["subject"], body["variables"]) =
        (json!("{{greeting}} {{n}}"), json!({ "greeting": "Hello", "n": "nobody" }));
    let sent = send_batch(&client, &body).await;
    assert_eq!(
        (sent.status, &sent.body["successCount"]),
        (200, &json!(1000)),
        "{:?}",
        sent.body["results"][0]
    );
    for (index, one) in sent.body["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(one["email"], format!("u{index}@example.com"));
        assert_eq!((&one["emailId"], &one["success"]), (&json!(format!("e-{index}")), &json!(true)));
        assert!(one["messageId"].is_string());
    }
    let took = emulator.received();
    assert_eq!(took.len(), 1000);
    for one in took {
        // Nobody sees anybody else.
        assert_eq!((one.to.len(), one.cc.len(), one.bcc.len()), (1, 0, 0));
        let number = one.to[0].address.trim_start_matches('u').split('@').next().unwrap().to_owned();
        assert_eq!(one.subject, format!("Hello {number}"));
    }
}

#[tokio::test]
async fn each_recipient_fares_for_itself() {
    let (_server, client) = start().await;
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    let recipients = json!([
        { "email": "ada@example.com", "variables": { "name": "Ada" } },
        { "email": "nobody", "emailId": "e-1" },
        { "email": Fault::Suppressed.address() },
        { "email": Fault::Untyped502.address() },
        { "email": "bo@example.com\r\nBcc: eve@example.com" },
        { "email": "cy@example.com", "variables": { "name": "x".repeat(2000) } },
        { "email": "Di <di@example.com>" },
    ]);
    let mut body = batch(&recipients, &[postmark(&emulator)]);
    body["subject"] = json!("Hello {{name}}");
    let sent = send_batch(&client, &body).await;
    assert_eq!((sent.status, &sent.body["success"]), (200, &json!(false)), "{sent:?}");
    let counts = ["total", "successCount", "failureCount", "unknownCount"]
        .map(|field| sent.body[field].as_u64().unwrap());
    assert_eq!(counts, [7, 2, 5, 1], "{sent:?}");
    let results = sent.body["results"].as_array().unwrap();
    let codes: Vec<_> = results.iter().map(|one| one["code"].as_str().unwrap_or("sent")).collect();
    assert_eq!(
        codes,
        [
            "sent",
            "validation_error",
            "suppressed",
            "unknown_outcome",
            "validation_error",
            "template_error",
            "sent"
        ]
    );
    assert_eq!(results[1]["emailId"], "e-1");
    assert!(results[1]["error"].as_str().unwrap().starts_with("email "), "{sent:?}");
    assert_eq!(results[3]["unknown"], true);
    let took = emulator.received();
    let subjects: Vec<_> =
        took.iter().map(|one| (one.to[0].address.as_str(), one.subject.as_str())).collect();
    assert!(subjects.contains(&("ada@example.com", "Hello Ada")), "{subjects:?}");
    // A template for one is a template for all: nobody reads `{{name}}`.
    assert!(
        subjects.iter().any(|(to, subject)| *to == "di@example.com" && !subject.contains('{')),
        "{subjects:?}"
    );
}

#[tokio::test]
async fn ten_are_under_way_at_once() {
    let (_server, client) = start().await;
    let vendor = Holding::start().await;
    let recipients: Vec<_> = (0..40).map(|one| json!({ "email": format!("u{one}@example.com") })).collect();
    let body = batch(&json!(recipients), &[vendor.account()]);
    let sending = tokio::spawn({
        let client = client.clone();
        async move { send_batch(&client, &body).await }
    });
    vendor.present.subscribe().wait_for(|present| *present == 10).await.unwrap();
    vendor.answers.send_replace(true);
    let sent = sending.await.unwrap();
    assert_eq!((&sent.body["successCount"], *vendor.begun.borrow()), (&json!(40), 40), "{sent:?}");
    assert_eq!(*vendor.most.borrow(), 10);
}

/// Asks, and hangs up once so many messages are under way; returns when the server has given the request up.
async fn ask_and_hang_up(server: &TestServer, path: &str, body: &Value, vendor: &Holding, messages: usize) {
    let body = body.to_string();
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nx-internal-secret: {SECRET}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    vendor.present.subscribe().wait_for(|present| *present == messages).await.unwrap();
    // Once the server closes the connection, too, it has given the request up.
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

fn accepted(server: &App, messages: usize) -> bool {
    let line = format!("courierx_sends_total{{provider=\"postmark\",outcome=\"accepted\"}} {messages}\n");
    server.meters.render().contains(&line)
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_it() {
    let (server, client) = start().await;
    let vendor = Holding::start().await;
    let recipients: Vec<_> = (0..100).map(|one| json!({ "email": format!("u{one}@example.com") })).collect();
    let body = batch(&json!(recipients), &[vendor.account()]);
    ask_and_hang_up(&server, "/v1/send/batch", &body, &vendor, 10).await;
    // What has begun goes on.
    assert_eq!(*vendor.present.borrow(), 10);
    vendor.answers.send_replace(true);
    while !accepted(server.app(), 10) {
        tokio::task::yield_now().await;
    }
    let sent = send(&client, &email("ada@example.com", &[vendor.account()])).await;
    assert_eq!((sent.status, *vendor.begun.borrow()), (200, 11), "{sent:?}");
}

#[tokio::test]
async fn a_server_that_stops_waits_for_what_has_begun() {
    let (server, _client) = start().await;
    let vendor = Holding::start().await;
    let body = email("ada@example.com", &[vendor.account()]);
    ask_and_hang_up(&server, "/v1/send", &body, &vendor, 1).await;
    let (app, address) = (Arc::clone(server.app()), server.address());
    let stopping = tokio::spawn(server.stop());
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished() && !accepted(&app, 1));
    vendor.answers.send_replace(true);
    stopping.await.unwrap();
    assert!(accepted(&app, 1), "{}", app.meters.render());
}

#[tokio::test]
async fn too_many_batches_at_once_are_refused() {
    let (_server, client) = start().await;
    let vendor = Holding::start().await;
    let body = batch(&json!([{ "email": "ada@example.com" }]), &[vendor.account()]);
    let under_way: Vec<_> = (0..8)
        .map(|_| {
            let (client, body) = (client.clone(), body.clone());
            tokio::spawn(async move { send_batch(&client, &body).await.status })
        })
        .collect();
    vendor.present.subscribe().wait_for(|present| *present == 8).await.unwrap();
    let refused = send_batch(&client, &body).await;
    assert_eq!((refused.status, &refused.body["code"]), (429, &json!("rate_limit_exceeded")), "{refused:?}");
    assert_eq!(refused.headers["retry-after"], "5");
    vendor.answers.send_replace(true);
    for one in under_way {
        assert_eq!(one.await.unwrap(), 200);
    }
    // There is room again.
    assert_eq!(send_batch(&client, &body).await.status, 200);
}
