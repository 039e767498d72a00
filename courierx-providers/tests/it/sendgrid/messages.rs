//! Whatever a message says, it arrives: adapter → emulator → reader.

use std::collections::BTreeMap;

use courierx_core::message::{
    Attachment, DisplayName, Email, EmailBuilder, Mailbox, RecipientField, Tag, Tracking,
};
use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use courierx_core::provider::{EmailProvider as _, Outgoing, SendOptions};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{account, send};
use crate::support::mail;

/// A name as people have them, and as nobody has.
fn name() -> impl Strategy<Value = Option<DisplayName>> {
    let text = prop_oneof![
        "[A-Z][a-z]{1,8}( [A-Z][a-z]{1,8}){0,3}",
        "[A-Za-z,;.\"'<>()@:\\\\=?_ \\[\\]-]{1,30}",
        "[a-zÀ-ž日本語🎉,; ]{1,120}",
        "\\PC{1,40}",
        Just("=?utf-8?q?disguised?=".to_owned()),
    ];
    // A reader takes blanks of every kind at the ends of a name for none.
    let unseen = |name: &DisplayName| name.as_str().trim_matches(char::is_whitespace) == name.as_str();
    proptest::option::of(
        text.prop_filter_map("no name", move |text| DisplayName::new(text).ok().filter(unseen)),
    )
}

/// So many people, each at an address of its own.
fn people(field: &'static str, least: usize) -> impl Strategy<Value = Vec<Mailbox>> {
    proptest::collection::vec((name(), "[a-zA-Z0-9+_.]{1,8}"), least..4).prop_map(move |people| {
        people
            .into_iter()
            .enumerate()
            .map(|(at, (name, tail))| {
                let mailbox = Mailbox::new(
                    format!("{field}{at}-{}x@example.com", tail.replace('.', "")).parse().unwrap(),
                );
                match name {
                    Some(name) => mailbox.with_name(name),
                    None => mailbox,
                }
            })
            .collect()
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{1,200}", "([a-z \"\\\\<>&]{0,80}\n){1,5}", "[À-ž日🎉\n]{1,50}"]
        .prop_filter("nothing to see", |text| !text.is_empty())
}

/// One line without blanks at its ends, which readers do not see.
fn line() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,120}", "\\PC{1,60}", "[À-ž日🎉 ]{1,60}"]
        .prop_map(|text| text.replace(['\u{2028}', '\u{2029}'], "").trim().to_owned())
        .prop_filter("nothing to see", |text| !text.is_empty())
}

fn file() -> impl Strategy<Value = Attachment> {
    let kind = prop_oneof![Just("image/png"), Just("text/plain; charset=utf-8"), Just("Application/PDF")];
    let content = proptest::collection::vec(any::<u8>(), 1..200);
    (any::<bool>(), 0..100_000_u32, "[A-Za-zÀ-ž日, ;\"]{0,20}", kind, content).prop_map(
        |(inline, id, name, kind, content)| {
            let name = format!("{name}{id}.bin");
            let attachment = if inline {
                Attachment::inline(format!("id{id}@example.com"), name, kind, content)
            } else {
                Attachment::new(name, kind, content)
            };
            attachment.unwrap()
        },
    )
}

fn email() -> impl Strategy<Value = Email> {
    let people = (people("to", 0), people("cc", 0), people("bcc", 0), people("reply", 0));
    let header = ("X-[A-Za-z0-9]{1,20}", line());
    let about = (
        proptest::collection::vec(header, 0..5),
        proptest::collection::vec(file(), 0..3),
        proptest::collection::btree_set("[a-z0-9 ,]{1,20}x|é", 0..14),
        proptest::collection::btree_map("[a-z]{2,12}_x", "[ -~À-ž日🎉]{0,300}", 0..50),
        (any::<Option<bool>>(), any::<Option<bool>>()),
    );
    let body = prop_oneof![
        (text().prop_map(Some), text().prop_map(Some)),
        (text().prop_map(Some), Just(None)),
        (Just(None), text().prop_map(Some)),
    ];
    let subject = prop_oneof![line(), Just(String::new()), Just("=?utf-8?q?disguised?=".to_owned())];
    (name(), people, subject, body, about).prop_filter_map(
        "no message",
        |(sender, people, subject, body, about)| {
            let from = Mailbox::new("sender@example.com".parse().unwrap());
            let from = match sender {
                Some(name) => from.with_name(name),
                None => from,
            };
            let mut mail = Email::builder().from(from).subject(subject);
            let add =
                |mail: EmailBuilder, list: Vec<Mailbox>, put: fn(EmailBuilder, Mailbox) -> EmailBuilder| {
                    list.into_iter().fold(mail, put)
                };
            let (to, cc, bcc, reply_to) = people;
            mail = add(mail, to, EmailBuilder::to);
            mail = add(mail, cc, EmailBuilder::cc);
            mail = add(mail, bcc, EmailBuilder::bcc);
            mail = add(mail, reply_to, EmailBuilder::reply_to);
            let (headers, files, tags, metadata, (opens, clicks)) = about;
            mail =
                headers.iter().fold(mail, |mail, (name, value)| mail.header(name.as_str(), value.as_str()));
            mail = files.into_iter().fold(mail, EmailBuilder::attach);
            mail = tags.into_iter().fold(mail, EmailBuilder::tag);
            mail = metadata.into_iter().fold(mail, |mail, (key, value)| mail.metadata(key, value));
            mail = mail.tracking(Tracking { opens, clicks });
            mail = body.0.into_iter().fold(mail, EmailBuilder::text);
            mail = body.1.into_iter().fold(mail, EmailBuilder::html);
            mail.build().ok()
        },
    )
}

fn person(mailbox: &Mailbox) -> Person {
    Person::new(mailbox.address().as_str()).named(mailbox.name().map_or("", DisplayName::as_str))
}

/// Whom each copy shows in To, Cc and Bcc.
fn copies(email: &Email) -> Vec<[Vec<Person>; 3]> {
    let of = |field| email.mailboxes(field).iter().map(person).collect::<Vec<_>>();
    let [to, cc, bcc] = [RecipientField::To, RecipientField::Cc, RecipientField::Bcc].map(of);
    if !to.is_empty() {
        vec![[to, cc, bcc]]
    } else if !cc.is_empty() {
        vec![[cc, vec![], bcc]]
    } else {
        bcc.into_iter().map(|one| [vec![one], vec![], vec![]]).collect()
    }
}

/// What readers get of a message, but for its recipients.
fn expected(message: &Outgoing, email: &Email) -> Received {
    let mut expected = Received::default();
    expected.delivery = Some(message.delivery_id().to_string());
    expected.from = person(email.from());
    expected.reply_to = email.reply_to().iter().map(person).collect();
    email.subject().as_str().clone_into(&mut expected.subject);
    expected.text = email.text().map(ToOwned::to_owned);
    expected.html = email.html().map(ToOwned::to_owned);
    expected.headers = email
        .headers()
        .iter()
        .map(|header| (header.name.as_str().to_owned(), header.value.as_str().to_owned()))
        .chain([("Message-ID".to_owned(), message.header_message_id().to_owned())])
        .collect();
    expected.headers.sort();
    expected.files = email
        .attachments()
        .iter()
        .map(|file| ReceivedFile {
            name: file.file_name().as_str().to_owned(),
            content_type: file.content_type().essence().to_lowercase(),
            content_id: file.content_id().map(|id| id.as_str().to_owned()),
            content: file.content().to_vec(),
        })
        .collect();
    expected.tags =
        email.tags().iter().map(Tag::as_str).filter(|tag| tag.is_ascii()).take(10).map(Into::into).collect();
    expected.track_opens = email.tracking().opens;
    expected.track_clicks = email.tracking().clicks;
    expected
}

/// Checks the metadata by what it may lose, and takes it out.
fn check_metadata(received: &mut Received, email: &Email) {
    let mut have: BTreeMap<String, String> = std::mem::take(&mut received.metadata);
    assert_eq!(have.remove("courierx_delivery"), received.delivery);
    let all: usize =
        email.metadata().iter().map(|(key, value)| key.as_str().len() + value.len() * 2 + 6).sum();
    if all < 9_900 {
        assert_eq!(have.len(), email.metadata().len(), "nothing is left out that fits");
    }
    for (key, value) in have {
        assert!(email.metadata().iter().any(|(own, text)| own.as_str() == key && *text == value));
    }
}

#[test]
fn every_message_arrives_as_it_was_meant() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (emulator, adapter) = runtime.block_on(account());
    let mut runner = TestRunner::new(Config { cases: 300, ..Config::default() });
    let run = runner.run(&email(), |email| {
        emulator.clear();
        let message = mail::outgoing(email.to_builder());
        let outcome = runtime.block_on(send(&adapter, &message));
        prop_assert!(outcome.is_accepted(), "{:?}", outcome);
        let mut received = emulator.received();
        let recipients: Vec<_> =
            received.iter().map(|one| [one.to.clone(), one.cc.clone(), one.bcc.clone()]).collect();
        prop_assert_eq!(recipients, copies(&email));
        for one in &mut received {
            check_metadata(one, &email);
            one.headers.sort();
            let mut expected = expected(&message, &email);
            (expected.to, expected.cc, expected.bcc) = (one.to.clone(), one.cc.clone(), one.bcc.clone());
            prop_assert_eq!(&*one, &expected);
        }
        // The same hand-over has the same bytes, in a batch too.
        let _ = runtime.block_on(adapter.send_batch(&[message], &SendOptions::default()));
        let requests = emulator.requests();
        prop_assert_eq!(&requests[0].body, &requests[1].body);
        Ok(())
    });
    run.unwrap();
}
