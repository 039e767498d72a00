//! What happened.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Response;
use serde::Deserialize;
use serde_json::Value;

use super::query;
use crate::Error;
use crate::transport::{Request, Transport};

/// A stream that says nothing for so long is gone: it says every 15 seconds that it is there.
const SILENCE: Duration = Duration::from_secs(45);
/// More bytes than any event has: what does not end is not kept.
const LONGEST: usize = 4 * 1024 * 1024;

/// What happened to mail, in one order.
#[derive(Debug, Clone, Copy)]
pub struct Events<'a>(pub(crate) &'a Transport);

/// Something that happened, as webhooks tell it too.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// Where it stands in the order of events.
    pub sequence: i64,
    pub id: String,
    /// `queued`, `sent`, `delivered`, `bounced` and others.
    pub event: String,
    pub message_id: Option<String>,
    pub to: Option<String>,
    pub from: Option<String>,
    pub subject: Option<String>,
    pub provider: Option<String>,
    pub timestamp: Timestamp,
    pub tags: Vec<String>,
    pub metadata: BTreeMap<String, String>,
    /// What else is known, such as the `mode`, or the `bounce_type`.
    pub data: Value,
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// After this one: a `sequence`, or what a page had as `next_cursor`.
    pub after: Option<i64>,
    /// Of these names; of any if there are none.
    pub events: Vec<String>,
    pub message_id: Option<String>,
    pub connection_id: Option<String>,
    /// `live` or `test`.
    pub mode: Option<String>,
    /// How many a page has at most, 1 to 500; nothing to a stream.
    pub limit: Option<u32>,
}

/// Some of what happened, the oldest first.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct EventPage {
    pub data: Vec<Event>,
    /// What to go on `after`, now or later.
    pub next_cursor: i64,
    /// Whether there may be more already.
    pub has_more: bool,
}

impl EventFilter {
    fn query(&self) -> Vec<(&'static str, String)> {
        query(&[
            ("after", self.after.map(|after| after.to_string())),
            ("events", (!self.events.is_empty()).then(|| self.events.join(","))),
            ("message_id", self.message_id.clone()),
            ("connection_id", self.connection_id.clone()),
            ("mode", self.mode.clone()),
        ])
    }
}

impl<'a> Events<'a> {
    /// What happened after a position, from the first event on unless one is named.
    pub async fn list(&self, filter: &EventFilter) -> Result<EventPage, Error> {
        let mut query = filter.query();
        query.extend(filter.limit.map(|limit| ("limit", limit.to_string())));
        self.0.ask(Request::get(&["events"]).query(query)).await
    }

    /// What happens, as it happens: after a position, or from now on.
    pub fn stream(&self, filter: &EventFilter) -> EventStream<'a> {
        EventStream {
            transport: self.0,
            query: filter.query(),
            response: None,
            text: Vec::new(),
            ready: VecDeque::new(),
            last: None,
            failures: 0,
        }
    }
}

/// What happens. It goes on where it was after whatever may pass; dropping it ends it.
#[derive(Debug)]
#[must_use = "nothing is asked before `next`"]
pub struct EventStream<'a> {
    transport: &'a Transport,
    query: Vec<(&'static str, String)>,
    response: Option<Response>,
    /// What came and has no end yet.
    text: Vec<u8>,
    ready: VecDeque<Frame>,
    last: Option<String>,
    failures: u32,
}

/// What stands between two empty lines.
#[derive(Debug, Default)]
struct Frame {
    id: Option<String>,
    data: Option<String>,
}

impl EventStream<'_> {
    /// The next event, once there is one. What does not pass is an error, such as the end of the key. It may be given up
    /// at any moment, and called again.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            while let Some(frame) = self.ready.pop_front() {
                self.failures = 0;
                self.last = frame.id.or(self.last.take());
                if let Some(data) = frame.data {
                    return serde_json::from_str(&data).map_err(Error::Answer);
                }
            }
            match self.more().await {
                Ok(true) => continue,
                // What was never there may be elsewhere; what was there comes back.
                Err(error) if self.last.is_none() || !passes(&error) => return Err(error),
                Ok(false) | Err(_) => {}
            }
            (self.response, self.failures) = (None, self.failures + 1);
            self.text.clear();
            self.transport.rest(self.failures - 1).await;
        }
    }

    /// Reads a little more; false at the end of it.
    async fn more(&mut self) -> Result<bool, Error> {
        if self.response.is_none() {
            let request = Request::get(&["events", "stream"]).query(self.query.clone());
            self.response = Some(self.transport.open(&request.last(self.last.clone())).await?);
        }
        let Some(response) = &mut self.response else { return Ok(false) };
        let chunk = tokio::time::timeout(SILENCE, response.chunk()).await.map_err(|_| Error::Silence)??;
        let Some(chunk) = chunk else { return Ok(false) };
        self.text.extend_from_slice(&chunk);
        // The server writes no other ends of lines.
        while let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
            let frame: Vec<u8> = self.text.drain(..end + 2).collect();
            self.ready.push_back(read(&String::from_utf8_lossy(&frame)));
        }
        if self.text.len() > LONGEST { Err(Error::Silence) } else { Ok(true) }
    }
}

fn read(text: &str) -> Frame {
    let mut frame = Frame::default();
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (name, &mut frame.data) {
            ("id", _) => frame.id = Some(value.to_owned()),
            ("data", Some(data)) => data.extend(["\n", value]),
            ("data", none) => *none = Some(value.to_owned()),
            _ => {}
        }
    }
    frame
}

fn passes(error: &Error) -> bool {
    match error {
        Error::Connection { .. } | Error::Timeout(_) | Error::Silence => true,
        _ => error.refusal().is_some_and(|refusal| refusal.status == 429 || refusal.status >= 500),
    }
}
