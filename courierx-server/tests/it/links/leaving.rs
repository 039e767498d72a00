//! Recipients who leave, and come back.

use std::time::Duration;

use courierx_core::clock::Clock as _;
use serde_json::{Value, json};

use super::{Reached, header, is_private, links};

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

async fn suppressions(on: &Reached) -> Vec<Value> {
    on.owner.get("/api/v1/suppressions").await.body.as_array().unwrap().clone()
}

/// How a message of this kind ends.
async fn ends(on: &Reached, more: Value) -> u16 {
    let mut email =
        json!({ "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "text": "t" });
    email.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    on.owner.post("/api/v1/emails", &email).await.status
}

#[tokio::test]
async fn one_click_ends_mail_of_a_topic_and_no_other() {
    let on = Reached::start().await;
    let message = on.arrived(&on.owner, json!({ "lane": "bulk", "unsubscribe": { "topic": "news" } })).await;
    assert_eq!(header(&message, "List-Unsubscribe-Post"), ONE_CLICK);
    let link = links(&header(&message, "List-Unsubscribe"), "u").remove(0);
    assert_eq!(header(&message, "List-Unsubscribe"), format!("<{}{link}>", super::PUBLIC));
    let told = on.told(&message).await;
    assert_eq!(told["unsubscribe"], json!({ "offered": true, "topic": "news" }));
    let left = on.post(&link, ONE_CLICK).await;
    assert_eq!((left.status, left.headers.get("location")), (200, None), "{left:?}");
    is_private(&left);
    let entries = suppressions(&on).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(
        (&entries[0]["email"], &entries[0]["reason"]),
        (&json!("ada@example.com"), &json!("unsubscribe"))
    );
    assert_eq!((&entries[0]["source"], &entries[0]["topic"]), (&json!("courierx"), &json!("news")));
    let done: Vec<String> = on.done(&message).await.into_iter().map(|(kind, _, _)| kind).collect();
    assert_eq!(done, ["unsubscribed"]);
    assert_eq!(on.told(&message).await["status"], told["status"]);
    assert_eq!(on.owner.get("/api/v1/usage_stats").await.body[6]["unsubscribed"], 1);

    let news = json!({ "lane": "bulk", "unsubscribe": { "topic": "news" } });
    assert_eq!(ends(&on, news.clone()).await, 422, "the topic they left");
    for other in [json!({}), json!({ "unsubscribe": { "topic": "offers" } }), json!({ "lane": "bulk" })] {
        assert_eq!(ends(&on, other.clone()).await, 202, "{other}");
    }
    let batch = json!({ "emails": [
        { "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "text": "t", "unsubscribe": { "topic": "news" } },
        { "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "text": "t" },
        { "from": "a@myapp.example", "to": "bob@example.com", "subject": "s", "text": "t", "unsubscribe": { "topic": "news" } },
    ] });
    let batch = on.owner.post("/api/v1/emails/batch", &batch).await;
    let results: Vec<_> =
        batch.body["results"].as_array().unwrap().iter().map(|one| one["error"].is_null()).collect();
    assert_eq!(results, [false, true, true], "{batch:?}");
    // Once more changes nothing.
    assert_eq!(on.post(&link, ONE_CLICK).await.status, 200);
    assert_eq!((suppressions(&on).await.len(), on.done(&message).await.len()), (1, 1));
}

#[tokio::test]
async fn the_page_asks_before_it_does_anything() {
    let on = Reached::start().await;
    let html = "<a href=\"{{unsubscribe_url}}\">leave</a>";
    let email = json!({ "from_name": "<b>Acme</b>", "from": "hi@myapp.example", "html": html, "text": "Leave: {{unsubscribe_url}}",
        "variables": { "a": 1 }, "strict_variables": true, "unsubscribe": true,
        "tracking": { "clicks": true, "by": "courierx" } });
    let message = on.arrived(&on.owner, email).await;
    let link = links(&message["html_body"], "u").remove(0);
    assert_eq!(links(&message["text_body"], "u"), std::slice::from_ref(&link));
    assert!(links(&message["html_body"], "c").is_empty());
    for _ in 0..2 {
        let page = on.follow(&link).await;
        assert_eq!(
            (page.status, &page.headers["content-type"]),
            (200, &"text/html; charset=utf-8".parse().unwrap())
        );
        is_private(&page);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"));
        assert!(
            page.text.contains("hi@myapp.example") && page.text.contains("&lt;b&gt;Acme&lt;/b&gt;"),
            "{}",
            page.text
        );
        assert!(page.text.contains("<form method=\"post\">") && page.text.contains("lang=\"en\""));
        assert!(
            page.text.contains("a…@example.com") && !page.text.contains("ada@example.com"),
            "passed on, it tells nobody"
        );
        assert!(!page.text.contains("<script"));
    }
    let head = on.follow_with(reqwest::Method::HEAD, &link, "scanner").await;
    assert_eq!(head.status, 200);
    assert_eq!(on.post(&link, "something=else").await.status, 200, "a page that asks");
    assert_eq!((suppressions(&on).await.len(), on.done(&message).await.len()), (0, 0));

    let done = on.post(&link, "action=unsubscribe").await;
    assert!(done.text.contains("Unsubscribed") && done.text.contains("Subscribe again"), "{}", done.text);
    assert_eq!(suppressions(&on).await[0]["topic"], Value::Null);
    assert_eq!(ends(&on, json!({})).await, 422, "all mail");
    assert!(on.follow(&link).await.text.contains("Unsubscribed"), "the page knows");
    let back = on.post(&link, "action=resubscribe").await;
    assert!(back.text.contains("Subscribed"), "{}", back.text);
    assert_eq!((suppressions(&on).await.len(), ends(&on, json!({})).await), (0, 202));
    // Who changes their mind at once is believed each time, and told of each time.
    on.post(&link, ONE_CLICK).await;
    assert_eq!((suppressions(&on).await.len(), ends(&on, json!({})).await), (1, 422));
    let kinds: Vec<String> = on.done(&message).await.into_iter().map(|(kind, _, _)| kind).collect();
    assert_eq!(kinds, ["unsubscribed", "resubscribed", "unsubscribed"]);
}

#[tokio::test]
async fn coming_back_is_no_way_around_a_complaint() {
    let on = Reached::start().await;
    let message = on.arrived(&on.owner, json!({ "unsubscribe": true })).await;
    let link = links(&header(&message, "List-Unsubscribe"), "u").remove(0);
    on.post(&link, ONE_CLICK).await;
    let entry = json!({ "email": "ada@example.com", "reason": "complaint" });
    assert!(on.owner.post("/api/v1/suppressions", &entry).await.status < 300);
    on.post(&link, "action=resubscribe").await;
    assert_eq!((suppressions(&on).await.len(), ends(&on, json!({})).await), (1, 422));
}

/// What holds mail back from her: of each entry its reason, its source, and how long.
async fn held(on: &Reached) -> Vec<[Value; 3]> {
    let entries = suppressions(on).await.into_iter();
    entries.map(|one| ["reason", "source", "expires_at"].map(|name| one[name].clone())).collect()
}

#[tokio::test]
async fn coming_back_takes_back_nothing_that_others_decided() {
    let on = Reached::start().await;
    let soon = on.clock.now().after(Duration::from_hours(24)).to_string();
    for reason in ["manual", "unsubscribe", "bounce"] {
        for leaves_first in [true, false] {
            let message = on.arrived(&on.owner, json!({ "unsubscribe": true })).await;
            let link = links(&header(&message, "List-Unsubscribe"), "u").remove(0);
            if leaves_first {
                on.post(&link, ONE_CLICK).await;
            }
            let entry = json!({ "email": "ada@example.com", "reason": reason, "expires_at": soon });
            assert!(on.owner.post("/api/v1/suppressions", &entry).await.status < 300);
            on.post(&link, ONE_CLICK).await;
            // By a person, and by a program that repeats.
            for _ in 0..2 {
                let page = on.post(&link, "action=resubscribe").await;
                assert!(page.text.contains("Unsubscribed"), "{}", page.text);
            }
            let expected = [json!("unsubscribe"), json!("api"), Value::Null];
            assert_eq!(held(&on).await, [expected], "{reason}, after leaving: {leaves_first}");
            assert_eq!(ends(&on, json!({})).await, 422);
            let id = suppressions(&on).await[0]["id"].as_str().unwrap().to_owned();
            assert!(on.owner.delete(&format!("/api/v1/suppressions/{id}")).await.status < 300);
            let kinds: Vec<String> = on.done(&message).await.into_iter().map(|(kind, _, _)| kind).collect();
            assert_eq!(kinds, ["unsubscribed"], "nobody came back");
        }
    }
}

#[tokio::test]
async fn mail_to_many_offers_to_leave_unless_it_says_otherwise() {
    let on = Reached::start().await;
    for (more, offers) in [
        (json!({ "lane": "bulk" }), true),
        (json!({ "lane": "bulk", "unsubscribe": false }), false),
        (json!({ "lane": "bulk", "cc": "bob@example.com" }), false),
        (json!({}), false),
        (json!({ "unsubscribe": true }), true),
        (json!({ "unsubscribe": {} }), true),
    ] {
        let message = on.arrived(&on.owner, more.clone()).await;
        assert_eq!(header(&message, "List-Unsubscribe").is_string(), offers, "{more}");
    }
    let own = json!({ "lane": "bulk", "headers": { "List-Unsubscribe": "<mailto:stop@myapp.example>" } });
    let message = on.arrived(&on.owner, own).await;
    assert_eq!(
        message["headers"],
        json!([{ "name": "List-Unsubscribe", "value": "<mailto:stop@myapp.example>" }])
    );
    for (wrong, field) in [
        (json!({ "unsubscribe": true, "cc": "bob@example.com" }), "unsubscribe"),
        (json!({ "unsubscribe": { "topic": "" } }), "unsubscribe[topic]"),
        (json!({ "unsubscribe": { "topic": "x".repeat(101) } }), "unsubscribe[topic]"),
        (json!({ "unsubscribe": { "topic": 1 } }), "unsubscribe[topic]"),
    ] {
        let mut email =
            json!({ "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "text": "t" });
        email.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let refused = on.owner.post("/api/v1/emails", &email).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body["details"][field].is_array(), "{field}: {refused:?}");
    }
}

#[tokio::test]
async fn a_mailbox_provider_may_send_its_form_in_parts() {
    let on = Reached::start().await;
    let message = on.arrived(&on.owner, json!({ "lane": "bulk" })).await;
    let link = links(&header(&message, "List-Unsubscribe"), "u").remove(0);
    let client = on.server.client();
    let body =
        "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    let request = client.request(reqwest::Method::POST, &link);
    let left =
        client.send(request.header("content-type", "multipart/form-data; boundary=b").body(body)).await;
    assert_eq!(left.status, 200, "{left:?}");
    assert_eq!(suppressions(&on).await.len(), 1);
    let large = client.request(reqwest::Method::POST, &link).body("x".repeat(100_000));
    assert_eq!(client.send(large).await.status, 413);
}

#[tokio::test]
async fn tests_of_leaving_hold_no_mail_back() {
    let on = Reached::start().await;
    let test = on.server.key(&on.owner, "test").await;
    let message = on.arrived(&test, json!({ "lane": "bulk" })).await;
    let link = links(&header(&message, "List-Unsubscribe"), "u").remove(0);
    assert_eq!(on.post(&link, ONE_CLICK).await.status, 200);
    assert_eq!((suppressions(&on).await.len(), on.done(&message).await.len()), (0, 1));
}

#[tokio::test]
async fn tests_of_coming_back_let_no_mail_through() {
    let on = Reached::start().await;
    let test = on.server.key(&on.owner, "test").await;
    let mut left = Vec::new();
    for by in [&on.owner, &test] {
        let message = on.arrived(by, json!({ "unsubscribe": true })).await;
        left.push(links(&header(&message, "List-Unsubscribe"), "u").remove(0));
    }
    on.post(&left[0], ONE_CLICK).await;
    let before = held(&on).await;
    assert!(!on.follow(&left[1]).await.text.contains("Subscribe again"), "a test knows nothing of it");
    on.post(&left[1], "action=resubscribe").await;
    assert_eq!((held(&on).await, ends(&on, json!({})).await), (before, 422));
    on.post(&left[0], "action=resubscribe").await;
    assert_eq!((held(&on).await, ends(&on, json!({})).await), (Vec::new(), 202));
}
