//! Openings and clicks.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{BROWSER, PUBLIC, Reached, is_private, links};
use crate::support::TestServer;

const HTML: &str = "<html><body><a href=\"https://shop.example/a?x=1&amp;y=2\">a</a> <a href='https://shop.example/b'>b</a> \
    <a href=\"https://shop.example/ü?q=a b\">c</a><a href=\"mailto:hi@myapp.example\">d</a> \
    <a href=\"https://shop.example/d\" data-no-track>e</a></body></html>";

fn tracked() -> Value {
    json!({ "html": HTML, "tracking": { "opens": true, "clicks": true, "by": "courierx" } })
}

fn opened(machine: bool) -> (String, Value, Value) {
    ("opened".to_owned(), json!(machine), Value::Null)
}

fn clicked(machine: bool, url: &str) -> (String, Value, Value) {
    ("clicked".to_owned(), json!(machine), json!(url))
}

#[tokio::test]
async fn what_readers_do_with_a_message_is_known_and_moves_no_status() {
    let on = Reached::start().await;
    let message = on.arrived(&on.owner, tracked()).await;
    let html = &message["html_body"];
    let (clicks, opens) = (links(html, "c"), links(html, "o"));
    assert_eq!((clicks.len(), opens.len()), (3, 1), "{html}");
    for stays in ["mailto:hi@myapp.example", "\"https://shop.example/d\" data-no-track"] {
        assert!(html.as_str().unwrap().contains(stays));
    }
    assert_eq!(message["text_body"], "t");
    let before = on.told(&message).await;
    assert_eq!(before["html_body"], HTML, "who looks at it is no reader");
    assert_eq!(before["tracking"], json!({ "opens": true, "clicks": true, "by": "courierx" }));

    let image = on.follow(&opens[0]).await;
    assert_eq!((image.status, &image.headers["content-type"]), (200, &"image/gif".parse().unwrap()));
    is_private(&image);
    let targets =
        ["https://shop.example/a?x=1&y=2", "https://shop.example/b", "https://shop.example/%C3%BC?q=a%20b"];
    for (link, target) in clicks.iter().zip(targets) {
        on.clock.advance(Duration::from_mins(1));
        let led = on.follow(link).await;
        assert_eq!((led.status, led.headers["location"].to_str().unwrap()), (302, target), "{led:?}");
        is_private(&led);
    }
    let expected = [
        opened(false),
        clicked(false, "https://shop.example/a?x=1&y=2"),
        clicked(false, "https://shop.example/b"),
        clicked(false, "https://shop.example/ü?q=a b"),
    ];
    assert_eq!(on.done(&message).await, expected);
    let after = on.told(&message).await;
    assert_eq!(after["status"], before["status"]);
    let event =
        after["events"].as_array().unwrap().iter().find(|one| one["event_type"] == "clicked").unwrap();
    assert_eq!((&event["recipient"], &event["provider"]), (&json!("ada@example.com"), &json!("sandbox")));
    let today = on.owner.get("/api/v1/usage_stats").await.body[6].clone();
    assert_eq!(
        (&today["opened"], &today["clicked"], &today["machine_opened"]),
        (&json!(1), &json!(3), &json!(0))
    );
    let metrics = on.owner.get("/api/v1/dashboard/metrics").await;
    assert_eq!(metrics.body["tracking_coverage"]["clicked"]["first_party_only"], 3, "{metrics:?}");
}

#[tokio::test]
async fn machines_are_counted_apart() {
    let on = Reached::start().await;
    let message = on.arrived(&on.owner, tracked()).await;
    let (clicks, opens) = (links(&message["html_body"], "c"), links(&message["html_body"], "o"));
    let mut expected = Vec::new();
    // Apple's program fetches everything beforehand.
    on.follow_with(Method::GET, &opens[0], "Mozilla/5.0").await;
    expected.push(opened(true));
    let looked = on.follow_with(Method::HEAD, &clicks[0], BROWSER).await;
    assert_eq!(
        (looked.status, looked.headers["location"].to_str().unwrap()),
        (302, "https://shop.example/a?x=1&y=2")
    );
    expected.push(clicked(true, "https://shop.example/a?x=1&y=2"));
    on.clock.advance(Duration::from_mins(1));
    on.follow_with(Method::GET, &clicks[1], "Mozilla/5.0 (compatible; proofpoint)").await;
    expected.push(clicked(true, "https://shop.example/b"));
    assert_eq!(on.done(&message).await, expected);

    // Every link within a moment.
    let message = on.arrived(&on.owner, tracked()).await;
    for link in links(&message["html_body"], "c") {
        on.follow(&link).await;
    }
    let machines: Vec<_> = on.done(&message).await.into_iter().map(|(_, machine, _)| machine).collect();
    assert_eq!(machines, [false, false, true]);

    // So soon after the hand-over that nobody can have read it.
    let id = on.sent(&on.owner, tracked()).await;
    let arrived = on.owner.get(&format!("/api/v1/sandbox/messages/{id}")).await.body;
    on.follow(&links(&arrived["html_body"], "c")[0]).await;
    assert_eq!(on.done(&arrived).await, [clicked(true, "https://shop.example/a?x=1&y=2")]);

    let today = on.owner.get("/api/v1/usage_stats").await.body[6].clone();
    let figures =
        ["opened", "clicked", "machine_opened", "machine_clicked"].map(|name| today[name].as_u64().unwrap());
    assert_eq!(figures, [0, 2, 1, 4]);
}

#[tokio::test]
async fn a_flood_is_one_event() {
    let on = Reached::start().await;
    let message = on.arrived(&on.owner, tracked()).await;
    let (clicks, opens) = (links(&message["html_body"], "c"), links(&message["html_body"], "o"));
    for _ in 0..200 {
        assert_eq!(on.follow(&opens[0]).await.status, 200);
        assert_eq!(on.follow(&clicks[0]).await.status, 302, "who follows a link gets on");
    }
    assert_eq!(on.done(&message).await, [opened(false), clicked(false, "https://shop.example/a?x=1&y=2")]);
    // Another process remembers nothing, and writes no more of the same moment.
    let on = on.restarted().await;
    on.follow(&opens[0]).await;
    assert_eq!(on.done(&message).await.len(), 2);
    on.clock.advance(Duration::from_secs(11));
    let on = on.restarted().await;
    on.follow(&opens[0]).await;
    assert_eq!(on.done(&message).await.len(), 3);
}

#[tokio::test]
async fn a_link_leads_where_it_was_signed_to_lead_and_nowhere_else() {
    let on = Reached::start().await;
    let message = on.arrived(&on.owner, tracked()).await;
    let (clicks, opens) = (links(&message["html_body"], "c"), links(&message["html_body"], "o"));
    let token = clicks[0].strip_prefix("/t/c/").unwrap();
    let altered = |place: usize| {
        let other = if token.as_bytes()[place] == b'A' { "B" } else { "A" };
        let mut altered = token.to_owned();
        altered.replace_range(place..=place, other);
        altered
    };
    let mut wrong: Vec<String> = (0..token.len()).step_by(5).map(altered).collect();
    wrong.extend([
        token[..token.len() - 4].to_owned(),
        opens[0].strip_prefix("/t/o/").unwrap().to_owned(),
        "https:%2F%2Fevil.example".to_owned(),
        "x".repeat(5000),
        "%00%ff".to_owned(),
    ]);
    for token in wrong {
        let refused = on.follow(&format!("/t/c/{token}?url=https://evil.example")).await;
        assert_eq!((refused.status, refused.headers.get("location")), (404, None), "{refused:?}");
        assert!(refused.text.contains("does not work") && !refused.text.contains("evil"));
        is_private(&refused);
        assert_eq!(on.follow(&format!("/t/u/{token}")).await.status, 404);
        let image = on.follow(&format!("/t/o/{token}")).await;
        assert_eq!((image.status, &image.headers["content-type"]), (200, &"image/gif".parse().unwrap()));
    }
    // One kind is not another.
    assert_eq!(on.follow(&format!("/t/o/{token}")).await.status, 200);
    assert_eq!(on.done(&message).await, [opened(false)], "of the one that was right");
    // Another server's secret makes other links.
    let other = Reached::start().await;
    assert_eq!(other.follow(&clicks[0]).await.status, 404);
}

#[tokio::test]
async fn nobody_learns_of_another_tenants_readers() {
    let on = Reached::start().await;
    let bob = on.server.owner("bob").await;
    let message = on.arrived(&on.owner, tracked()).await;
    on.follow(&links(&message["html_body"], "o")[0]).await;
    assert_eq!(on.done(&message).await.len(), 1);
    let theirs = bob.get("/api/v1/usage_stats").await.body[6].clone();
    assert_eq!((&theirs["opened"], &theirs["machine_opened"]), (&json!(0), &json!(0)));
    // Mail of keys for tests is counted apart.
    let test = on.server.key(&on.owner, "test").await;
    let message = on.arrived(&test, tracked()).await;
    on.follow(&links(&message["html_body"], "o")[0]).await;
    assert_eq!(on.owner.get("/api/v1/usage_stats").await.body[6]["opened"], 1);
    assert_eq!(test.get("/api/v1/usage_stats").await.body[6]["opened"], 1);
}

#[tokio::test]
async fn a_message_with_several_recipients_does_not_tell_who_read_it() {
    let on = Reached::start().await;
    let mut email = tracked();
    email["cc"] = json!("bob@example.com");
    let message = on.arrived(&on.owner, email).await;
    on.follow(&links(&message["html_body"], "o")[0]).await;
    let told = on.told(&message).await;
    let event = told["events"].as_array().unwrap().iter().find(|one| one["event_type"] == "opened").unwrap();
    assert_eq!(event["recipient"], Value::Null);
}

#[tokio::test]
async fn the_same_message_is_made_the_same_again() {
    let on = Reached::start().await;
    let message = on.arrived(&on.owner, tracked()).await;
    let again = on.owner.get(&format!("/api/v1/sandbox/messages/{}", message["id"].as_str().unwrap())).await;
    assert_eq!(again.body, message);
}

#[tokio::test]
async fn what_providers_count_stays_theirs() {
    let on = Reached::start().await;
    for tracking in
        [json!(true), json!({ "opens": true, "clicks": true }), json!({ "opens": true, "by": "provider" })]
    {
        let message = on.arrived(&on.owner, json!({ "html": HTML, "tracking": tracking })).await;
        assert_eq!(message["html_body"], HTML);
    }
    let mut email =
        json!({ "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "text": "t" });
    for (tracking, field) in
        [(json!({ "by": "somebody" }), "tracking[by]"), (json!({ "by": 1 }), "tracking[by]")]
    {
        email["tracking"] = tracking;
        let refused = on.owner.post("/api/v1/emails", &email).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body["details"][field].is_array(), "{refused:?}");
    }
}

#[tokio::test]
async fn without_an_address_nothing_of_ours_is_promised() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let email = |more: Value| {
        let mut email =
            json!({ "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "html": HTML });
        email.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        email
    };
    for (more, field) in [
        (tracked(), "tracking[by]"),
        (json!({ "unsubscribe": true }), "unsubscribe"),
        (json!({ "unsubscribe": { "topic": "news" } }), "unsubscribe"),
    ] {
        let refused = owner.post("/api/v1/emails", &email(more.clone())).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(
            refused.body["details"][field][0].as_str().unwrap().contains("COURIERX_PUBLIC_URL"),
            "{refused:?}"
        );
        let batch = json!({ "emails": [email(more)] });
        let refused = owner.post("/api/v1/emails/batch", &batch).await;
        assert!(refused.text.contains("COURIERX_PUBLIC_URL"), "{refused:?}");
    }
    for fine in [json!({ "tracking": true }), json!({ "unsubscribe": false }), json!({ "lane": "bulk" })] {
        let sent = owner.post("/api/v1/emails", &email(fine)).await;
        assert_eq!(sent.status, 202, "{sent:?}");
    }
    server.delivered(&owner).await;
    for message in owner.get("/api/v1/sandbox/messages").await.body.as_array().unwrap() {
        assert_eq!((&message["html_body"], &message["headers"]), (&json!(HTML), &json!([])));
        assert!(!message.to_string().contains(PUBLIC));
    }
}
