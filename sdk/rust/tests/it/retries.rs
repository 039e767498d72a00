//! What is tried again, and how often something is sent.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use courierx_client::{Batch, Client, Error, Message};

use crate::support::{Answer, KEY, Server, refusal, says};

const SENT: &str = r#"{"id":"1","from_email":"a@a.example","to_email":"b@b.example","subject":"s","status":"queued",
    "last_error":null,"provider":null,"provider_message_id":null,"mode":"live","tags":[],"scheduled_at":null,
    "sent_at":null,"delivered_at":null,"created_at":"2030-01-31T09:30:00Z"}"#;

fn message() -> Message {
    Message::new("a@a.example", "b@b.example").subject("Hello").text("Hello")
}

#[tokio::test]
async fn a_send_outlives_what_passes_as_one_message() {
    let passing = [
        vec![refusal(503, "unavailable", Some("0"))],
        vec![refusal(429, "rate_limit_exceeded", Some("0"))],
        vec![says(502, "<html>"), says(504, "")],
        vec![Answer::Drop, Answer::Drop],
        vec![Answer::Cut],
        vec![Answer::Hang],
    ];
    for failures in passing {
        let (count, what) = (failures.len(), format!("{failures:?}"));
        let hangs = matches!(failures[0], Answer::Hang);
        let server = Server::start([failures, vec![says(202, SENT)]].concat()).await;
        let timeout = Duration::from_millis(if hangs { 200 } else { 30_000 });
        let client = server.builder().timeout(timeout).build().unwrap();
        assert_eq!(client.emails().send(&message()).await.unwrap().id, "1", "{what}");
        let asked = server.asked();
        assert_eq!(asked.len(), count + 1, "{what}");
        let keys: BTreeSet<_> = asked.iter().map(|one| one.header("idempotency-key").unwrap()).collect();
        assert_eq!(keys.len(), 1, "{what}");
        assert!(keys.iter().all(|key| key.starts_with("auto-") && key.len() == 41), "{keys:?}");
    }
}

#[tokio::test]
async fn each_send_has_a_key_of_its_own_unless_one_is_given() {
    let server = Server::start(vec![says(202, SENT)]).await;
    let client = server.client();
    for message in [
        message(),
        message(),
        message().idempotency_key("mine"),
        message().metadata("idempotency_key", "also mine"),
    ] {
        client.emails().send(&message).await.unwrap();
    }
    // That is not what a batch answers.
    let answer = client.emails().batch(Batch::of(&[message().idempotency_key("its own")])).await;
    assert!(matches!(answer, Err(Error::Answer(_))), "{answer:?}");
    let asked = server.asked();
    let keys: Vec<_> = asked.iter().map(|one| one.header("idempotency-key").unwrap()).collect();
    assert_ne!(keys[0], keys[1]);
    assert_eq!(keys[2..4], ["mine", "also mine"]);
    assert!(keys[4].starts_with("auto-"));
    assert_eq!(asked[4].body["emails"][0]["metadata"]["idempotency_key"], "its own");
}

#[tokio::test]
async fn what_is_asked_for_is_waited_for_and_not_longer_than_makes_sense() {
    let server = Server::start(vec![refusal(429, "slow", Some("1")), says(202, SENT)]).await;
    let start = Instant::now();
    server.client().emails().send(&message()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(995));

    let server = Server::start(vec![refusal(429, "slow", Some("3600"))]).await;
    let Err(Error::RateLimit(refused)) = server.client().emails().send(&message()).await else {
        panic!("it was sent")
    };
    assert_eq!(refused.retry_after, Some(Duration::from_hours(1)));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn it_gives_up_after_as_many_retries_as_it_may_make() {
    for most in [0, 2] {
        let server = Server::start(vec![refusal(503, "unavailable", None)]).await;
        let client = server.builder().max_retries(most).build().unwrap();
        assert!(matches!(client.emails().send(&message()).await, Err(Error::Server(_))));
        assert_eq!(server.asked().len(), most as usize + 1);
    }
}

#[tokio::test]
async fn what_is_wrong_is_not_tried_again() {
    for status in [301, 400, 401, 403, 404, 409, 413, 422] {
        let server = Server::start(vec![refusal(status, "no", None)]).await;
        let error = server.client().emails().send(&message()).await.unwrap_err();
        assert_eq!((error.refusal().unwrap().status, server.asked().len()), (status, 1));
    }
}

#[tokio::test]
async fn what_is_not_repeatable_is_tried_again_only_if_it_was_certainly_not_done() {
    for failure in [Answer::Drop, Answer::Cut, refusal(500, "internal_error", None), says(502, "")] {
        let server = Server::start(vec![failure]).await;
        server.client().domains().create("a.example").await.unwrap_err();
        assert_eq!(server.asked().len(), 1);
    }
    let server = Server::start(vec![refusal(503, "unavailable", None), refusal(422, "no", None)]).await;
    server.client().domains().create("a.example").await.unwrap_err();
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_removal_whose_answer_was_lost_is_done() {
    let missing = || refusal(404, "not_found", None);
    let server = Server::start(vec![Answer::Drop, missing()]).await;
    server.client().domains().delete("1").await.unwrap();
    assert_eq!(server.asked().len(), 2);
    let server = Server::start(vec![refusal(503, "unavailable", None), missing()]).await;
    assert!(matches!(server.client().domains().delete("1").await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn nobody_at_home_and_nobody_in_time() {
    let server = Server::start(vec![Answer::Hang]).await;
    let client = server.builder().timeout(Duration::from_millis(50)).max_retries(0).build().unwrap();
    assert!(matches!(client.domains().get("1").await, Err(Error::Timeout(_))));

    // Bound, and never listening.
    let unused = tokio::net::TcpSocket::new_v4().unwrap();
    unused.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", unused.local_addr().unwrap());
    let client = Client::builder(KEY).base_url(url).retry_delay(Duration::from_millis(5)).build().unwrap();
    let error = client.domains().create("a.example").await.unwrap_err();
    assert!(matches!(error, Error::Connection { not_sent: true, .. }), "{error:?}");
    assert!(!format!("{error:?} {client:?}").contains(KEY));
}
