//! `courierx-client`, for Rust.

use std::error::Error as StdError;
use std::time::{SystemTime, UNIX_EPOCH};

use courierx_client::{
    Batch, Client, DomainChanges, EmailFilter, Error, EventFilter, Message, NewSuppression,
    SuppressionFilter, webhook,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, json};
use sha2::Sha256;

use super::{Desk, assert_sent, blocks, sdk};
use crate::webhook_endpoints::receiver::{Receiver, Told};

/// What the page prints, in its order.
#[expect(clippy::items_after_statements, reason = "the page's blocks begin with what they need")]
#[expect(clippy::print_stdout, reason = "so does the page")]
#[expect(clippy::too_many_lines, reason = "it is one page")]
async fn page(
    key: &str,
    base_url: &str,
    (raw_body, timestamp, signature, secret): (&[u8], &str, &str, &str),
) -> Result<(), Box<dyn StdError>> {
    use courierx_client::{Client, Message};

    let courierx = Client::new(key, base_url)?; // "cxk_live_…" and, for example, "http://localhost:4000"

    let message = Message::new("hello@yourapp.com", "user@example.com")
        .subject("Welcome, {{name}}")
        .html("<h1>Welcome to our platform, {{name}}</h1>")
        .text("Welcome to our platform, {{name}}")
        .variable("name", "Ada")
        .tag("welcome")
        .metadata("user_id", "usr_123");
    let sent = courierx.emails().send(&message).await?;
    println!("{} is {}", sent.id, sent.status); // "0192… is queued"

    use courierx_client::Attachment;

    let order = Message::new("My Shop <shop@yourapp.com>", "Ada <ada@example.com>")
        .cc("sales@yourapp.com")
        .reply_to("help@yourapp.com")
        .subject("Your order")
        .text("Thank you. The invoice is attached.")
        .attach(Attachment::new("invoice.txt", "text/plain", "1 book"))
        .idempotency_key("order-1042");
    courierx.emails().send(&order).await?;

    use courierx_client::{Batch, BatchRecipient};

    // Later, and not at all.
    let reminder = Message::new("hello@yourapp.com", "user@example.com")
        .subject("Your trial ends tomorrow")
        .text("Stay with us.")
        .scheduled_at("in 2 hours"); // or a Timestamp
    let reminder = courierx.emails().send(&reminder).await?;
    courierx.emails().reschedule(&reminder.id, "in 1 day").await?;
    courierx.emails().cancel(&reminder.id).await?;

    // Many at once: one message for each of them; `Batch::of` has up to 100 different ones.
    let news = Message::from("news@yourapp.com").subject("News for {{name}}").text("Hello {{name}}.");
    let readers = [
        BatchRecipient::new("ada@example.com").variable("name", "Ada"),
        BatchRecipient::new("charles@example.com").variable("name", "Charles"),
    ];
    let result = courierx.emails().batch(Batch::to_each(&news, &readers)).await?;
    println!("{} of {} were accepted", result.accepted, result.total);

    use courierx_client::TemplateFields;

    let template = TemplateFields {
        name: Some("Receipt".to_owned()),
        subject: Some("Your order {{order}}".to_owned()),
        text: Some("Thank you, {{name}}.".to_owned()),
        status: Some("active".to_owned()),
        ..TemplateFields::default()
    };
    let template = courierx.templates().create(&template).await?;

    let receipt = Message::new("shop@yourapp.com", "ada@example.com")
        .template_id(template.id) // or .template("Receipt")
        .variable("name", "Ada")
        .variable("order", 1042);
    courierx.emails().send(&receipt).await?;

    use courierx_client::EmailFilter;

    let welcomes = EmailFilter { tag: Some("welcome".to_owned()), ..EmailFilter::default() };
    let mut emails = courierx.emails().list(welcomes);
    while let Some(email) = emails.next().await? {
        let full = courierx.emails().get(&email.id).await?;
        println!("{} events", full.events.len());
    }

    use courierx_client::{NewApiKey, NewSuppression, RuleConnection, RuleFields};

    let domain = courierx.domains().create("mail.yourapp.com").await?;
    println!("{:?}", domain.dns_records); // what to publish
    courierx.domains().verify(&domain.id).await?;

    let scopes = vec!["emails:write".to_owned()];
    let staging = NewApiKey { name: "Staging".to_owned(), scopes, ..NewApiKey::default() };
    let staging = courierx.api_keys().create(staging).await?; // .key is shown this once
    courierx.api_keys().revoke(&staging.api_key.id).await?;

    let gone = NewSuppression {
        email: "no-more@example.com".to_owned(),
        reason: Some("unsubscribe".to_owned()),
        ..NewSuppression::default()
    };
    courierx.suppressions().create(gone).await?;

    let connection = serde_json::json!({ "provider": "sandbox", "display_name": "Nowhere" });
    let connection = courierx.provider_connections().create(&connection).await?;
    let rule = RuleFields {
        name: Some("One-time codes".to_owned()),
        strategy: Some("priority".to_owned()),
        match_tag: Some(vec!["otp".to_owned(), "login".to_owned()]),
        connections: Some(vec![RuleConnection {
            provider_connection_id: connection.id,
            ..Default::default()
        }]),
        ..RuleFields::default()
    };
    courierx.routing_rules().create(&rule).await?;

    use courierx_client::EventFilter;

    let filter = EventFilter { events: vec!["queued".to_owned()], after: Some(0), ..EventFilter::default() };
    let page = courierx.events().list(&filter).await?;
    println!("{} events, go on after {}", page.data.len(), page.next_cursor);

    let mut events = courierx.events().stream(&filter);
    let event = events.next().await?; // keep the sequence, and go on after it
    println!("{} {} {:?}", event.sequence, event.event, event.subject);

    use courierx_client::Error;

    match courierx.emails().send(&Message::new("hello@yourapp.com", "nobody").text("No subject")).await {
        Ok(sent) => println!("{}", sent.id),
        Err(Error::Validation(refusal)) => println!("{:?}", refusal.fields), // {"subject": ["is missing"], …}
        Err(Error::RateLimit(refusal)) => println!("again in {:?}", refusal.retry_after),
        Err(error) => return Err(error.into()),
    }

    use courierx_client::webhook;

    let event = webhook::verify(raw_body, timestamp, signature, &[secret])?; // X-CourierX-Timestamp, X-CourierX-Signature
    println!("{} {:?}", event.event, event.message_id);
    Ok(())
}

#[test]
fn the_page_prints_what_is_run_here() {
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    let (page, here) = (lines(&blocks(&sdk("rust/README.md"), "rust")), lines(include_str!("rust.rs")));
    assert!(
        here.windows(page.len()).any(|part| part == page),
        "the page prints something else than `page` has"
    );
}

#[tokio::test]
async fn the_rust_client_works_as_its_page_says() {
    let desk = Desk::new();
    let key = desk.key("rust-readme").await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
    let (body, secret) = (r#"{"event":"delivered","message_id":"m"}"#, "a secret");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{now}.{body}").as_bytes());
    let digest = mac.finalize().into_bytes();
    let digits = digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let signature = format!("sha256={digits}");
    let webhook = (body.as_bytes(), now.as_str(), signature.as_str(), secret);
    page(key.token(), desk.binary.base_url(), webhook).await.unwrap();
    assert_sent(&key).await;
}

fn message(subject: &str) -> Message {
    Message::new("a@a.example", "ada@example.com").subject(subject).text("Hello")
}

async fn client(desk: &Desk, name: &str) -> Client {
    Client::new(desk.key(name).await.token(), desk.binary.base_url()).unwrap()
}

#[tokio::test]
async fn emails_from_rust() {
    let desk = Desk::new();
    let courierx = client(&desk, "rust").await;
    let emails = courierx.emails();
    let bytes: Vec<u8> = (0..=255).collect();
    let first = message("Grüße, {{name}} 🎉")
        .variable("name", "Ada")
        .cc("c@example.com")
        .bcc("d@example.com")
        .tag("first")
        .metadata("user_id", "u")
        .header("X-Shop", "7")
        .attach(courierx_client::Attachment::new("bytes.bin", "application/x-bytes", bytes));
    let sent = emails.send(&first).await.unwrap();
    assert_eq!(sent.status, "queued");
    // The sandbox waits for what is on its way.
    assert!(!courierx.sandbox().list().page(1).await.unwrap().is_empty());
    let caught = courierx.sandbox().get(&sent.id).await.unwrap();
    assert_eq!(caught.subject.as_deref(), Some("Grüße, Ada 🎉"));
    assert_eq!(caught.recipients, ["ada@example.com", "c@example.com", "d@example.com"]);
    assert_eq!(caught.attachments[0].bytes, 256);
    let full = emails.get(&sent.id).await.unwrap();
    assert_eq!(full.metadata["user_id"], "u");
    assert!(full.events.iter().any(|event| event.event_type == "queued"));

    // The same key is the same message, and no other one.
    let once = message("once").idempotency_key("rust-once");
    let (kept, again) = (emails.send(&once).await.unwrap(), emails.send(&once).await.unwrap());
    assert_eq!(kept.id, again.id);
    let other = emails.send(&message("other").idempotency_key("rust-once")).await;
    assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");

    let batch = [message("one").tag("pages"), Message::new("a@a.example", "nobody").subject("x").text("x")];
    let result = emails.batch(Batch::of(&batch)).await.unwrap();
    assert_eq!((result.accepted, result.refused), (1, 1));
    assert_eq!(result.results[1].code.as_deref(), Some("validation_error"));
    let own = [message("own").idempotency_key("rust-own")];
    let (kept, again) = (emails.batch(Batch::of(&own)).await, emails.batch(Batch::of(&own)).await);
    assert_eq!(kept.unwrap().results[0].id, again.unwrap().results[0].id);
    let refused = emails.batch(Batch::of(&batch[1..])).await.unwrap_err();
    assert_eq!(refused.code(), Some("batch_refused"));

    let more: Vec<Message> = (0..4).map(|number| message(&format!("page {number}")).tag("pages")).collect();
    emails.batch(Batch::of(&more)).await.unwrap();
    let pages = || EmailFilter { tag: Some("pages".to_owned()), ..EmailFilter::default() };
    assert_eq!(emails.list(pages()).per_page(2).all().await.unwrap().len(), 5);
    let last = emails.list(pages()).per_page(2).page(3).await.unwrap();
    assert_eq!((last.len(), last.total, last.total_pages), (1, 5, 3));

    let later = emails.send(&message("later").scheduled_at("in 2 hours")).await.unwrap();
    emails.cancel(&later.id).await.unwrap();
    let looked = emails.reconcile(&later.id).await.unwrap();
    assert_eq!((&*looked.action, &*looked.email.status), ("terminal", "canceled"), "{looked:?}");
    assert!(!looked.detail.is_empty());
    // Nothing is older than five minutes.
    let stale = emails.reconcile_stale().await.unwrap();
    assert_eq!((stale.enqueued_count, stale.email_ids.len(), stale.truncated), (0, 0, false));

    let wrong = emails.send(&Message::new("a@a.example", "nobody").text("x")).await.unwrap_err();
    let refusal = wrong.refusal().unwrap();
    assert_eq!(refusal.fields.keys().collect::<Vec<_>>(), ["subject", "to_email"]);
    assert!(refusal.request_id.is_some());
    assert!(matches!(emails.get("01920000-0000-7000-8000-000000000000").await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn everything_else_from_rust() {
    let desk = Desk::new();
    let courierx = client(&desk, "rust").await;
    let domain = courierx.domains().create("rust.example").await.unwrap();
    let changes = DomainChanges { dkim_selector: Some("s1".to_owned()), ..DomainChanges::default() };
    let domain = courierx.domains().update(&domain.id, &changes).await.unwrap();
    assert_eq!(domain.dkim_selector.as_deref(), Some("s1"));
    assert!(matches!(courierx.domains().create("rust.example").await, Err(Error::Validation(_))));
    courierx.domains().delete(&domain.id).await.unwrap();

    let entry = courierx.suppressions().create("no@example.com").await.unwrap();
    let manual = SuppressionFilter { reason: Some("manual".to_owned()), ..SuppressionFilter::default() };
    assert_eq!(courierx.suppressions().list(manual).all().await.unwrap()[0].id, entry.id);
    let suppressed = Message::new("a@a.example", "no@example.com").subject("x").text("x");
    let refused = courierx.emails().send(&suppressed).await;
    assert_eq!(refused.unwrap_err().code(), Some("suppressed"));
    courierx.suppressions().delete(&entry.id).await.unwrap();
    let left = NewSuppression { topic: Some("news".to_owned()), ..NewSuppression::from("no@example.com") };
    let left = courierx.suppressions().create(left).await.unwrap();
    let about =
        |topic: &str| SuppressionFilter { topic: Some(topic.to_owned()), ..SuppressionFilter::default() };
    let found = courierx.suppressions().list(about("news")).all().await.unwrap();
    assert_eq!((found[0].id.as_str(), found[0].topic.as_deref()), (left.id.as_str(), Some("news")));
    assert!(courierx.suppressions().list(about("offers")).all().await.unwrap().is_empty());
    courierx.suppressions().delete(&left.id).await.unwrap();

    let key = courierx.api_keys().create("Rust").await.unwrap();
    let other = |key: &str| Client::new(key, desk.binary.base_url()).unwrap();
    let rotated = courierx.api_keys().rotate(&key.api_key.id, Some(0)).await.unwrap();
    assert!(matches!(other(&key.key).domains().list().page(1).await, Err(Error::Authentication(_))));
    assert!(other(&rotated.key).domains().list().page(1).await.unwrap().is_empty());
    assert_eq!(courierx.api_keys().revoke(&key.api_key.id).await.unwrap().status, "revoked");
    courierx.api_keys().delete(&key.api_key.id).await.unwrap();
    let reads = courierx_client::NewApiKey {
        name: "reads".to_owned(),
        scopes: vec!["emails:read".to_owned()],
        ..Default::default()
    };
    let reader = courierx.api_keys().create(reads).await.unwrap();
    assert!(matches!(other(&reader.key).emails().send(&message("no")).await, Err(Error::Permission(_))));

    let fields = courierx_client::TemplateFields {
        name: Some("Rust".to_owned()),
        subject: Some("Order {{order}}".to_owned()),
        html: Some("<p>{{name}}</p>".to_owned()),
        ..Default::default()
    };
    let made = courierx.templates().create(&fields).await.unwrap();
    let variables = Map::from_iter([("order".to_owned(), json!(7))]);
    let preview = courierx.templates().preview(&made.id, &variables).await.unwrap();
    assert_eq!(
        (preview.subject.as_str(), &preview.missing_variables[..]),
        ("Order 7", &["name".to_owned()][..])
    );
    assert_eq!(courierx.templates().publish(&made.id).await.unwrap().version, 1);
    let copy = courierx.templates().duplicate(&made.id, None).await.unwrap();
    courierx.templates().delete(&copy.id).await.unwrap();

    let fields = json!({ "provider": "sandbox", "display_name": "Rust", "daily_cap": 5 });
    let made = courierx.provider_connections().create(&fields).await.unwrap();
    assert_eq!((made.status.as_str(), &made.more["daily_cap"]), ("active", &json!(5)));
    assert!(courierx.provider_connections().verify(&made.id).await.unwrap().verification.unwrap().verified);
    let resync = courierx.provider_connections().resync_webhook(&made.id).await;
    assert!(matches!(resync, Err(Error::Validation(_))), "{resync:?}");
    let explained = courierx.routing_rules().explain(&message("x")).await.unwrap();
    assert!(!explained.decision.action.is_empty());
    courierx.provider_connections().delete(&made.id).await.unwrap();
}

#[tokio::test]
async fn what_happened_is_listed_and_told_as_it_happens_from_rust() {
    let desk = Desk::new();
    let courierx = client(&desk, "rust").await;
    let mut ahead = courierx.events().stream(&EventFilter { after: Some(0), ..EventFilter::default() });
    let sent = courierx.emails().send(&message("events")).await.unwrap();
    let filter = EventFilter { after: Some(0), message_id: Some(sent.id.clone()), ..EventFilter::default() };
    let mut events = courierx.events().stream(&filter);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = events.next().await.unwrap();
        assert_eq!(event, ahead.next().await.unwrap());
        seen.push(event);
    }
    let names: Vec<_> = seen.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(names, ["queued", "sent", "delivered"]);
    let first = courierx.events().list(&EventFilter { limit: Some(2), ..filter.clone() }).await.unwrap();
    assert_eq!((&first.data[..], first.has_more), (&seen[..2], true));
    let after = Some(first.next_cursor);
    let rest = courierx.events().list(&EventFilter { after, ..filter }).await.unwrap();
    assert_eq!((&rest.data[..], rest.has_more), (&seen[2..], false));
}

#[tokio::test]
async fn webhook_endpoints_from_rust() {
    let desk = Desk::new();
    let courierx = client(&desk, "rust").await;
    let webhooks = courierx.webhooks();
    let fields = courierx_client::WebhookEndpointFields {
        url: Some("https://a.example/hook".to_owned()),
        events: Some(vec!["bounced".to_owned()]),
        ..Default::default()
    };
    let made = webhooks.create(&fields).await.unwrap();
    let id = &made.endpoint.id;
    assert_ne!(webhooks.rotate_secret(id, Some(60)).await.unwrap().secret, made.secret);
    let off = courierx_client::WebhookEndpointFields { enabled: Some(false), ..Default::default() };
    assert!(!webhooks.update(id, &off).await.unwrap().is_active);
    assert_eq!(webhooks.list().all().await.unwrap().len(), 1);
    webhooks.delete(id).await.unwrap();
    assert!(matches!(webhooks.get(id).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn an_endpoint_is_told_and_knows_by_whom() {
    let (desk, receiver) = (Desk::new(), Receiver::start().await);
    let courierx = client(&desk, "rust").await;
    let (webhooks, url) = (courierx.webhooks(), Some(receiver.url()));
    let events = Some(vec!["bounced".to_owned()]);
    let fields = courierx_client::WebhookEndpointFields { url, events, ..Default::default() };
    let made = webhooks.create(&fields).await.unwrap();
    let id = &made.endpoint.id;
    assert!(webhooks.test(id).await.unwrap().success);
    let rotated = webhooks.rotate_secret(id, None).await.unwrap();
    assert!(webhooks.test(id).await.unwrap().success);
    let told = receiver.told();
    let verify = |number: usize, secret: &str| {
        let Told { headers, text, .. } = &told[number];
        let header = |name: &str| headers[name.to_ascii_lowercase()].to_str().unwrap();
        let (timestamp, signature) = (header(webhook::TIMESTAMP_HEADER), header(webhook::SIGNATURE_HEADER));
        webhook::verify(text.as_bytes(), timestamp, signature, &[secret])
    };
    let event = verify(0, &made.secret).unwrap();
    assert_eq!((event.event.as_str(), &event.more["data"]["test"]), ("bounced", &json!(true)));
    verify(1, &made.secret).unwrap();
    verify(1, &rotated.secret).unwrap();
    assert!(matches!(verify(1, "another"), Err(webhook::Refused::Signature)));
    assert_eq!(webhooks.deliveries(id).await.unwrap().len(), 2);
    assert_eq!(webhooks.list().all().await.unwrap().len(), 1);
    webhooks.delete(id).await.unwrap();
}
