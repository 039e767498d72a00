//! Building: each mistake is reported, with its field.

use serde_json::{Map, Value, json};

use super::{minimal, problem, problems};
use crate::clock::Timestamp;
use crate::message::limits::{MAX_BODY_BYTES, MAX_PROBLEMS};
use crate::message::{Address, Attachment, DuplicatePolicy, Email, Lane, Mailbox, RecipientField};

fn inline(content_id: &str) -> Attachment {
    Attachment::inline(content_id, "logo.png", "image/png", [0; 3]).expect("an attachment")
}

#[test]
fn nothing_is_reported_twice_and_everything_once() {
    assert_eq!(
        problems(Email::builder()),
        ["to: is missing", "html: neither html nor text is given", "from: is missing", "subject: is missing"]
    );
    let builder = Email::to("ada@example.com").to("b@").to("Ada <c>").cc("d").from("e").subject("f\r\ng");
    assert_eq!(
        problems(builder.text("")),
        [
            "to[1]: the part after the @ is not a domain name",
            "to[2]: the address has no @",
            "cc[0]: the address has no @",
            "from: the address has no @",
            "subject: contains the control character U+000D",
        ]
    );
}

#[test]
fn each_bad_input_is_reported_with_its_field() {
    let long = "a".repeat(1001);
    for (builder, expected) in [
        (minimal().bcc("a,b"), "bcc[0]: the address has no @"),
        (minimal().reply_to("a@b.c").reply_to(""), "reply_to[1]: the address is empty"),
        (
            minimal().return_path("a@[::1]"),
            "return_path: the part after the @ is an IP address; a domain name is needed",
        ),
        (
            minimal().header("X-A", "1").header("X B", "2"),
            "headers[1]: contains ' ', which is not allowed here",
        ),
        (minimal().header("Subject", "2"), "headers[0]: is a header that custom headers may not set"),
        (minimal().header("X-A", "1\r\nBcc: e@x.y"), "headers[X-A]: contains the control character U+000D"),
        (minimal().header("X-A", "1").header("x-a", "2"), "headers[x-a]: is given twice"),
        (minimal().tag("a").tag(""), "tags[1]: is missing"),
        (minimal().metadata("a b", "1"), "metadata[0]: contains ' ', which is not allowed here"),
        (minimal().metadata("a", "1\n2"), "metadata[a]: contains the control character U+000A"),
        (minimal().metadata("a", &*long), "metadata[a]: has 1001 bytes; at most 1000 are allowed"),
        (minimal().html("a\0b"), "html: contains the control character U+0000"),
        (minimal().text("a\0b"), "text: contains the control character U+0000"),
        (minimal().idempotency_key("ü"), "idempotency_key: contains 'ü', which is not allowed here"),
        (
            minimal().attach(inline("a")).attach(Attachment::new("a/b", "image/png", "")),
            "attachments[1].file_name: contains '/', which is not allowed here",
        ),
        (minimal().attach(inline("a")).attach(inline("a")), "attachments[1].content_id: is given twice"),
        (minimal().send_at(Timestamp::from_micros(-1)), "send_at: is outside the years 1970 to 9999"),
        (
            minimal().deliver_by(Timestamp::from_micros(i64::MAX)),
            "deliver_by: is outside the years 1970 to 9999",
        ),
        (
            minimal().send_at(Timestamp::from_secs(2)).deliver_by(Timestamp::from_secs(2)),
            "deliver_by: is not after send_at",
        ),
    ] {
        assert_eq!(problem(builder), expected);
    }
}

#[test]
fn items_are_counted_by_what_was_given_not_by_what_was_kept() {
    let bad = || Attachment::new("a/b", "pdf", "");
    let builder = minimal().attach(bad()).attach(inline("a")).attach(bad());
    assert_eq!(
        builder
            .build()
            .expect_err("four mistakes")
            .problems()
            .iter()
            .map(|p| p.field.to_string())
            .collect::<Vec<_>>(),
        [
            "attachments[0].file_name",
            "attachments[0].content_type",
            "attachments[2].file_name",
            "attachments[2].content_type"
        ]
    );
}

#[test]
fn limits_hold() {
    let many =
        |count: usize| (0..count).fold(minimal(), |builder, n| builder.cc(format!("a{n}@example.com")));
    assert!(problems(many(999)).is_empty());
    assert_eq!(problem(many(1000)), "recipients: has 1001 items; at most 1000 are allowed");
    let reply = (0..11).fold(minimal(), |builder, _| builder.reply_to("a@b.c"));
    assert_eq!(problem(reply), "reply_to: has 11 items; at most 10 are allowed");
    let tags = (0..51).fold(minimal(), |builder, n| builder.tag(n.to_string()));
    assert_eq!(problem(tags), "tags: has 51 items; at most 50 are allowed");
    let metadata = (0..51).fold(minimal(), |builder, n| builder.metadata(n.to_string(), ""));
    assert_eq!(problem(metadata), "metadata: has 51 items; at most 50 are allowed");
    let headers = (0..51).fold(minimal(), |builder, n| builder.header(format!("X-{n}"), "a"));
    assert_eq!(problem(headers), "headers[X-50]: has 51 items; at most 50 are allowed");
    let attachment = Attachment::new("a", "text/plain", "").expect("an attachment");
    let attachments = (0..101).fold(minimal(), |builder, _| builder.attach(attachment.clone()));
    assert_eq!(problem(attachments), "attachments: has 101 items; at most 100 are allowed");
    let body = "a".repeat(MAX_BODY_BYTES + 1);
    assert_eq!(problem(minimal().html(body)), "html: has 10485761 bytes; at most 10485760 are allowed");
    let large = Attachment::new("a", "text/plain", vec![0; 32 << 20]).expect("an attachment");
    assert!(problem(minimal().attach(large)).starts_with("message: has "));
}

#[test]
fn variables_are_bounded_in_size_and_depth() {
    let nested = |levels| (0..levels).fold(Value::Null, |value, _| json!([value]));
    assert!(problems(minimal().variable("a", nested(32))).is_empty());
    assert_eq!(problem(minimal().variable("a", nested(33))), "variables: nests deeper than 32 levels");
    let large = "a".repeat(256 * 1024);
    let size = large.len() + r#"{"a":""}"#.len();
    let expected = format!("variables: has {size} bytes; at most 262144 are allowed");
    assert_eq!(problem(minimal().variable("a", large)), expected);
    let keyed_by_bytes = std::collections::BTreeMap::from([(vec![0_u8], 0)]);
    assert_eq!(
        problem(minimal().variable("a\n", keyed_by_bytes)),
        r"variables[a\n]: cannot be written as JSON"
    );

    assert!(minimal().build().expect("an email").variables().is_none());
    let templated = minimal().variables(Map::new()).build().expect("an email");
    assert_eq!(templated.variables().map(Map::len), Some(0));
}

#[test]
fn many_problems_are_counted_and_hostile_values_not_repeated() {
    let hostile = format!("{}@", "\u{1b}[31m<script>".repeat(1000));
    let builder = (0..MAX_PROBLEMS + 7).fold(minimal(), |builder, _| builder.to(&hostile));
    let invalid = builder.variable(&*hostile, f64::NAN).build().expect_err("many mistakes");
    assert_eq!(invalid.problems().len(), MAX_PROBLEMS);
    let text = invalid.to_string();
    assert!(text.ends_with("; and 7 more"), "{text}");
    assert!(!text.contains("script") && !text.contains('\u{1b}'));
}

#[test]
fn recipients_have_stable_positions_and_no_repeats() {
    let email = Email::to("Ada <ada@example.com>")
        .bcc("bob@example.com")
        .cc("BOB@example.com")
        .cc("\"ada\"@Example.com")
        .bcc("eve@ü.example")
        .bcc("eve@xn--tda.example")
        .from("hi@acme.example")
        .subject("")
        .html("")
        .tag("a")
        .tag("a")
        .build()
        .expect("an email");
    let recipients =
        email.recipients().map(|r| (r.index, r.field, r.mailbox.to_string())).collect::<Vec<_>>();
    assert_eq!(
        recipients,
        [
            (0, RecipientField::To, "Ada <ada@example.com>".to_owned()),
            (1, RecipientField::Cc, "BOB@example.com".to_owned()),
            (2, RecipientField::Bcc, "eve@xn--tda.example".to_owned()),
        ]
    );
    assert_eq!(email.recipient_count(), 3);
    assert_eq!(email.tags().len(), 1);
}

#[test]
fn everything_that_is_a_mailbox_is_taken() {
    let address: Address = "ada@example.com".parse().expect("an address");
    let text = address.to_string();
    let email = Email::to(&address)
        .to(address)
        .to(String::from("a@example.com"))
        .to(("Lovelace, Ada", "b@example.com"))
        .to("c@example.com".parse::<Mailbox>().expect("a mailbox"))
        .from("hi@acme.example")
        .return_path(&text)
        .subject(&text)
        .text("Hi")
        .build();
    assert_eq!(email.expect("an email").recipient_count(), 4);
}

#[test]
fn dates_and_policies_resolve() {
    let email =
        minimal().lane(Lane::Critical).deliver_by(Timestamp::from_secs(10)).build().expect("an email");
    assert_eq!(email.duplicate_policy(), DuplicatePolicy::FailoverNow);
    assert_eq!(email.chosen_duplicate_policy(), None);
    assert!(email.check_dates(Timestamp::from_secs(9)).is_ok());
    let expired = email.check_dates(Timestamp::from_secs(10)).expect_err("it has passed");
    assert_eq!(expired.to_string(), "invalid email: deliver_by: has passed");
    let never = email.to_builder().duplicate_policy(DuplicatePolicy::Never).build().expect("an email");
    assert_eq!(never.duplicate_policy(), DuplicatePolicy::Never);
}

#[test]
fn debug_shows_no_content() {
    let email = minimal().html("<p>secret</p>").metadata("k", "secret").variable("secret", "secret");
    for text in [format!("{email:?}"), format!("{:?}", email.build().expect("an email"))] {
        for content in ["secret", "ada@", "example", "Hello"] {
            assert!(!text.contains(content), "{text}");
        }
    }
}
