//! What arrives of a message. The cases need [`Meeting::received`](super::Meeting::received), and pass over a
//! harness that cannot tell, and over what the capability says is not carried.

use super::meeting::{Fate, Harness, Meeting};
use super::received::{Person, Received, ReceivedFile};
use super::support::{deliver, draft, hand_over, meet, outgoing, send, soon};
use crate::message::{Attachment, EmailBuilder, Mailbox, Tracking};
use crate::provider::{SendOptions, TracksReaders};

/// Names that protocols and parsers stumble over.
const NAMES: &[&str] = &[
    "Ada",
    "Lovelace, Ada",
    "Ada \"the first\" Lovelace",
    "back\\slash",
    "Ada; Countess (of Lovelace)",
    "Ärzte ohne Grenzen",
    "山田太郎",
    "👩🏽‍🚀 Ada",
    "ada@example.com",
    "<Ada>",
    "A name that is long enough to be folded over several lines of a header field by whoever writes it down",
];

/// What a message arrives as; none if that cannot be told.
async fn arrives(harness: &dyn Harness, draft: impl FnOnce(&Meeting) -> EmailBuilder) -> Option<Received> {
    let meeting = meet(harness, Fate::Accepted).await?;
    deliver(&meeting, &outgoing(draft(&meeting))).await
}

/// The end of a body is a matter of the protocol's.
fn body(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim_end_matches('\n'))
}

fn person(mailbox: &str) -> Person {
    match mailbox.parse::<Mailbox>() {
        Ok(mailbox) => Person::new(mailbox.address().as_str())
            .named(mailbox.name().map_or(String::new(), ToString::to_string)),
        Err(error) => panic!("{mailbox}: {error}"),
    }
}

/// Text, HTML, both; beyond ASCII, with lines that begin with a dot, and longer than a line of mail may be.
pub async fn carries_every_body(harness: &dyn Harness) {
    let long = "x".repeat(2000);
    let text = format!("Grüße 🎉\n.\n..\nFrom here\n\n{long}\n\"quotes\" 'and' \\ & <tags> {{braces}} 100 %");
    let html = format!("<p title=\"ü\">Grüße &amp; 🎉</p>\n<!-- {long} -->\n.\n");
    for (with_text, with_html) in [(true, false), (false, true), (true, true)] {
        let Some(received) = arrives(harness, |meeting| {
            let draft = draft(&[&meeting.recipient]);
            let draft = if with_text { draft.text(&text) } else { draft };
            if with_html { draft.html(&html) } else { draft }
        })
        .await
        else {
            return;
        };
        let (text, html) = (with_text.then_some(&text), with_html.then_some(&html));
        assert_eq!(body(received.text.as_ref()), body(text), "text");
        assert_eq!(body(received.html.as_ref()), body(html), "HTML");
    }
}

/// Every name arrives as it was given, of the author and of recipients.
pub async fn carries_names(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    for (&name, id) in NAMES.iter().zip(0..) {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let from = format!("\"{quoted}\" <sender@example.com>");
        let to = format!("\"{quoted}\" <{}>", meeting.recipient);
        let email = draft(&[]).from(from.as_str()).to(to.as_str()).text("Hello.");
        let Some(received) = deliver(&meeting, &hand_over(email, [id; 16], None)).await else {
            return;
        };
        assert_eq!(received.from, person(&from));
        assert_eq!(received.to, [person(&to)]);
    }
}

/// Subjects arrive as they were given.
pub async fn carries_subjects(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let long = "word ".repeat(60);
    for (&subject, id) in NAMES.iter().chain(&["100 % off: {{not a template}}", long.trim_end()]).zip(0..) {
        let email = draft(&[&meeting.recipient]).subject(subject).text("Hello.");
        let Some(received) = deliver(&meeting, &hand_over(email, [id; 16], None)).await else {
            return;
        };
        assert_eq!(received.subject, subject);
    }
}

/// Who stands in Cc is shown, who stands in Bcc gets it and is shown to nobody.
pub async fn shows_cc_and_hides_bcc(harness: &dyn Harness) {
    let Some(received) = arrives(harness, |meeting| {
        let draft = draft(&[&meeting.recipient]).cc("Grace <grace@example.com>").cc("cc2@example.com");
        draft.bcc("hidden@example.com").text("Hello.")
    })
    .await
    else {
        return;
    };
    assert_eq!(received.cc, [person("Grace <grace@example.com>"), person("cc2@example.com")]);
    assert_eq!(received.bcc, [person("hidden@example.com")]);
    for (name, value) in &received.headers {
        assert!(!value.contains("hidden@"), "{name} shows who is hidden");
    }
}

/// Answers go to every address that was given.
pub async fn carries_several_addresses_for_answers(harness: &dyn Harness) {
    let answers = ["\"Support, Team\" <support@example.com>", "second@example.com"];
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    if !meeting.provider.capability().reply_to {
        return;
    }
    for (count, id) in [(1, 1), (2, 2)] {
        let email = draft(&[&meeting.recipient]).text("Hello.");
        let email = answers[..count].iter().fold(email, |email, &one| email.reply_to(one));
        let Some(received) = deliver(&meeting, &hand_over(email, [id; 16], None)).await else {
            return;
        };
        assert_eq!(received.reply_to, answers[..count].iter().map(|one| person(one)).collect::<Vec<_>>());
    }
}

/// Headers of the application's own arrive, and no adapter loses one for being unusual.
pub async fn carries_headers(harness: &dyn Harness) {
    let long = format!("<https://example.com/{}>", "path/".repeat(60));
    let headers = [
        ("List-Unsubscribe", "<https://example.com/u?id=1&x=%20>, <mailto:u@example.com?subject=a%20b>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("X-Entity-Ref-ID", "42: \"quoted\", {braces}; \\ 100 %"),
        ("X-Umlaut", "grün 🎉"),
        ("x-lower-case", "a"),
        ("X-Long", long.as_str()),
    ];
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    if !meeting.provider.capability().custom_headers {
        return;
    }
    let email = draft(&[&meeting.recipient]).text("Hello.");
    let email = headers.iter().fold(email, |email, &(name, value)| email.header(name, value));
    let Some(received) = deliver(&meeting, &outgoing(email)).await else {
        return;
    };
    for (name, value) in headers {
        assert_eq!(received.header(name), Some(value), "{name}");
    }
}

fn file(name: &str, kind: &str, content_id: Option<&str>, content: Vec<u8>) -> (ReceivedFile, Attachment) {
    let attachment = match content_id {
        Some(id) => Attachment::inline(id, name, kind, content.clone()),
        None => Attachment::new(name, kind, content.clone()),
    };
    let attachment = match attachment {
        Ok(attachment) => attachment,
        Err(error) => panic!("{name}: {error}"),
    };
    let content_id = content_id.map(ToOwned::to_owned);
    (ReceivedFile { name: name.to_owned(), content_type: kind.to_owned(), content_id, content }, attachment)
}

async fn carries_files(harness: &dyn Harness, files: Vec<(ReceivedFile, Attachment)>) {
    let (expected, attachments): (Vec<_>, Vec<_>) = files.into_iter().unzip();
    let Some(mut received) = arrives(harness, |meeting| {
        let email =
            draft(&[&meeting.recipient]).html("<img src=\"cid:logo\"><img src=\"cid:photo@example.com\">");
        attachments.into_iter().fold(email, EmailBuilder::attach)
    })
    .await
    else {
        return;
    };
    let mut expected = expected;
    expected.sort();
    received.files.sort();
    for (have, want) in received.files.iter().zip(&expected) {
        // Some protocols name an inline file by its content id alone.
        let same_name = have.name == want.name || want.content_id.is_some();
        let same_type = have.content_type == want.content_type || have.content_type.is_empty();
        let same =
            same_name && same_type && have.content_id == want.content_id && have.content == want.content;
        assert!(same, "{have:?} is not {want:?}");
    }
    assert_eq!(received.files.len(), expected.len(), "{:?}", received.files);
}

/// Attachments arrive byte by byte, under their names, two of the same name too.
pub async fn carries_attachments(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    if !meeting.provider.capability().attachments {
        return;
    }
    let every_byte: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let files = vec![
        file("report.pdf", "application/pdf", None, every_byte),
        file("Rechnung März 2026.txt", "text/plain", None, b"line\r\nline\n.\n".to_vec()),
        file("same.csv", "text/csv", None, b"1".to_vec()),
        file("same.csv", "text/csv", None, b"2".to_vec()),
        file("a \"quoted\"; name.bin", "application/octet-stream", None, vec![0, 13, 10, 0]),
    ];
    carries_files(harness, files).await;
}

/// Inline images arrive where the HTML refers to them.
pub async fn carries_inline_images(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    if !meeting.provider.capability().inline_attachments {
        return;
    }
    let files = vec![
        file("logo.png", "image/png", Some("logo"), vec![137, 80, 78, 71]),
        file("logo.png", "image/png", Some("photo@example.com"), vec![255, 216]),
        file("terms.pdf", "application/pdf", None, vec![1, 2, 3]),
    ];
    carries_files(harness, files).await;
}

/// The delivery id is planted, and is another for another hand-over.
pub async fn plants_the_delivery_id(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    for id in [1, 2] {
        let message = hand_over(draft(&[&meeting.recipient]).text("Hello."), [id; 16], None);
        let Some(received) = deliver(&meeting, &message).await else {
            return;
        };
        assert_eq!(received.delivery, Some(message.delivery_id().to_string()));
    }
}

/// Labels and metadata arrive where the protocol has a place for them.
pub async fn carries_labels(harness: &dyn Harness) {
    let Some(received) = arrives(harness, |meeting| {
        draft(&[&meeting.recipient]).tag("welcome").metadata("order", "42").text("Hello.")
    })
    .await
    else {
        return;
    };
    assert!(received.tags.is_empty() || received.tags.iter().any(|tag| tag == "welcome"), "{received:?}");
    let metadata = &received.metadata;
    assert!(metadata.is_empty() || metadata.get("order").is_some_and(|value| value == "42"), "{received:?}");
}

/// Whether readers are watched is what the message says.
pub async fn watches_readers_as_asked(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    if meeting.provider.capability().tracking != TracksReaders::AsAsked {
        return;
    }
    let mixed = Tracking { opens: Some(true), clicks: Some(false) };
    for (tracking, id) in [(Tracking::OFF, 1), (Tracking::ON, 2), (mixed, 3), (Tracking::default(), 4)] {
        let email = draft(&[&meeting.recipient]).html("<p>Hello.</p>").tracking(tracking);
        let Some(received) = deliver(&meeting, &hand_over(email, [id; 16], None)).await else {
            return;
        };
        assert_eq!((received.track_opens, received.track_clicks), (tracking.opens, tracking.clicks));
    }
}

/// A hand-over for some of a message's recipients reaches those and nobody else.
pub async fn reaches_only_whom_it_is_for(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    for (only, expected) in [(1, "cc@example.com"), (2, "bcc@example.com"), (0, meeting.bystander.as_str())] {
        let email = draft(&[&meeting.bystander]).cc("cc@example.com").bcc("bcc@example.com").text("Hello.");
        let message = hand_over(email, [9; 16], Some(vec![only]));
        let outcome = send(&meeting, &message).await;
        assert!(outcome.is_accepted(), "{outcome:?}");
        let Some(received) = meeting.received.as_ref().and_then(|received| received().pop()) else {
            return;
        };
        if meeting.provider.capability().separate_envelope {
            // The header shows everybody, and the harness tells who got it only in Bcc.
            assert!(received.recipients().contains(&expected), "{received:?}");
        } else {
            assert_eq!(received.recipients(), [expected]);
        }
    }
}

/// A thousand messages in batches reach a thousand recipients, each once and each alone.
pub async fn reaches_a_thousand_by_batch(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let messages: Vec<_> = (0..1000_u16)
        .map(|n| {
            let to = format!("reader{n}@example.com");
            // Every tenth has content of its own.
            let text = if n % 10 == 0 { format!("Hello reader {n}.") } else { "Hello.".to_owned() };
            let [high, low] = n.to_be_bytes();
            let mut id = [7; 16];
            (id[0], id[1]) = (high, low);
            hand_over(draft(&[&to]).text(text), id, None)
        })
        .collect();
    for batch in messages.chunks(meeting.provider.capability().max_batch.clamp(1, 1000)) {
        let outcomes = soon(meeting.provider.send_batch(batch, &SendOptions::default())).await;
        assert_eq!(outcomes.len(), batch.len(), "one outcome for each message");
        assert!(outcomes.iter().all(crate::provider::Outcome::is_accepted), "{outcomes:?}");
    }
    meeting.assert_taken(1000);
    let Some(received) = &meeting.received else {
        return;
    };
    let mut received = received();
    received.sort_by_key(|one| one.delivery.clone());
    let mut expected: Vec<_> = messages.iter().collect();
    expected.sort_by_key(|one| one.delivery_id().to_string());
    for (received, expected) in received.iter().zip(expected) {
        assert_eq!(received.delivery, Some(expected.delivery_id().to_string()));
        assert_eq!(received.recipients(), [expected.recipients()[0].mailbox.address().as_str()]);
        assert_eq!(body(received.text.as_ref()), expected.text());
    }
}

/// Repeating a hand-over repeats its bytes.
pub async fn repeats_its_bytes(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let Some(raw) = &meeting.raw else {
        return;
    };
    let (_, attachment) = file("a.bin", "application/octet-stream", None, vec![1, 2, 3]);
    let email = draft(&[&meeting.recipient]).html("<p>Hello.</p>").text("Hello.").attach(attachment);
    let message = outgoing(email.tag("a").metadata("b", "c").header("X-D", "e"));
    for _ in 0..2 {
        let outcome = send(&meeting, &message).await;
        assert!(outcome.is_accepted(), "{outcome:?}");
    }
    let sent = raw();
    assert!(sent.len() == 2 && sent[0] == sent[1], "the second hand-over has other bytes");
}
