//! Messages of applications on lettre.

use courierx::lettre::{LettreTransport, TransportError};
use courierx::testing::Recorder;
use courierx::{MessageStatus, RefusalKind, SendError, assert_sent};
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
