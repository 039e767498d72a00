//! Random messages that are valid and hostile, and what a peer should have received of each.

use courierx_core::clock::Timestamp;
use courierx_core::id::MessageId;
use courierx_core::message::{
    Attachment, DisplayName, Email, EmailBuilder, Mailbox, RecipientField, Tag, Tracking,
};
use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use courierx_core::provider::{Content, EmailProvider, Outgoing, SendOptions};
use courierx_providers::emulator::EmulatorBuilder;
use courierx_providers::http::{BaseUrl, Http};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::api;

/// Hands random messages over and compares what an emulator took with what is expected of each. A hand-over that
/// makes several messages is expected to make as many as `expect` tells.
pub(crate) fn all_arrive<P: EmailProvider>(
    emulator: EmulatorBuilder,
    adapter: impl Fn(BaseUrl, Http) -> P,
    messages: impl Strategy<Value = Outgoing>,
    expect: impl Fn(&Outgoing) -> Vec<Received>,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let emulator = runtime.block_on(emulator.start()).unwrap();
    let provider = adapter(api::base_url(&emulator), Http::builder().build().unwrap());
    let config = ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(message in messages)| {
        emulator.clear();
        let outcome = runtime.block_on(provider.send(&message, &SendOptions::default()));
        prop_assert!(outcome.is_accepted(), "{outcome:?}");
        let received = emulator.received();
        let expected = expect(&message);
        prop_assert_eq!(received.len(), expected.len());
        for (expected, received) in expected.into_iter().zip(received) {
            prop_assert_eq!(orderly(expected), orderly(received));
        }
    });
}

/// A hand-over of a random message that says nothing about tracking, sometimes for some of its recipients only.
pub(crate) fn outgoing() -> impl Strategy<Value = Outgoing> {
    hand_over(Just(Tracking::default()))
}

/// A hand-over of a random message that may say what is to be counted.
pub(crate) fn outgoing_with_tracking() -> impl Strategy<Value = Outgoing> {
    hand_over(any::<[Option<bool>; 2]>().prop_map(|[opens, clicks]| Tracking { opens, clicks }))
}

fn hand_over(tracking: impl Strategy<Value = Tracking>) -> impl Strategy<Value = Outgoing> {
    (email(tracking), any::<[u8; 16]>(), any::<u8>()).prop_map(|(email, id, some)| {
        let html = email.html().map(Into::into);
        let text = email.text().map(Into::into);
        let (subject, count) = (email.subject().clone(), email.recipient_count());
        let builder = Outgoing::builder(Content::rendered(email, subject, html, text))
            .message_id(MessageId::from_bytes(id))
            .date(Timestamp::from_secs(1_700_000_000))
            .connection("test");
        let few: Vec<u32> = (0..).take(count).filter(|index| some & 1 << (index % 8) != 0).collect();
        if few.is_empty() { builder.build() } else { builder.only(few).build() }
    })
}

/// What a vendor that carries everything should have received. A vendor's test changes what its vendor cannot
/// carry, or writes otherwise.
pub(crate) fn expected(message: &Outgoing) -> Received {
    let people = |field| {
        let these = message.recipients().iter().filter(|one| one.field == field);
        these.map(|one| person(&one.mailbox)).collect()
    };
    let mut received = Received::default();
    received.from = person(message.from());
    received.to = people(RecipientField::To);
    received.cc = people(RecipientField::Cc);
    received.bcc = people(RecipientField::Bcc);
    received.reply_to = message.reply_to().iter().map(person).collect();
    message.subject().as_str().clone_into(&mut received.subject);
    received.text = message.text().map(lines);
    received.html = message.html().map(lines);
    received.headers = message
        .headers()
        .iter()
        .map(|header| (header.name.as_str().to_owned(), header.value.as_str().to_owned()))
        .collect();
    received.files = message.attachments().iter().map(file).collect();
    received.tags = message.tags().iter().map(|tag| tag.as_str().to_owned()).collect();
    let metadata = message.metadata().iter();
    received.metadata = metadata.map(|(key, value)| (key.as_str().to_owned(), value.clone())).collect();
    let Tracking { opens, clicks } = message.tracking();
    (received.track_opens, received.track_clicks) = (opens, clicks);
    received.delivery = Some(message.delivery_id().to_string());
    received
}

/// The same but for the order of headers and files, and the writing of line ends.
fn orderly(mut message: Received) -> Received {
    message.text = message.text.as_deref().map(lines);
    message.html = message.html.as_deref().map(lines);
    message.headers.sort();
    message.files.sort();
    message
}

fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// A mailbox as a peer should read it.
pub(crate) fn person(mailbox: &Mailbox) -> Person {
    let name = mailbox.name().map_or("", DisplayName::as_str);
    Person::new(mailbox.address().as_str()).named(name)
}

fn file(attachment: &Attachment) -> ReceivedFile {
    ReceivedFile {
        name: attachment.file_name().as_str().to_owned(),
        content_type: attachment.content_type().essence().to_ascii_lowercase(),
        content_id: attachment.content_id().map(|id| id.as_str().to_owned()),
        content: attachment.content().to_vec(),
    }
}

/// A text on one line, without space around it or in a row: how much of that is kept differs from vendor to vendor.
fn line(most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9]{1,12}",
        1 => "[!-~]{1,8}",
        1 => select(vec![
            "\"", "\\", "\\\"", "<", ">", "@", ",", ";", ":", "(", ")", "'", "{{x}}", "%40", "&amp;", "&", "=", "+",
            "a@b.example", "Bcc: x@b.example", "--", "cid:", "</script>", "\u{feff}", "\u{200d}", "\u{a0}",
        ]).prop_map(str::to_owned),
        2 => select(vec!["é", "e\u{301}", "ß", "Ł", "日本語", "שלום", "مرحبا", "🎉", "👩‍👩‍👧", "🇨🇭", "𝕏"])
            .prop_map(str::to_owned),
        2 => Just(" ".to_owned()),
    ];
    prop::collection::vec(piece, 1..10).prop_filter_map("a line", move |pieces| {
        let text = pieces.concat();
        let words: Vec<_> = text.split_ascii_whitespace().collect();
        let text = words.join(" ").trim().to_owned();
        // What looks like an encoded word (RFC 2047) some parsers decode where they should not.
        let fits = !text.is_empty() && text.len() <= most && !text.contains("=?");
        fits.then_some(text)
    })
}

/// Lines of text, as plain text or as what stands in HTML.
fn body() -> impl Strategy<Value = String> {
    let end = select(vec!["\n", "\r\n", "\n\n", "\n.\n", "\nFrom here\n", "\n..\n", "\t"]);
    let long = prop_oneof![6 => Just(1_usize), 1 => Just(200)];
    (prop::collection::vec((line(300), end, long), 1..6), line(60)).prop_map(|(lines, last)| {
        let lines = lines.into_iter().map(|(line, end, times)| format!("{}{end}", line.repeat(times)));
        lines.collect::<String>() + &last
    })
}

/// A mailbox of a number of its own, so that no two are the same.
fn mailbox(number: usize) -> impl Strategy<Value = Mailbox> {
    let local = prop_oneof![
        6 => "[a-z0-9]{1,10}(\\.[a-z0-9]{1,6})?",
        1 => "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,10}",
    ];
    let domain = select(vec!["example.com", "mail.example.org", "xn--bcher-kva.example"]);
    (local, domain, prop::option::of(line(60))).prop_map(move |(local, domain, name)| {
        let mailbox = Mailbox::new(format!("{local}.{number}@{domain}").parse().unwrap());
        match name.and_then(|name| DisplayName::new(name).ok()) {
            Some(name) => mailbox.with_name(name),
            None => mailbox,
        }
    })
}

fn attachment(number: usize) -> impl Strategy<Value = Attachment> {
    let name = line(80).prop_map(|name| name.replace(['/', '\\'], "-"));
    let kind =
        select(vec!["image/png", "Application/PDF", "text/plain; charset=utf-8", "application/x-a.b+c"]);
    let content = prop::collection::vec(any::<u8>(), 1..300);
    (name, kind, content, any::<bool>()).prop_map(move |(name, kind, content, inline)| {
        let (name, id) = (format!("{name}.dat"), format!("part{number}.x+y@example.com"));
        let made = if inline {
            Attachment::inline(id.as_str(), name, kind, content)
        } else {
            Attachment::new(name, kind, content)
        };
        made.unwrap()
    })
}

/// Labels that every vendor can carry, those that few can, and one that is long.
fn label() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[A-Za-z0-9_-]{1,20}", 2 => line(60), 1 => "[a-z]{80,128}"]
}

fn recipients() -> impl Strategy<Value = [Vec<Mailbox>; 3]> {
    let fields = prop::collection::vec(0..3_usize, 1..6);
    fields.prop_flat_map(|fields| {
        let each: Vec<_> = (0..fields.len()).map(mailbox).collect();
        each.prop_map(move |mailboxes| {
            let mut lists = [Vec::new(), Vec::new(), Vec::new()];
            for (mailbox, &field) in mailboxes.into_iter().zip(&fields) {
                lists[field].push(mailbox);
            }
            lists
        })
    })
}

fn bodies() -> impl Strategy<Value = (Option<String>, Option<String>)> {
    (body(), body(), 0..3_u8).prop_map(|(text, html, which)| {
        let html = format!("<p>{html}</p>");
        ((which != 1).then_some(text), (which != 2).then_some(html))
    })
}

/// What goes beside the bodies: headers, tags and metadata.
type Extras = (Vec<(&'static str, String)>, Vec<Tag>, Vec<(String, String)>);

fn extras() -> impl Strategy<Value = Extras> {
    let names = vec!["X-Priority", "List-Unsubscribe", "X-Entity-Ref-ID", "In-Reply-To", "x-lower"];
    let headers = subsequence(names, 0..4).prop_flat_map(|names| {
        let values: Vec<_> = names.iter().map(|_| line(200)).collect();
        (Just(names), values).prop_map(|(names, values)| names.into_iter().zip(values).collect())
    });
    let tags = prop::collection::vec(label().prop_map(|tag| Tag::new(tag).unwrap()), 0..4);
    let key = prop_oneof![4 => "[a-z][a-z0-9_]{0,15}", 1 => "[A-Za-z][A-Za-z0-9_.-]{0,50}"];
    let metadata = prop::collection::vec((key, prop_oneof![label(), Just(String::new())]), 0..6);
    (headers, tags, metadata)
}

fn email(tracking: impl Strategy<Value = Tracking>) -> impl Strategy<Value = Email> {
    let reply_to = prop::collection::vec(mailbox(70), 0..3);
    let attachments = (0..3_usize).prop_flat_map(|count| (0..count).map(attachment).collect::<Vec<_>>());
    let outside = (mailbox(80), recipients(), reply_to, line(300), tracking);
    (outside, bodies(), extras(), attachments).prop_map(
        |(outside, (text, html), (headers, tags, metadata), attachments)| {
            let (from, [to, cc, bcc], reply_to, subject, tracking) = outside;
            let mut draft = Email::builder().from(from).subject(subject).tracking(tracking);
            draft = to.into_iter().fold(draft, EmailBuilder::to);
            draft = cc.into_iter().fold(draft, EmailBuilder::cc);
            draft = bcc.into_iter().fold(draft, EmailBuilder::bcc);
            draft = reply_to.into_iter().fold(draft, EmailBuilder::reply_to);
            draft = text.into_iter().fold(draft, EmailBuilder::text);
            draft = html.into_iter().fold(draft, EmailBuilder::html);
            draft = headers.into_iter().fold(draft, |draft, (name, value)| draft.header(name, value));
            draft = tags.into_iter().fold(draft, EmailBuilder::tag);
            draft = metadata.into_iter().fold(draft, |draft, (key, value)| draft.metadata(key, value));
            draft = attachments.into_iter().fold(draft, EmailBuilder::attach);
            draft.build().unwrap()
        },
    )
}
