//! Files that a message names by their URLs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use courierx_server::config::PrivateTargets;
use courierx_server::services::emails::{MAX_FILE_BYTES, MAX_FILES};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::{path, plain, with};
use crate::provider_connections::local;
use crate::support::{Answer, Client, TestServer};

/// A server with files, which counts who asks. Each file is another one every time.
struct FileServer {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl FileServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut lines = BufReader::new(&mut stream).lines();
                    let request = lines.next_line().await.unwrap().unwrap();
                    while !lines.next_line().await.unwrap().unwrap().is_empty() {}
                    let answer = answer(request.split(' ').nth(1).unwrap(), number);
                    // Who has enough hangs up.
                    let _ = stream.write_all(&answer).await;
                });
            }
        });
        Self { port, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(path: &str, number: usize) -> Vec<u8> {
    let whole = |head: &str, body: &[u8]| {
        [format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes(), body].concat()
    };
    match path.split('?').next().unwrap() {
        "/docs/terms.txt" => {
            whole("200 OK\r\nContent-Type: text/plain; charset=utf-8", format!("terms {number}").as_bytes())
        }
        "/odd" => whole("200 OK\r\nContent-Type: multipart/mixed", b"odd"),
        "/announced" => whole(&format!("200 OK\r\nContent-Length: {}", MAX_FILE_BYTES + 1), b""),
        "/endless" => whole("200 OK", &vec![b'x'; MAX_FILE_BYTES + 1]),
        "/elsewhere" => whole("302 Found\r\nLocation: /docs/terms.txt", b""),
        _ => whole("404 Not Found", b""),
    }
}

fn files(files: &[Value]) -> Value {
    with(plain(), &json!({ "attachments": files }))
}

async fn send(owner: &Client, urls: &[String]) -> Answer {
    let urls: Vec<_> = urls.iter().map(|url| json!({ "url": url })).collect();
    owner.post("/api/v1/emails", &files(&urls)).await
}

#[tokio::test]
async fn a_file_is_fetched_when_the_message_is_accepted() {
    let (server, web) = (local().await, FileServer::start().await);
    let owner = server.owner("acme").await;
    let email = files(&[
        json!({ "url": web.url("docs/terms.txt") }),
        json!({ "filename": "b.bin", "content": "aGVsbG8=" }),
        json!({ "path": web.url("odd"), "filename": "c.pdf", "content_type": "application/pdf" }),
        json!({ "url": web.url("odd?token=secret"), "content_id": "logo" }),
    ]);
    let sent = owner.post("/api/v1/emails", &email).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    server.delivered(&owner).await;
    let arrived = owner.get("/api/v1/sandbox/messages").await.body[0].clone();
    let file = |name: &str, kind: &str, bytes: usize| json!({ "filename": name, "content_type": kind, "bytes": bytes });
    assert_eq!(
        arrived["attachments"],
        json!([
            file("terms.txt", "text/plain; charset=utf-8", 7),
            file("b.bin", "application/octet-stream", 5),
            file("c.pdf", "application/pdf", 3),
            file("odd", "application/octet-stream", 3),
        ])
    );
}

#[tokio::test]
async fn a_private_address_is_refused() {
    let web = FileServer::start().await;
    let server = TestServer::start_with(|settings| settings.private_targets = PrivateTargets::None).await;
    let owner = server.owner("acme").await;
    let port = web.port;
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254", "2130706433"]
    {
        for scheme in ["http", "https"] {
            let refused = send(&owner, &[format!("{scheme}://{host}:{port}/docs/terms.txt")]).await;
            assert_eq!(refused.status, 422, "{host}: {refused:?}");
            let told = refused.body["details"]["attachments[0].url"][0].as_str().unwrap();
            assert!(told.contains("COURIERX_ALLOW_PRIVATE_TARGETS"), "{host}: {told}");
        }
    }
    assert_eq!(web.asked(), 0, "nobody connected");
    for url in
        ["", "ftp://a.example/f", "file:///etc/passwd", "https://user:secret@a.example/f", "//a.example/f"]
    {
        let refused = send(&owner, &[url.to_owned()]).await;
        assert_eq!(refused.status, 422, "{url}: {refused:?}");
        assert!(!refused.text.contains("secret"), "{refused:?}");
    }
    assert_eq!(owner.get("/api/v1/emails").await.body, json!([]));
}

#[tokio::test]
async fn what_cannot_be_fetched_is_told_and_nothing_is_kept() {
    let (server, web) = (local().await, FileServer::start().await);
    let owner = server.owner("acme").await;
    for (file, told) in [
        ("announced", "has more than"),
        ("endless", "has more than"),
        ("elsewhere", "the server answered 302"),
        ("missing", "the server answered 404"),
    ] {
        let refused = send(&owner, &[web.url("docs/terms.txt"), web.url(file)]).await;
        assert_eq!(refused.status, 422, "{file}: {refused:?}");
        assert!(
            refused.body["details"]["attachments[1].url"][0].as_str().unwrap().contains(told),
            "{refused:?}"
        );
    }
    let before = web.asked();
    let many: Vec<_> = (0..=MAX_FILES).map(|number| web.url(&format!("docs/terms.txt?{number}"))).collect();
    assert_eq!(send(&owner, &many).await.status, 422);
    // What is wrong anyway is not fetched for.
    let wrong = with(files(&[json!({ "url": web.url("docs/terms.txt") })]), &json!({ "to": "nobody" }));
    let asked = web.asked();
    assert!(asked <= before + MAX_FILES);
    assert_eq!(owner.post("/api/v1/emails", &wrong).await.status, 422);
    assert_eq!(web.asked(), asked);
    assert_eq!(owner.get("/api/v1/emails").await.body, json!([]));
}

#[tokio::test]
async fn a_file_that_cannot_be_fetched_is_asked_for_once_in_a_batch() {
    let (server, web) = (local().await, FileServer::start().await);
    let owner = server.owner("acme").await;
    let batch = async |emails: Vec<Value>| {
        let answer = owner.post("/api/v1/emails/batch", &json!({ "emails": emails })).await;
        answer.body["results"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
    };
    let told = |result: &Value, field: &str| result["details"][field][0].as_str().unwrap().to_owned();
    let missing = json!({ "url": web.url("missing") });
    let mut emails = vec![files(std::slice::from_ref(&missing)); 20];
    emails.push(files(&[json!({ "filename": "b.bin", "content": "aGVsbG8=" }), missing]));
    emails.push(files(&[json!({ "url": web.url("docs/terms.txt") })]));
    let results = batch(emails).await;
    assert_eq!(web.asked(), 2);
    assert!(results[..20].iter().all(|one| told(one, "attachments[0].url").contains("404")), "{results:?}");
    assert!(told(&results[20], "attachments[1].url").contains("404"), "by its own place: {results:?}");
    assert_eq!(results[21]["status"], "queued", "{results:?}");

    // Others of them are so many tries, of which a request has as many as files.
    let before = web.asked();
    let other = |number: usize| files(&[json!({ "url": web.url(&format!("missing?{number}")) })]);
    let results = batch((0..=MAX_FILES).map(other).collect()).await;
    assert_eq!(web.asked() - before, MAX_FILES);
    assert!(told(&results[MAX_FILES], "attachments[0].url").contains("one too many"), "{results:?}");
}

#[tokio::test]
async fn a_repeated_request_is_the_same_whatever_the_file_is_by_then() {
    let (server, web) = (local().await, FileServer::start().await);
    let owner = server.owner("acme").await;
    let email = |file: &str| {
        let key = json!({ "metadata": { "idempotency_key": "order-1" } });
        with(files(&[json!({ "url": web.url("docs/terms.txt"), "filename": file })]), &key)
    };
    let first = owner.post("/api/v1/emails", &email("a.txt")).await;
    let again = owner.post("/api/v1/emails", &email("a.txt")).await;
    assert_eq!((again.status, &again.body["id"]), (202, &first.body["id"]), "{again:?}");
    assert_eq!(owner.post("/api/v1/emails", &email("b.txt")).await.status, 409);
    assert_eq!(owner.get(&path(&first.body)).await.status, 200);
}

#[tokio::test]
async fn a_repeated_request_is_the_same_whatever_its_template_says_by_then() {
    let (server, web) = (local().await, FileServer::start().await);
    let owner = server.owner("acme").await;
    let terms = json!({ "name": "Terms", "status": "active", "subject": "s", "text_body": "one" });
    let terms = owner.post("/api/v1/email_templates", &terms).await;
    assert_eq!(terms.status, 201, "{terms:?}");
    let send = async |file: &str| {
        let email = json!({
            "from": "a@myapp.example", "to": "ada@example.com", "template": "Terms",
            "attachments": [{ "url": web.url("docs/terms.txt"), "filename": file }],
            "metadata": { "idempotency_key": "order-1" },
        });
        owner.post("/api/v1/emails", &email).await
    };
    let first = send("a.txt").await;
    assert_eq!(first.status, 202, "{first:?}");
    let template = format!("/api/v1/email_templates/{}", terms.body["id"].as_str().unwrap());
    let change = json!({ "text_body": "two", "status": "active" });
    assert_eq!(owner.patch(&template, &change).await.status, 200);
    let again = send("a.txt").await;
    assert_eq!((again.status, &again.body["id"]), (202, &first.body["id"]), "{again:?}");
    assert_eq!(send("b.txt").await.status, 409);
}
