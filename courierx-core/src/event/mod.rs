//! What happens to a message, in one vocabulary for every provider: [`Event`], and the [status](MessageStatus)
//! that follows from it.

mod kind;
mod status;

pub use kind::EventKind;
pub use status::{AttemptStatus, Disposition, MessagePhase, MessageStatus, RecipientStatus};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{AttemptId, EventId, MessageId, TenantId};
use crate::router::ConnectionId;

/// How the detail of an opening or a click begins that no reader made.
const MACHINE: &str = "by a machine";

/// The position of an event in the order in which a store committed them: what a reader's cursor keeps.
///
/// Positions grow, and may have gaps. No event ever appears at or before a position that was already read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub i64);

impl Sequence {
    /// Before the first event.
    pub const START: Self = Self(0);
}

/// Something that happened to a message, as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// Where it stands in the order of events.
    pub sequence: Sequence,
    /// Its identifier.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Which message it belongs to; none for events of a connection.
    pub message: Option<MessageId>,
    /// Which recipient, by position; none if it belongs to the message as a whole.
    pub recipient: Option<u32>,
    /// Which attempt, if it followed from one.
    pub attempt: Option<AttemptId>,
    /// Which connection, if one took part.
    pub connection: Option<ConnectionId>,
    /// What happened.
    pub kind: EventKind,
    /// When it happened: by the provider's clock for what providers report.
    pub at: Timestamp,
    /// What was said about it, bounded.
    pub detail: Option<String>,
}

impl Event {
    /// What is kept of an opening or a click.
    pub(crate) fn seen(machine: bool, target: Option<&str>) -> Option<String> {
        match (machine, target) {
            (true, Some(target)) => Some(format!("{MACHINE}: {target}")),
            (true, None) => Some(MACHINE.to_owned()),
            (false, target) => target.map(str::to_owned),
        }
    }

    /// Whether it is an opening or a click that no reader made: a mail program that fetches everything beforehand, a
    /// scanner.
    pub fn is_by_machine(&self) -> bool {
        matches!(self.kind, EventKind::Opened | EventKind::Clicked)
            && self.detail.as_deref().is_some_and(|detail| detail.starts_with(MACHINE))
    }

    /// The link that was followed, if it is a click and that is known.
    pub fn url(&self) -> Option<&str> {
        let detail = self.detail.as_deref().filter(|_| self.kind == EventKind::Clicked)?;
        let url = detail.strip_prefix(MACHINE).map_or(Some(detail), |rest| rest.strip_prefix(": "))?;
        (url.starts_with("http://") || url.starts_with("https://")).then_some(url)
    }

    /// The event that `new` becomes at this position.
    pub fn stored(sequence: Sequence, tenant: TenantId, new: NewEvent) -> Self {
        let NewEvent { id, message, recipient, attempt, connection, kind, at, detail } = new;
        Self { sequence, id, tenant, message, recipient, attempt, connection, kind, at, detail }
    }
}

/// An event that is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewEvent {
    /// Its identifier.
    pub id: EventId,
    /// Which message it belongs to.
    pub message: Option<MessageId>,
    /// Which recipient, by position.
    pub recipient: Option<u32>,
    /// Which attempt it followed from.
    pub attempt: Option<AttemptId>,
    /// Which connection took part.
    pub connection: Option<ConnectionId>,
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// What was said about it, bounded.
    pub detail: Option<String>,
}

impl NewEvent {
    /// An event of a message as a whole.
    pub fn of_message(message: MessageId, kind: EventKind, at: Timestamp) -> Self {
        Self {
            id: EventId::new(),
            message: Some(message),
            recipient: None,
            attempt: None,
            connection: None,
            kind,
            at,
            detail: None,
        }
    }

    /// An event of a connection.
    pub fn of_connection(connection: ConnectionId, kind: EventKind, at: Timestamp) -> Self {
        Self {
            id: EventId::new(),
            message: None,
            recipient: None,
            attempt: None,
            connection: Some(connection),
            kind,
            at,
            detail: None,
        }
    }

    /// Says which recipient it is about.
    #[must_use]
    pub fn recipient(mut self, index: u32) -> Self {
        self.recipient = Some(index);
        self
    }

    /// Says which attempt it followed from, and the connection of that.
    #[must_use]
    pub fn attempt(mut self, attempt: AttemptId, connection: ConnectionId) -> Self {
        self.attempt = Some(attempt);
        self.connection = Some(connection);
        self
    }

    /// Adds what was said about it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}
