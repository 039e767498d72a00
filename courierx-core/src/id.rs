//! Identifiers: newtypes over UUIDs, so that one kind can never stand where another is meant.
//!
//! They are version 7 (RFC 9562 §5.7): ordered by creation time to the millisecond, which keeps index
//! inserts at the end of the tree. That order is not commit order; a cursor over events uses
//! [`Sequence`](crate::event::Sequence) instead.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use uuid::timestamp::context::{ContextV7, ThreadLocalContext};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier, ordered by the time of its creation.
            #[must_use]
            #[allow(clippy::new_without_default, reason = "a default would hide that every call differs")]
            pub fn new() -> Self {
                Self(fresh())
            }

            /// The identifier that these bytes stand for, as a store keeps them.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The sixteen bytes of the identifier, for a store.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(InvalidId)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

id! {
    /// Whose message, suppression or configuration it is. A library user never names one: theirs is
    /// [`TenantId::DEFAULT`].
    TenantId
}
id! {
    /// One accepted message, however many recipients it has and however often it is tried.
    MessageId
}
id! {
    /// One hand-over of a message, or of some of its recipients, to one connection.
    AttemptId
}
id! {
    /// One event in the life of a message.
    EventId
}
id! {
    /// One record of configuration: a user, a key, a rule, …
    RecordId
}

fn fresh() -> Uuid {
    #[cfg(feature = "conformance")]
    if let Some(uuid) = crate::testing::repeatable_id() {
        return uuid;
    }
    thread_local! {
        // One for each thread: what all threads share, each identifier would have to wait for.
        static CONTEXT: ContextV7 = const { ContextV7::new() };
    }
    Uuid::new_v7(uuid::Timestamp::now(ThreadLocalContext::new(&CONTEXT)))
}

impl TenantId {
    /// The tenant of a program that has only one: the nil UUID.
    pub const DEFAULT: Self = Self(Uuid::nil());
}

/// What is repeated, byte for byte, whenever the same recipients of a message are handed to the same
/// connection again: derived from the three, never random.
///
/// It is planted at the provider (custom argument, header, idempotency key), so that a late callback
/// settles an attempt whose answer was lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(Uuid);

impl DeliveryId {
    /// Derives the identifier of handing `recipients` (positions in the message) to `connection`.
    ///
    /// The order of `recipients` does not matter.
    pub fn derive(message: MessageId, recipients: &[u32], connection: &str) -> Self {
        use sha2::{Digest, Sha256};

        let mut sorted = recipients.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut hash = Sha256::new();
        hash.update(b"courierx delivery 1");
        hash.update(message.as_bytes());
        for recipient in &sorted {
            hash.update(recipient.to_be_bytes());
        }
        hash.update(connection.as_bytes());
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        // Version 8 is the one for vendor-defined derivations (RFC 9562 §5.8).
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The identifier that these bytes stand for, as a store keeps them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The sixteen bytes of the identifier, for a store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for DeliveryId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::try_parse(text).map(Self).map_err(InvalidId)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeliveryId({})", self.0)
    }
}

/// A text that is not a UUID.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not a UUID: {0}")]
pub struct InvalidId(#[source] uuid::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delivery_ids_depend_on_message_recipients_and_connection_alone() {
        let message = MessageId::from_bytes([7; 16]);
        let id = DeliveryId::derive(message, &[0, 2], "primary");
        assert_eq!(id, DeliveryId::derive(message, &[2, 0, 2], "primary"));
        assert_ne!(id, DeliveryId::derive(message, &[0], "primary"));
        assert_ne!(id, DeliveryId::derive(message, &[0, 2], "fallback"));
        assert_ne!(id, DeliveryId::derive(MessageId::from_bytes([8; 16]), &[0, 2], "primary"));
    }
}
