//! Streams of events, and how they go on.

use courierx_client::{Error, EventFilter};

use crate::support::{Answer, Server, refusal, says};

fn event(sequence: i64) -> String {
    let data = format!(
        r#"{{"sequence":{sequence},"id":"e","event":"sent","message_id":null,"to":null,"from":null,"subject":null,
        "provider":null,"timestamp":"2030-01-31T09:30:00Z","tags":[],"metadata":{{}},"data":{{"mode":"live"}}}}"#
    );
    format!("id: {sequence}\nevent: sent\ndata: {}\n\n", data.replace('\n', ""))
}

fn stream(frames: &[&str]) -> Answer {
    Answer::Says(200, "content-type: text/event-stream\r\n".to_owned(), frames.concat())
}

#[tokio::test]
async fn one_that_is_cut_off_goes_on_where_it_was() {
    let server = Server::start(vec![
        refusal(503, "unavailable", Some("0")),
        stream(&["id: 6\nretry: 2000\n: \n\n", &event(7), "id: 8\n: \n\n"]),
        Answer::Drop,
        refusal(502, "gateway", None),
        stream(&[&event(9), "id: 10\nda"]),
        stream(&[&event(11)]),
        refusal(401, "unauthorized", None),
    ])
    .await;
    let client = server.client();
    let filter =
        EventFilter { events: vec!["sent".to_owned(), "bounced".to_owned()], ..EventFilter::default() };
    let mut stream = client.events().stream(&filter);
    for expected in [7, 9, 11] {
        assert_eq!(stream.next().await.unwrap().sequence, expected);
    }
    assert!(matches!(stream.next().await, Err(Error::Authentication(_))));
    let asked = server.asked();
    let last: Vec<_> = asked.iter().map(|one| one.header("last-event-id")).collect();
    assert_eq!(last, [None, None, Some("8"), Some("8"), Some("8"), Some("9"), Some("11")]);
    assert!(asked[1].line.contains("/api/v1/events/stream?events=sent%2Cbounced"), "{}", asked[1].line);
}

#[tokio::test]
async fn what_is_no_stream_is_refused() {
    let server = Server::start(vec![says(200, "{}")]).await;
    let client = server.client();
    let refused = client.events().stream(&EventFilter::default()).next().await;
    assert!(matches!(refused, Err(Error::NoStream { status: 200 })), "{refused:?}");
}
