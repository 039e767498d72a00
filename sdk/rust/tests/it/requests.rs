//! What goes over the wire, and what is made of answers.

use courierx_client::{
    Attachment, Batch, BatchRecipient, Client, EmailFilter, Error, Lane, Message, SuppressionFilter,
    WebhookEndpointFields,
};
use serde_json::json;

use crate::support::{Answer, KEY, Server, refusal, says};

#[tokio::test]
async fn a_message_has_the_names_of_the_api() {
    let server = Server::start(vec![says(422, "{}")]).await;
    let emails = server.client();
    let message = Message::new("A <a@a.example>", "b@b.example")
        .cc("c@c.example")
        .reply_to("r@a.example")
        .subject("Hello")
        .html("<p>")
        .template_id("t")
        .variable("firstName", 1)
        .strict_variables()
        .scheduled_at("2030-01-31T09:30:00Z".parse::<courierx_client::Timestamp>().unwrap())
        .tracking_by_courierx(true, false)
        .unsubscribe_from("news")
        .lane(Lane::Critical)
        .idempotency_key("k")
        .attach(Attachment::new("a", "text/plain", "hi").inline("logo"))
        .attach(Attachment::from_url("https://a.example/b.pdf"));
    emails.emails().send(&message).await.unwrap_err();
    let each = [BatchRecipient::new("x@x.example").name("X").variable("n", 1)];
    let news = Message::from("a@a.example").idempotency_key("news");
    emails.emails().batch(Batch::to_each(&news, &each)).await.unwrap_err();
    let asked = server.asked();
    assert_eq!(asked[0].line, "POST /api/v1/emails");
    assert_eq!(asked[0].header("authorization"), Some(&*format!("Bearer {KEY}")));
    let expected = json!({
        "from_email": "A <a@a.example>", "to_email": ["b@b.example"], "cc": ["c@c.example"],
        "reply_to": ["r@a.example"], "subject": "Hello", "html_body": "<p>", "template_id": "t",
        "variables": { "firstName": 1 }, "strict_variables": true, "scheduled_at": "2030-01-31T09:30:00Z",
        "tracking": { "opens": true, "clicks": false, "by": "courierx" }, "unsubscribe": { "topic": "news" }, "lane": "critical",
        "attachments": [
            { "filename": "a", "content_type": "text/plain", "content": "aGk=", "content_id": "logo" },
            { "url": "https://a.example/b.pdf" },
        ],
    });
    assert_eq!(asked[0].body, expected);
    let expected = json!({
        "from_email": "a@a.example",
        "recipients": [{ "email": "x@x.example", "name": "X", "variables": { "n": 1 } }],
    });
    assert_eq!((&asked[1].body, asked[1].header("idempotency-key")), (&expected, Some("news")));
}

#[tokio::test]
async fn webhook_endpoints() {
    let endpoint = json!({
        "id": "w", "url": "https://a.example/h", "events": ["delivered"], "is_active": false,
        "created_at": "2030-01-31T09:30:00Z", "secret": "s3cret",
    });
    let server = Server::start(vec![says(201, &endpoint.to_string())]).await;
    let fields = WebhookEndpointFields {
        url: Some("https://a.example/h".to_owned()),
        events: Some(vec!["delivered".to_owned()]),
        enabled: Some(false),
        ..WebhookEndpointFields::default()
    };
    let client = server.client();
    let made = client.webhooks().create(&fields).await.unwrap();
    assert_eq!((made.secret.as_str(), made.endpoint.is_active), ("s3cret", false));
    assert!(!format!("{made:?}").contains("s3cret"));
    client.webhooks().update("w/1", &WebhookEndpointFields::default()).await.unwrap();
    let asked = server.asked();
    let expected = json!({ "url": "https://a.example/h", "events": ["delivered"], "is_active": false });
    assert_eq!((&*asked[0].line, &asked[0].body), ("POST /api/v1/webhook_endpoints", &expected));
    assert_eq!(asked[1].line, "PATCH /api/v1/webhook_endpoints/w%2F1");
}

#[tokio::test]
async fn an_id_cannot_lead_elsewhere() {
    let server = Server::start(vec![refusal(404, "not_found", None)]).await;
    let client = server.client();
    client.emails().get("../domains?x#y").await.unwrap_err();
    assert_eq!(server.asked()[0].line, "GET /api/v1/emails/..%2Fdomains%3Fx%23y");
    for wrong in ["", ".", ".."] {
        assert!(matches!(client.domains().delete(wrong).await, Err(Error::Request(_))));
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_a_refusal_says_is_in_the_error() {
    let body = json!({
        "error": "subject is missing", "code": "validation_error", "errors": ["subject is missing"],
        "details": { "subject": ["is missing"] },
    });
    let answer = Answer::Says(422, "x-request-id: r-1\r\n".to_owned(), body.to_string());
    let server = Server::start(vec![answer]).await;
    let error = server.client().domains().get("1").await.unwrap_err();
    let Error::Validation(refusal) = &error else { panic!("{error:?}") };
    assert_eq!(refusal.fields["subject"], ["is missing"]);
    assert_eq!((refusal.code.as_str(), refusal.request_id.as_deref()), ("validation_error", Some("r-1")));
    assert_eq!(error.to_string(), "subject is missing (422 validation_error)");
}

#[tokio::test]
async fn pages_are_all_read_and_nothing_is_read_twice() {
    let entry = |id: &str| {
        json!({
            "id": id, "email": "a@a.example", "reason": "manual", "note": null, "source": "manual",
            "source_email_id": null, "created_at": "2030-01-31T09:30:00Z", "expires_at": null,
        })
    };
    let page = |ids: &[&str], number: u32| {
        let headers = format!("x-total-count: 4\r\nx-page: {number}\r\nx-total-pages: 2\r\n");
        Answer::Says(200, headers, json!(ids.iter().map(|id| entry(id)).collect::<Vec<_>>()).to_string())
    };
    // Something new came in while the first page was read.
    let server = Server::start(vec![page(&["1", "2"], 1), page(&["2", "3"], 2)]).await;
    let client = server.client();
    let all = client.suppressions().list(SuppressionFilter::default()).per_page(2).all().await.unwrap();
    assert_eq!(all.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(server.asked()[1].line, "GET /api/v1/suppressions?page=2&per_page=2");

    let server = Server::start(vec![page(&[], 1)]).await;
    let from = Some("2030-01-31T09:30:00Z".parse().unwrap());
    let client = server.client();
    let mut list = client.emails().list(EmailFilter { from, ..EmailFilter::default() });
    assert!(list.next().await.unwrap().is_none());
    let line = "GET /api/v1/emails?from=2030-01-31T09%3A30%3A00Z&page=1&per_page=100";
    assert_eq!(server.asked()[0].line, line);
}

#[tokio::test]
async fn a_client_needs_a_key_and_an_address() {
    for (key, url) in
        [("", "http://a.example"), ("ä", "http://a.example"), (KEY, "localhost:4000"), (KEY, "a")]
    {
        assert!(matches!(Client::new(key, url), Err(Error::Configuration(_))), "{key} {url}");
    }
    let server = Server::start(vec![refusal(404, "no", None)]).await;
    let client = Client::new(KEY, format!("{}/api/v1/", server.url)).unwrap();
    client.domains().get("1").await.unwrap_err();
    assert_eq!(server.asked()[0].line, "GET /api/v1/domains/1");
}
