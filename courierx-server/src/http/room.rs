//! Room for large bodies, of requests and of answers.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use courierx_core::id::TenantId;
use serde::Serialize;

use crate::error::ServiceResult;
use crate::services::reading::Reading;
use crate::services::room::{Place, Room, SMALL};

/// What a body counts at most, and if it does not say how large it is: more is refused when it is read.
const LARGEST: usize = 10 * 1024 * 1024;

/// Room for the body of a request with these headers.
///
/// A body costs several times its size until what it says is done. Who finds no room waits for it, with the body
/// still on the way.
pub(super) async fn for_body(room: &Room, tenant: TenantId, headers: &HeaderMap) -> ServiceResult<Place> {
    let bytes = announced(headers);
    if bytes <= SMALL {
        return Ok(Place::default());
    }
    room.take(tenant, bytes.min(LARGEST)).await
}

/// How large a body says that it is.
fn announced(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).map(|value| value.to_str().ok()?.parse().ok());
    match length {
        Some(bytes) => bytes.unwrap_or(LARGEST),
        None if headers.contains_key(header::TRANSFER_ENCODING) => LARGEST,
        None => 0,
    }
}

/// An answer that was written, and its room.
struct Held {
    answer: Vec<u8>,
    _place: Place,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

/// What was read of mail, in JSON. It keeps its room until its last byte was sent, or nobody is there any more.
pub(super) fn held(said: &impl Serialize, reading: Reading) -> ServiceResult<Body> {
    let mut answer = serde_json::to_vec(said)?;
    Ok(match reading.answered(answer.len())? {
        None => Body::from(answer),
        Some(place) => {
            answer.shrink_to_fit();
            Body::from(Bytes::from_owner(Held { answer, _place: place }))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::RoomLimits;
    use crate::error::ServiceError;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect()
    }

    #[tokio::test]
    async fn a_body_takes_the_room_that_it_may_need() {
        let patience = Duration::from_millis(10);
        let room = Room::new(RoomLimits { total: 2 * LARGEST, per_tenant: 2 * LARGEST, patience });
        let tenant = TenantId::new();
        let large = headers("content-length", "999999999");
        let _first = for_body(&room, tenant, &large).await.unwrap();
        let second = for_body(&room, tenant, &headers("transfer-encoding", "chunked")).await.unwrap();
        assert!(matches!(for_body(&room, tenant, &large).await, Err(ServiceError::TooMany { .. })));
        // What is small always fits.
        for_body(&room, tenant, &headers("content-length", "1000")).await.unwrap();
        for_body(&room, tenant, &HeaderMap::new()).await.unwrap();
        drop(second);
        for_body(&room, tenant, &headers("content-length", "70000")).await.unwrap();
    }
}
