//! What a message says arrives as it was said.

use std::collections::BTreeMap;

use courierx_core::message::{Attachment, Mailbox, RecipientField, Tracking};
use courierx_core::provider::conformance::{Person, Received};
use courierx_core::provider::{Content, EmailProvider as _, Outgoing, SendOptions};
use courierx_providers::emulator::Emulator;
use proptest::prelude::*;
use proptest::sample::select;

use super::{adapter, emulator};
use crate::support::mail::{draft, outgoing};

async fn sent(emulator: &Emulator, message: &Outgoing) -> Received {
    emulator.clear();
    let outcome = adapter(emulator).send(message, &SendOptions::default()).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    let mut received = emulator.received();
    assert_eq!(received.len(), 1);
    received.remove(0)
}

fn path(emulator: &Emulator) -> String {
    emulator.requests().last().unwrap().path.clone()
}

fn person(mailbox: &Mailbox) -> Person {
    Person::new(mailbox.address().as_str()).named(mailbox.name().map_or("", |name| name.as_str()))
}

fn people<'a>(mailboxes: impl IntoIterator<Item = &'a Mailbox>) -> Vec<Person> {
    mailboxes.into_iter().map(person).collect()
}

fn of(message: &Outgoing, field: RecipientField) -> Vec<Person> {
    people(message.recipients().iter().filter(|one| one.field == field).map(|one| &one.mailbox))
}

/// Everything that both ways carry.
fn assert_same(message: &Outgoing, got: &Received) {
    assert_eq!(got.from, person(message.from()));
    assert_eq!(got.to, people(message.to()));
    assert_eq!(got.cc, people(message.cc()));
    assert_eq!(got.bcc, of(message, RecipientField::Bcc));
    assert_eq!(got.reply_to, people(message.reply_to()));
    assert_eq!(got.subject, message.subject().as_str());
    let lines = |text: &str| text.replace("\r\n", "\n");
    assert_eq!(got.text, message.text().map(lines));
    assert_eq!(got.html, message.html().map(lines));
    let delivery = message.delivery_id().to_string();
    assert_eq!(got.delivery.as_ref(), Some(&delivery));
    let mut metadata: BTreeMap<_, _> =
        message.metadata().iter().map(|(key, value)| (key.as_str().to_owned(), value.clone())).collect();
    metadata.insert("courierx_delivery".to_owned(), delivery);
    assert_eq!(got.metadata, metadata);
    for header in message.headers() {
        assert_eq!(got.header(header.name.as_str()), Some(header.value.as_str()), "{}", header.name);
    }
    assert!(
        got.header("message-id")
            .is_some_and(|id| message.header_message_id().contains(id.trim_matches(['<', '>'])))
    );
    let tags: Vec<_> = message.tags().iter().take(3).map(|tag| tag.as_str().to_owned()).collect();
    assert_eq!(got.tags, tags);
    let Tracking { opens, clicks } = message.tracking();
    assert_eq!((got.track_opens, got.track_clicks), (opens, clicks));
    let mut files: Vec<_> = message
        .attachments()
        .iter()
        .map(|one| {
            let id = one.content_id().map(|id| id.as_str().to_owned());
            (one.content_type().essence().to_lowercase(), id, one.content().to_vec())
        })
        .collect();
    let mut found: Vec<_> = got
        .files
        .iter()
        .map(|one| (one.content_type.clone(), one.content_id.clone(), one.content.clone()))
        .collect();
    files.sort();
    found.sort();
    assert_eq!(found, files);
}

#[tokio::test]
async fn a_form_carries_every_field() {
    let emulator = emulator().start().await.unwrap();
    let message = outgoing(
        draft()
            .from(("Ünï \"Q\", Cödé 🚀", "sender@example.com"))
            .to("Ada, \"the\" <ada@example.com>")
            .to("bob@example.com")
            .cc("Ç <c@example.com>")
            .bcc("d@example.com")
            .reply_to("Ä, B <a@example.com>")
            .reply_to("b@example.com")
            .subject("Grüße 🚀 %recipient.x% \"=?utf-8?q?x?=\"")
            .header("X-Text", "Grüße, \"you\"")
            .tag("one")
            .tag("two")
            .tag("drei ü")
            .tag("four")
            .tag("five")
            .metadata("order", "Ä \"7\"")
            .metadata("courierx_delivery", "mine")
            .tracking(Tracking { opens: Some(true), clicks: Some(false) })
            .attach(Attachment::new(
                "Ünï; \u{1f680}.pdf",
                "application/pdf; x=\"y\"",
                vec![0, 1, 13, 10, 255],
            ))
            .attach(Attachment::new("Ünï; \u{1f680}.pdf", "application/pdf", Vec::new()))
            .attach(Attachment::inline("logo@a", "logo.png", "image/png", b"1".to_vec()))
            .attach(Attachment::inline("logo@b", "logo.png", "image/png", b"2".to_vec())),
    );
    let got = sent(&emulator, &message).await;
    assert_eq!(path(&emulator), "/v3/mg.example.com/messages");
    assert_eq!(got.from.name.as_deref(), Some("Ünï \"Q\", Cödé 🚀"));
    assert_eq!((got.to.len(), got.cc.len(), got.bcc.len(), got.reply_to.len()), (2, 1, 1, 2));
    assert_eq!(got.reply_to[0].name.as_deref(), Some("Ä, B"));
    assert_eq!(got.subject, message.subject().as_str());
    assert_eq!(got.header("X-Text"), Some("Grüße, \"you\""));
    assert_eq!(got.header("Message-ID"), Some(message.header_message_id()));
    assert_eq!(got.tags, ["one", "two", "four"]);
    assert_eq!(got.metadata["order"], "Ä \"7\"");
    assert_eq!(got.delivery, Some(message.delivery_id().to_string()));
    let names: Vec<_> = got.files.iter().map(|one| (one.name.as_str(), one.content_id.as_deref())).collect();
    let unicode = "Ünï; \u{1f680}.pdf";
    assert_eq!(
        names,
        [(unicode, None), (unicode, None), ("logo@a", Some("logo@a")), ("logo@b", Some("logo@b"))]
    );
    assert_eq!((got.track_opens, got.track_clicks), (Some(true), Some(false)));
}

#[tokio::test]
async fn what_a_form_cannot_say_goes_as_a_finished_message() {
    let emulator = emulator().start().await.unwrap();
    let long = "x".repeat(1900);
    let headers = (0..12).fold(draft().to("a@example.com"), |email, number| {
        email.header(format!("X-Long-{number}"), long.as_str())
    });
    for message in [
        draft().bcc("a@example.com").bcc("b@example.com"),
        draft().cc("C <a@example.com>").bcc("b@example.com"),
        draft().to("a@example.com").header("X-\"A\"", "1"),
        draft().to("a@example.com").header("X-%22", "1"),
        draft().to("a@example.com").attach(Attachment::inline("a/b%c", "a.png", "image/png", b"1".to_vec())),
        headers,
    ] {
        let message = outgoing(message.metadata("order", "7").tag("a"));
        let got = sent(&emulator, &message).await;
        assert_eq!(path(&emulator), "/v3/mg.example.com/messages.mime");
        let hidden = of(&message, RecipientField::Bcc);
        assert_eq!((got.to.len(), &got.bcc), (message.to().len(), &hidden));
        assert_same(&message, &got);
    }
    let quoted =
        outgoing(draft().to("a@example.com").attach(Attachment::new("a\"b %22.pdf", "application/pdf", "1")));
    assert_eq!(sent(&emulator, &quoted).await.files[0].name, "a\"b %22.pdf");
}

#[tokio::test]
async fn those_left_get_the_message_with_its_whole_header() {
    let emulator = emulator().start().await.unwrap();
    let email = draft().to("a@example.com").to("b@example.com").cc("c@example.com").bcc("d@example.com");
    let whole = outgoing(email.clone());
    let left = Outgoing::builder(Content::literal(email.build().unwrap())).only(vec![1, 3]).build();
    let got = sent(&emulator, &left).await;
    assert_eq!((got.to.len(), got.cc.len()), (2, 1));
    assert_eq!(got.bcc, [Person::new("d@example.com")]);
    let body = String::from_utf8_lossy(&emulator.requests()[0].body).into_owned();
    let envelope = body.split("name=\"to\"\r\n\r\n").skip(1).map(|rest| rest.lines().next().unwrap());
    assert_eq!(envelope.collect::<Vec<_>>(), ["b@example.com", "d@example.com"]);
    assert_ne!(left.delivery_id(), whole.delivery_id());
}

#[tokio::test]
async fn metadata_is_what_there_is_room_for() {
    let emulator = emulator().start().await.unwrap();
    let filled = (0..49).fold(draft().to("a@example.com"), |email, number| {
        email.metadata(format!("key{number:02}"), "x".repeat(900))
    });
    let message = outgoing(filled.metadata("small", "1"));
    let got = sent(&emulator, &message).await;
    assert_eq!(path(&emulator), "/v3/mg.example.com/messages");
    assert!((10..40).contains(&got.metadata.len()), "{}", got.metadata.len());
    assert_eq!((got.metadata["small"].as_str(), got.metadata["key00"].len()), ("1", 900));
}

#[tokio::test]
async fn options_of_the_connection_travel_with_every_message() {
    let emulator = emulator().start().await.unwrap();
    let mailgun = adapter(&emulator).ip_pool("pool-1").test_mode();
    assert!(mailgun.capability().sandbox);
    let form = outgoing(draft().to("a@example.com"));
    let raw = outgoing(draft().bcc("a@example.com"));
    for message in [form, raw] {
        let outcome = mailgun.send(&message, &SendOptions::default()).await;
        assert!(outcome.is_accepted(), "{outcome:?}");
        let body = String::from_utf8_lossy(&emulator.requests().last().unwrap().body).into_owned();
        assert!(body.contains("name=\"o:sending-ip-pool\"\r\n\r\npool-1\r\n"), "{body}");
        assert!(body.contains("name=\"o:testmode\"\r\n\r\nyes\r\n"), "{body}");
    }
}

#[tokio::test]
async fn a_text_that_looks_like_the_end_of_the_form_is_text() {
    let emulator = emulator().start().await.unwrap();
    let mut message = outgoing(draft().to("a@example.com"));
    let end = format!("\r\n--_courierx_{}--\r\n", message.delivery_id());
    message = outgoing(draft().to("a@example.com").text(end.as_str()));
    let got = sent(&emulator, &message).await;
    assert_eq!(got.text, Some(end.replace("\r\n", "\n")));
}

fn name() -> impl Strategy<Value = String> {
    let hard = select(vec!["a, b", "\"q\" \\", "=?utf-8?q?x?=", "🚀 Ü", "%recipient%", "a <b>", "(c)", "'"]);
    prop_oneof![
        hard.prop_map(str::to_owned),
        "[a-zA-Zäß中 .,'-]{1,40}".prop_filter("blank", |text| !text.trim().is_empty())
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~äß🚀\n]{0,300}",
        select(vec!["\r\n--_courierx_", "%recipient.a%", "a\r\nb", ".\n..\n", "\u{feff}x"])
            .prop_map(str::to_owned),
    ]
}

fn file() -> impl Strategy<Value = (String, &'static str, Vec<u8>, bool)> {
    let name = prop_oneof![
        "[a-z 0-9äß_;,=()'-]{1,30}\\.[a-z]{1,4}",
        select(vec!["a\"b.pdf", "a%22.pdf", "a%0d%0a.txt", "🚀", "a;filename=b"]).prop_map(str::to_owned),
    ];
    let kind = select(vec!["application/pdf", "image/png", "application/octet-stream; x=y"]);
    (name, kind, proptest::collection::vec(any::<u8>(), 0..200), any::<bool>())
}

prop_compose! {
    fn message()(
        from in name(),
        to in proptest::collection::vec(proptest::option::of(name()), 0..4),
        cc in proptest::collection::vec(proptest::option::of(name()), 0..3),
        bcc in 1_usize..3,
        reply_to in proptest::collection::vec(name(), 0..3),
        subject in "[ -~äß🚀]{0,120}",
        text in proptest::option::of(text()),
        html in text(),
        headers in proptest::collection::vec("[!-~äß]{1,60}( [!-~]{1,30}){0,3}", 0..4),
        tags in proptest::collection::hash_set("[a-z]{1,20}", 0..5),
        metadata in proptest::collection::btree_map("[a-z._-]{1,30}", "[ -~ä]{0,60}", 0..5),
        files in proptest::collection::vec(file(), 0..4),
        opens in any::<Option<bool>>(),
        clicks in any::<Option<bool>>(),
    ) -> Outgoing {
        let mut email = draft().from((from.as_str(), "sender@example.com")).subject(subject).html(html);
        if let Some(text) = text {
            email = email.text(text);
        }
        let mailbox = |name: &Option<String>, address: String| match name {
            Some(name) => Mailbox::try_from((name.as_str(), address.as_str())).unwrap(),
            None => Mailbox::try_from(address).unwrap(),
        };
        for (at, name) in to.iter().enumerate() {
            email = email.to(mailbox(name, format!("to{at}@example.com")));
        }
        for (at, name) in cc.iter().enumerate() {
            email = email.cc(mailbox(name, format!("cc{at}@example.com")));
        }
        for at in 0..bcc {
            email = email.bcc(format!("bcc{at}@example.com"));
        }
        for (at, name) in reply_to.iter().enumerate() {
            email = email.reply_to((name.as_str(), format!("reply{at}@example.com").as_str()));
        }
        for (at, value) in headers.into_iter().enumerate() {
            email = email.header(format!("X-Custom-{at}"), value);
        }
        email = tags.into_iter().fold(email, courierx_core::message::EmailBuilder::tag);
        for (key, value) in metadata {
            email = email.metadata(key, value);
        }
        for (at, (name, kind, content, inline)) in files.into_iter().enumerate() {
            email = email.attach(if inline {
                Attachment::inline(format!("id{at}@example.com"), name, kind, content)
            } else {
                Attachment::new(name, kind, content)
            });
        }
        outgoing(email.tracking(Tracking { opens, clicks }))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_message_arrives_as_it_was_written(message in message()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let emulator = emulator().start().await.unwrap();
            let got = sent(&emulator, &message).await;
            assert_same(&message, &got);
            // Names of files stand there too, but for inline ones in a form.
            let raw = path(&emulator).contains("/messages.");
            for file in message.attachments().iter().filter(|one| raw || one.content_id().is_none()) {
                assert!(got.files.iter().any(|one| one.name == file.file_name().as_str()), "{got:?}");
            }
            sent(&emulator, &message).await;
        });
    }

    #[test]
    fn repeating_a_message_repeats_its_bytes(message in message()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let emulator = emulator().start().await.unwrap();
            for _ in 0..2 {
                let outcome = adapter(&emulator).send(&message, &SendOptions::default()).await;
                assert!(outcome.is_accepted(), "{outcome:?}");
            }
            let requests = emulator.requests();
            assert_eq!(requests[0].body, requests[1].body);
        });
    }
}
