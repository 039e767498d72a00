//! Messages of applications on lettre.

use courierx::lettre::{LettreTransport, TransportError};
use courierx::testing::Recorder;
use courierx::{MessageStatus, RefusalKind, SendError, assert_sent};
use lettre::address::Envelope;
use lettre::message::{Attachment, Message, MultiPart, SinglePart, header};
use lettre::{AsyncTransport, message::MessageBuilder};

use crate::support::World;

fn message() -> MessageBuilder {
    Message::builder()
        .from("Zoë Müller <zoe@acme.example>".parse().unwrap())
        .reply_to("help@acme.example".parse().unwrap())
        .to("\"Lovelace, Ada\" <ada@example.com>".parse().unwrap())
        .cc("bob@example.com".parse().unwrap())
        .bcc("eve@example.com".parse().unwrap())
        .subject("Grüße")
}

#[tokio::test]
async fn every_part_of_a_lettre_message_arrives() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    let related = MultiPart::related()
        .singlepart(SinglePart::html("<p>Hällo <img src=\"cid:logo\"></p>".to_owned()))
        .singlepart(
            Attachment::new_inline("logo".to_owned()).body(vec![1_u8, 2, 3], "image/png".parse().unwrap()),
        );
    let alternative =
        MultiPart::alternative().singlepart(SinglePart::plain("Hällo".to_owned())).multipart(related);
    let mixed = MultiPart::mixed().multipart(alternative).singlepart(
        Attachment::new("Übersicht.pdf".to_owned())
            .body(vec![0_u8, 255, 13, 10], "application/pdf".parse().unwrap()),
    );
    let message = message().raw_header(header::HeaderValue::new(
        header::HeaderName::new_from_ascii("X-Campaign".to_owned()).unwrap(),
        "spring".to_owned(),
    ));
    let transport = LettreTransport::new(world.courier.clone());
    transport.send(message.multipart(mixed).unwrap()).await.unwrap();

    let sent = recorder.sent();
    assert_eq!(sent[0].recipients(), ["ada@example.com", "bob@example.com", "eve@example.com"]);
    let outgoing = sent[0].outgoing();
    assert_eq!(outgoing.from().to_string(), "Zoë Müller <zoe@acme.example>");
    assert_eq!(outgoing.to()[0].name().unwrap().as_str(), "Lovelace, Ada");
    assert_eq!(outgoing.reply_to()[0].address().as_str(), "help@acme.example");
    assert_eq!(outgoing.to().len() + outgoing.cc().len(), 2, "a blind copy is in no header");
    assert_eq!(sent[0].subject(), "Grüße");
    assert_eq!(sent[0].text().map(str::trim_end), Some("Hällo"));
    assert!(sent[0].html().unwrap().contains("cid:logo"));
    assert_eq!(outgoing.headers().get("x-campaign").unwrap().as_str(), "spring");
    let [logo, pdf] = outgoing.attachments() else { panic!("{:?}", outgoing.attachments()) };
    assert_eq!(logo.content_id().unwrap().as_str(), "logo");
    assert_eq!(logo.content(), [1, 2, 3]);
    assert_eq!(pdf.file_name().as_str(), "Übersicht.pdf");
    assert_eq!(pdf.content_type().as_str(), "application/pdf");
    assert_eq!(pdf.content(), [0, 255, 13, 10]);
}

#[tokio::test]
async fn through_the_outbox_it_is_kept_first() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    let transport = LettreTransport::through_the_outbox(world.courier.clone());
    let id = transport.send(message().body("Hello".to_owned()).unwrap()).await.unwrap();
    assert_eq!(world.status(id).await, MessageStatus::Queued);
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_sent!(recorder, 1);
}

#[tokio::test]
async fn what_is_not_sent_is_an_error() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    recorder.refuse_all(RefusalKind::Auth);
    let transport = LettreTransport::new(world.courier.clone());
    let error = transport.send(message().body("Hello".to_owned()).unwrap()).await.unwrap_err();
    assert!(matches!(error, TransportError::Send(SendError::NotSent(_))), "{error}");
}

#[tokio::test]
async fn whoever_the_envelope_leaves_out_gets_nothing() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    let transport = LettreTransport::new(world.courier.clone());
    // One copy for each recipient, as mailing lists make them, under a header that names everybody.
    let from = Some("bounces+1@acme.example".parse().unwrap());
    let envelope = Envelope::new(from, vec!["BOB@example.com".parse().unwrap()]).unwrap();
    let mime = message().body("Hello".to_owned()).unwrap().formatted();
    transport.send_raw(&envelope, &mime).await.unwrap();
    assert_eq!(recorder.sent()[0].recipients(), ["bob@example.com"]);
}

#[tokio::test]
async fn an_address_is_the_same_however_its_domain_is_spelled() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    let transport = LettreTransport::new(world.courier.clone());
    let envelope = Envelope::new(None, vec!["ada@xn--bcher-kva.example".parse().unwrap()]).unwrap();
    let mime = "From: hi@acme.example\r\nTo: Ada <ada@bücher.example>\r\nSubject: x\r\n\r\nHello\r\n";
    transport.send_raw(&envelope, mime.as_bytes()).await.unwrap();
    let sent = recorder.sent();
    assert_eq!(sent[0].recipients(), ["ada@xn--bcher-kva.example"]);
    assert_eq!(sent[0].outgoing().to().len(), 1, "it stays in the header");
}

#[tokio::test]
async fn threads_and_lists_keep_their_headers() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    let transport = LettreTransport::new(world.courier.clone());
    let mime = "From: hi@acme.example\r\nTo: ada@example.com\r\nSubject: x\r\n\
        In-Reply-To: <1@example.com>\r\nReferences: <0@example.com>\r\n\t<1@example.com>\r\n\
        List-Unsubscribe: <https://acme.example/u?a=1>,\r\n <mailto:u@acme.example>\r\n\
        List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nAuto-Submitted: auto-generated\r\n\
        X-Note: =?utf-8?q?gr=C3=BCn?=\r\n\r\nHello\r\n";
    let envelope = Envelope::new(None, vec!["ada@example.com".parse().unwrap()]).unwrap();
    transport.send_raw(&envelope, mime.as_bytes()).await.unwrap();
    let sent = recorder.sent();
    let header = |name: &str| sent[0].outgoing().headers().get(name).map(|value| value.as_str().to_owned());
    assert_eq!(header("In-Reply-To").as_deref(), Some("<1@example.com>"));
    assert_eq!(header("References").as_deref(), Some("<0@example.com> <1@example.com>"));
    let unsubscribe = "<https://acme.example/u?a=1>, <mailto:u@acme.example>";
    assert_eq!(header("List-Unsubscribe").as_deref(), Some(unsubscribe));
    assert_eq!(header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    assert_eq!(header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(header("X-Note").as_deref(), Some("grün"));
    assert_eq!(sent[0].outgoing().headers().len(), 6);
}

#[tokio::test]
async fn a_long_thread_keeps_its_newest_messages() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    let transport = LettreTransport::new(world.courier.clone());
    let identifiers: Vec<_> =
        (0..100).map(|number| format!("<{number}.of.a.long.thread@example.com>")).collect();
    let thread = identifiers.join("\r\n ");
    let mime =
        format!("From: hi@acme.example\r\nTo: ada@example.com\r\nReferences: {thread}\r\n\r\nHello\r\n");
    let envelope = Envelope::new(None, vec!["ada@example.com".parse().unwrap()]).unwrap();
    transport.send_raw(&envelope, mime.as_bytes()).await.unwrap();
    let sent = recorder.sent();
    let references = sent[0].outgoing().headers().get("References").unwrap().as_str().to_owned();
    assert!(references.starts_with('<') && references.ends_with("<99.of.a.long.thread@example.com>"));
}
