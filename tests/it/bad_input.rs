//! Bad input is a typed error that names the field, and nothing is kept.

use std::time::Duration;

use courierx::testing::Recorder;
use courierx::{AcceptError, Attachment, Email, EmailBuilder, EnqueueError, Sequence};
use courierx_core::id::TenantId;
use courierx_core::store::{EventQuery, MessageFilter, PageRequest};

use crate::support::{START, World, email};

/// Builds and enqueues, and answers with the error of whichever refused.
async fn refused(world: &World, email: EmailBuilder) -> String {
    let email = match email.build() {
        Ok(email) => email,
        Err(error) => return error.to_string(),
    };
    match world.courier.enqueue(email).await {
        Ok(accepted) => panic!("accepted as {}", accepted.id),
        Err(EnqueueError::Accept(error)) => {
            assert!(matches!(error, AcceptError::Invalid(_) | AcceptError::Render(_)), "{error}");
            error.to_string()
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn every_field_is_checked_and_named() {
    let world = World::new(&[&Recorder::new()]);
    let big = "x".repeat(11 * 1024 * 1024);
    let crowd = || (0..10_000).fold(email(), |email, n| email.bcc(format!("u{n}@example.com")));
    let base = || Email::builder().from("a@example.com").subject("s").text("t");
    let mut cases: Vec<(&str, EmailBuilder)> = vec![
        ("to", base()),
        ("from", Email::to("a@example.com").subject("s").text("t")),
        ("subject", Email::to("a@example.com").from("a@example.com").text("t")),
        ("html", Email::to("a@example.com").from("a@example.com").subject("s")),
        ("recipients", crowd()),
        ("html", email().html(big.clone())),
        ("text", email().text(big)),
        ("deliver_by", email().deliver_by(START)),
        ("subject", email().subject("{{#if").variable("a", 1)),
        ("html", email().html("{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}").variable("a", 1)),
        ("html", email().html("{{#if a}}".repeat(100_000)).variable("a", 1)),
        ("subject", email().subject("Hello {{name}}").variable("name", "x\r\nBcc: eve@example.com")),
        ("message", email().attach(Attachment::new("a.bin", "application/x-a", vec![0; 41 << 20]))),
    ];
    for hostile in ["\r", "\n", "\r\nBcc: eve@example.com", "\0"] {
        let address = format!("ada{hostile}@example.com");
        let name = format!("Ada{hostile} <ada@example.com>");
        cases.extend([
            ("to", email().to(address.as_str())),
            ("to", email().to(name.as_str())),
            ("cc", email().cc(address.as_str())),
            ("bcc", email().bcc(address.as_str())),
            ("reply_to", email().reply_to(name.as_str())),
            ("return_path", email().return_path(address.as_str())),
            ("from", email().from(name.as_str())),
            ("subject", email().subject(format!("Hello{hostile}"))),
            ("headers", email().header(format!("X-A{hostile}"), "b")),
            ("headers", email().header("X-A", format!("b{hostile}"))),
            ("tags", email().tag(format!("a{hostile}"))),
            ("metadata", email().metadata(format!("a{hostile}"), "b")),
            ("metadata", email().metadata("a", format!("b{hostile}"))),
            ("idempotency_key", email().idempotency_key(format!("a{hostile}"))),
            ("file_name", email().attach(Attachment::new(format!("a{hostile}"), "text/plain", "x"))),
            ("content_type", email().attach(Attachment::new("a", format!("text/plain{hostile}"), "x"))),
            ("content_id", email().attach(Attachment::inline(format!("a{hostile}"), "a", "image/png", "x"))),
        ]);
    }
    for (field, email) in cases {
        let error = refused(&world, email).await;
        assert!(error.contains(field), "{field} is not named in: {error}");
        assert!(error.len() < 4000, "the error repeats what it refuses");
    }
    let store = world.courier.store().unwrap();
    let page =
        store.list(TenantId::DEFAULT, &MessageFilter::default(), &PageRequest::first(10)).await.unwrap();
    assert!(page.items.is_empty(), "nothing is kept");
    let events = store.events(&EventQuery::of_tenant(TenantId::DEFAULT, Sequence::START, 10)).await.unwrap();
    assert!(events.is_empty(), "nothing happened");
}

#[tokio::test]
async fn hostile_templates_are_bounded() {
    let world = World::new(&[&Recorder::new()]);
    let list: Vec<u32> = (0..2000).collect();
    let loops = "{{#each list}}{{#each ../list}}{{#each ../../list}}{{/each}}{{/each}}{{/each}}";
    let bomb = "{{#each list}}{{#each ../list}}{{@root.text}}{{/each}}{{/each}}";
    for template in [loops, bomb] {
        let email = email().html(template).variable("list", &list).variable("text", "x".repeat(10_000));
        let began = std::time::Instant::now();
        let error = refused(&world, email).await;
        assert!(error.contains("html"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    }
}
