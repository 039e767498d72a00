//! What the emulator refuses, as Mailgun does.

use courierx_providers::emulator::Emulator;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{DOMAIN, emulator};
use crate::support::api::SECRET;

/// A form of fields, as other clients write it.
fn form(fields: &[(&str, &str)]) -> String {
    let parts = fields.iter().map(|(name, value)| {
        let file = if *name == "attachment" { "; filename=a.txt" } else { "" };
        format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    });
    parts.collect::<String>() + "--b--"
}

async fn post(emulator: &Emulator, content_type: &str, body: &str) -> String {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("api:{SECRET}"));
    let head = format!(
        "POST /v3/{DOMAIN}/messages HTTP/1.1\r\nhost: x\r\nauthorization: Basic {basic}\r\ncontent-type: \
         {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    stream.write_all((head + body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const COMPLETE: [(&str, &str); 4] =
    [("from", "s@example.com"), ("to", "a@example.com, B <b@example.com>"), ("subject", "x"), ("text", "x")];

#[tokio::test]
async fn a_complete_form_is_taken_in_both_forms() {
    let emulator = emulator().start().await.unwrap();
    let answer = post(&emulator, "multipart/form-data; boundary=\"b\"", &form(&COMPLETE)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Queued"), "{answer}");
    let urlencoded = "from=s%40example.com&to=a%40example.com&subject=x&text=x+y";
    let answer = post(&emulator, "application/x-www-form-urlencoded", urlencoded).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let received = emulator.received();
    assert_eq!(received[0].recipients(), ["a@example.com", "b@example.com"]);
    assert_eq!(received[1].text.as_deref(), Some("x y"));
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_refused() {
    let emulator = emulator().start().await.unwrap();
    for missing in ["from", "to", "subject", "text"] {
        let fields: Vec<_> = COMPLETE.into_iter().filter(|(name, _)| *name != missing).collect();
        let answer = post(&emulator, "multipart/form-data; boundary=b", &form(&fields)).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(missing), "{answer}");
    }
    let long = "x".repeat(17_000);
    for extra in [
        ("unknown", "x"),
        ("from", "again@example.com"),
        ("cc", "nobody"),
        ("bcc", "ü@example.com"),
        ("o:unknown", "x"),
        ("o:testmode", "maybe"),
        ("o:tracking-opens", "htmlonly"),
        ("o:tag", ""),
        ("o:tag", "ü"),
        ("h:Ü", "x"),
        ("h:X-A", "a\r\nX-B: b"),
        ("h:Reply-To", "nobody"),
        ("v:a", long.as_str()),
        ("recipient-variables", "[]"),
        ("recipient-variables", "{\"a@example.com\": 1}"),
        ("amp-html", "1"),
    ] {
        let fields: Vec<_> = COMPLETE.into_iter().chain([extra]).collect();
        let answer = post(&emulator, "multipart/form-data; boundary=b", &form(&fields)).await;
        let expected = if extra.0 == "amp-html" { "HTTP/1.1 200" } else { "HTTP/1.1 400" };
        assert!(answer.starts_with(expected), "{extra:?}: {answer}");
    }
    for (content_type, body) in [
        ("application/json", "{}".to_owned()),
        ("multipart/form-data", form(&COMPLETE)),
        ("multipart/form-data; boundary=c", form(&COMPLETE)),
        ("multipart/form-data; boundary=b", form(&COMPLETE).replace("--b--", "")),
    ] {
        let answer = post(&emulator, content_type, &body).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{content_type}: {answer}");
    }
    assert_eq!(emulator.count(), 1);
}
