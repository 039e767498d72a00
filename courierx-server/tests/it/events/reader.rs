//! Reads a stream of events as a client does.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{Client, PATIENCE};

pub(crate) const STREAM: &str = "/api/v1/events/stream";

/// What stands between two empty lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: Option<i64>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<Value>,
    pub(crate) retry: Option<u64>,
}

/// An open stream.
pub(crate) struct Reader {
    response: Response,
    text: String,
}

impl Reader {
    /// Opens it, from now on or as the query says.
    pub(crate) async fn open(client: &Client, query: &str) -> Self {
        let response = Self::ask(client, query, None).await;
        assert_eq!(response.status(), 200, "{response:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        Self { response, text: String::new() }
    }

    /// Opens it where it was cut off.
    pub(crate) async fn again(client: &Client, query: &str, last: i64) -> Self {
        Self { response: Self::ask(client, query, Some(last)).await, text: String::new() }
    }

    pub(crate) async fn ask(client: &Client, query: &str, last: Option<i64>) -> Response {
        let mut request = client.request(Method::GET, &format!("{STREAM}{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.send().await.unwrap()
    }

    /// The next frame; none once it has ended.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (read(frame), rest.to_owned());
                self.text = rest;
                return Some(frame);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            // One that is cut off ends with an error.
            let chunk = chunk.expect("a stream says nothing").ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let frame = self.frame().await?;
            let Some(data) = frame.data else { continue };
            assert_eq!(
                (frame.id, frame.event.as_deref()),
                (data["sequence"].as_i64(), data["event"].as_str())
            );
            return Some(data);
        }
    }

    pub(crate) async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut taken = Vec::new();
        while taken.len() < count {
            taken.push(self.next().await.expect("it ended"));
        }
        taken
    }

    /// Reads to its end, and says how long that took.
    pub(crate) async fn end(&mut self) -> Duration {
        let start = std::time::Instant::now();
        while self.frame().await.is_some() {}
        start.elapsed()
    }
}

fn read(text: &str) -> Frame {
    let mut frame = Frame::default();
    for line in text.lines() {
        match line.split_once(':').map(|(name, value)| (name, value.trim_start())) {
            Some(("id", value)) => frame.id = Some(value.parse().unwrap()),
            Some(("event", value)) => frame.event = Some(value.to_owned()),
            Some(("data", value)) => frame.data = Some(serde_json::from_str(value).unwrap()),
            Some(("retry", value)) => frame.retry = Some(value.parse().unwrap()),
            Some(("", _)) => {}
            other => panic!("{other:?} is no line of an event"),
        }
    }
    frame
}
